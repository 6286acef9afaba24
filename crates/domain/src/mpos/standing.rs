//! Where an order stands, in the words of the API, as a function of the payment's operations.

use crate::payment::{Kind, Operation, OperationState, Payment, State};

/// What an order was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Charged in one step.
    Sale,
    /// Promised.
    Preauth,
    /// Taken of a promise.
    Capture,
    /// A promise given back.
    Cancel,
    /// Money given back.
    Reversal,
}

impl Stage {
    /// The word of `transaction-type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Preauth => "preauth",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Reversal => "reversal",
        }
    }
}

/// How far that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Approved,
    /// Refused.
    Declined,
    /// Refused by fraud control.
    Filtered,
    /// Did not happen, because something went wrong.
    Error,
    /// Asked again in a while.
    Processing,
    /// A person has to find out: neither done nor refused.
    Unknown,
}

impl Status {
    /// The word of `status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Filtered => "filtered",
            Self::Error => "error",
            Self::Processing => "processing",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is told by a callback. What a person has still to find out is not: receivers take what they are told as
    /// the end.
    pub const fn is_told(self) -> bool {
        !matches!(self, Self::Processing | Self::Unknown)
    }
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The operation that it is about.
    pub operation: u32,
    /// What that asks.
    pub stage: Stage,
    /// How far it has come.
    pub status: Status,
    /// What is left of the order: promised or taken, and not given back; what was asked, as long as nobody knows. In minor
    /// units.
    pub amount_minor: i64,
    /// Why not, in a code of our API.
    pub reason: Option<String>,
}

/// Where the order stands with what was asked last. What the hub did by itself, to undo a charge that nobody can tell the
/// outcome of, is said of the charge.
pub fn standing(payment: &Payment, operations: &[Operation]) -> Option<Standing> {
    let asked = operations.iter().rfind(|one| one.kind != Kind::Reversal)?;
    standing_of(payment, operations, asked.id.number)
}

/// Where the order stands with one of the things that were asked.
pub fn standing_of(payment: &Payment, operations: &[Operation], number: u32) -> Option<Standing> {
    let operation = operations.iter().find(|one| one.id.number == number)?;
    let of = |number: Option<u32>| operations.iter().find(|one| Some(one.id.number) == number);
    let stage = match operation.kind {
        Kind::Purchase => Stage::Sale,
        Kind::Authorize => Stage::Preauth,
        Kind::Capture => Stage::Capture,
        Kind::Refund => Stage::Reversal,
        Kind::Void | Kind::Reversal => {
            let is_promise = of(operation.target).is_some_and(|target| target.kind == Kind::Authorize);
            let has_capture = operations.iter().any(|one| one.kind == Kind::Capture && is_approved(one));
            if is_promise && !has_capture { Stage::Cancel } else { Stage::Reversal }
        }
    };
    let (status, reason) = status(payment, operation);
    Some(Standing { operation: number, stage, status, amount_minor: left_minor(payment), reason })
}

const fn is_approved(operation: &Operation) -> bool {
    matches!(operation.state, OperationState::Approved(_))
}

fn left_minor(payment: &Payment) -> i64 {
    match payment.state {
        State::InProgress
        | State::InDoubt
        | State::NeedsPerson
        | State::Declined
        | State::Cancelled
        | State::NotSent
            if payment.captured_minor == 0 =>
        {
            payment.asked_minor
        }
        State::Authorized => payment.approved_minor,
        State::InProgress
        | State::InDoubt
        | State::NeedsPerson
        | State::Declined
        | State::Cancelled
        | State::NotSent
        | State::Captured
        | State::PartiallyRefunded
        | State::Refunded
        | State::Voided
        | State::Reversed => payment.captured_minor.saturating_sub(payment.refunded_minor),
    }
}

