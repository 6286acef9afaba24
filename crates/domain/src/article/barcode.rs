//! The codes on the goods. A GTIN (JAN, EAN, UPC, ITF-14) is checked and kept in one spelling, so that it is found however
//! a scanner or a spreadsheet writes its leading zeros; any other code is kept as it is.

use std::fmt;

use serde::Serialize;

use super::Refusal;
use crate::call::Call;
use crate::command;
use crate::guard;
use crate::id::{ArticleId, MerchantId};
use crate::work::{Key, Stop, UnitOfWork};

/// Longest code that is no GTIN, in characters: what a Code 128 label on a shelf has room for.
pub const BARCODE_CHARS_MAX: usize = 48;

/// Barcodes that one article may have: one a pack size and supplier, with room to spare.
pub const BARCODES_MAX: usize = 20;

/// Digits of the longest GTIN.
const GTIN_DIGITS: usize = 14;

/// A code in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Barcode(String);

impl Barcode {
    /// The code that a client wrote or a scanner read, without blanks around it and with full-width characters as ASCII.
    /// Digits of the length of a GTIN (8, 12, 13 or 14) are one, and their last has to be right (GS1 General
    /// Specifications, section 7.9). Everything else is 1 to [`BARCODE_CHARS_MAX`] visible ASCII characters, but not what
    /// became of a GTIN in a spreadsheet or under the fingers.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text: String = text.trim().chars().map(half_width).collect();
        if is_as_long_as_gtin(&text) {
            return if has_right_check_digit(&text) {
                Ok(Self::of_gtin(&text))
            } else {
                Err(Refusal::BarcodeCheckDigit)
            };
        }
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_visible || !(1..=BARCODE_CHARS_MAX).contains(&text.len()) || is_rounded(&text) || is_mistyped(&text) {
            return Err(Refusal::BarcodeInvalid);
        }
        if guard::looks_like_card_number(&text) {
            return Err(Refusal::TextLooksLikeCardNumber);
        }
        Ok(Self(text))
    }

    /// The code as it stands in the database: it was checked when it was written.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The same number has the same digits in each length: eight where they are enough, thirteen, and fourteen for a case.
    fn of_gtin(digits: &str) -> Self {
        let padded = format!("{digits:0>GTIN_DIGITS$}");
        let short = padded.strip_prefix("000000").or_else(|| padded.strip_prefix('0'));
        Self(short.unwrap_or(&padded).to_owned())
    }

    /// Whether a text is a GTIN with the right check digit.
    pub fn is_gtin(text: &str) -> bool {
        is_as_long_as_gtin(text) && has_right_check_digit(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Barcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ASCII character that a full-width one stands for (Unicode, block "Halfwidth and Fullwidth Forms").
fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            u32::from(character).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(character)
        }
        other => other,
    }
}

/// `4.90123E+12`: a spreadsheet took the code for a number, and its last digits are gone.
fn is_rounded(text: &str) -> bool {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let parts = text.split_once(['E', 'e']).and_then(|(number, power)| Some((number, power.strip_prefix('+')?)));
    parts.is_some_and(|(number, power)| is_number(number) && is_number(power))
}

/// `490123456789O`: as long as a GTIN, of digits and of letters that look like digits.
fn is_mistyped(text: &str) -> bool {
    let is_like_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'O' | b'o' | b'I' | b'l');
    let is_long = matches!(text.len(), 12..=GTIN_DIGITS);
    is_long
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(is_like_digit)
        && text.bytes().any(|byte| !byte.is_ascii_digit())
}

fn is_as_long_as_gtin(text: &str) -> bool {
    matches!(text.len(), 8 | 12 | 13 | 14) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// From the right, the check digit first, the digits weigh 1, 3, 1, 3 …; their sum is a multiple of ten.
fn has_right_check_digit(digits: &str) -> bool {
    let weighted = digits.bytes().rev().zip([1_u32, 3].into_iter().cycle());
    let sum = weighted.map(|(byte, weight)| u32::from(byte.saturating_sub(b'0')).saturating_mul(weight));
    sum.fold(0, u32::saturating_add).is_multiple_of(10)
}

/// Which article a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Whose it is.
    pub merchant: MerchantId,
    /// The code.
    pub barcode: Barcode,
    /// The article; `None` once it was taken off.
    pub article: Option<ArticleId>,
    /// Row version.
    pub version: i64,
}

