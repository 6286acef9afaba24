//! What may be asked of a provider next. Money that is on its way back counts as gone: two refunds under two keys never
//! give back more than was taken.

use std::fmt;

use super::operation::{Kind, Operation};
use super::profile::{LateApproval, Profile};
use super::state::{State, Summary, charge_of, summarize};
use crate::money::AMOUNT_MINOR_MAX;
use crate::time::Timestamp;

/// How many operations a payment may have before no more are accepted from outside, because each decision reads all of
/// them. The machine's own reversals and refunds are exempt, there are few.
pub const OPERATIONS_MAX: usize = 200;

/// An operation that the rules allow: what the intent to record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// What is asked.
    pub kind: Kind,
    /// The operation that it captures, voids, refunds or reverses.
    pub target: Option<u32>,
    /// How much, in minor units.
    pub asked_minor: i64,
}

/// Why an operation may not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The amount is zero or less.
    AmountNotPositive {
        /// What was asked.
        asked_minor: i64,
    },
    /// The amount is beyond all reason.
    AmountTooLarge {
        /// What was asked.
        asked_minor: i64,
        /// The most that can be.
        max_minor: i64,
    },
    /// The provider has no promise and capture in two steps.
    AuthorizeNotSupported,
    /// The provider takes no code that the register scans.
    CustomerCodeNotSupported,
    /// The provider needs the code that the customer shows.
    CustomerCodeMissing,
    /// The provider has no void, or the profile allows none.
    VoidNotSupported,
    /// The provider has no refund, or the profile allows none.
    RefundNotSupported,
    /// The provider gives back all or nothing.
    PartialRefundNotSupported {
        /// What was taken.
        captured_minor: i64,
        /// What was asked.
        asked_minor: i64,
    },
    /// The provider cannot undo a charge that has not ended.
    CancelNotSupported,
    /// The customer or the provider is still working on the charge.
    InProgress,
    /// Nobody can tell yet whether the customer was charged.
    InDoubt {
        /// In doubt, or left to a person.
        state: State,
    },
    /// Another operation of this payment has not ended.
    OperationInFlight {
        /// Which one.
        number: u32,
        /// What it asks.
        kind: Kind,
    },
    /// A capture needs a promise that was not yet used.
    NotAuthorized {
        /// Where the payment stands.
        state: State,
    },
    /// A refund needs money that was taken.
    NotCaptured {
        /// Where the payment stands.
        state: State,
    },
    /// A void needs a charge of which nothing was given back.
    NotVoidable {
        /// Where the payment stands.
        state: State,
    },
    /// A cancel needs a charge that has not ended.
    AlreadyFinal {
        /// Where the payment stands.
        state: State,
    },
    /// More than was promised.
    CaptureExceedsAuthorized {
        /// What was promised.
        authorized_minor: i64,
        /// What was asked.
        asked_minor: i64,
    },
    /// More than is left.
    RefundExceedsCaptured {
        /// What was taken.
        captured_minor: i64,
        /// What was given back.
        refunded_minor: i64,
        /// What is on its way back, or may be.
        pending_minor: i64,
        /// What was asked.
        asked_minor: i64,
    },
    /// The promise is too old.
    CaptureWindowClosed {
        /// When it closed.
        until: Timestamp,
    },
    /// The charge is too old to be voided.
    VoidWindowClosed {
        /// When it closed.
        until: Timestamp,
    },
    /// The charge is too old to be refunded by the provider.
    RefundWindowClosed {
        /// When it closed.
        until: Timestamp,
    },
    /// Too many operations.
    OperationLimitReached {
        /// The limit.
        max: usize,
    },
}