fn status(payment: &Payment, operation: &Operation) -> (Status, Option<String>) {
    let word = |text: &str| Some(text.to_owned());
    match &operation.state {
        // Approved, and undone by the hub: nobody was charged in the end.
        OperationState::Approved(_) if operation.kind.is_charge() && payment.state == State::Reversed => {
            (Status::Error, word("reversed"))
        }
        OperationState::Approved(_) => (Status::Approved, None),
        OperationState::Declined(reason) => match reason.0.as_str() {
            "filtered_by_provider" => (Status::Filtered, word(&reason.0)),
            "error_at_provider" => (Status::Error, word(&reason.0)),
            _ => (Status::Declined, word(&reason.0)),
        },
        OperationState::Cancelled => (Status::Declined, word("cancelled")),
        OperationState::NotSent(reason) => (Status::Error, word(&reason.0)),
        _ if operation.kind.is_charge() && payment.state == State::Reversed => (Status::Error, word("reversed")),
        _ if operation.is_left_to_person => (Status::Unknown, word("needs_person")),
        OperationState::Recorded
        | OperationState::Sent
        | OperationState::Unknown
        | OperationState::NotFound
        | OperationState::Pending => (Status::Processing, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::shop::{Shop, a_payment};
    use crate::payment::{
        Approval, AskCancel, AskCapture, AskRefund, AskVoid, CreatePayment, Moved, Outcome, Reason, Witness,
    };

    fn words(moved: &Moved) -> (&'static str, &'static str, i64) {
        let standing = standing(&moved.payment, &moved.operations).unwrap();
        (standing.stage.as_str(), standing.status.as_str(), standing.amount_minor)
    }

    fn approved(approved_minor: i64) -> Outcome {
        Outcome::Approved(Approval { approved_minor, provider_reference: None, funding: None })
    }

    fn told(shop: &mut Shop, moved: &Moved, outcome: Outcome) -> Moved {
        shop.tell(moved.operations.last().unwrap().id, Witness::Inquiry, outcome)
    }

    #[test]
    fn a_sale_is_worked_on_approved_and_given_back() {
        let mut shop = Shop::new();
        let begun = shop.create(None, Some(1_000));
        assert_eq!(words(&begun), ("sale", "processing", 1_000));
        let pending = told(&mut shop, &begun, Outcome::Pending);
        assert_eq!(words(&pending), ("sale", "processing", 1_000));
        let paid = told(&mut shop, &begun, approved(1_000));
        assert_eq!(words(&paid), ("sale", "approved", 1_000));
        let payment = paid.payment.id;
        let part = AskRefund { payment, amount_minor: Some(300), reason: String::new() };
        let asked = shop.run(&part).unwrap();
        assert_eq!(words(&asked), ("reversal", "processing", 1_000));
        let back = told(&mut shop, &asked, approved(300));
        assert_eq!(words(&back), ("reversal", "approved", 700));
        let charge = standing_of(&back.payment, &back.operations, 1).unwrap();
        assert_eq!((charge.stage, charge.status), (Stage::Sale, Status::Approved));
        assert_eq!(standing_of(&back.payment, &back.operations, 9), None);
    }

    #[test]
    fn a_promise_is_captured_or_cancelled() {
        let mut shop = Shop::new();
        let promise = CreatePayment { is_two_step: true, ..a_payment() };
        let begun = shop.run(&promise).unwrap();
        assert_eq!(words(&begun).0, "preauth");
        let held = told(&mut shop, &begun, approved(1_000));
        assert_eq!(words(&held), ("preauth", "approved", 1_000));
        let capture = AskCapture { payment: held.payment.id, amount_minor: Some(600) };
        let asked = shop.run(&capture).unwrap();
        assert_eq!(words(&told(&mut shop, &asked, approved(600))), ("capture", "approved", 600));
        let begun = shop.run(&promise).unwrap();
        let held = told(&mut shop, &begun, approved(1_000));
        let asked = shop.run(&AskVoid { payment: held.payment.id, reason: String::new() }).unwrap();
        assert_eq!(words(&told(&mut shop, &asked, approved(1_000))), ("cancel", "approved", 0));
    }

    #[test]
    fn what_did_not_happen_is_said_in_the_words_of_the_api_and_a_doubt_never_as_declined() {
        let reason = |text: &str| Reason(text.to_owned());
        for (outcome, status) in [
            (Outcome::Declined(reason("declined_by_provider")), "declined"),
            (Outcome::Declined(reason("filtered_by_provider")), "filtered"),
            (Outcome::Declined(reason("error_at_provider")), "error"),
            (Outcome::Cancelled, "declined"),
            (Outcome::NotSent(reason("provider_unreachable")), "error"),
            (Outcome::Unknown, "processing"),
        ] {
            let mut shop = Shop::new();
            let begun = shop.create(None, Some(1_000));
            assert_eq!(words(&told(&mut shop, &begun, outcome.clone())).1, status, "{outcome:?}");
        }
        let mut shop = Shop::new();
        let begun = shop.create(None, Some(1_000));
        told(&mut shop, &begun, Outcome::Unknown);
        let cancel = AskCancel { payment: begun.payment.id, reason: String::new() };
        let asked = shop.run(&cancel).unwrap();
        let undone = told(&mut shop, &asked, approved(1_000));
        assert_eq!(words(&undone).0, "sale");
        assert_eq!(words(&undone).1, "error");
    }
}
