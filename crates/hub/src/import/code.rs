//! Codes as they come out of a spreadsheet: which spelling they have here, and whether they are still what was typed in.

use domain::article::Barcode;
use unicode_normalization::UnicodeNormalization;

/// What stands between several codes in one field. Blanks do not: a code is often written in groups, and is then wrong.
const BETWEEN_CODES: [char; 5] = [';', '|', ',', '\n', '、'];
/// Digits of a code that may have lost a zero in front: a UPC has twelve, and begins with up to three of them.
const DIGITS_WITHOUT_ZEROS: std::ops::RangeInclusive<usize> = 9..=11;
/// Digits of a UPC.
const UPC_DIGITS: usize = 12;

/// What a spreadsheet has made of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruin {
    /// `4.90123E+12`: its last digits are gone.
    Rounded,
    /// `4901234567894.0`: it was taken for a number with decimals.
    Decimal,
    /// `36000291452`: it was taken for a number, and its zeros in front are gone. With them it would be this one.
    ZerosLost(String),
}

/// The code in one spelling: compatible characters as their plain ones (NFKC), without blanks around it and without what makes a
/// spreadsheet take it for a text. Says whether characters were exchanged.
pub fn in_one_spelling(text: &str) -> (String, bool) {
    let bare = without_wrapping(text.trim());
    let code: String = bare.nfkc().collect();
    let is_exchanged = code != bare;
    (code.trim().to_owned(), is_exchanged)
}

/// `="0123"`, `'0123` and `` `0123 ``: how some programs keep a spreadsheet from taking a code for a number.
fn without_wrapping(text: &str) -> &str {
    let formula = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    formula.unwrap_or_else(|| text.strip_prefix(['\'', '`']).unwrap_or(text)).trim()
}

/// The codes of one field, with these characters between them where a map names some.
pub fn split<'a>(text: &'a str, between: Option<&str>) -> Vec<&'a str> {
    // A rounded code may have a comma for its point.
    if ruin(&in_one_spelling(text).0).is_some() {
        return vec![text];
    }
    let is_between = |c: char| between.map_or_else(|| BETWEEN_CODES.contains(&c), |between| between.contains(c));
    text.split(is_between).filter(|part| !part.trim().is_empty()).collect()
}

/// What a spreadsheet has made of the code, if it has.
pub fn ruin(code: &str) -> Option<Ruin> {
    if is_rounded(code) {
        return Some(Ruin::Rounded);
    }
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((whole, zeros)) = code.split_once(['.', ','])
        && is_digits(whole)
        && is_digits(zeros)
        && zeros.bytes().all(|byte| byte == b'0')
    {
        return Some(Ruin::Decimal);
    }
    if is_digits(code) && DIGITS_WITHOUT_ZEROS.contains(&code.len()) {
        let padded = format!("{code:0>UPC_DIGITS$}");
        return Barcode::parse(&padded).is_ok().then_some(Ruin::ZerosLost(padded));
    }
    None
}

/// Digits, a point or comma among them or a plus before the power, and an E.
fn is_rounded(code: &str) -> bool {
    let Some((number, power)) = code.split_once(['E', 'e']) else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_mark = number.contains(['.', ',']) || power.starts_with('+');
    let power = power.strip_prefix('+').unwrap_or(power);
    has_mark && is_digits(power) && is_digits(&number.replacen(['.', ','], "", 1))
}

/// A code in single-width characters that only goods for use inside a shop have: they begin with 02 or 2 (GS1 General
/// Specifications, section 2.1.12).
pub fn is_for_one_shop(barcode: &Barcode) -> bool {
    let digits = barcode.as_str();
    let is_ean = digits.len() == 13 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_ean && (digits.starts_with("02") || digits.starts_with('2'))
}

/// The pattern of what a scale prints of the goods with this number: `21#####xWWWW` and 42 are `2100042xWWWW`. `None` for a number
/// that is none, or that the pattern has no room for.
pub fn scale_pattern(pattern: &str, plu: &str) -> Option<String> {
    let room = pattern.matches('#').count();
    let is_number = !plu.is_empty() && plu.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || plu.len() > room {
        return None;
    }
    let digits = format!("{plu:0>room$}");
    let mut digits = digits.chars();
    Some(pattern.chars().map(|c| if c == '#' { digits.next().unwrap_or(c) } else { c }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_spelling() {
        for (text, code, is_exchanged) in [
            ("JP0001", "JP0001", false),
            ("　JP0001 ", "JP0001", false),
            ("４９０１２３４５６７８９４", "4901234567894", true),
            ("=\"00012345678905\"", "00012345678905", false),
            ("'0123", "0123", false),
            ("`0123\t", "0123", false),
            ("ＡＢ－１", "AB-1", true),
        ] {
            assert_eq!(in_one_spelling(text), (code.to_owned(), is_exchanged), "{text}");
        }
    }

    #[test]
    fn what_a_spreadsheet_has_ruined_is_seen() {
        for rounded in ["4.99900E+12", "4,90123E+12", "4.9e12", "4E+12"] {
            assert_eq!(ruin(rounded), Some(Ruin::Rounded), "{rounded}");
        }
        assert_eq!(ruin("4901234567894.0"), Some(Ruin::Decimal));
        assert_eq!(ruin("36000291452"), Some(Ruin::ZerosLost("036000291452".to_owned())));
        for whole in ["4901234567894", "PLU-100", "4011", "1E5", "TOOLBOX-1E+5", "123456789", "1.5"] {
            assert_eq!(ruin(whole), None, "{whole}");
        }
    }

    #[test]
    fn several_codes_stand_in_one_field() {
        assert_eq!(split("4901234567894; 49012347|036000291452", None), ["4901234567894", " 49012347", "036000291452"]);
        assert_eq!(split("4,90123E+12", None), ["4,90123E+12"]);
        assert_eq!(split("A;1 B|2", Some(" ")), ["A;1", "B|2"]);
        assert!(split(" ; ", None).is_empty());
    }

    #[test]
    fn the_number_of_a_scale_has_its_place_in_the_pattern() {
        assert_eq!(scale_pattern("21#####xWWWW", "42").as_deref(), Some("2100042xWWWW"));
        for plu in ["", "x", "123456"] {
            assert_eq!(scale_pattern("21#####xWWWW", plu), None);
        }
        assert!(is_for_one_shop(&Barcode::parse("2200000012340").unwrap()));
        assert!(!is_for_one_shop(&Barcode::parse("4901234567894").unwrap()));
    }
}