impl Refusal {
    /// The stable code of the API: `noun_problem`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AmountNotPositive { .. } => "amount_not_positive",
            Self::AmountTooLarge { .. } => "amount_too_large",
            Self::AuthorizeNotSupported => "authorize_not_supported",
            Self::CustomerCodeNotSupported => "customer_code_not_supported",
            Self::CustomerCodeMissing => "customer_code_missing",
            Self::VoidNotSupported => "void_not_supported",
            Self::RefundNotSupported => "refund_not_supported",
            Self::PartialRefundNotSupported { .. } => "partial_refund_not_supported",
            Self::CancelNotSupported => "cancel_not_supported",
            Self::InProgress => "payment_in_progress",
            Self::InDoubt { .. } => "payment_in_doubt",
            Self::OperationInFlight { .. } => "operation_in_flight",
            Self::NotAuthorized { .. } => "payment_not_authorized",
            Self::NotCaptured { .. } => "payment_not_captured",
            Self::NotVoidable { .. } => "payment_not_voidable",
            Self::AlreadyFinal { .. } => "payment_already_final",
            Self::CaptureExceedsAuthorized { .. } => "capture_exceeds_authorized",
            Self::RefundExceedsCaptured { .. } => "refund_exceeds_captured",
            Self::CaptureWindowClosed { .. } => "capture_window_closed",
            Self::VoidWindowClosed { .. } => "void_window_closed",
            Self::RefundWindowClosed { .. } => "refund_window_closed",
            Self::OperationLimitReached { .. } => "operation_limit_reached",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AmountNotPositive { asked_minor } => {
                write!(f, "The amount {asked_minor} is not above zero. Ask for at least 1 minor unit.")
            }
            Self::AmountTooLarge { asked_minor, max_minor } => {
                write!(f, "The amount {asked_minor} is above {max_minor} minor units. Check its decimals.")
            }
            Self::AuthorizeNotSupported => {
                f.write_str("This connection cannot authorize first and capture later. Ask for a purchase.")
            }
            Self::CustomerCodeNotSupported => f.write_str(
                "This connection cannot take a code that the customer shows. Ask without `customer_code` and show the code \
                 that comes back, if one comes.",
            ),
            Self::CustomerCodeMissing => {
                f.write_str("This connection needs the code that the customer shows. Scan it and send it as `customer_code`.")
            }
            Self::VoidNotSupported => f.write_str("This connection cannot void a charge. Refund it."),
            Self::RefundNotSupported => {
                f.write_str("This connection cannot refund. Give the money back in cash or in the provider's portal.")
            }
            Self::PartialRefundNotSupported { captured_minor, asked_minor } => write!(
                f,
                "This connection cannot refund {asked_minor} of {captured_minor} minor units. Refund all and charge \
                 the rest anew."
            ),
            Self::CancelNotSupported => f.write_str(
                "This connection cannot cancel a charge that has not ended. Cancel it on the terminal, or wait for its \
                 end.",
            ),
            Self::InProgress => {
                f.write_str("The charge is still under way. Wait for its end, or cancel it. Do not charge again.")
            }
            Self::InDoubt { state: State::NeedsPerson } => f.write_str(
                "Nobody can tell whether the customer was charged. Find out and record the result first. Do not charge \
                 again.",
            ),
            Self::InDoubt { .. } => f.write_str(
                "It is being checked whether the customer was charged. Wait for the result. Do not charge again.",
            ),
            Self::OperationInFlight { number, kind } => write!(
                f,
                "Operation {number} ({}) of this payment has not ended. Wait for its end and ask again.",
                kind.as_str()
            ),
            Self::NotAuthorized { state } => write!(
                f,
                "A payment that is {} has no open authorization. Capture an authorized payment once.",
                state.as_str()
            ),
            Self::NotCaptured { state } => write!(
                f,
                "No money was taken by a payment that is {}. Void it if it is authorized; else there is nothing to \
                 refund.",
                state.as_str()
            ),
            Self::NotVoidable { state } => write!(
                f,
                "A payment that is {} cannot be voided. Refund what is left if money was taken.",
                state.as_str()
            ),
            Self::AlreadyFinal { state } => write!(
                f,
                "The payment has ended: it is {}. Void or refund it if the customer was charged.",
                state.as_str()
            ),
            Self::CaptureExceedsAuthorized { authorized_minor, asked_minor } => write!(
                f,
                "A capture of {asked_minor} is above the {authorized_minor} minor units that were authorized. Capture \
                 at most that and charge the rest anew."
            ),
            Self::RefundExceedsCaptured { captured_minor, refunded_minor, pending_minor, asked_minor } => write!(
                f,
                "A refund of {asked_minor} is above what is left: of {captured_minor} minor units {refunded_minor} \
                 were refunded and {pending_minor} are being refunded. Ask for less, or wait for the refund under way."
            ),
            Self::CaptureWindowClosed { until } => {
                write!(f, "The authorization could be captured until {} ms. Void it and charge anew.", until.0)
            }
            Self::VoidWindowClosed { until } => {
                write!(f, "The charge could be voided until {} ms. Refund it.", until.0)
            }
            Self::RefundWindowClosed { until } => write!(
                f,
                "The provider refunded this charge until {} ms. Give the money back in cash or by bank transfer.",
                until.0
            ),
            Self::OperationLimitReached { max } => {
                write!(
                    f,
                    "The payment has {max} operations, that is the limit. Settle the rest in the provider's portal."
                )
            }
        }
    }
}

