//! What a merchant says of its customers once and for all.

use super::Refusal;
use crate::money::Currency;
use crate::points::PointsRule;

/// Largest calling code of a country: they have one to three digits.
pub const CALLING_CODE_MAX: u16 = 999;

/// Japan's, for those who trade in yen and say nothing else.
const JAPAN: u16 = 81;

/// A merchant's rules for customers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerRules {
    /// The country whose telephone numbers are given without its calling code, for example 81.
    pub calling_code: Option<u16>,
    /// How many points a sale earns its customer; none where nothing is said.
    pub points: Option<PointsRule>,
}

impl CustomerRules {
    /// The calling code that a telephone number without one has.
    pub fn calling_code(&self, currency: Currency) -> Option<u16> {
        self.calling_code.or((currency == Currency::JPY).then_some(JAPAN))
    }

    /// The rules with another calling code, if there may be such a country.
    pub(crate) fn with_calling_code(self, calling_code: Option<u16>) -> Result<Self, Refusal> {
        match calling_code {
            Some(code) if !(1..=CALLING_CODE_MAX).contains(&code) => Err(Refusal::CallingCodeInvalid),
            _ => Ok(Self { calling_code, ..self }),
        }
    }
}
