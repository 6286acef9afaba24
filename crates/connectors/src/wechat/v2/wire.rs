//! The words of v2: one level of XML. A document type is refused, so that no text of another place gets in.

use super::sign::Words;

/// The most elements of an answer that are looked at: ten times those of the longest honest one.
const WORDS_MAX: usize = 500;

/// Writes what is said as XML.
pub(super) fn encode(words: &Words) -> Vec<u8> {
    let mut text = String::from("<xml>");
    for (name, value) in words {
        text.push_str(&format!("<{name}>{}</{name}>", escaped(value)));
    }
    text.push_str("</xml>");
    text.into_bytes()
}

/// Reads what was answered; `None` if it is no XML of one level.
pub(super) fn decode(body: &[u8]) -> Option<Words> {
    let document = roxmltree::Document::parse(std::str::from_utf8(body).ok()?.trim_start()).ok()?;
    let elements = document.root_element().children().filter(roxmltree::Node::is_element);
    let mut words = Words::new();
    for element in elements.take(WORDS_MAX) {
        if element.children().any(|child| child.is_element()) {
            return None;
        }
        let text: String = element.children().filter_map(|child| child.text()).collect();
        // Two of one name would let a proxy check one and us the other.
        if words.insert(element.tag_name().name().to_owned(), text).is_some() {
            return None;
        }
    }
    Some(words)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(pairs: &[(&str, &str)]) -> Words {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let said = words(&[("body", "茶 <&> ]]>"), ("total_fee", "1"), ("attach", "")]);
        assert_eq!(decode(&encode(&said)), Some(said));
        let answer = b"<xml><return_code><![CDATA[SUCCESS]]></return_code>\n<a>1<![CDATA[2]]></a></xml>";
        assert_eq!(decode(answer), Some(words(&[("a", "12"), ("return_code", "SUCCESS")])));
    }

    #[test]
    fn what_is_not_of_one_level_is_not_read() {
        for body in [
            &b""[..],
            b"{}",
            b"<xml>",
            b"<xml><a><b>1</b></a></xml>",
            b"<xml><a>1</a><a>2</a></xml>",
            b"<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><xml><a>&x;</a></xml>",
            b"\xff",
        ] {
            assert_eq!(decode(body), None, "{}", String::from_utf8_lossy(body));
        }
    }
}
