//! The gateway's replies: a form whose values end in a line feed, or the same names as JSON where that was asked for. Both
//! are read, whatever was asked for.

use std::collections::BTreeMap;

/// Fields kept of a reply: three times the longest that was seen.
const FIELDS_MAX: usize = 200;

/// The names and values of a reply. Kebab-case, but for `bank_message`.
pub(super) struct Reply(BTreeMap<String, String>);

impl Reply {
    /// Reads a body; one that is neither form nor JSON has no field that anybody asks for.
    pub fn read(body: &[u8]) -> Self {
        if let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(body) {
            let text = |value: serde_json::Value| match value {
                serde_json::Value::String(text) => Some(text),
                serde_json::Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let fields = fields.into_iter().take(FIELDS_MAX);
            return Self(fields.filter_map(|(name, value)| Some((name, text(value)?.trim().to_owned()))).collect());
        }
        let fields = form_urlencoded::parse(body).take(FIELDS_MAX);
        Self(fields.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect())
    }

    /// A value that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Writes a form.
pub(super) fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_whose_values_end_in_a_line_feed_is_read() {
        let body = b"type=status-response\n&serial-number=00-1\n&status=processing\n&amount=10.42\n&html=\n";
        let reply = Reply::read(body);
        assert_eq!(reply.get("type"), Some("status-response"));
        assert_eq!(reply.get("amount"), Some("10.42"));
        assert_eq!((reply.get("html"), reply.get("nothing")), (None, None));
    }

    #[test]
    fn json_is_read_whatever_the_types() {
        let reply = Reply::read(br#"{"paynet-order-id": 12345, "error-code": "1", "status": "approved", "x": {}}"#);
        assert_eq!((reply.get("paynet-order-id"), reply.get("error-code")), (Some("12345"), Some("1")));
        assert_eq!(reply.get("x"), None);
        assert_eq!(Reply::read(b"<html>").get("status"), None);
    }
}
