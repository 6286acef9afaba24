//! Terminals on the hub's own channel (`docs/protocols/terminal-channel.md`). Nothing goes by HTTP: the hub at which the
//! terminal hangs says what [`command`], [`cancel`] and the inquiry build, and reads what comes back.
//!
//! The contract in short: a command's id is unique for ever and done once; the amount is said again before a card is asked for;
//! a result is kept and told again until the hub has it; a refusal and `not_started` mean that nothing happened.

mod codes;
mod sign;
mod wire;

use domain::payment::{Kind, Operation, Outcome, Payment, Profile, Slip};
use domain::time::Timestamp;

pub use sign::{is_proof, signed_text};
pub use wire::{Accepted, Command, FromTerminal, Hello, InquiryResult, Status, Target, TerminalResult, ToTerminal};

use crate::contract::{CannotAsk, Variant};
use crate::unwired::Unwired;

/// The version of the protocol.
pub const VERSION: u32 = 1;

/// The connector of terminals.
pub(crate) static TERMINAL: Unwired = Unwired { name: "terminal", variants: &VARIANTS, why: CannotAsk::OverChannel };

const VARIANTS: [Variant; 1] = [Variant { name: "channel", profile: Profile::terminal, credentials: "", base_url: "" }];

/// The message that asks a terminal for an operation. Built anew for a repeat, it is the same but for its deadlines.
pub fn command(
    payment: &Payment,
    operation: &Operation,
    target: Option<&Operation>,
    profile: &Profile,
    now: Timestamp,
) -> Result<ToTerminal, CannotAsk> {
    let id = operation.id.to_string();
    if operation.kind == Kind::Reversal {
        let target = target.ok_or(CannotAsk::NoTarget)?.id.to_string();
        return Ok(ToTerminal::Cancel { id, target });
    }
    let target = match (operation.kind.is_charge(), target) {
        (true, _) => None,
        (false, None) => return Err(CannotAsk::NoTarget),
        (false, Some(target)) => {
            let approval = target.state.approval();
            let reference = approval.and_then(|approval| approval.provider_reference.clone());
            Some(Target { id: target.id.to_string(), reference })
        }
    };
    Ok(ToTerminal::Command(Command {
        id,
        kind: operation.kind.as_str(),
        amount_minor: operation.asked_minor,
        currency: payment.currency.to_string(),
        target,
        begin_until_ms: now.plus_ms(profile.answer_timeout_ms).0,
        end_until_ms: operation.recorded_at.plus_ms(profile.poll_horizon_ms).0,
    }))
}

/// Whether the terminal will show to the customer what was asked.
pub fn is_echo(payment: &Payment, operation: &Operation, accepted: &Accepted) -> bool {
    accepted.amount_minor == operation.asked_minor && accepted.currency == payment.currency.as_str()
}

/// The outcome when the terminal refused the command: nothing has happened.
pub fn read_refusal(code: &str) -> Outcome {
    Outcome::NotSent(domain::payment::Reason(codes::refusal(code).to_owned()))
}

/// What a result says: of the operation, and for the receipt. One about another operation says nothing.
pub fn read_result(operation: &Operation, result: &TerminalResult) -> (Outcome, Option<Box<Slip>>) {
    if result.id != operation.id.to_string() || operation.kind == Kind::Reversal {
        return (Outcome::Unknown, None);
    }
    (codes::outcome(operation, result), codes::slip(result))
}

/// What the word about a call-off says of the reversal.
pub fn read_cancel(word: &str) -> Outcome {
    codes::cancel_outcome(word)
}

/// What the answer to an inquiry says: of the operation, and for the receipt.
pub fn read_inquiry(operation: &Operation, answer: &InquiryResult) -> (Outcome, Option<Box<Slip>>) {
    if answer.id != operation.id.to_string() {
        return (Outcome::Unknown, None);
    }
    (codes::inquiry_outcome(operation, answer), answer.result.as_ref().and_then(codes::slip))
}

#[cfg(test)]
mod tests;
