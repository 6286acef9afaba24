//! A QR code as a drawing, inside a page or by itself.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, without which readers do not find it.
const MARGIN: usize = 4;

/// The code as SVG with a label for those who do not see it, already escaped; `None` for a content that is too long for any code. It stays
/// dark on white, whatever the colours around it: many readers know nothing else.
pub fn svg(content: &str, label: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(content, EcLevel::M).ok()?;
    let width = code.width();
    let side = width.saturating_add(MARGIN.saturating_mul(2));
    let mut path = String::new();
    for (place, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let x = place.checked_rem(width)?.saturating_add(MARGIN);
            let y = place.checked_div(width)?.saturating_add(MARGIN);
            // Writing to a string cannot fail.
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    Some(format!(
        "<svg class=\"qr\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}
