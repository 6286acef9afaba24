//! The faults that can be asked for, in one table: by the last three digits of a charge's amount or by the header
//! `X-Sandbox-Fault`. `docs/guides/sandbox.md` prints the same table; a test compares the two.

use crate::ledger::Plan;

/// The header that asks for a fault by name. It is stronger than the amount.
pub const FAULT_HEADER: &str = "x-sandbox-fault";

/// A charge whose amount ends in these three digits plays the fault of that number.
const AMOUNT_MODULUS: i64 = 1_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing. As a header it switches the faults by amount off.
    None,
    /// The charge is declined.
    Decline,
    /// Pending; approved a little later.
    PendApprove,
    /// Charged, then the connection is reset without an answer.
    LoseReply,
    /// Charged, and answered only after the caller's timeout.
    SlowReply,
    /// Charged, and answered with 500.
    ErrorAfterCharge,
    /// Approved, and the same notification is sent twice.
    DuplicateNotification,
    /// Approved, and the notification arrives before the reply.
    NotificationFirst,
    /// The reply says declined, the notification and the ledger say approved.
    Contradict,
    /// Not charged, never answered.
    NeverAnswer,
    /// Connections about this reference are reset for a while, nothing is charged; then all works.
    Unreachable,
    /// The reply is lost, inquiries find nothing, a reversal is accepted, and then the money moves all the same.
    LateApproval,
    /// Half the amount is approved.
    Partial,
    /// Pending until the control API plays the customer.
    Pend,
    /// Pending; declined a little later.
    PendDecline,
    /// Approved; the provider pays a tenth of it, and the customer the rest.
    Discount,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// What it does.
    pub fault: Fault,
    /// The last three digits of the amount; none for the fault that is no fault.
    pub digits: Option<i64>,
    /// The value of the header.
    pub name: &'static str,
    /// It can also be asked, by header, of a capture, void, refund or reversal.
    pub is_for_operations: bool,
}

const fn row(fault: Fault, digits: i64, name: &'static str, is_for_operations: bool) -> Row {
    Row { fault, digits: Some(digits), name, is_for_operations }
}

/// All faults.
pub const FAULTS: [Row; 16] = [
    Row { fault: Fault::None, digits: None, name: "none", is_for_operations: true },
    row(Fault::Decline, 901, "decline", true),
    row(Fault::PendApprove, 902, "pend_approve", false),
    row(Fault::LoseReply, 903, "lose_reply", true),
    row(Fault::SlowReply, 904, "slow_reply", true),
    row(Fault::ErrorAfterCharge, 905, "error_after_charge", true),
    row(Fault::DuplicateNotification, 906, "duplicate_notification", false),
    row(Fault::NotificationFirst, 907, "notification_first", false),
    row(Fault::Contradict, 908, "contradict", false),
    row(Fault::NeverAnswer, 909, "never_answer", true),
    row(Fault::Unreachable, 910, "unreachable", true),
    row(Fault::LateApproval, 911, "late_approval", false),
    row(Fault::Partial, 912, "partial", false),
    row(Fault::Pend, 913, "pend", false),
    row(Fault::PendDecline, 914, "pend_decline", false),
    row(Fault::Discount, 915, "discount", false),
];

impl Fault {
    /// The fault of that name.
    pub fn parse(name: &str) -> Option<Self> {
        FAULTS.iter().find(|row| row.name == name).map(|row| row.fault)
    }

    /// The fault that the amount of a charge asks for.
    pub fn of_amount(amount: i64) -> Self {
        let digits = amount % AMOUNT_MODULUS;
        FAULTS.iter().find(|row| row.digits == Some(digits)).map_or(Self::None, |row| row.fault)
    }

    /// Whether a capture, void, refund or reversal can play it.
    pub fn is_for_operations(self) -> bool {
        FAULTS.iter().any(|row| row.fault == self && row.is_for_operations)
    }

    /// Whether something is left to do once the reply is out.
    pub(crate) const fn has_sequel(self) -> bool {
        matches!(
            self,
            Self::PendApprove
                | Self::PendDecline
                | Self::DuplicateNotification
                | Self::NotificationFirst
                | Self::Contradict
                | Self::LateApproval
        )
    }

    /// What the ledger does with a charge under this fault.
    pub(crate) const fn plan(self) -> Plan {
        match self {
            Self::Decline => Plan::Decline,
            Self::PendApprove | Self::PendDecline | Self::Pend => Plan::Pend,
            Self::Contradict => Plan::ApproveButDenyIt,
            Self::LateApproval => Plan::ApproveLate,
            Self::Partial => Plan::ApproveHalf,
            Self::Discount => Plan::ApproveWithDiscount,
            Self::None
            | Self::LoseReply
            | Self::SlowReply
            | Self::ErrorAfterCharge
            | Self::DuplicateNotification
            | Self::NotificationFirst
            // These two are played before the ledger is asked; once they are over, the charge is an ordinary one.
            | Self::NeverAnswer
            | Self::Unreachable => Plan::Approve,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_three_digits_of_an_amount_count() {
        assert_eq!(Fault::of_amount(901), Fault::Decline);
        assert_eq!(Fault::of_amount(12_914), Fault::PendDecline);
        for ordinary in [1, 900, 916, 9_010, 90_100] {
            assert_eq!(Fault::of_amount(ordinary), Fault::None, "{ordinary}");
        }
    }

    #[test]
    fn digits_and_names_are_unique() {
        for (place, row) in FAULTS.iter().enumerate() {
            assert_eq!(Fault::parse(row.name), Some(row.fault));
            assert!(FAULTS[..place].iter().all(|other| other.digits != row.digits && other.fault != row.fault));
        }
    }

    #[test]
    fn the_guide_prints_this_table() {
        let guide = include_str!("../../../docs/guides/sandbox.md");
        for row in FAULTS.iter().filter(|row| row.digits.is_some()) {
            let digits = row.digits.unwrap_or_default();
            let scope = if row.is_for_operations { "any" } else { "charge" };
            let line = format!("| {digits} | `{}` | {scope} |", row.name);
            assert!(guide.contains(&line), "the guide lacks: {line}");
        }
    }
}
