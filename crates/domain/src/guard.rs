//! The card number guard for free text: a card number that somebody typed into a note is found and never stored.
//! Barcodes must not pass through here: Japanese ones begin with 45 or 49, and one in ten of them passes for an old
//! 13-digit Visa number.

use std::ops::{Range, RangeInclusive};

/// What stands where a card number stood.
const REMOVED: &str = "[removed]";

/// How many digits a card number has (ISO/IEC 7812).
const DIGITS: RangeInclusive<usize> = 13..=19;
/// One in ten of the German mobile numbers, dialled from abroad, passes for a 13-digit Visa number, of which none is issued any more;
/// and nobody writes a plus before a card number. Longer ones are taken for cards all the same.
const DIALLED_DIGITS_MAX: usize = 13;

/// First four digits and lengths of the brands' numbers. Anything else that passes Luhn is one of the many order,
/// telephone and tracking numbers that do so by chance.
const BRANDS: [(RangeInclusive<u32>, &[usize]); 22] = [
    // Visa
    (4000..=4999, &[13, 16, 19]),
    // Mastercard
    (5100..=5599, &[16]),
    (2221..=2720, &[16]),
    // American Express
    (3400..=3499, &[15]),
    (3700..=3799, &[15]),
    // JCB
    (3528..=3589, &[16, 17, 18, 19]),
    // Diners Club
    (3000..=3059, &[14, 15, 16, 17, 18, 19]),
    (3095..=3095, &[14, 15, 16, 17, 18, 19]),
    (3600..=3699, &[14, 15, 16, 17, 18, 19]),
    (3800..=3999, &[14, 15, 16, 17, 18, 19]),
    // Discover
    (6011..=6011, &[16, 17, 18, 19]),
    (6440..=6499, &[16, 17, 18, 19]),
    (6500..=6599, &[16, 17, 18, 19]),
    // UnionPay
    (6200..=6299, &[16, 17, 18, 19]),
    (8100..=8199, &[16, 17, 18, 19]),
    // Maestro
    (5018..=5018, MAESTRO),
    (5020..=5020, MAESTRO),
    (5038..=5038, MAESTRO),
    (5893..=5893, MAESTRO),
    (6304..=6304, MAESTRO),
    (6759..=6759, MAESTRO),
    (6761..=6763, MAESTRO),
];
const MAESTRO: &[usize] = &[13, 14, 15, 16, 17, 18, 19];

/// Whether the text contains what looks like a card number: 13 to 19 digits of a known brand that pass Luhn, however
/// they are grouped by blanks and hyphens. A number begins and ends where a group of digits does, so that a long order
/// number is not hit by a part of it.
pub fn looks_like_card_number(text: &str) -> bool {
    !hits(text).is_empty()
}

/// The text with each card number replaced by `[removed]`; `None` if there is none.
pub fn redact(text: &str) -> Option<String> {
    let hits = hits(text);
    let mut redacted = String::with_capacity(text.len());
    let mut done = 0;
    for hit in &hits {
        redacted.push_str(text.get(done..hit.start).unwrap_or_default());
        redacted.push_str(REMOVED);
        done = hit.end;
    }
    redacted.push_str(text.get(done..).unwrap_or_default());
    (!hits.is_empty()).then_some(redacted)
}

/// Digits that stand together.
struct Group {
    /// Their values.
    digits: Vec<u8>,
    /// Where they stand, in bytes.
    place: Range<usize>,
    /// Whether only blanks and hyphens stand between the group before and this one.
    is_joined: bool,
    /// Whether a plus stands right before it.
    is_dialled: bool,
}

