//! Why the rules of terminals say no.

use std::fmt;

use super::{CODE_MS, DEVICE_TEXT_CHARS_MAX, INVITATION_MS, NAME_CHARS_MAX, PROOF_SKEW_MS};
use crate::command;
use crate::id::TerminalId;
use crate::time::Timestamp;
use crate::work::Stop;

/// A rule of terminals that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The name is blank, too long, or has control characters.
    NameInvalid,
    /// What a device tells of itself is blank, too long, or has control characters.
    DeviceTextInvalid,
    /// The token is not the one that was given out for this terminal.
    EnrolmentTokenWrong,
    /// The token came too late.
    EnrolmentTokenExpired,
    /// A device has come already.
    AlreadyEnrolled,
    /// No device has come yet.
    NotEnrolled,
    /// The terminal was retired.
    Retired,
    /// Another terminal has the key.
    IdentityKeyTaken,
    /// No terminal of the merchant shows this code.
    PairingCodeWrong,
    /// The code was shown for too long.
    PairingCodeExpired,
    /// Another terminal shows this very code.
    PairingCodeTaken,
    /// The signed time is far from the hub's.
    ClockOff {
        /// What the hub's clock says.
        now: Timestamp,
    },
    /// The signed time is not later than the one before.
    ProofReplayed,
    /// The register goes to and fro between two terminals.
    Alternates {
        /// The one that it has.
        terminal: Option<TerminalId>,
    },
    /// It has a newer connection than the one that asks.
    ConnectionReplaced,
    /// It has no register.
    NotPaired,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NameInvalid => "terminal_name_invalid",
            Self::DeviceTextInvalid => "terminal_device_text_invalid",
            Self::EnrolmentTokenWrong => "enrolment_token_wrong",
            Self::EnrolmentTokenExpired => "enrolment_token_expired",
            Self::AlreadyEnrolled => "terminal_already_enrolled",
            Self::NotEnrolled => "terminal_not_enrolled",
            Self::Retired => "terminal_retired",
            Self::IdentityKeyTaken => "terminal_identity_key_taken",
            Self::PairingCodeWrong => "pairing_code_wrong",
            Self::PairingCodeExpired => "pairing_code_expired",
            Self::PairingCodeTaken => "pairing_code_taken",
            Self::ClockOff { .. } => "terminal_clock_off",
            Self::ProofReplayed => "terminal_proof_replayed",
            Self::Alternates { .. } => "register_alternates",
            Self::ConnectionReplaced => "terminal_connection_replaced",
            Self::NotPaired => "terminal_not_paired",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

const MINUTE_MS: i64 = 60 * 1_000;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameInvalid => write!(f, "A terminal's name is one line of 1 to {NAME_CHARS_MAX} characters."),
            Self::DeviceTextInvalid => write!(
                f,
                "A model, a serial number and a version are each one line of 1 to {DEVICE_TEXT_CHARS_MAX} characters."
            ),
            Self::EnrolmentTokenWrong => {
                f.write_str("No terminal is expected with this token. Ask a manager for a new one.")
            }
            Self::EnrolmentTokenExpired => write!(
                f,
                "The token is older than {} hours. Retire this terminal and make a new one.",
                INVITATION_MS.wrapping_div(MINUTE_MS).wrapping_div(60)
            ),
            Self::AlreadyEnrolled => f.write_str(
                "A device was enrolled with this token before. If it was not yours, retire the terminal at once.",
            ),
            Self::NotEnrolled => {
                f.write_str("No device has enrolled for this terminal yet. Give its token to the device.")
            }
            Self::Retired => {
                f.write_str("The terminal was retired. Make a new one, and enrol the device with a new key.")
            }
            Self::IdentityKeyTaken => {
                f.write_str("Another terminal has this key. A device makes a new key each time it is enrolled.")
            }
            Self::PairingCodeWrong => {
                f.write_str("No terminal shows this code: it was mistyped, used, or replaced. Read the code again.")
            }
            Self::PairingCodeExpired => write!(
                f,
                "The code was shown for more than {} minutes. Let the terminal show a new one.",
                CODE_MS.wrapping_div(MINUTE_MS)
            ),
            Self::PairingCodeTaken => f.write_str("Another terminal shows this code. Ask for a new one."),
            Self::ClockOff { now } => write!(
                f,
                "The signed time is more than {} minutes off the hub's, which is {} ms since 1970. Set the clock of the device.",
                PROOF_SKEW_MS.wrapping_div(MINUTE_MS),
                now.0
            ),
            Self::ProofReplayed => {
                f.write_str("This time was signed before, or a later one was. Sign the time of now.")
            }
            Self::Alternates { terminal: Some(terminal) } => write!(
                f,
                "This terminal was displaced from the register today by {terminal}: two registers seem to use one id. Check the \
                 ids; if all is well, unpair {terminal} first."
            ),
            Self::Alternates { terminal: None } => {
                f.write_str("The register goes to and fro between two terminals. Check the ids of the registers.")
            }
            Self::ConnectionReplaced => {
                f.write_str("The terminal has connected anew. Leave it to its newer connection.")
            }
            Self::NotPaired => f.write_str("The terminal has no register."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Terminal(refusal))
    }
}