/// Whether a payment may be started; `is_two_step` when the promise comes first and the capture later.
pub const fn may_charge(profile: &Profile, is_two_step: bool, amount_minor: i64) -> Result<Ask, Refusal> {
    if is_two_step && !profile.has_authorize {
        return Err(Refusal::AuthorizeNotSupported);
    }
    let kind = if is_two_step { Kind::Authorize } else { Kind::Purchase };
    if let Some(max_minor) = profile.amount_minor_max
        && amount_minor > max_minor
    {
        return Err(Refusal::AmountTooLarge { asked_minor: amount_minor, max_minor });
    }
    match checked_amount(amount_minor) {
        Ok(asked_minor) => Ok(Ask { kind, target: None, asked_minor }),
        Err(refusal) => Err(refusal),
    }
}

/// Whether a payment may be started in this way: with a code that the customer shows, or without one.
pub const fn may_take_code(profile: &Profile, is_scanned: bool) -> Result<(), Refusal> {
    match (is_scanned, profile.has_scan) {
        (true, false) => Err(Refusal::CustomerCodeNotSupported),
        (false, true) if !profile.has_present => Err(Refusal::CustomerCodeMissing),
        (true | false, true | false) => Ok(()),
    }
}

/// Whether what was promised may be taken: `amount_minor` of it, or all.
pub fn may_capture(
    operations: &[&Operation],
    profile: &Profile,
    amount_minor: Option<i64>,
    now: Timestamp,
) -> Result<Ask, Refusal> {
    let (charge, summary) = ended_charge(operations, |state| Refusal::NotAuthorized { state })?;
    if summary.state != State::Authorized {
        return Err(Refusal::NotAuthorized { state: summary.state });
    }
    nothing_in_flight(operations, &[Kind::Capture, Kind::Void])?;
    let until = charge.recorded_at.plus_ms(profile.capture_window_ms);
    if now >= until {
        return Err(Refusal::CaptureWindowClosed { until });
    }
    let authorized_minor = summary.approved_minor;
    let asked_minor = checked_amount(amount_minor.unwrap_or(authorized_minor))?;
    if asked_minor > authorized_minor {
        return Err(Refusal::CaptureExceedsAuthorized { authorized_minor, asked_minor });
    }
    Ok(Ask { kind: Kind::Capture, target: Some(charge.id.number), asked_minor })
}

/// Whether the charge may be undone before cut-off, all of it.
pub fn may_void(operations: &[&Operation], profile: &Profile, now: Timestamp) -> Result<Ask, Refusal> {
    let (charge, summary) = ended_charge(operations, |state| Refusal::NotVoidable { state })?;
    let asked_minor = match summary.state {
        State::Authorized => summary.approved_minor,
        State::Captured => summary.captured_minor,
        state => return Err(Refusal::NotVoidable { state }),
    };
    if profile.void_window_ms == 0 {
        return Err(Refusal::VoidNotSupported);
    }
    // With a refund on its way the customer could get the money twice.
    nothing_in_flight(operations, &[Kind::Capture, Kind::Void, Kind::Refund])?;
    let until = profile.void_until(charge.recorded_at);
    if now >= until {
        return Err(Refusal::VoidWindowClosed { until });
    }
    Ok(Ask { kind: Kind::Void, target: Some(charge.id.number), asked_minor })
}

