//! Numbers as people and spreadsheets write them: with the currency's sign, with thousands apart, with a comma before the decimals,
//! in full-width digits. What could be read in two ways is not read.

use domain::money::Currency;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

/// What stands before the decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Mark {
    /// `1,234.50`
    #[serde(rename = ".")]
    Point,
    /// `1.234,50`
    #[serde(rename = ",")]
    Comma,
}

/// What may stand before the decimals.
const MARKS: [char; 2] = ['.', ','];

/// How the numbers of a table are written.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// What stands before the decimals, where it is known.
    pub mark: Option<Mark>,
    /// The currency of the amounts.
    pub currency: Currency,
}

/// A number in one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// A plain decimal: digits, at most one point, a minus in front of what is negative.
    pub plain: String,
    /// Whether it was written otherwise.
    pub is_respelled: bool,
}

/// Why a text is not read as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is none.
    NoNumber,
    /// The sign of another currency stands beside it.
    OtherCurrency,
    /// `1.234` may be a little more than one, or more than a thousand.
    TwoReadings,
}

impl Style {
    /// The number that a text says.
    pub fn read(self, text: &str) -> Result<Number, Unreadable> {
        let folded: String = text.nfkc().collect();
        let (is_negative, rest) = split_sign(folded.trim());
        let (is_inner_negative, rest) = self.without_currency(rest)?;
        let digits = self.plain_digits(rest)?;
        let sign = if is_negative || is_inner_negative { "-" } else { "" };
        let plain = format!("{sign}{digits}");
        Ok(Number { is_respelled: plain != text, plain })
    }

    /// What stands before the decimals of this number, where it leaves no doubt.
    pub fn evidence(self, text: &str) -> Option<Mark> {
        let folded: String = text.nfkc().collect();
        let (_, rest) = split_sign(folded.trim());
        let (_, digits) = self.without_currency(rest).ok()?;
        let last = digits.rfind(MARKS)?;
        let mark = if digits.get(last..)?.starts_with('.') { Mark::Point } else { Mark::Comma };
        let is_alone = digits.matches(MARKS).count() == 1;
        let has_both = digits.contains('.') && digits.contains(',');
        let decimals = digits.len() - last - 1;
        let is_decimal = (has_both && digits.matches(sign_of(mark)).count() == 1) || (is_alone && decimals != 3);
        is_decimal.then_some(mark)
    }

    /// The digits with what stands among them, and whether a minus stands between them and the currency's sign.
    fn without_currency(self, text: &str) -> Result<(bool, &str), Unreadable> {
        let is_digit = |c: char| c.is_ascii_digit();
        let first = text.find(is_digit).ok_or(Unreadable::NoNumber)?;
        // `,5` begins with its mark.
        let first = if first == 1 && text.starts_with(MARKS) { 0 } else { first };
        let last = text.rfind(is_digit).ok_or(Unreadable::NoNumber)?;
        let (head, tail) = (text.get(..first).unwrap_or_default().trim(), text.get(last + 1..).unwrap_or_default());
        let (is_negative, head) = split_sign(head);
        // `12,-` is twelve and nothing behind it.
        let tail = [",--", ",-", ".-"].iter().find_map(|nothing| tail.strip_prefix(nothing)).unwrap_or(tail).trim();
        for sign in [head.trim(), tail].into_iter().filter(|sign| !sign.is_empty()) {
            match names_currency(sign, self.currency) {
                Some(true) => {}
                Some(false) => return Err(Unreadable::OtherCurrency),
                None => return Err(Unreadable::NoNumber),
            }
        }
        Ok((is_negative, text.get(first..=last).unwrap_or_default()))
    }

