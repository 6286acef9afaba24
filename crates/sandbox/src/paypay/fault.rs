//! What goes wrong at the played PayPay, in one table: by the last three digits of an amount. `docs/guides/sandbox.md` prints
//! the same table; a test compares the two.

/// An amount that ends in these three digits plays the fault of that number.
const AMOUNT_MODULUS: i64 = 1_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing.
    None,
    /// The wallet refuses: the payment ends `FAILED`.
    Decline,
    /// Done, then the connection is reset without an answer.
    LoseReply,
    /// Done, and answered only after the caller's timeout.
    SlowReply,
    /// Done, and answered with 500 `INTERNAL_SERVER_ERROR`.
    ErrorAfterCommit,
    /// The same notification is sent twice.
    DuplicateNotification,
    /// An older notification arrives after a newer one.
    LateNotification,
    /// The connection is reset and nothing was done.
    LoseRequest,
    /// The customer does nothing until the control API plays the customer.
    Pend,
    /// A notification with a wrong signature comes before the right one.
    WrongSignature,
    /// 503 `MAINTENANCE_MODE`, and nothing was done.
    Maintenance,
    /// 429 `RATE_LIMIT`, and nothing was done.
    RateLimit,
    /// 401 `UNAUTHORIZED`, as for a caller whose clock is wrong.
    ClockSkew,
    /// What undoes the charge is done, and the answer is lost.
    LoseReplyOfUndo,
    /// What undoes the charge is done, and answered with 500.
    ErrorAfterUndo,
    /// The connection is reset, and what should undo the charge was not done.
    LoseUndo,
}

/// One row of the table.
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

/// All faults.
pub const FAULTS: [Row; 15] = [
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
];

impl Fault {
    /// The fault that an amount asks for.
    pub fn of_amount(amount: i64) -> Self {
        let digits = amount % AMOUNT_MODULUS;
        FAULTS.iter().find(|row| row.digits == digits).map_or(Self::None, |row| row.fault)
    }

    /// What a request that undoes a charge of this fault plays.
    pub(crate) const fn of_undo(self) -> Self {
        match self {
            Self::LoseReplyOfUndo => Self::LoseReply,
            Self::ErrorAfterUndo => Self::ErrorAfterCommit,
            Self::LoseUndo => Self::LoseRequest,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_names_are_unique_and_the_guide_prints_this_table() {
        let guide = include_str!("../../../../docs/guides/paypay.md");
        for (place, row) in FAULTS.iter().enumerate() {
            assert!(FAULTS[..place].iter().all(|other| other.digits != row.digits && other.name != row.name));
            assert_eq!(Fault::of_amount(5_000 + row.digits), row.fault);
            let line = format!("| {} | `{}` |", row.digits, row.name);
            assert!(guide.contains(&line), "the guide lacks: {line}");
        }
        assert_eq!(Fault::of_amount(1_000), Fault::None);
    }
}
