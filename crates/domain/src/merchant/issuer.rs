//! Who issues a receipt, as the tax office knows it.

use std::fmt;

use serde::Serialize;

use super::{Merchant, Refusal};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role, require_version};
use crate::guard;
use crate::id::MerchantId;
use crate::points::PointsRule;
use crate::sale::WHOLE_BASIS_POINTS;
use crate::text;
use crate::work::{Key, Stop, UnitOfWork};

/// Longest legal name, in characters: two rows of a narrow receipt and more.
pub const LEGAL_NAME_CHARS_MAX: usize = 100;

/// Digits of a registration number behind its T.
const DIGITS: usize = 13;

/// Who a merchant is before the tax office.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issuer {
    /// The name in the company register, where it is another than the shop's.
    pub legal_name: Option<String>,
    /// With it a receipt is a qualified invoice; without it, an ordinary receipt.
    pub registration_number: Option<RegistrationNumber>,
    /// A person and not a company: the number need not have a check digit.
    pub is_sole_proprietor: bool,
}

impl Issuer {
    fn check(&self) -> Result<(), Refusal> {
        if let Some(name) = &self.legal_name {
            check_legal_name(name)?;
        }
        let number = self.registration_number.as_ref();
        let is_wrong = |number: &RegistrationNumber| !self.is_sole_proprietor && !number.has_check_digit();
        if number.is_some_and(is_wrong) { Err(Refusal::RegistrationNumberCheckDigit) } else { Ok(()) }
    }
}

fn check_legal_name(name: &str) -> Result<(), Refusal> {
    if !text::is_line(name, LEGAL_NAME_CHARS_MAX) {
        return Err(Refusal::LegalNameInvalid);
    }
    if guard::looks_like_card_number(name) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

/// The number of a registered issuer of qualified invoices in Japan: T and 13 digits. A company's is its corporate number,
/// whose first digit is a check digit; a sole proprietor's has the same form and follows no rule that is known, so its
/// check digit is not asked for (wallets-and-japan.md, section F, "Check of T-number").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationNumber(String);

impl RegistrationNumber {
    /// The number of that text, if it has the form.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('T')?;
        let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has the check digit of a corporate number: 9 - (sum of P x Q mod 9), where P is a digit of the other
    /// twelve and Q is 1 and 2 in turns, from the right.
    pub fn has_check_digit(&self) -> bool {
        let mut digits = self.0.bytes().skip(1).map(|byte| u32::from(byte.saturating_sub(b'0')));
        let Some(check) = digits.next() else { return false };
        let base: Vec<u32> = digits.collect();
        let weighted = base.iter().rev().zip([1_u32, 2].into_iter().cycle());
        let sum = weighted.fold(0_u32, |sum, (digit, weight)| sum.saturating_add(digit.saturating_mul(weight)));
        check == 9_u32.saturating_sub(sum % 9)
    }
}

impl fmt::Display for RegistrationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Changes the fields that are given; a field that is given as `None` is emptied.
#[derive(Debug, Clone)]
pub struct UpdateMerchant {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// The version that the caller read; without it the last one to write wins.
    pub expected_version: Option<i64>,
    /// The new name in the company register.
    pub legal_name: Option<Option<String>>,
    /// The new registration number.
    pub registration_number: Option<Option<String>>,
    /// Whether the merchant is a person.
    pub is_sole_proprietor: Option<bool>,
    /// How much cashiers may take off by hand, in basis points.
    pub discount_limit: Option<u32>,
    /// The country whose telephone numbers customers give without its calling code.
    pub calling_code: Option<Option<u16>>,
    /// Minor units for one point of a customer, or that there are no points.
    pub minor_per_point: Option<Option<i64>>,
}

impl UpdateMerchant {
    fn apply(&self, mut merchant: Merchant) -> Result<Merchant, Stop<command::Refusal>> {
        let issuer = &mut merchant.issuer;
        if let Some(name) = &self.legal_name {
            issuer.legal_name.clone_from(name);
        }
        if let Some(number) = &self.registration_number {
            let parse = |text: &String| RegistrationNumber::parse(text).ok_or(Refusal::RegistrationNumberInvalid);
            issuer.registration_number = number.as_ref().map(parse).transpose()?;
        }
        issuer.is_sole_proprietor = self.is_sole_proprietor.unwrap_or(issuer.is_sole_proprietor);
        issuer.check()?;
        merchant.discount_limit = self.discount_limit.unwrap_or(merchant.discount_limit);
        if merchant.discount_limit > WHOLE_BASIS_POINTS {
            return Err(Refusal::DiscountLimitOutOfRange.into());
        }
        if let Some(calling_code) = self.calling_code {
            merchant.customers = merchant.customers.with_calling_code(calling_code)?;
        }
        if let Some(minor_per_point) = self.minor_per_point {
            merchant.customers.points = minor_per_point.map(PointsRule::parse).transpose()?;
        }
        Ok(merchant)
    }
}

impl Command for UpdateMerchant {
    type Reply = Merchant;

    fn name(&self) -> &'static str {
        "merchant.update"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Merchant, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let missing = || not_found("merchant", self.merchant);
        let before = work.merchants.find(call.merchant, &self.merchant).ok_or_else(missing)?;
        require_version(self.expected_version, before.version)?;
        let changed = self.apply(before.clone())?;
        if changed == *before {
            return Ok(changed);
        }
        let merchant = work.merchants.replace(changed).ok_or_else(missing)?.clone();
        work.emit(call, "merchant.updated", merchant.id, &Updated::of(&merchant));
        Ok(merchant)
    }
}