    fn plain_digits(self, text: &str) -> Result<String, Unreadable> {
        let text: String = text.chars().filter(|c| !matches!(c, ' ' | '\'' | '’' | '_')).collect();
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if text.is_empty() || !is_digits(&text.replace(MARKS, "")) {
            return Err(Unreadable::NoNumber);
        }
        let (whole, decimals) = match self.decimal_place(&text)? {
            Some(place) => (text.get(..place).unwrap_or_default(), text.get(place + 1..).unwrap_or_default()),
            None => (text.as_str(), ""),
        };
        if !is_digits(decimals) || !is_grouped(whole) {
            return Err(Unreadable::NoNumber);
        }
        let whole = whole.replace(MARKS, "");
        match (whole.as_str(), decimals) {
            ("", "") => Err(Unreadable::NoNumber),
            (_, "") => Ok(whole),
            ("", _) => Ok(format!("0.{decimals}")),
            _ => Ok(format!("{whole}.{decimals}")),
        }
    }

    /// Where the decimals begin, if there are some.
    fn decimal_place(self, text: &str) -> Result<Option<usize>, Unreadable> {
        let Some(last) = text.rfind(MARKS) else { return Ok(None) };
        let mark = if text.get(last..).is_some_and(|end| end.starts_with('.')) { Mark::Point } else { Mark::Comma };
        let has_both = text.contains('.') && text.contains(',');
        if let Some(known) = self.mark {
            return match (known == mark, has_both) {
                (true, _) => Ok(Some(last)),
                // The mark that is known stands before another one: neither reading holds.
                (false, true) => Err(Unreadable::NoNumber),
                (false, false) => Ok(None),
            };
        }
        let is_alone = text.matches(MARKS).count() == 1;
        let (before, after) = (last, text.len() - last - 1);
        match (has_both, is_alone) {
            (true, _) => Ok(Some(last)),
            (false, false) => Ok(None),
            (false, true) if after != 3 || before == 0 || before > 3 || text.starts_with('0') => Ok(Some(last)),
            // A currency without decimals, such as the yen, is written with thousands apart.
            (false, true) if self.currency.decimals() == 0 => Ok(None),
            (false, true) => Err(Unreadable::TwoReadings),
        }
    }
}

const fn sign_of(mark: Mark) -> char {
    match mark {
        Mark::Point => '.',
        Mark::Comma => ',',
    }
}

/// A minus in front or behind, the triangles of Japanese books, or the brackets of a bookkeeper.
fn split_sign(text: &str) -> (bool, &str) {
    let marks = ['-', '−', '▲', '△'];
    if let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return (true, inner);
    }
    // `12,-` has no minus behind it.
    let behind = || text.strip_suffix(marks).filter(|rest| !rest.ends_with(MARKS));
    let stripped = text.strip_prefix(marks).or_else(behind);
    stripped.map_or((false, text), |rest| (true, rest.trim()))
}

/// Whole thousands: no mark, or three digits behind each; two in the middle, as in India.
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.split(MARKS);
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let Some((last, middle)) = rest.split_last() else { return true };
    (1..=3).contains(&first.len()) && last.len() == 3 && middle.iter().all(|group| matches!(group.len(), 2 | 3))
}

