//! The journal: double entry, so that money cannot appear or vanish unseen.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::call::Call;
use crate::id::{ConnectionId, JournalEntryId, MerchantId, RegisterId};
use crate::money::Currency;
use crate::time::Timestamp;

/// A ledger account of a merchant. What the shop has is positive, what it owes or earned is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LedgerAccount {
    /// Cash in a register's drawer.
    Drawer(RegisterId),
    /// What a provider owes.
    Receivable(ConnectionId),
    /// Money taken by payments, not yet matched by a completed sale, or given back without one; and what is owed for
    /// returned goods until it is given back, or pays other goods.
    Clearing,
    /// Sales without tax.
    Revenue,
    /// Tax collected.
    Tax,
    /// Cash of the shop that lies in no drawer.
    Safe,
    /// Cash that a drawer gave to the bank, or has from it.
    Bank,
    /// What was paid for out of a drawer.
    Expense,
    /// Other cash that went into a drawer or out of it.
    Sundry,
    /// What counts of drawers found too much or too little.
    OverShort,
    /// Money that was taken or given elsewhere: another system has it in its books.
    Recorded,
}

impl LedgerAccount {
    /// The accounts of which a merchant has one.
    const OF_MERCHANT: [Self; 9] = [
        Self::Clearing,
        Self::Revenue,
        Self::Tax,
        Self::Safe,
        Self::Bank,
        Self::Expense,
        Self::Sundry,
        Self::OverShort,
        Self::Recorded,
    ];

    /// The account of its text form; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("drawer", register)) => register.parse().ok().map(Self::Drawer),
            Some(("receivable", connection)) => connection.parse().ok().map(Self::Receivable),
            Some(_) => None,
            None => Self::OF_MERCHANT.into_iter().find(|account| account.kind() == text),
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Drawer(_) => "drawer",
            Self::Receivable(_) => "receivable",
            Self::Clearing => "clearing",
            Self::Revenue => "revenue",
            Self::Tax => "tax",
            Self::Safe => "safe",
            Self::Bank => "bank",
            Self::Expense => "expense",
            Self::Sundry => "sundry",
            Self::OverShort => "over_short",
            Self::Recorded => "recorded",
        }
    }
}

/// The one text form, in the database and in JSON: the kind and, after a colon, whose it is: `drawer:reg_…`,
/// `receivable:con_…`, `clearing`, `revenue`, `tax`, `safe`, `bank`, `expense`, `sundry`, `over_short`,
/// `recorded`.
impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::Drawer(register) => write!(f, "{kind}:{register}"),
            Self::Receivable(connection) => write!(f, "{kind}:{connection}"),
            Self::Clearing
            | Self::Revenue
            | Self::Tax
            | Self::Safe
            | Self::Bank
            | Self::Expense
            | Self::Sundry
            | Self::OverShort
            | Self::Recorded => f.write_str(kind),
        }
    }
}

impl Serialize for LedgerAccount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LedgerAccount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected a ledger account"))
    }
}

/// One journal entry: its postings sum to zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its id.
    pub id: JournalEntryId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The id of the sale or operation behind it.
    pub subject: String,
    /// The currency of all postings.
    pub currency: Currency,
    /// Account and amount in minor units, positive for a debit.
    pub postings: Vec<(LedgerAccount, i64)>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

impl JournalEntry {
    /// What is written of `subject` in the course of a command.
    pub fn new(
        call: &mut Call<'_>,
        subject: impl fmt::Display,
        currency: Currency,
        postings: Vec<(LedgerAccount, i64)>,
    ) -> Self {
        let (merchant, recorded_at) = (call.merchant, call.now);
        let id = JournalEntryId::from_uuid(call.next_uuid());
        Self { id, merchant, subject: subject.to_string(), currency, postings, recorded_at }
    }
}

/// The sum of all postings to one account in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Whose it is.
    pub merchant: MerchantId,
    /// Which account.
    pub account: LedgerAccount,
    /// In which currency.
    pub currency: Currency,
    /// The sum, in minor units.
    pub amount_minor: i64,
    /// Row version.
    pub version: i64,
}

/// The sum of an entry's postings in minor units: zero, or the entry is wrong. It stops at the ends of the range, so
/// that a sum too large to hold is not taken for zero.
pub fn entry_sum(postings: &[(LedgerAccount, i64)]) -> i64 {
    // Added up in a wider type, so that stopping early does not make the order matter.
    let sum = postings.iter().fold(0, |sum: i128, (_, amount)| sum.saturating_add(i128::from(*amount)));
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

/// What paid a sale, all amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proceeds {
    /// Per cash tender what was given and what went back.
    pub cash: Vec<(i64, i64)>,
    /// What all payments and return credits brought.
    pub cleared_minor: i64,
    /// What was taken elsewhere.
    pub recorded_minor: i64,
}

