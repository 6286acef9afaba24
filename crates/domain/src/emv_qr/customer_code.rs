//! The code that a customer shows (customer-presented mode): base64 of BER-TLV. It carries what a card carries, so all that
//! is taken out of it is which applications it is for: their ids, and the first eight digits of a number, which in Japan
//! say whose wallet it is. Nothing else is looked at, and nothing is kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many of a number's digits are looked at: in JPQR they are the operator's code.
pub const OPERATOR_DIGITS: usize = 8;

/// Field 85 with `CPV01`, in base64: EMVCo's version.
const EMVCO_HEAD: &str = "hQVDUFYw";
/// Field 85 with `JPQR1`, in base64: Japan's.
const JPQR_HEAD: &str = "hQVKUFFS";

/// The application template, and what is looked at in it.
const TEMPLATE: u16 = 0x61;
const APPLICATION_ID: u16 = 0x4f;
const TRACK_2: u16 = 0x57;
const NUMBER: u16 = 0x5a;
/// Templates in one code; a phone shows one, the specification's sample two.
const TEMPLATES_MAX: usize = 8;

/// One application that a code is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerApplication {
    /// The id of the application, in hexadecimal digits.
    pub id: String,
    /// The first eight digits of its number, if there is one in it.
    pub operator: Option<String>,
}

/// Whether a scanned text is such a code, by how it begins.
pub fn is_customer_code(text: &str) -> bool {
    text.starts_with(EMVCO_HEAD) || text.starts_with(JPQR_HEAD)
}

/// The applications that the code is for; `None` for what cannot be decoded.
pub fn applications(text: &str) -> Option<Vec<CustomerApplication>> {
    let bytes = STANDARD.decode(text).ok()?;
    let templates = objects(&bytes)?.into_iter().filter(|(tag, _)| *tag == TEMPLATE);
    let found: Option<Vec<_>> = templates.take(TEMPLATES_MAX).map(|(_, value)| application(value)).collect();
    found.filter(|found| !found.is_empty())
}

fn application(template: &[u8]) -> Option<CustomerApplication> {
    let objects = objects(template)?;
    let value = |wanted: u16| objects.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    let id = value(APPLICATION_ID)?.iter().map(|byte| format!("{byte:02X}")).collect();
    let operator = value(TRACK_2).or_else(|| value(NUMBER)).and_then(operator);
    Some(CustomerApplication { id, operator })
}

/// The first digits of a number in which each half of a byte is one.
fn operator(number: &[u8]) -> Option<String> {
    let bytes = number.get(..OPERATOR_DIGITS.div_ceil(2))?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    digits.bytes().all(|digit| digit.is_ascii_digit()).then_some(digits)
}

/// The objects of BER-TLV, side by side; `None` where they do not fill the bytes. Tags of more than two bytes and lengths of
/// more than two do not occur in a code that fits a phone's screen.
fn objects(mut bytes: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut found = Vec::new();
    while let [first, rest @ ..] = bytes {
        let (tag, rest) = match (*first, rest) {
            (first, [second, rest @ ..]) if first & 0x1f == 0x1f => (u16::from_be_bytes([first, *second]), rest),
            (first, rest) => (u16::from(first), rest),
        };
        let (length, rest) = match rest {
            [0x81, length, rest @ ..] => (usize::from(*length), rest),
            [length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        found.push((tag, value));
        bytes = rest;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_decoded_is_none() {
        for wrong in ["", "hQVDUFYw", "hQVDUFYwMQ", "hQVDUFYwMWE=", "hQVDUFYwMWETTw==", "!", "000201"] {
            assert_eq!(applications(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_head_of_a_number_is_taken() {
        let code = |template: &[u8]| {
            let head = [0x85, 5, b'C', b'P', b'V', b'0', b'1', 0x61, template.len() as u8];
            STANDARD.encode([&head[..], template].concat())
        };
        let id = [0x4f, 2, 0xa0, 0x01];
        for (number, operator) in [
            (&[0x57, 5, 0x31, 0x58, 0x99, 0x00, 0x79][..], Some("31589900")),
            (&[0x5a, 4, 0x12, 0x34, 0x56, 0x78], Some("12345678")),
            (&[0x57, 3, 0x31, 0x58, 0x99], None),
            (&[0x57, 4, 0x31, 0xd5, 0x89, 0x90], None),
            (&[], None),
        ] {
            let text = code(&[&id[..], number].concat());
            assert!(is_customer_code(&text));
            let expected = CustomerApplication { id: "A001".to_owned(), operator: operator.map(str::to_owned) };
            assert_eq!(applications(&text), Some(vec![expected]));
        }
    }

    /// The shared vectors, where they are at hand.
    #[test]
    fn the_shared_vectors_hold() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/emv-qr.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: the shared vectors are not here");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cases = vectors["customer_presented"]["cases"].as_array().unwrap();
        for case in cases {
            let told = case["tlv"].as_array().unwrap().iter().filter(|object| object["tag"] == "61");
            let expected: Vec<CustomerApplication> = told
                .map(|object| {
                    let parts = object["value"].as_array().unwrap();
                    let value = |tag: &str| parts.iter().find(|part| part["tag"] == tag)?["value"].as_str();
                    CustomerApplication {
                        id: value("4F").unwrap().to_owned(),
                        operator: value("57").map(|number| number[..OPERATOR_DIGITS].to_owned()),
                    }
                })
                .collect();
            let text = case["base64"].as_str().unwrap();
            assert!(is_customer_code(text));
            assert_eq!(applications(text), Some(expected), "{case}");
        }
        assert_eq!(cases.len(), 3);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let found = applications(&STANDARD.encode(&bytes)).unwrap_or_default();
            prop_assert!(found.iter().all(|one| one.operator.as_ref().is_none_or(|digits| digits.len() == OPERATOR_DIGITS)));
        }
    }
}