/// Whether a sign is one of this currency; `None` for what is no sign of any.
fn names_currency(sign: &str, currency: Currency) -> Option<bool> {
    let code = currency.as_str();
    let is_one_of = |codes: &[&str]| Some(codes.contains(&code));
    match sign {
        "¥" => is_one_of(&["JPY", "CNY"]),
        // The yen sign of a Japanese code page stands where others have the backslash.
        "\\" | "円" => is_one_of(&["JPY"]),
        "元" => is_one_of(&["CNY", "TWD", "HKD"]),
        "€" => is_one_of(&["EUR"]),
        "£" => is_one_of(&["GBP", "EGP", "GIP", "FKP", "SHP"]),
        "$" => Some(code.ends_with('D') || matches!(code, "MXN" | "CLP" | "COP" | "UYU" | "CUP" | "DOP")),
        "₩" => is_one_of(&["KRW", "KPW"]),
        "₹" => is_one_of(&["INR"]),
        "₫" => is_one_of(&["VND"]),
        "฿" => is_one_of(&["THB"]),
        "kr" | "kr." => is_one_of(&["DKK", "NOK", "SEK", "ISK"]),
        "Fr." | "Fr" => is_one_of(&["CHF"]),
        other => Currency::parse(&other.to_uppercase()).map(|named| named == currency),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(currency: &str, mark: Option<Mark>) -> Style {
        Style { mark, currency: Currency::parse(currency).unwrap() }
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (currency, mark, text, plain) in [
            ("EUR", None, "3.50", "3.50"),
            ("EUR", None, "3,50", "3.50"),
            ("EUR", None, "1.234,50", "1234.50"),
            ("EUR", None, "1,234.50 €", "1234.50"),
            ("EUR", Some(Mark::Comma), "1.234", "1234"),
            ("EUR", Some(Mark::Comma), "1,234", "1.234"),
            ("EUR", Some(Mark::Comma), "EUR 12", "12"),
            ("EUR", None, "0,125", "0.125"),
            ("EUR", None, "1 234,5", "1234.5"),
            ("EUR", None, "1\u{a0}234,5", "1234.5"),
            ("CHF", None, "1'234.50", "1234.50"),
            ("EUR", None, "1.234.567", "1234567"),
            ("EUR", None, ",5", "0.5"),
            ("GBP", None, "£4,250.00", "4250.00"),
            ("INR", None, "₹1,00,000.00", "100000.00"),
            ("JPY", None, "\\1,650", "1650"),
            ("JPY", None, "￥１，６５０", "1650"),
            ("JPY", None, "1,650円", "1650"),
            ("JPY", None, "-3", "-3"),
            ("JPY", None, "▲3", "-3"),
            ("USD", None, "($5.00)", "-5.00"),
            ("USD", None, "-$5.00", "-5.00"),
            ("EUR", None, "5,00-", "-5.00"),
            ("USD", None, "$-5.00", "-5.00"),
            ("EUR", None, "12,-", "12"),
            ("CHF", None, "Fr. 12", "12"),
            ("USD", None, "1234.567", "1234.567"),
        ] {
            let read = style(currency, mark).read(text).map(|number| number.plain);
            assert_eq!(read.as_deref(), Ok(plain), "{text}");
        }
        assert!(!style("JPY", None).read("150").unwrap().is_respelled);
        assert!(style("JPY", None).read("１５０").unwrap().is_respelled);
    }

    #[test]
    fn what_could_mean_two_things_or_nothing_is_not_read() {
        use Unreadable::{NoNumber, OtherCurrency, TwoReadings};
        for (currency, mark, text, why) in [
            ("EUR", None, "1.234", TwoReadings),
            ("EUR", None, "12,345", TwoReadings),
            ("JPY", None, "£3", OtherCurrency),
            ("JPY", None, "USD 3", OtherCurrency),
            ("JPY", None, "abc", NoNumber),
            ("JPY", None, "", NoNumber),
            ("JPY", None, "3E+2", NoNumber),
            ("JPY", None, "1-2", NoNumber),
            ("EUR", None, "1,23,4.5", NoNumber),
            ("EUR", Some(Mark::Comma), "3.50", NoNumber),
            ("EUR", Some(Mark::Comma), "1,234.50", NoNumber),
        ] {
            assert_eq!(style(currency, mark).read(text), Err(why), "{text}");
        }
    }

    #[test]
    fn some_numbers_tell_how_the_others_are_written() {
        for (text, mark) in [
            ("3.50", Some(Mark::Point)),
            ("3,5", Some(Mark::Comma)),
            ("1.234,50", Some(Mark::Comma)),
            ("1.234", None),
            ("1,234,567", None),
            ("12", None),
        ] {
            assert_eq!(style("EUR", None).evidence(text), mark, "{text}");
        }
    }
}