/// The postings of a completed sale, all amounts in minor units: what paid it, and what it is worth. They sum to zero when the
/// tenders cover the sale.
///
/// Tendered and change are two postings: a drawer is counted by what went through it, and a cashier who gave the wrong
/// change is found only if the change was written down.
pub fn sale_postings(
    register: RegisterId,
    paid: &Proceeds,
    net_minor: i64,
    tax_minor: i64,
) -> Vec<(LedgerAccount, i64)> {
    let drawer = LedgerAccount::Drawer(register);
    let drawer_postings =
        paid.cash.iter().flat_map(|(given, change)| [(drawer, *given), (drawer, change.saturating_neg())]);
    let others = [
        (LedgerAccount::Clearing, paid.cleared_minor),
        (LedgerAccount::Recorded, paid.recorded_minor),
        (LedgerAccount::Revenue, net_minor.saturating_neg()),
        (LedgerAccount::Tax, tax_minor.saturating_neg()),
    ];
    without_zeros(drawer_postings.chain(others))
}

/// The postings of a return, all amounts in minor units: what the sale brought is taken back, and the shop owes it to the
/// customer until it is given back.
pub fn return_postings(net_minor: i64, tax_minor: i64) -> Vec<(LedgerAccount, i64)> {
    let owed_minor = net_minor.saturating_add(tax_minor);
    without_zeros([
        (LedgerAccount::Revenue, net_minor),
        (LedgerAccount::Tax, tax_minor),
        (LedgerAccount::Clearing, owed_minor.saturating_neg()),
    ])
}

/// The postings of goods that came back without their sale, all amounts in minor units: what they brought once is taken back,
/// and was given at once: out of a drawer, or elsewhere.
pub fn unreferenced_return_postings(
    given_by: LedgerAccount,
    net_minor: i64,
    tax_minor: i64,
) -> Vec<(LedgerAccount, i64)> {
    let given_minor = net_minor.saturating_add(tax_minor);
    without_zeros([
        (LedgerAccount::Revenue, net_minor),
        (LedgerAccount::Tax, tax_minor),
        (given_by, given_minor.saturating_neg()),
    ])
}

/// The postings of `amount_minor` that a return gives back out of a register's drawer.
pub fn cash_refund_postings(register: RegisterId, amount_minor: i64) -> Vec<(LedgerAccount, i64)> {
    without_zeros([
        (LedgerAccount::Drawer(register), amount_minor.saturating_neg()),
        (LedgerAccount::Clearing, amount_minor),
    ])
}

/// The postings of `amount_minor` that a return gave back elsewhere.
pub fn recorded_refund_postings(amount_minor: i64) -> Vec<(LedgerAccount, i64)> {
    without_zeros([(LedgerAccount::Recorded, amount_minor.saturating_neg()), (LedgerAccount::Clearing, amount_minor)])
}

/// The postings of a capture of `amount_minor`: the provider owes it, and a sale is still to claim it.
pub fn capture_postings(connection: ConnectionId, amount_minor: i64) -> Vec<(LedgerAccount, i64)> {
    without_zeros([
        (LedgerAccount::Receivable(connection), amount_minor),
        (LedgerAccount::Clearing, amount_minor.saturating_neg()),
    ])
}

/// The postings of a refund of `amount_minor` (positive): the mirror of its capture.
pub fn refund_postings(connection: ConnectionId, amount_minor: i64) -> Vec<(LedgerAccount, i64)> {
    capture_postings(connection, amount_minor.saturating_neg())
}