#[derive(Serialize)]
struct Updated<'a> {
    version: i64,
    legal_name: Option<&'a str>,
    registration_number: Option<&'a str>,
    is_sole_proprietor: bool,
    discount_limit_basis_points: u32,
    calling_code: Option<u16>,
    minor_per_point: Option<i64>,
}

impl<'a> Updated<'a> {
    fn of(merchant: &'a Merchant) -> Self {
        let Issuer { legal_name, registration_number, is_sole_proprietor } = &merchant.issuer;
        Self {
            version: merchant.version,
            legal_name: legal_name.as_deref(),
            registration_number: registration_number.as_ref().map(RegistrationNumber::as_str),
            is_sole_proprietor: *is_sole_proprietor,
            discount_limit_basis_points: merchant.discount_limit,
            calling_code: merchant.customers.calling_code,
            minor_per_point: merchant.customers.points.map(PointsRule::minor_per_point),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MERCHANT, OTHER_MERCHANT, World};

    fn an_update() -> UpdateMerchant {
        let (legal_name, registration_number) = (None, None);
        let (merchant, expected_version, is_sole_proprietor, discount_limit) = (MERCHANT, None, None, None);
        UpdateMerchant {
            merchant,
            expected_version,
            legal_name,
            registration_number,
            is_sole_proprietor,
            discount_limit,
            calling_code: None,
            minor_per_point: None,
        }
    }

    fn numbered(text: &str) -> UpdateMerchant {
        UpdateMerchant { registration_number: Some(Some(text.to_owned())), ..an_update() }
    }

    #[test]
    fn a_corporate_number_has_a_check_digit() {
        // The example of that section; then each other first digit, and two digits changed places.
        assert!(RegistrationNumber::parse("T5835678256246").unwrap().has_check_digit());
        // A sum that is a multiple of nine: the check digit is nine.
        assert!(RegistrationNumber::parse("T9000000000000").unwrap().has_check_digit());
        for wrong in (0..=9).filter(|digit| *digit != 5).map(|digit| format!("T{digit}835678256246")) {
            assert!(!RegistrationNumber::parse(&wrong).unwrap().has_check_digit(), "{wrong}");
        }
        assert!(!RegistrationNumber::parse("T5385678256246").unwrap().has_check_digit());
    }

    #[test]
    fn a_registration_number_has_one_form() {
        for wrong in
            ["", "T", "5835678256246", "t5835678256246", "T583567825624", "T58356782562460", "T5-8356-7825-6246"]
        {
            assert_eq!(RegistrationNumber::parse(wrong), None, "{wrong}");
        }
        assert_eq!(RegistrationNumber::parse("T５８３５６７８２５６２４６"), None);
    }

    #[test]
    fn fields_are_set_kept_and_emptied() {
        let mut world = World::new();
        let named =
            UpdateMerchant { legal_name: Some(Some("株式会社茶屋".to_owned())), ..numbered("T5835678256246") };
        let merchant = world.run(&named).unwrap();
        assert_eq!((merchant.issuer.legal_name.as_deref(), merchant.version), (Some("株式会社茶屋"), 2));
        assert_eq!(world.event_kinds(), ["merchant.updated"]);
        let emptied = UpdateMerchant { legal_name: Some(None), expected_version: Some(2), ..an_update() };
        let merchant = world.run(&emptied).unwrap();
        assert_eq!(merchant.issuer.legal_name, None);
        assert_eq!(merchant.issuer.registration_number, RegistrationNumber::parse("T5835678256246"));
        assert_eq!(world.run(&emptied_again()).unwrap().version, 3, "what changes nothing leaves no trace");
        assert_eq!(world.event_kinds().len(), 2);
    }

    fn emptied_again() -> UpdateMerchant {
        UpdateMerchant { legal_name: Some(None), ..an_update() }
    }

    #[test]
    fn a_sole_proprietor_needs_no_check_digit_and_a_company_does() {
        let mut world = World::new();
        let alone = UpdateMerchant { is_sole_proprietor: Some(true), ..numbered("T1835678256246") };
        assert!(world.run(&alone).unwrap().issuer.is_sole_proprietor);
        let company = UpdateMerchant { is_sole_proprietor: Some(false), ..an_update() };
        assert_eq!(world.refused(&company).code(), "registration_number_check_digit_wrong");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let named = |name: &str| UpdateMerchant { legal_name: Some(Some(name.to_owned())), ..an_update() };
        for (code, wrong) in [
            ("registration_number_invalid", numbered("5835678256246")),
            ("registration_number_check_digit_wrong", numbered("T1835678256246")),
            ("legal_name_invalid", named(" ")),
            ("legal_name_invalid", named(&"社".repeat(101))),
            ("legal_name_invalid", named("茶屋\u{1b}p")),
            ("text_looks_like_card_number", named("4111 1111 1111 1111")),
            ("version_stale", UpdateMerchant { expected_version: Some(7), ..named("茶屋") }),
            ("merchant_not_found", UpdateMerchant { merchant: OTHER_MERCHANT, ..named("茶屋") }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&named("茶屋")).code(), "role_too_low");
    }
}
