//! Scaled integers as decimal text: the form in which quantities and unit prices leave the hub and come in.

/// The decimal text of an integer that counts in units of 10^-`places`, without zeros at its end: 250 of three places is
/// `0.25`.
pub fn format(value: i64, places: u32) -> String {
    let text = fixed(value, places);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The same with all its decimals: 250 of three places is `0.250`.
pub fn fixed(value: i64, places: u32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let places = places as usize;
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places.saturating_add(1));
    match digits.split_at(digits.len().saturating_sub(places)) {
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

/// The same for people: thousands stand apart, and zeros at the end are cut off down to `places_min` decimals: 1234500 of
/// three places is `1,234.50` with two at least.
pub fn grouped(value: i64, places: u32, places_min: u32) -> String {
    let text = fixed(value, places);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let kept = fraction.trim_end_matches('0').len().max(places_min as usize);
    match fraction.get(..kept) {
        None | Some("") => grouped,
        Some(fraction) => format!("{grouped}.{fraction}"),
    }
}

/// The integer of a decimal text with at most `places` decimals: `"0.25"` is 250 of three places. `None` for what is no
/// plain decimal, has more decimals or is past the range of `i64`.
pub fn parse(text: &str, places: u32) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let has_point = digits.len() != whole.len();
    let is_decimal = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_well_formed = !whole.is_empty()
        && is_decimal(whole)
        && is_decimal(fraction)
        && has_point != fraction.is_empty()
        && fraction.len() <= places as usize;
    if !is_well_formed {
        return None;
    }
    let fraction_scale = 10_i64.checked_pow(places.checked_sub(u32::try_from(fraction.len()).ok()?)?)?;
    let fraction = if fraction.is_empty() { 0 } else { fraction.parse::<i64>().ok()?.checked_mul(fraction_scale)? };
    let value = whole.parse::<i64>().ok()?.checked_mul(10_i64.checked_pow(places)?)?.checked_add(fraction)?;
    if is_negative { value.checked_neg() } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_read_and_written_without_loss() {
        for (text, value) in [("0", 0), ("1", 1_000), ("0.25", 250), ("-1.5", -1_500), ("12.345", 12_345)] {
            assert_eq!(parse(text, 3), Some(value), "{text}");
            assert_eq!(format(value, 3), text);
        }
        assert_eq!(parse("1.500", 3), Some(1_500));
        assert_eq!(parse("007", 3), Some(7_000));
        assert_eq!(format(i64::MIN, 3), "-9223372036854775.808");
    }

    #[test]
    fn people_read_thousands_apart() {
        for (value, places, places_min, text) in [
            (0, 0, 0, "0"),
            (999, 0, 0, "999"),
            (1_000, 0, 0, "1,000"),
            (-1_234_567, 0, 0, "-1,234,567"),
            (1_234_500, 3, 2, "1,234.50"),
            (1_234_567, 3, 2, "1,234.567"),
            (2_000, 3, 0, "2"),
            (-5, 3, 3, "-0.005"),
            (i64::MIN, 0, 0, "-9,223,372,036,854,775,808"),
        ] {
            assert_eq!(grouped(value, places, places_min), text);
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for wrong in ["", "-", ".", ".5", "1.", "1.2345", "1e3", "+1", " 1", "1 ", "--1", "0x1", "１", "1,5", "1.-5"] {
            assert_eq!(parse(wrong, 3), None, "{wrong}");
        }
        assert_eq!(parse("9223372036854775.808", 3), None);
        assert_eq!(parse("99999999999999999999", 3), None);
    }
}