fn without_zeros(postings: impl IntoIterator<Item = (LedgerAccount, i64)>) -> Vec<(LedgerAccount, i64)> {
    postings.into_iter().filter(|(_, amount)| *amount != 0).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::LedgerAccount::{Clearing, Drawer, Receivable, Revenue, Tax};
    use super::*;

    const REGISTER: RegisterId = RegisterId::from_uuid(Uuid::from_u128(1));
    const CONNECTION: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(2));

    #[test]
    fn an_account_has_one_text_form() {
        for (account, text) in [
            (Drawer(REGISTER), "drawer:reg_00000000000000000000000000000001"),
            (Receivable(CONNECTION), "receivable:con_00000000000000000000000000000002"),
            (Clearing, "clearing"),
            (Revenue, "revenue"),
            (Tax, "tax"),
            (LedgerAccount::Safe, "safe"),
            (LedgerAccount::OverShort, "over_short"),
            (LedgerAccount::Recorded, "recorded"),
        ] {
            assert_eq!(account.to_string(), text);
            assert_eq!(LedgerAccount::parse(text), Some(account));
            let postings = [(account, -5)];
            let json = format!("[[\"{text}\",-5]]");
            assert_eq!(serde_json::to_string(&postings).unwrap(), json);
            assert_eq!(serde_json::from_str::<Vec<(LedgerAccount, i64)>>(&json).unwrap(), postings);
        }
    }

    #[test]
    fn other_texts_are_no_account() {
        for text in
            ["", "drawer", "drawer:", "Tax", "tax:", "clearing:x", "drawer:con_00000000000000000000000000000001"]
        {
            assert_eq!(LedgerAccount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn tendered_and_change_are_two_postings() {
        let postings = sale_postings(
            REGISTER,
            &Proceeds { cash: vec![(2_000, 350), (500, 0)], cleared_minor: 800, recorded_minor: 50 },
            2_728,
            272,
        );
        let drawer = Drawer(REGISTER);
        let given = [(drawer, 2_000), (drawer, -350), (drawer, 500), (Clearing, 800), (LedgerAccount::Recorded, 50)];
        let expected: Vec<_> = given.into_iter().chain([(Revenue, -2_728), (Tax, -272)]).collect();
        assert_eq!(postings, expected);
        assert_eq!(entry_sum(&postings), 0);
    }

    #[test]
    fn a_refund_mirrors_its_capture() {
        assert_eq!(capture_postings(CONNECTION, 980), [(Receivable(CONNECTION), 980), (Clearing, -980)]);
        assert_eq!(refund_postings(CONNECTION, 980), [(Receivable(CONNECTION), -980), (Clearing, 980)]);
        assert_eq!(capture_postings(CONNECTION, 0), []);
    }

    #[test]
    fn a_return_is_owed_until_it_is_given_back() {
        assert_eq!(return_postings(1_000, 100), [(Revenue, 1_000), (Tax, 100), (Clearing, -1_100)]);
        assert_eq!(cash_refund_postings(REGISTER, 1_100), [(Drawer(REGISTER), -1_100), (Clearing, 1_100)]);
        assert_eq!(recorded_refund_postings(1_100), [(LedgerAccount::Recorded, -1_100), (Clearing, 1_100)]);
        assert_eq!(entry_sum(&return_postings(1_000, 100)), 0);
        let at_once = unreferenced_return_postings(Drawer(REGISTER), 1_000, 100);
        assert_eq!(at_once, [(Revenue, 1_000), (Tax, 100), (Drawer(REGISTER), -1_100)]);
    }

    #[test]
    fn a_sum_out_of_range_is_not_zero() {
        let (max, min) = ((Tax, i64::MAX), (Tax, i64::MIN));
        assert_eq!(entry_sum(&[max, max]), i64::MAX);
        assert_eq!(entry_sum(&[min, min]), i64::MIN);
        assert_eq!(entry_sum(&[max, max, min, min, (Tax, 2)]), 0);
    }

    proptest! {
        #[test]
        fn the_postings_of_a_paid_sale_sum_to_zero(
            cash in prop::collection::vec((0..1_000_000_i64, 0..1_000_i64), 0..4),
            electronic in 0..1_000_000_i64,
            recorded in 0..1_000_000_i64,
            tax in 0..1_000_i64,
        ) {
            let total = cash.iter().map(|(given, change)| given - change).sum::<i64>() + electronic + recorded;
            let paid = Proceeds { cash, cleared_minor: electronic, recorded_minor: recorded };
            let postings = sale_postings(REGISTER, &paid, total - tax, tax);
            prop_assert_eq!(entry_sum(&postings), 0);
            prop_assert!(postings.iter().all(|(_, amount)| *amount != 0));
        }

        #[test]
        fn captures_and_refunds_sum_to_zero(amount in 0..=crate::money::AMOUNT_MINOR_MAX) {
            prop_assert_eq!(entry_sum(&capture_postings(CONNECTION, amount)), 0);
            prop_assert_eq!(entry_sum(&refund_postings(CONNECTION, amount)), 0);
        }
    }
}
