//! Free text that is going to be printed or shown: one line, and nothing in it that steers a printer or a browser.

use crate::guard;

/// Whether the text fills one line of at most `chars_max` characters: not blank, and without control characters.
pub fn is_line(text: &str, chars_max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= chars_max && !text.chars().any(char::is_control)
}

/// The text as it may be printed: a control character becomes a blank, and marks that nobody sees are left out. A name of
/// an article comes from anywhere, and an escape in it must not open a drawer.
pub fn printable(text: &str) -> String {
    let seen = text.chars().filter(|c| !guard::is_invisible(*c));
    seen.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The text with what would be markup of HTML made harmless, in an attribute too.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_something_in_it_and_steers_nothing() {
        assert!(is_line("株式会社 茶屋", 7));
        for wrong in ["", "  ", "12345678", "a\nb", "a\u{1b}p"] {
            assert!(!is_line(wrong, 7), "{wrong:?}");
        }
    }

    #[test]
    fn what_steers_a_printer_is_not_printed() {
        assert_eq!(printable("tea\u{1b}p\u{0}\n\u{200b}x\u{202e}"), "tea p  x");
    }
}