/// Whether money may be given back: `amount_minor`, or all that is left.
pub fn may_refund(
    operations: &[&Operation],
    profile: &Profile,
    amount_minor: Option<i64>,
    now: Timestamp,
) -> Result<Ask, Refusal> {
    let (charge, summary) = ended_charge(operations, |state| Refusal::NotCaptured { state })?;
    if !matches!(summary.state, State::Captured | State::PartiallyRefunded | State::Refunded) {
        return Err(Refusal::NotCaptured { state: summary.state });
    }
    if profile.refund_window_ms == 0 {
        return Err(Refusal::RefundNotSupported);
    }
    nothing_in_flight(operations, &[Kind::Void])?;
    if profile.is_one_at_a_time {
        nothing_in_flight(operations, &[Kind::Refund])?;
    }
    let until = profile.refund_until(charge.recorded_at);
    if now >= until {
        return Err(Refusal::RefundWindowClosed { until });
    }
    let asked_minor = refundable(operations, &summary, amount_minor)?;
    let captured_minor = summary.captured_minor;
    if asked_minor != captured_minor && !profile.has_partial_refund {
        return Err(Refusal::PartialRefundNotSupported { captured_minor, asked_minor });
    }
    Ok(Ask { kind: Kind::Refund, target: Some(taken_by(charge, operations)), asked_minor })
}

/// Whether a charge that has not ended may be called off: a reversal, which is right whatever became of the charge.
pub fn may_cancel(operations: &[&Operation], profile: &Profile) -> Result<Ask, Refusal> {
    let state = summarize(operations).state;
    if state.is_final() {
        return Err(Refusal::AlreadyFinal { state });
    }
    nothing_in_flight(operations, &[Kind::Reversal])?;
    let charge = charge_of(operations).ok_or(Refusal::InProgress)?;
    if charge.state.is_definite() {
        // The charge has ended; in doubt is what was done to it since.
        return Err(Refusal::InDoubt { state });
    }
    if !profile.has_reversal {
        return Err(Refusal::CancelNotSupported);
    }
    within_limit(operations)?;
    Ok(Ask { kind: Kind::Reversal, target: Some(charge.id.number), asked_minor: charge.asked_minor })
}

/// What the machine records in the very commit that learned of an approval after everybody was told that nothing was
/// charged, if the profile wants it given back: a void of a promise, a refund of money taken. No window is looked at,
/// for the customer never agreed to pay; a provider that refuses makes it a person's.
pub fn late_approval_ask(operations: &[&Operation], profile: &Profile) -> Option<Ask> {
    let charge = charge_of(operations)?;
    let summary = summarize(operations);
    let is_refund = matches!(summary.state, State::Captured | State::PartiallyRefunded);
    if profile.late_approval != LateApproval::Refund || nothing_in_flight(operations, &[Kind::Void]).is_err() {
        None
    } else if is_refund {
        let asked_minor = refundable(operations, &summary, None).ok()?;
        Some(Ask { kind: Kind::Refund, target: Some(taken_by(charge, operations)), asked_minor })
    } else if summary.state == State::Authorized {
        Some(Ask { kind: Kind::Void, target: Some(charge.id.number), asked_minor: summary.approved_minor })
    } else {
        None
    }
}

const fn checked_amount(asked_minor: i64) -> Result<i64, Refusal> {
    if asked_minor <= 0 {
        Err(Refusal::AmountNotPositive { asked_minor })
    } else if asked_minor > AMOUNT_MINOR_MAX {
        Err(Refusal::AmountTooLarge { asked_minor, max_minor: AMOUNT_MINOR_MAX })
    } else {
        Ok(asked_minor)
    }
}

