//! What a terminal tells for the customer's receipt. Only the fields of one list are kept, so that what must never be stored
//! has no place to stand: the track, the card number, the name of the cardholder and the expiry (EMV tags 56, 57, 5A, 5F20,
//! 5F24, 99, 9F0B, 9F1F, 9F20).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::guard::looks_like_card_number;

/// The fields that are kept: what card schemes want on the slip of a card that was present, and what a terminal's provider is
/// asked about it by. The EMV tag, where there is one, stands behind.
pub const SLIP_FIELDS: [&str; 23] = [
    "acquirer_merchant_id",
    "acquirer_terminal_id",
    "aid",                // 84, 9F06
    "atc",                // 9F36
    "authorization_code", // 89
    "card_first_six",
    "card_last_four",
    "cryptogram",      // 9F26
    "cryptogram_type", // 9F27
    "cvm",             // 9F34
    "entry_mode",
    "host_time",
    "label", // 50, 9F12
    "local_time",
    "pan_sequence", // 5F34
    "receipt_number",
    "response_code", // 8A
    "retrieval_reference",
    "scheme",
    "signature_wanted",
    "trace_number",
    "tsi", // 9B
    "tvr", // 95
];
/// Longest text of a field: the longest that EMV has here is the label, with 16.
pub const SLIP_TEXT_CHARS_MAX: usize = 40;

/// What a slip says besides what the hub knows by itself: amounts are in minor units and parts of what was approved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slip {
    /// What the customer added.
    pub tip_minor: i64,
    /// What the acquirer added for the kind of card.
    pub surcharge_minor: i64,
    /// The texts, by their names in [`SLIP_FIELDS`].
    texts: BTreeMap<String, String>,
}

impl Slip {
    /// A slip of these amounts and of those of the fields that may be kept; the rest is dropped.
    pub fn of<'a>(tip_minor: i64, surcharge_minor: i64, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let kept = fields.into_iter().filter(|(name, text)| may_be_kept(name, text));
        let texts = kept.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        Self { tip_minor, surcharge_minor, texts }
    }

    /// One of its texts.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// All its texts, by name.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

fn may_be_kept(name: &str, text: &str) -> bool {
    let is_short = |count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    SLIP_FIELDS.contains(&name)
        && match name {
            "card_last_four" => is_short(4),
            "card_first_six" => is_short(6),
            _ => {
                (1..=SLIP_TEXT_CHARS_MAX).contains(&text.chars().count())
                    && !text.chars().any(char::is_control)
                    && !looks_like_card_number(text)
            }
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_the_list_is_kept() {
        let told = [
            ("aid", "A0000000041010"),
            ("card_last_four", "4242"),
            ("pan", "4111111111111111"),
            ("5A", "4111111111111111"),
            ("track2", "4111111111111111=2512"),
            ("cardholder_name", "A CUSTOMER"),
        ];
        let slip = Slip::of(50, 0, told);
        let kept: Vec<_> = slip.texts().collect();
        assert_eq!(kept, [("aid", "A0000000041010"), ("card_last_four", "4242")]);
        assert_eq!((slip.tip_minor, slip.text("aid"), slip.text("pan")), (50, Some("A0000000041010"), None));
    }

    #[test]
    fn a_card_number_in_the_place_of_another_text_is_dropped() {
        let told =
            [("label", "4111 1111 1111 1111"), ("card_last_four", "41111"), ("card_first_six", "41111"), ("tvr", "")];
        assert_eq!(Slip::of(0, 0, told), Slip::default());
    }

    #[test]
    fn the_list_is_in_order_and_has_each_name_once() {
        assert!(SLIP_FIELDS.windows(2).all(|two| two[0] < two[1]));
    }
}
