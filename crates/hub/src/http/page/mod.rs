//! The hub's own pages. They hold no data, so they ask for no key: what they show is read from the JSON API by the browser,
//! with a key that the person at the screen gives. Each is one answer that loads nothing else.

use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::Route;
use crate::cli::OPENAPI;

mod docs;

/// The look that all pages share.
const LOOK: &str = include_str!("look.css");
/// What a page may be told beside its policy: nothing guesses its type, nobody learns of it by a link.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    // A new version of the hub shows its own pages at once.
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

static STATUS: LazyLock<Page> = LazyLock::new(|| {
    let script = [include_str!("words.js"), include_str!("status.js")].concat();
    Page::new(&include_str!("status.html").replace("{{script}}", &script), LOOK.to_owned(), &script)
});

static CARD_APP: LazyLock<Page> = LazyLock::new(|| {
    let script = include_str!("card_app.js");
    Page::new(&include_str!("card_app.html").replace("{{script}}", script), LOOK.to_owned(), script)
});

/// Made when it is first asked for: a hub that nobody asks starts faster and stays smaller.
static DOCS: LazyLock<Page> = LazyLock::new(|| {
    // The document is compiled in, and a test reads it.
    let content = serde_yaml_ng::from_str(OPENAPI).map(|document| docs::content(&document)).unwrap_or_default();
    let look = [LOOK, include_str!("docs.css")].concat();
    Page::new(&include_str!("docs.html").replace("{{content}}", &content), look, "")
});

/// The routes of pages.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/", status), Route::get("/docs", docs), Route::get("/card-app", card_app)]
}

async fn status() -> Response {
    STATUS.answer()
}

async fn card_app() -> Response {
    CARD_APP.answer()
}

async fn docs() -> Response {
    DOCS.answer()
}

/// One page, with the policy that a browser holds it to.
struct Page {
    html: Bytes,
    policy: HeaderValue,
}

impl Page {
    /// The page of a template that has a place for the look, and the script in it.
    fn new(template: &str, look: String, script: &str) -> Self {
        Self { html: template.replace("{{look}}", &look).into(), policy: policy(&look, script) }
    }

    fn answer(&self) -> Response {
        let mut response = Response::new(Body::from(self.html.clone()));
        response.headers_mut().extend(HEADERS);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

/// Nothing runs and nothing looks but what this page was made with, and it talks to this hub only.
fn policy(look: &str, script: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(script),
        hash(look),
    );
    // Hashes in base64 are visible ASCII; should they ever not be, the page may do nothing.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(page: &Page) -> &str {
        std::str::from_utf8(&page.html).unwrap()
    }

    /// What stands between the tags.
    fn inner<'a>(html: &'a str, tag: &str) -> Option<&'a str> {
        let (_, rest) = html.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(inner, _)| inner)
    }

    #[test]
    fn a_page_loads_nothing_from_elsewhere() {
        for page in [&STATUS, &DOCS, &CARD_APP] {
            assert!(!html(page).contains("{{look"), "a place of the template is empty");
            for outside in ["src=", "@import", "url(", "innerHTML = "] {
                assert!(!html(page).contains(outside), "{outside}");
            }
        }
    }

    #[test]
    fn the_policy_names_what_the_page_holds() {
        for page in [&STATUS, &DOCS, &CARD_APP] {
            let policy = page.policy.to_str().unwrap();
            for (tag, rule) in [("style", "style-src"), ("script", "script-src")] {
                let inner = inner(html(page), tag).unwrap_or_default();
                assert!(policy.contains(&format!("{rule} 'sha256-{}'", hash(inner))), "{policy}");
            }
            assert!(policy.starts_with("default-src 'none';"));
        }
    }
}
