//! SP-NET's card app, or one like it, on the register's own Android device. The register's page hands the launch on to the
//! app and the app's answer back to the hub; the hub sends nothing and the app cannot be asked.
//!
//! Source: requirement document 004, "Credit Card Processor (SP-NET)": the extras of the intent and of its result. Nothing
//! about it is public.

use domain::guard;
use domain::payment::{Approval, CARD_APP, Operation, Outcome, Payment, Profile, Reason};

use crate::contract::{CannotAsk, Variant};
use crate::unwired::Unwired;

/// The version of what page and app say to each other.
pub const CARD_APP_CONTRACT: u32 = 1;
/// Longest approval code, in characters: what stands on a slip is shorter.
const APPROVAL_CODE_CHARS_MAX: usize = 64;
/// Longest reason of a refusal that is kept, in characters.
const REASON_CHARS_MAX: usize = 100;

/// The connector that has no wire of its own.
pub(crate) static CONNECTOR: Unwired = Unwired { name: CARD_APP, variants: &VARIANTS, why: CannotAsk::KeyedByHand };

const VARIANTS: [Variant; 1] = [Variant { name: "intent", profile: Profile::card_app, credentials: "", base_url: "" }];

/// The extras of the intent that launches the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardAppLaunch {
    /// [`CARD_APP_CONTRACT`].
    pub contract: u32,
    /// In minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The reference of the operation.
    pub transaction_id: String,
}

impl CardAppLaunch {
    /// Of a charge.
    pub fn of(payment: &Payment, charge: &Operation) -> Self {
        let (amount, currency) = (charge.asked_minor, payment.currency.to_string());
        Self { contract: CARD_APP_CONTRACT, amount, currency, transaction_id: charge.id.to_string() }
    }
}

/// What came back: the extras of the result, as far as there were any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardAppResult {
    /// The activity ended without a result: the operator went back, or the system ended it.
    pub is_cancelled: bool,
    /// `success`, `declined` or `error`.
    pub status: Option<String>,
    /// What the card company said yes with.
    pub approval_code: Option<String>,
    /// Why not.
    pub reason: Option<String>,
}

impl CardAppResult {
    /// What it says of the charge. Only an approval with its code and a plain refusal are clear. A cancelled activity, an
    /// error and no data at all may have come after the money moved.
    pub fn outcome(&self, asked_minor: i64) -> Outcome {
        match (self.is_cancelled, self.status.as_deref()) {
            (false, Some("success")) => match self.approval_code.as_deref().map(str::trim).filter(|code| is_code(code))
            {
                Some(code) => Outcome::Approved(Approval {
                    approved_minor: asked_minor,
                    provider_reference: Some(code.to_owned()),
                    funding: None,
                }),
                None => Outcome::Unknown,
            },
            (false, Some("declined")) => Outcome::Declined(Reason(self.reason())),
            _ => Outcome::Unknown,
        }
    }

    /// The app's own words, shortened and without what passes for a card number.
    fn reason(&self) -> String {
        let words = self.reason.as_deref().map(str::trim).filter(|words| !words.is_empty());
        let words = words.unwrap_or("declined_by_app");
        let words = guard::redact(words).unwrap_or_else(|| words.to_owned());
        words.chars().filter(|character| !character.is_control()).take(REASON_CHARS_MAX).collect()
    }
}

fn is_code(code: &str) -> bool {
    let is_plain = code.chars().all(|character| !character.is_control());
    (1..=APPROVAL_CODE_CHARS_MAX).contains(&code.chars().count()) && is_plain && !guard::looks_like_card_number(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(status: Option<&str>, approval_code: Option<&str>, reason: Option<&str>) -> CardAppResult {
        let text = |text: Option<&str>| text.map(str::to_owned);
        CardAppResult {
            is_cancelled: false,
            status: text(status),
            approval_code: text(approval_code),
            reason: text(reason),
        }
    }

    #[test]
    fn only_a_success_with_its_code_and_a_decline_are_clear() {
        let approved = Outcome::Approved(Approval {
            approved_minor: 10_000,
            provider_reference: Some("APP123".to_owned()),
            funding: None,
        });
        let declined = |reason: &str| Outcome::Declined(Reason(reason.to_owned()));
        for (told, outcome) in [
            (result(Some("success"), Some("APP123"), None), approved.clone()),
            (result(Some("success"), Some(" APP123 "), Some("x")), approved),
            (result(Some("success"), None, None), Outcome::Unknown),
            (result(Some("success"), Some(" "), None), Outcome::Unknown),
            (result(Some("success"), Some(&"9".repeat(65)), None), Outcome::Unknown),
            (result(Some("success"), Some("4111111111111111"), None), Outcome::Unknown),
            (result(Some("declined"), None, Some("limit")), declined("limit")),
            (result(Some("declined"), None, None), declined("declined_by_app")),
            (result(Some("declined"), None, Some("card 4111 1111 1111 1111")), declined("card [removed]")),
            (result(Some("error"), None, Some("timeout")), Outcome::Unknown),
            (result(Some("error"), Some("APP123"), None), Outcome::Unknown),
            (result(Some("SUCCESS"), Some("APP123"), None), Outcome::Unknown),
            (result(Some("refunded"), Some("APP123"), None), Outcome::Unknown),
            (result(None, None, None), Outcome::Unknown),
            (result(None, Some("APP123"), None), Outcome::Unknown),
            (CardAppResult { is_cancelled: true, ..CardAppResult::default() }, Outcome::Unknown),
            (CardAppResult { is_cancelled: true, ..result(Some("success"), Some("APP123"), None) }, Outcome::Unknown),
            (CardAppResult { is_cancelled: true, ..result(Some("declined"), None, None) }, Outcome::Unknown),
        ] {
            assert_eq!(told.outcome(10_000), outcome, "{told:?}");
        }
    }
}