/// What the codes that are to be on an article stand for so far; of a list that is too long, the first of them.
pub(super) fn keys(merchant: MerchantId, wanted: &[String]) -> impl Iterator<Item = Key> {
    wanted.iter().take(BARCODES_MAX).filter_map(move |text| Some(Key::Barcode(merchant, Barcode::parse(text).ok()?)))
}

/// Puts the codes `wanted` on an article that has the codes `had`, and gives them in one spelling, in the order they were
/// given, each once.
pub(super) fn relabel(
    work: &mut UnitOfWork,
    call: &Call<'_>,
    article: ArticleId,
    had: &[Barcode],
    wanted: &[String],
) -> Result<Vec<Barcode>, Stop<command::Refusal>> {
    let mut now = Vec::new();
    for text in wanted {
        let barcode = Barcode::parse(text)?;
        if !now.contains(&barcode) {
            now.push(barcode);
        }
        if now.len() > BARCODES_MAX {
            return Err(Refusal::TooManyBarcodes.into());
        }
    }
    work.require(had.iter().chain(&now).map(|barcode| Key::Barcode(call.merchant, barcode.clone())))?;
    for barcode in had.iter().filter(|barcode| !now.contains(barcode)) {
        set_label(work, call, barcode, None);
    }
    for barcode in now.iter().filter(|barcode| !had.contains(barcode)) {
        let known = work.labels.find(call.merchant, &(call.merchant, barcode.clone()));
        if known.and_then(|label| label.article).is_some_and(|other| other != article) {
            return Err(Refusal::BarcodeTaken.into());
        }
        set_label(work, call, barcode, Some(article));
    }
    Ok(now)
}

fn set_label(work: &mut UnitOfWork, call: &Call<'_>, barcode: &Barcode, article: Option<ArticleId>) {
    let key = (call.merchant, barcode.clone());
    match work.labels.find_mut(call.merchant, &key) {
        Some(label) => label.article = article,
        None => work.labels.insert(Label { merchant: call.merchant, barcode: barcode.clone(), article, version: 1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_spelling() {
        for (spellings, kept) in [
            (
                &["4901234567894", "04901234567894", " 4901234567894\n", "４９０１２３４５６７８９４"][..],
                "4901234567894",
            ),
            (&["49012347", "0000049012347", "00000049012347"], "49012347"),
            (&["036000291452", "0036000291452", "00036000291452"], "0036000291452"),
            (&["10614141000415"], "10614141000415"),
        ] {
            for spelling in spellings {
                assert_eq!(Barcode::parse(spelling).unwrap().as_str(), kept, "{spelling}");
            }
        }
        for other in ["4011", "ABC-123", "x", "0", "123456789", "OIl", "TOOLBOX-1E+5", "COOLOOLOOLOO"] {
            assert_eq!(Barcode::parse(other).unwrap().as_str(), other);
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let long = "x".repeat(BARCODE_CHARS_MAX + 1);
        for wrong in ["", " ", "49012345 67894", "490\n1234", "茶", &long, "4.90123E+12", "4E+12", "490123456789O"] {
            assert_eq!(Barcode::parse(wrong), Err(Refusal::BarcodeInvalid), "{wrong:?}");
        }
        for wrong in ["4901234567895", "49012348", "4910234567894", "490123456789"] {
            assert_eq!(Barcode::parse(wrong), Err(Refusal::BarcodeCheckDigit), "{wrong}");
        }
        assert_eq!(Barcode::parse("4111-1111-1111-1111"), Err(Refusal::TextLooksLikeCardNumber));
    }

    /// The shared vectors, where they are at hand.
    #[test]
    fn the_shared_vectors_hold() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/gtin_jan.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: the shared vectors are not here");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cases = ["valid", "edge_and_negative"].into_iter().flat_map(|list| vectors[list].as_array().unwrap());
        let mut count = 0;
        for case in cases {
            let code = case["full"].as_str().unwrap();
            assert_eq!(Barcode::parse(code).is_ok(), case["valid"].as_bool().unwrap(), "{case}");
            count += 1;
        }
        assert!(count >= 28, "{count}");
    }
}
