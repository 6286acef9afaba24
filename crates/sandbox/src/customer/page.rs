//! The page: one answer with its look and its script inside, held to a policy that names both.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qrcode::{Color, EcLevel, QrCode};
use sha2::{Digest, Sha256};

const LOOK: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

pub(super) struct Page {
    pub html: String,
    pub policy: HeaderValue,
}

pub(super) static PAGE: LazyLock<Page> = LazyLock::new(|| {
    let html = include_str!("page.html").replace("{{look}}", LOOK).replace("{{script}}", SCRIPT);
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(LOOK),
    );
    // Hashes in base64 are visible ASCII; should they ever not be, the page may do nothing.
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    Page { html, policy }
});

/// Light modules around a code, without which readers do not find it.
const MARGIN: usize = 4;

/// A QR code as an SVG, dark on white whatever is around it; empty for what no code has room for.
pub(super) fn drawing(text: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return String::new() };
    let (width, side) = (code.width(), code.width() + 2 * MARGIN);
    let mut path = String::new();
    for (place, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (place % width + MARGIN, place / width + MARGIN);
            // Writing to a string cannot fail.
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    )
}