/// Where card numbers stand, in bytes, in order. Numbers that overlap are one hit: neither may stay in part.
fn hits(text: &str) -> Vec<Range<usize>> {
    let mut hits: Vec<Range<usize>> = Vec::new();
    // Nearly every text ends here, without an allocation.
    if text.chars().filter(|c| matches!(fold(*c), Folded::Digit(_))).count() < *DIGITS.start() {
        return hits;
    }
    let groups = groups(text);
    for first in 0..groups.len() {
        let Some(hit) = longest_number(groups.get(first..).unwrap_or_default()) else { continue };
        match hits.last_mut() {
            Some(last) if hit.start < last.end => last.end = last.end.max(hit.end),
            _ => hits.push(hit),
        }
    }
    hits
}

/// The longest card number that begins with the first of these groups.
fn longest_number(groups: &[Group]) -> Option<Range<usize>> {
    let first = groups.first()?;
    let start = first.place.start;
    let mut digits = Vec::with_capacity(*DIGITS.end());
    let mut found = None;
    for (index, group) in groups.iter().enumerate() {
        let is_in_reach = index == 0 || group.is_joined;
        if !is_in_reach || digits.len().saturating_add(group.digits.len()) > *DIGITS.end() {
            break;
        }
        digits.extend_from_slice(&group.digits);
        let is_dialled = first.is_dialled && digits.len() <= DIALLED_DIGITS_MAX;
        if !is_dialled && is_card_number(&digits) {
            found = Some(start..group.place.end);
        }
    }
    found
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut before = Folded::Other;
    let (mut is_joined, mut is_dialled) = (false, false);
    for (start, c) in text.char_indices() {
        let folded = fold(c);
        let end = start.saturating_add(c.len_utf8());
        match (folded, groups.last_mut()) {
            (Folded::Digit(value), Some(group)) if matches!(before, Folded::Digit(_)) => {
                group.digits.push(value);
                group.place.end = end;
            }
            (Folded::Digit(value), _) => {
                groups.push(Group { digits: vec![value], place: start..end, is_joined, is_dialled });
                is_joined = true;
            }
            (Folded::Separator, _) => {}
            (Folded::Other, _) => is_joined = false,
        }
        is_dialled = matches!(c, '+' | '＋');
        before = folded;
    }
    groups
}

/// What a character means to the guard.
#[derive(Clone, Copy)]
enum Folded {
    Digit(u8),
    Separator,
    Other,
}

fn fold(c: char) -> Folded {
    let digit = match c {
        '0'..='9' => u32::from(c).checked_sub(u32::from('0')),
        // Full-width digits, as a Japanese keyboard gives them.
        '０'..='９' => u32::from(c).checked_sub(u32::from('０')),
        _ => None,
    };
    match digit.and_then(|value| u8::try_from(value).ok()) {
        Some(value) => Folded::Digit(value),
        None if c.is_whitespace() || is_hyphen(c) || is_invisible(c) => Folded::Separator,
        None => Folded::Other,
    }
}

/// Whether the character is one of those that stand for a hyphen.
pub(crate) fn is_hyphen(c: char) -> bool {
    // The long vowel marks U+30FC and U+FF70 are what the hyphen key gives in Japanese input.
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE63}' | '\u{FF0D}' | '\u{30FC}' | '\u{FF70}')
}

