//! Why a command about a payment is refused: the rules of the machine, and what a request may say.

use std::fmt;

use super::create::REFERENCE_CHARS_MAX;
use super::overrule::OVERRIDE_REASON_CHARS_MIN;
use super::rules::Refusal as RuleRefusal;
use super::text::REASON_CHARS_MAX;
use crate::command;
use crate::id::ConnectionId;
use crate::money::{AMOUNT_MINOR_MAX, Currency};
use crate::work::Stop;

/// A rule of payments that a request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// What was done so far, the profile or the amount stands against it.
    Rule(RuleRefusal),
    /// A payment that pays no sale has to say how much.
    AmountMissing,
    /// What a witness told is no amount, or the books cannot hold it.
    AmountOutOfRange,
    /// The request is in another currency than the sale or the merchant.
    CurrencyMismatch {
        /// The one that is expected.
        expected: Currency,
    },
    /// The connection goes over a terminal, and the register has none.
    RegisterHasNoTerminal,
    /// The register's terminal is set up for another connection.
    TerminalOfOtherConnection {
        /// The one that it is set up for.
        expected: ConnectionId,
    },
    /// The reference is too long.
    ReferenceTooLong,
    /// The reason is too long, or too short where one is needed.
    ReasonInvalid,
    /// The payment is not with the card app of the register's device, or it is no charge at once.
    AppNotUsed,
    /// The app was launched for it, or a person was asked: a second launch could charge twice.
    AppAlreadyLaunched,
    /// An answer of an app that was not launched.
    AppNotLaunched,
    /// The reference or the reason holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Rule(refusal) => refusal.code(),
            Self::AmountMissing => "amount_missing",
            Self::AmountOutOfRange => "amount_out_of_range",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
            Self::RegisterHasNoTerminal => "register_has_no_terminal",
            Self::TerminalOfOtherConnection { .. } => "terminal_of_other_connection",
            Self::ReferenceTooLong => "reference_too_long",
            Self::ReasonInvalid => "reason_invalid",
            Self::AppNotUsed => "app_not_used",
            Self::AppAlreadyLaunched => "app_already_launched",
            Self::AppNotLaunched => "app_not_launched",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(refusal) => refusal.fmt(f),
            Self::AmountMissing => f.write_str("A payment without a sale needs an amount. Give it in minor units."),
            Self::AmountOutOfRange => {
                write!(f, "An amount is 0 to {AMOUNT_MINOR_MAX} minor units. Check its decimals.")
            }
            Self::CurrencyMismatch { expected } => write!(f, "This payment is in {expected}. Use {expected}."),
            Self::RegisterHasNoTerminal => f.write_str(
                "No terminal is paired with this register. Let the terminal show a code and pair it, or use another connection.",
            ),
            Self::TerminalOfOtherConnection { expected } => write!(
                f,
                "The terminal of this register is set up for the connection {expected}. Pay with that one, or change the terminal."
            ),
            Self::ReferenceTooLong => write!(f, "A reference has at most {REFERENCE_CHARS_MAX} characters."),
            Self::ReasonInvalid => write!(
                f,
                "A reason has at most {REASON_CHARS_MAX} characters; an override needs one of at least \
                 {OVERRIDE_REASON_CHARS_MIN}."
            ),
            Self::AppNotUsed => f.write_str(
                "This payment is not taken by the card app. Ask for one with a connection of the provider `card_app`.",
            ),
            Self::AppAlreadyLaunched => f.write_str(
                "The card app was launched for this payment. Wait for its answer, or look at its slip and record the \
                 result. Do not launch it again.",
            ),
            Self::AppNotLaunched => f.write_str("The card app was not launched for this payment. Launch it first."),
            Self::TextLooksLikeCardNumber => f.write_str(
                "The reference or the reason holds what looks like a card number. Remove it: card numbers are never \
                 stored.",
            ),
        }
    }
}

impl From<RuleRefusal> for Refusal {
    fn from(refusal: RuleRefusal) -> Self {
        Self::Rule(refusal)
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Payment(refusal))
    }
}

impl From<RuleRefusal> for Stop<command::Refusal> {
    fn from(refusal: RuleRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}
