//! Mail addresses and telephone numbers in one spelling each, so that a customer is found by what is typed.

use super::Refusal;
use crate::guard;

/// Longest mail address, in characters: what SMTP carries.
pub const EMAIL_CHARS_MAX: usize = 254;

/// Longest telephone number as it is typed, in characters: each digit with a sign of its own beside it.
const PHONE_CHARS_MAX: usize = 50;

/// Digits of a telephone number with the country's calling code (E.164). Shorter ones are reached within a building.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Countries whose numbers keep their leading zero abroad, or have none to leave out: Italy, and North America.
const KEEPS_ZERO: [u16; 2] = [39, 1];

/// A mail address as it is kept: without blanks around it, in small letters. Whether anybody reads there is not known.
pub fn normal_email(text: &str) -> Result<String, Refusal> {
    let email = text.trim().to_lowercase();
    let has_form = |(local, domain): (&str, &str)| {
        let is_host = domain.split('.').count() > 1 && domain.split('.').all(|part| !part.is_empty());
        !local.is_empty() && is_host && !domain.contains('@')
    };
    let is_clean = !email.chars().any(|c| c.is_whitespace() || c.is_control() || guard::is_invisible(c));
    if !is_clean || email.chars().count() > EMAIL_CHARS_MAX || !email.split_once('@').is_some_and(has_form) {
        return Err(Refusal::EmailInvalid);
    }
    if guard::looks_like_card_number(&email) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(email) }
}

/// A telephone number as it is kept: `+`, the country's calling code and the number, digits only. What is typed without a
/// `+` (or `00`) is a number in the country of `calling_code`; the zero that is dialled only there is left out.
pub fn normal_phone(text: &str, calling_code: Option<u16>) -> Result<String, Refusal> {
    if guard::looks_like_card_number(text) {
        return Err(Refusal::TextLooksLikeCardNumber);
    }
    if text.chars().count() > PHONE_CHARS_MAX {
        return Err(Refusal::PhoneInvalid);
    }
    let typed = text.trim().chars().map(folded).collect::<Option<String>>().ok_or(Refusal::PhoneInvalid)?;
    // The zero of `+44 (0)20 …` is not dialled from abroad.
    let is_abroad = typed.starts_with('+') || typed.starts_with("00");
    let typed = if is_abroad { typed.replacen("(0)", "", 1) } else { typed };
    let plain: String = typed.chars().filter(|c| matches!(c, '0'..='9' | '+')).collect();
    let digits = match plain.strip_prefix('+').or_else(|| plain.strip_prefix("00")) {
        Some(digits) => digits.to_owned(),
        None => {
            let code = calling_code.ok_or(Refusal::PhoneNeedsCallingCode)?;
            let without_zero = plain.strip_prefix('0').filter(|_| !KEEPS_ZERO.contains(&code));
            format!("{code}{}", without_zero.unwrap_or(&plain))
        }
    };
    let is_number = PHONE_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.starts_with('0') {
        return Err(Refusal::PhoneInvalid);
    }
    let number = format!("+{digits}");
    if guard::looks_like_card_number(&number) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(number) }
}

/// A sign of a telephone number as every keyboard has it: Japanese ones also give it in full width. `None` for others.
fn folded(c: char) -> Option<char> {
    match c {
        '0'..='9' | '+' | '(' | ')' => Some(c),
        '０'..='９' => {
            let digit = u32::from(c).checked_sub(u32::from('０'))?;
            char::from_digit(digit, 10)
        }
        '＋' => Some('+'),
        '（' => Some('('),
        '）' => Some(')'),
        '.' | '/' | '・' => Some('-'),
        _ if c.is_whitespace() || guard::is_hyphen(c) || guard::is_invisible(c) => Some('-'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telephone_number_has_one_spelling() {
        for (typed, code, kept) in [
            ("03-1234-5678", Some(81), "+81312345678"),
            ("０３－１２３４－５６７８", Some(81), "+81312345678"),
            ("03ー1234ー5678", Some(81), "+81312345678"),
            ("(03) 1234 5678", Some(81), "+81312345678"),
            ("+81 3-1234-5678", None, "+81312345678"),
            ("+81 (0)3-1234-5678", None, "+81312345678"),
            ("0081 3 1234 5678", Some(81), "+81312345678"),
            ("090.1234.5678", Some(81), "+819012345678"),
            ("030/901820", Some(49), "+4930901820"),
            ("06 1234 5678", Some(39), "+390612345678"),
            ("(212) 555-0123", Some(1), "+12125550123"),
            ("+4915100000004", None, "+4915100000004"),
        ] {
            assert_eq!(normal_phone(typed, code).as_deref(), Ok(kept), "{typed}");
            assert_eq!(normal_phone(kept, code).as_deref(), Ok(kept), "{kept} stays as it is");
        }
    }

    #[test]
    fn what_is_no_telephone_number_is_refused() {
        for (typed, code, why) in [
            ("", Some(81), Refusal::PhoneInvalid),
            ("03-1234-5678                                       ", Some(81), Refusal::PhoneInvalid),
            ("ask Aiko", Some(81), Refusal::PhoneInvalid),
            ("03-1234-5678", None, Refusal::PhoneNeedsCallingCode),
            ("+0312345678", None, Refusal::PhoneInvalid),
            ("+81+312345678", None, Refusal::PhoneInvalid),
            ("+123456", None, Refusal::PhoneInvalid),
            ("+1234567890123456", None, Refusal::PhoneInvalid),
            ("4111 1111 1111 1111", Some(81), Refusal::TextLooksLikeCardNumber),
            ("+378282246310005", None, Refusal::TextLooksLikeCardNumber),
        ] {
            assert_eq!(normal_phone(typed, code), Err(why), "{typed}");
        }
    }

    #[test]
    fn a_mail_address_has_one_spelling() {
        assert_eq!(normal_email(" Aiko@Example.JP ").as_deref(), Ok("aiko@example.jp"));
        let long = format!("{}@example.jp", "x".repeat(EMAIL_CHARS_MAX));
        for wrong in ["", "aiko", "@example.jp", "aiko@", "aiko@jp", "aiko@.jp", "a@b@c.jp", "ai ko@example.jp", &long]
        {
            assert_eq!(normal_email(wrong), Err(Refusal::EmailInvalid), "{wrong}");
        }
        assert_eq!(normal_email("4111-1111-1111-1111@x.jp"), Err(Refusal::TextLooksLikeCardNumber));
    }
}
