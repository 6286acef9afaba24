//! What a command about a payment answers, and with it all that the sender needs to know after the commit: it talks to
//! the provider without reading the database again.

use super::{Operation, Payment};
use crate::id::{MerchantId, OperationId, PaymentId};
use crate::job::{self, JobId};
use crate::journal::LedgerAccount;
use crate::merchant::Connection;
use crate::time::Timestamp;
use crate::work::{Key, UnitOfWork};

/// What a lease grants beyond the provider's answer timeout: for connecting, and for the outcome's own way through the
/// committer when that is busy.
pub const SEND_GRACE_MS: i64 = 2_000;

/// A payment as a command leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The payment.
    pub payment: Payment,
    /// All its operations, in order.
    pub operations: Vec<Operation>,
    /// What is to be asked of the provider after the commit.
    pub tasks: Vec<Task>,
}

/// One request to the provider, to be made after the commit. Its outcome comes back by [`super::RecordOutcome`] with the
/// task's fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// What to do.
    pub what: Action,
    /// About which operation. Its id is the reference that the provider is given.
    pub operation: Operation,
    /// What that operation captures, voids, refunds or reverses.
    pub target: Option<Operation>,
    /// The payment of both.
    pub payment: Payment,
    /// With which credentials, where, and how fast.
    pub connection: Connection,
    /// The fence of the lease that this was handed out under.
    pub fence: i64,
    /// When it was handed out, by the clock of the batch: no question of it was asked before.
    pub handed_out_at: Timestamp,
}

/// What the sender does with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send it under its reference. A charge is handed out for this once in its life.
    Send,
    /// Ask how it ended.
    Inquire,
}

/// The job that brings a payment's operations to an end.
pub fn settle_job(payment: PaymentId) -> JobId {
    JobId { kind: job::Kind::Settle, subject: payment.to_string() }
}

/// What recording an outcome needs, as far as the payment tells: whoever has the payment names it early and saves a
/// round. What completing a sale needs is found out from the sale.
pub fn keys_for_outcome(payment: &Payment) -> Vec<Key> {
    let balance = |account| Key::Balance(payment.merchant, account, payment.currency);
    let keys = [
        Key::Payment(payment.id),
        Key::Job(settle_job(payment.id)),
        Key::Connection(payment.connection),
        balance(LedgerAccount::Receivable(payment.connection)),
        balance(LedgerAccount::Clearing),
    ];
    keys.into_iter().chain(payment.tender.map(|(sale, _)| Key::Sale(sale))).collect()
}

/// The operations of a payment, in order.
pub fn operations_of(work: &UnitOfWork, merchant: MerchantId, payment: PaymentId) -> impl Iterator<Item = &Operation> {
    let id = |number| OperationId { payment, number };
    work.operations.range(merchant, id(0)..=id(u32::MAX))
}
