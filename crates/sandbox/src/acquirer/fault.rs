//! What goes wrong at the played gateway, in two tables: the amounts of the vendor's mPOS test page, and the last three digits
//! of an amount in minor units, as at the other played providers. `docs/guides/mpos-gateway.md` prints both; a test compares.

/// An amount that ends in these three digits plays the fault of that number.
const AMOUNT_MODULUS: i64 = 1_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing.
    None,
    /// The bank refuses.
    Decline,
    /// The bank wants the PIN, and the right one: without it `auth-response-code` is 55.
    AskPin,
    /// Done, then the connection is reset without an answer.
    LoseReply,
    /// Done, and answered only after the caller's timeout.
    SlowReply,
    /// Done, and answered with 503.
    ErrorAfterCommit,
    /// The same callback is sent twice.
    DuplicateNotification,
    /// An older callback arrives after a newer one.
    LateNotification,
    /// The connection is reset and nothing was done.
    LoseRequest,
    /// The bank takes its time.
    Pend,
    /// A callback with a wrong control comes before the right one.
    WrongSignature,
    /// 503, and nothing was done.
    Maintenance,
    /// 429, and nothing was done.
    RateLimit,
    /// 403, as for a caller whose clock is wrong.
    ClockSkew,
    /// What undoes the charge is done, and the answer is lost.
    LoseReplyOfUndo,
    /// What undoes the charge is done, and answered with 503.
    ErrorAfterUndo,
    /// The connection is reset, and what should undo the charge was not done.
    LoseUndo,
    /// The reply to the sale names no order.
    NoOrderId,
    /// A stall on this leg.
    Stall(Leg),
    /// 503 on this leg; a sale is made all the same.
    Busy(Leg),
}

/// A leg of the reference sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leg {
    /// `/mapi/v1/sale` or `preauth`
    Sale,
    /// The first `/api/v2/status`
    FirstStatus,
    /// `/mapi/v1/emv-advice`
    Advice,
    /// The first `/api/v2/status` after the advice
    StatusAfterAdvice,
}

/// One row of the table of last digits.
#[derive(Debug)]
pub struct Row {
    /// What it does.
    pub fault: Fault,
    /// The last three digits of the amount.
    pub digits: i64,
    /// Its name in the guide.
    pub name: &'static str,
}

const fn row(digits: i64, name: &'static str, fault: Fault) -> Row {
    Row { fault, digits, name }
}

/// All faults by last digits.
pub const FAULTS: [Row; 16] = [
    row(901, "decline", Fault::Decline),
    row(903, "lose_reply", Fault::LoseReply),
    row(904, "slow_reply", Fault::SlowReply),
    row(905, "error_after_commit", Fault::ErrorAfterCommit),
    row(906, "duplicate_notification", Fault::DuplicateNotification),
    row(907, "late_notification", Fault::LateNotification),
    row(909, "lose_request", Fault::LoseRequest),
    row(913, "pend", Fault::Pend),
    row(920, "wrong_signature", Fault::WrongSignature),
    row(921, "maintenance", Fault::Maintenance),
    row(922, "rate_limit", Fault::RateLimit),
    row(923, "clock_skew", Fault::ClockSkew),
    row(931, "lose_reply_of_undo", Fault::LoseReplyOfUndo),
    row(932, "error_after_undo", Fault::ErrorAfterUndo),
    row(933, "lose_undo", Fault::LoseUndo),
    row(955, "ask_pin", Fault::AskPin),
];

/// The amounts of the vendor's test page, in hundredths; every other one but 1.00 is declined there.
pub const DOCUMENTED: [(i64, Fault); 10] = [
    (100, Fault::None),
    (101, Fault::NoOrderId),
    (500, Fault::Stall(Leg::FirstStatus)),
    (501, Fault::Stall(Leg::Sale)),
    (502, Fault::Stall(Leg::Advice)),
    (503, Fault::Stall(Leg::StatusAfterAdvice)),
    (600, Fault::Busy(Leg::Sale)),
    (601, Fault::Busy(Leg::FirstStatus)),
    (602, Fault::Busy(Leg::Advice)),
    (603, Fault::Busy(Leg::StatusAfterAdvice)),
];

/// Which table is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amounts {
    /// By last digits; what has none of them is approved.
    ByDigits,
    /// As on the vendor's test page.
    Documented,
}

impl Amounts {
    /// The fault that an amount asks for.
    pub fn fault(self, minor: i64) -> Fault {
        match self {
            Self::ByDigits => {
                let digits = minor % AMOUNT_MODULUS;
                FAULTS.iter().find(|row| row.digits == digits).map_or(Fault::None, |row| row.fault)
            }
            Self::Documented => {
                DOCUMENTED.iter().find(|(amount, _)| *amount == minor).map_or(Fault::Decline, |(_, fault)| *fault)
            }
        }
    }
}

impl Fault {
    /// What a request that undoes a charge of this fault plays.
    pub(super) const fn of_undo(self) -> Self {
        match self {
            Self::LoseReplyOfUndo => Self::LoseReply,
            Self::ErrorAfterUndo => Self::ErrorAfterCommit,
            Self::LoseUndo => Self::LoseRequest,
            _ => Self::None,
        }
    }

    /// What a leg plays.
    pub(super) fn on(self, leg: Leg) -> Self {
        match self {
            Self::Stall(on) if on == leg => Self::SlowReply,
            Self::Busy(on) if on == leg => Self::ErrorAfterCommit,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_names_are_unique_and_the_guide_prints_this_table() {
        let guide = include_str!("../../../../docs/guides/mpos-gateway.md");
        for (place, row) in FAULTS.iter().enumerate() {
            assert!(FAULTS[..place].iter().all(|other| other.digits != row.digits && other.name != row.name));
            assert_eq!(Amounts::ByDigits.fault(5_000 + row.digits), row.fault);
            let line = format!("| {} | `{}` |", row.digits, row.name);
            assert!(guide.contains(&line), "the guide lacks: {line}");
        }
        for (amount, fault) in DOCUMENTED {
            assert_eq!(Amounts::Documented.fault(amount), fault);
            let line = format!("| {}.{:02} |", amount / 100, amount % 100);
            assert!(guide.contains(&line), "the guide lacks: {line}");
        }
        assert_eq!(Amounts::Documented.fault(999), Fault::Decline);
        assert_eq!(Amounts::ByDigits.fault(1_000), Fault::None);
    }
}