/// The charge and the sum of the payment, if nothing about it is uncertain. `without_charge` refuses where there is no
/// charge.
fn ended_charge<'a>(
    operations: &[&'a Operation],
    without_charge: fn(State) -> Refusal,
) -> Result<(&'a Operation, Summary), Refusal> {
    let summary = summarize(operations);
    let charge = charge_of(operations).ok_or_else(|| without_charge(summary.state))?;
    match summary.state {
        State::InProgress => Err(Refusal::InProgress),
        state @ (State::InDoubt | State::NeedsPerson) => Err(Refusal::InDoubt { state }),
        State::Authorized
        | State::Captured
        | State::PartiallyRefunded
        | State::Refunded
        | State::Voided
        | State::Reversed
        | State::Declined
        | State::Cancelled
        | State::NotSent => within_limit(operations).map(|()| (charge, summary)),
    }
}

const fn within_limit(operations: &[&Operation]) -> Result<(), Refusal> {
    if operations.len() < OPERATIONS_MAX { Ok(()) } else { Err(Refusal::OperationLimitReached { max: OPERATIONS_MAX }) }
}

fn nothing_in_flight(operations: &[&Operation], kinds: &[Kind]) -> Result<(), Refusal> {
    let open = operations.iter().find(|one| kinds.contains(&one.kind) && !one.state.is_definite());
    open.map_or(Ok(()), |one| Err(Refusal::OperationInFlight { number: one.id.number, kind: one.kind }))
}

/// `amount_minor`, or all that is left, if that much is left. A refund that has not ended counts as spent.
fn refundable(operations: &[&Operation], summary: &Summary, amount_minor: Option<i64>) -> Result<i64, Refusal> {
    let Summary { captured_minor, refunded_minor, .. } = *summary;
    let is_pending = |one: &&&Operation| one.kind == Kind::Refund && !one.state.is_definite();
    let pending_minor =
        operations.iter().filter(is_pending).fold(0, |sum: i64, one| sum.saturating_add(one.asked_minor.max(0)));
    let left_minor = captured_minor.saturating_sub(refunded_minor).saturating_sub(pending_minor);
    // Asking for all when nothing is left is answered as asking for what was taken.
    let all_minor = if left_minor > 0 { left_minor } else { captured_minor };
    let asked_minor = checked_amount(amount_minor.unwrap_or(all_minor))?;
    if asked_minor > left_minor {
        return Err(Refusal::RefundExceedsCaptured { captured_minor, refunded_minor, pending_minor, asked_minor });
    }
    Ok(asked_minor)
}