/// Whether nobody sees the character.
pub(crate) fn is_invisible(c: char) -> bool {
    // Soft hyphen, zero-width characters and marks of writing direction: they arrive with copied text.
    matches!(c, '\u{AD}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}')
        || matches!(c, '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn is_card_number(digits: &[u8]) -> bool {
    DIGITS.contains(&digits.len()) && is_of_a_brand(digits) && passes_luhn(digits)
}

fn is_of_a_brand(digits: &[u8]) -> bool {
    let head = digits.iter().take(4).fold(0_u32, |head, digit| head.saturating_mul(10).saturating_add((*digit).into()));
    BRANDS.iter().any(|(heads, lengths)| heads.contains(&head) && lengths.contains(&digits.len()))
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().fold(0_u32, |sum, (place, digit)| {
        let digit = u32::from(*digit);
        let is_doubled = place % 2 == 1;
        let value = match digit.saturating_mul(2) {
            _ if !is_doubled => digit,
            doubled if doubled > 9 => doubled.saturating_sub(9),
            doubled => doubled,
        };
        sum.saturating_add(value)
    });
    sum.is_multiple_of(10)
}

#[cfg(test)]
#[path = "guard_corpus.rs"]
mod corpus;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PANS: [&str; 6] = [
        "4111111111111111",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "3566002020360505",
        "6205500000000000004",
    ];

    #[test]
    fn card_numbers_are_found() {
        for text in PANS.into_iter().chain([
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "4242 - 4242 -- 4242\t4242",
            "note: card 5555555555554444 exp 12/27 cvv 123",
            "４２４２４２４２４２４２４２４２",
            "４２４２－４２４２ー４２４２　４２４２",
            "4242\u{a0}4242\u{2212}4242\u{2015}4242",
            "42\u{200b}4242424242\u{feff}424242",
            ";4242424242424242=27121010000000000000?",
            "%B4242424242424242^TEST/CARD^2712101?",
            "4222222222222",
            "12 4242424242424242 0000",
        ]) {
            assert!(looks_like_card_number(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "",
            "4242424242424241",
            "1829098024817852",
            "20261122103000000001",
            // A card number inside a longer number, as an order number may contain it by chance.
            "0424242424242424242",
            "4242424242424242000000000",
            // Something else than blanks and hyphens between.
            "42424242/42424242",
            // The right prefix with a length that the brand does not have.
            "42424242424242",
            "tel 03-1234-5678, 2026-11-22 10:30",
            // A German mobile number, and what it would be without the plus.
            "+4915100000004",
        ] {
            assert!(!looks_like_card_number(text), "{text}");
            assert_eq!(redact(text), None);
        }
    }

    #[test]
    fn only_the_number_is_removed() {
        for (text, redacted) in [
            ("card 4242 4242 4242 4242, thanks", "card [removed], thanks"),
            ("４２４２４２４２４２４２４２４２さん", "[removed]さん"),
            ("4111111111111111/378282246310005", "[removed]/[removed]"),
            ("4111111111111111 378282246310005", "[removed] [removed]"),
            (";4242424242424242=2712", ";[removed]=2712"),
        ] {
            assert_eq!(redact(text).as_deref(), Some(redacted));
        }
    }

    #[test]
    fn every_test_card_of_the_shared_vectors_is_found() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/test_pans.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: {path} is not here");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        for card in vectors["cards"].as_array().unwrap() {
            if card["luhn"] == true {
                assert!(looks_like_card_number(card["pan"].as_str().unwrap()), "{}", card["brand"]);
            }
        }
        for case in vectors["free_text_cases"].as_array().unwrap() {
            if let Some(is_card) = case["pan"].as_bool() {
                assert_eq!(looks_like_card_number(case["text"].as_str().unwrap()), is_card, "{}", case["text"]);
            }
        }
    }

    proptest! {
        #[test]
        fn separators_do_not_matter(
            pan in prop::sample::select(&PANS[..]),
            gaps in prop::collection::vec("[ \u{a0}\u{3000}\u{200b}－‐-]{0,3}", 19),
        ) {
            let text: String = pan.chars().zip(&gaps).map(|(digit, gap)| format!("{digit}{gap}")).collect();
            prop_assert!(looks_like_card_number(&text));
        }

        #[test]
        fn fewer_than_thirteen_digits_never_hit(text in "[^0-9０-９]{0,9}([0-9０-９][^0-9０-９]{0,3}){0,12}") {
            prop_assert!(!looks_like_card_number(&text));
        }

        #[test]
        fn nothing_is_left_to_find_after_redaction(text in "(([3-6][0-9]{3}|[0-9]{1,6}|4242|4111111111111111|[a-z])[ -]?){0,40}") {
            if let Some(redacted) = redact(&text) {
                prop_assert!(!looks_like_card_number(&redacted), "{} became {}", text, redacted);
            }
        }
    }
}