/// The operation that took the money: a provider refunds that one.
fn taken_by(charge: &Operation, operations: &[&Operation]) -> u32 {
    let captures = operations.iter().filter(|one| one.kind == Kind::Capture && one.state.approval().is_some());
    captures.map(|one| one.id.number).min().unwrap_or(charge.id.number)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{RECORDED_AT, an_operation};
    use super::super::operation::State as OperationState;
    use super::*;
    use Kind::{Authorize, Capture, Purchase, Refund, Reversal, Void};
    use OperationState::{NotFound, Pending, Sent, Unknown};

    const SANDBOX: Profile = Profile::sandbox();
    const NOW: Timestamp = RECORDED_AT.plus_ms(5_000);

    fn yes(kind: Kind, number: u32, approved_minor: i64) -> Operation {
        an_operation(kind, number).approved_for(approved_minor)
    }

    fn op(kind: Kind, number: u32, state: OperationState) -> Operation {
        an_operation(kind, number).in_state(state)
    }

    fn no(kind: Kind, number: u32) -> Operation {
        an_operation(kind, number).declined()
    }

    fn ask(kind: Kind, target: u32, asked_minor: i64) -> Result<Ask, Refusal> {
        Ok(Ask { kind, target: Some(target), asked_minor })
    }

    fn exceeds(refunded_minor: i64, pending_minor: i64, asked_minor: i64) -> Result<Ask, Refusal> {
        Err(Refusal::RefundExceedsCaptured { captured_minor: 1_000, refunded_minor, pending_minor, asked_minor })
    }

    fn check<const N: usize>(
        cases: [(Vec<Operation>, Result<Ask, Refusal>); N],
        may: impl Fn(&[&Operation]) -> Result<Ask, Refusal>,
    ) {
        for (operations, expected) in cases {
            let refs: Vec<&Operation> = operations.iter().collect();
            let words: Vec<_> = operations.iter().map(|one| (one.kind, &one.state)).collect();
            assert_eq!(may(&refs), expected, "{words:?}");
        }
    }

    #[test]
    fn a_charge_needs_a_sound_amount_and_the_capability() {
        let allowed = |kind| Ok(Ask { kind, target: None, asked_minor: 1_000 });
        let max_minor = AMOUNT_MINOR_MAX;
        let over = max_minor + 1;
        assert_eq!(may_charge(&SANDBOX, false, 1_000), allowed(Purchase));
        assert_eq!(may_charge(&SANDBOX, true, 1_000), allowed(Authorize));
        assert_eq!(may_charge(&Profile::manual(), true, 1_000), Err(Refusal::AuthorizeNotSupported));
        assert_eq!(may_charge(&SANDBOX, false, 0), Err(Refusal::AmountNotPositive { asked_minor: 0 }));
        assert_eq!(may_charge(&SANDBOX, false, over), Err(Refusal::AmountTooLarge { asked_minor: over, max_minor }));
    }

    #[test]
    fn a_capture_takes_an_open_promise_once() {
        let promise = || yes(Authorize, 1, 1_000);
        let flies = |kind| Err(Refusal::OperationInFlight { number: 2, kind });
        check(
            [
                (vec![promise()], ask(Capture, 1, 1_000)),
                (vec![promise(), no(Capture, 2)], ask(Capture, 1, 1_000)),
                (vec![promise(), op(Capture, 2, Sent)], flies(Capture)),
                (vec![promise(), op(Void, 2, Sent)], flies(Void)),
                (vec![promise(), op(Capture, 2, Unknown)], Err(Refusal::InDoubt { state: State::InDoubt })),
                (vec![promise(), op(Reversal, 2, Sent)], Err(Refusal::InProgress)),
                (vec![promise(), yes(Capture, 2, 800)], Err(Refusal::NotAuthorized { state: State::Captured })),
                (vec![promise(), yes(Void, 2, 0)], Err(Refusal::NotAuthorized { state: State::Voided })),
                (vec![yes(Purchase, 1, 1_000)], Err(Refusal::NotAuthorized { state: State::Captured })),
                (vec![op(Authorize, 1, Pending)], Err(Refusal::InProgress)),
                (vec![], Err(Refusal::NotAuthorized { state: State::InProgress })),
            ],
            |operations| may_capture(operations, &SANDBOX, None, NOW),
        );
        let promise = promise();
        let capture = |amount, now| may_capture(&[&promise], &SANDBOX, Some(amount), now);
        assert_eq!(capture(700, NOW), ask(Capture, 1, 700));
        assert_eq!(capture(0, NOW), Err(Refusal::AmountNotPositive { asked_minor: 0 }));
        let exceeds = Refusal::CaptureExceedsAuthorized { authorized_minor: 1_000, asked_minor: 1_001 };
        assert_eq!(capture(1_001, NOW), Err(exceeds));
        let until = RECORDED_AT.plus_ms(SANDBOX.capture_window_ms);
        assert_eq!(capture(700, until), Err(Refusal::CaptureWindowClosed { until }));
    }

    #[test]
    fn a_void_undoes_all_of_a_charge_that_nothing_was_done_to() {
        let charge = || yes(Purchase, 1, 1_000);
        let flies = |kind| Err(Refusal::OperationInFlight { number: 2, kind });
        let not_voidable = |state| Err(Refusal::NotVoidable { state });
        check(
            [
                (vec![charge()], ask(Void, 1, 1_000)),
                (vec![charge(), no(Void, 2)], ask(Void, 1, 1_000)),
                (vec![charge(), no(Refund, 2)], ask(Void, 1, 1_000)),
                (vec![yes(Authorize, 1, 900)], ask(Void, 1, 900)),
                (vec![yes(Authorize, 1, 900), yes(Capture, 2, 800)], ask(Void, 1, 800)),
                (vec![yes(Authorize, 1, 900), op(Capture, 2, Sent)], flies(Capture)),
                (vec![charge(), op(Void, 2, Sent)], flies(Void)),
                (vec![charge(), op(Void, 2, Unknown)], Err(Refusal::InDoubt { state: State::InDoubt })),
                (vec![charge(), op(Refund, 2, Unknown)], flies(Refund)),
                (vec![charge(), yes(Refund, 2, 10)], not_voidable(State::PartiallyRefunded)),
                (vec![charge(), yes(Void, 2, 10)], not_voidable(State::Voided)),
                (vec![no(Purchase, 1)], not_voidable(State::Declined)),
                (vec![op(Purchase, 1, Sent)], Err(Refusal::InProgress)),
            ],
            |operations| may_void(operations, &SANDBOX, NOW),
        );
        let until = RECORDED_AT.plus_ms(SANDBOX.void_window_ms);
        assert_eq!(may_void(&[&charge()], &SANDBOX, until), Err(Refusal::VoidWindowClosed { until }));
        let without = Profile { void_window_ms: 0, ..SANDBOX };
        assert_eq!(may_void(&[&charge()], &without, NOW), Err(Refusal::VoidNotSupported));
    }

    #[test]
    fn refunds_under_way_or_in_doubt_count_as_spent() {
        let charge = || yes(Purchase, 1, 1_000);
        let pending = |number, state| op(Refund, number, state).asking_for(400);
        check(
            [
                (vec![charge()], ask(Refund, 1, 600)),
                (vec![charge(), pending(2, Sent)], ask(Refund, 1, 600)),
                (vec![charge(), pending(2, Sent), pending(3, Unknown)], exceeds(0, 800, 600)),
                (vec![charge(), pending(2, NotFound), yes(Refund, 3, 100)], exceeds(100, 400, 600)),
                (vec![charge(), no(Refund, 2), no(Refund, 3)], ask(Refund, 1, 600)),
                (vec![charge(), yes(Refund, 2, 1_000)], exceeds(1_000, 0, 600)),
                (vec![yes(Authorize, 1, 1_200), yes(Capture, 2, 1_000)], ask(Refund, 2, 600)),
                (vec![yes(Authorize, 1, 1_000)], Err(Refusal::NotCaptured { state: State::Authorized })),
                (vec![charge(), yes(Void, 2, 1_000)], Err(Refusal::NotCaptured { state: State::Voided })),
                (vec![charge(), op(Void, 2, Sent)], Err(Refusal::OperationInFlight { number: 2, kind: Void })),
                (vec![charge(), op(Void, 2, Unknown)], Err(Refusal::InDoubt { state: State::InDoubt })),
                (vec![charge(), op(Reversal, 2, Sent)], Err(Refusal::InProgress)),
                (vec![op(Purchase, 1, Unknown).left_to_person()], Err(Refusal::InDoubt { state: State::NeedsPerson })),
                (vec![no(Purchase, 1)], Err(Refusal::NotCaptured { state: State::Declined })),
                (
                    vec![op(Purchase, 1, Unknown), yes(Reversal, 2, 0)],
                    Err(Refusal::NotCaptured { state: State::Reversed }),
                ),
                // A late approval after a reversal that undid nothing.
                (vec![charge(), yes(Reversal, 2, 0)], ask(Refund, 1, 600)),
            ],
            |operations| may_refund(operations, &SANDBOX, Some(600), NOW),
        );
        check(
            [
                (vec![charge()], ask(Refund, 1, 1_000)),
                (vec![charge(), pending(2, Sent), yes(Refund, 3, 100)], ask(Refund, 1, 500)),
                (vec![charge(), yes(Refund, 2, 1_000)], exceeds(1_000, 0, 1_000)),
            ],
            |operations| may_refund(operations, &SANDBOX, None, NOW),
        );
    }

    #[test]
    fn a_refund_keeps_to_the_profile() {
        let charge = yes(Purchase, 1, 1_000);
        let refund = |profile: &Profile, amount, now| may_refund(&[&charge], profile, Some(amount), now);
        let whole = Profile { has_partial_refund: false, ..SANDBOX };
        let partial = Refusal::PartialRefundNotSupported { captured_minor: 1_000, asked_minor: 999 };
        assert_eq!(refund(&whole, 1_000, NOW), ask(Refund, 1, 1_000));
        assert_eq!(refund(&whole, 999, NOW), Err(partial));
        let until = RECORDED_AT.plus_ms(SANDBOX.refund_window_ms);
        assert_eq!(refund(&SANDBOX, 1_000, until), Err(Refusal::RefundWindowClosed { until }));
        let none = Profile { refund_window_ms: 0, ..SANDBOX };
        assert_eq!(refund(&none, 1_000, NOW), Err(Refusal::RefundNotSupported));
        assert_eq!(refund(&SANDBOX, -1, NOW), Err(Refusal::AmountNotPositive { asked_minor: -1 }));
    }

    #[test]
    fn a_cancel_reverses_a_charge_that_has_not_ended() {
        let flies = Err(Refusal::OperationInFlight { number: 2, kind: Reversal });
        let cases = || {
            [
                (vec![op(Purchase, 1, Pending)], ask(Reversal, 1, 1_000)),
                (vec![op(Purchase, 1, Unknown)], ask(Reversal, 1, 1_000)),
                (vec![op(Purchase, 1, Unknown).left_to_person()], ask(Reversal, 1, 1_000)),
                (vec![op(Purchase, 1, Pending), no(Reversal, 2)], ask(Reversal, 1, 1_000)),
                (vec![op(Purchase, 1, Pending), op(Reversal, 2, Sent)], flies),
                (vec![yes(Purchase, 1, 1_000), op(Reversal, 2, Unknown)], flies),
                (vec![yes(Purchase, 1, 1_000)], Err(Refusal::AlreadyFinal { state: State::Captured })),
                (vec![no(Purchase, 1)], Err(Refusal::AlreadyFinal { state: State::Declined })),
                (vec![yes(Purchase, 1, 1_000), op(Void, 2, Unknown)], Err(Refusal::InDoubt { state: State::InDoubt })),
                (vec![], Err(Refusal::InProgress)),
            ]
        };
        check(cases(), |operations| may_cancel(operations, &SANDBOX));
        let charge = op(Purchase, 1, Pending);
        assert_eq!(may_cancel(&[&charge], &Profile::manual()), Err(Refusal::CancelNotSupported));
    }

    #[test]
    fn a_late_approval_is_given_back_once_if_the_profile_says_so() {
        let late = || yes(Purchase, 1, 1_000);
        let undone = || yes(Reversal, 2, 0);
        let cases = [
            (vec![late(), undone()], ask(Refund, 1, 1_000).ok()),
            (vec![late()], ask(Refund, 1, 1_000).ok()),
            (vec![late(), undone(), op(Refund, 3, Sent)], None),
            (vec![late(), undone(), yes(Refund, 3, 1_000)], None),
            (vec![yes(Authorize, 1, 900), undone()], ask(Void, 1, 900).ok()),
            (vec![yes(Authorize, 1, 900), undone(), op(Void, 3, Sent)], None),
            (vec![late(), yes(Reversal, 2, 1_000)], None),
            (vec![no(Purchase, 1)], None),
            (vec![], None),
        ];
        for (operations, expected) in cases {
            let refs: Vec<&Operation> = operations.iter().collect();
            assert_eq!(late_approval_ask(&refs, &SANDBOX), expected);
            assert_eq!(late_approval_ask(&refs, &Profile::manual()), None);
        }
    }

    #[test]
    fn a_payment_has_a_limit_of_operations() {
        let mut operations = vec![yes(Purchase, 1, 1_000)];
        operations.resize(OPERATIONS_MAX, no(Refund, 2));
        let refs: Vec<&Operation> = operations.iter().collect();
        let refusal = Refusal::OperationLimitReached { max: OPERATIONS_MAX };
        assert_eq!(may_refund(&refs, &SANDBOX, None, NOW), Err(refusal));
    }
}
