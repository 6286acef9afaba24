//! A transaction is noted in the commit of what it asks for.

use super::{About, PosRegister, Refusal, Subject, Transaction, TransactionType};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{MerchantId, RegisterId, SmartconnectId, TerminalId};
use crate::payment::Moved;
use crate::work::{Key, Stop, UnitOfWork};

/// What is known of a transaction before it is decided.
#[derive(Debug, Clone)]
pub struct NewTransaction {
    /// Its id, which the hub drew.
    pub id: SmartconnectId,
    /// The merchant of the register.
    pub merchant: MerchantId,
    /// The register of ours that asks.
    pub register: RegisterId,
    /// The terminal that is paired with it, as the hub found it.
    pub terminal: TerminalId,
    /// What is asked.
    pub kind: TransactionType,
    /// `AmountTotal`, or what stands in its place, in minor units.
    pub amount_minor: Option<i64>,
    /// `AmountCash`, in minor units.
    pub cash_minor: Option<i64>,
    /// The id of the sale, as `SaleData` says it.
    pub sale_id: Option<String>,
    /// `SaleData`, without what tells of a customer.
    pub sale_data: Option<String>,
}

impl NewTransaction {
    fn keys(&self) -> [Key; 3] {
        [Key::Register(self.register), Key::Pairing(self.register), Key::PosRegister(self.register)]
    }

    /// Goes on only if the terminal is still the register's.
    fn check(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<(), Stop<command::Refusal>> {
        work.require(self.keys())?;
        let known: Option<&PosRegister> = work.pos_registers.find(call.merchant, &self.register);
        known.ok_or_else(|| not_found("register", self.register))?;
        let place = work.pairings.find(call.merchant, &self.register);
        let is_paired = place.is_some_and(|place| place.terminal == Some(self.terminal));
        if is_paired { Ok(()) } else { Err(Refusal::NotPaired.into()) }
    }

    fn note(&self, work: &mut UnitOfWork, call: &Call<'_>, about: About) -> Transaction {
        let transaction = Transaction {
            id: self.id,
            merchant: call.merchant,
            register: self.register,
            terminal: self.terminal,
            kind: self.kind,
            amount_minor: self.amount_minor,
            cash_minor: self.cash_minor,
            about,
            sale_id: self.sale_id.clone(),
            sale_data: self.sale_data.clone(),
            created_at: call.now,
            version: 1,
        };
        work.smartconnect_transactions.insert(transaction.clone());
        transaction
    }
}

/// A transaction that moves money: what moves it, and the note of it.
#[derive(Debug, Clone)]
pub struct Transact<C: Command<Reply = Moved>> {
    /// What is known of it.
    pub transaction: NewTransaction,
    /// What moves the money.
    pub command: C,
}

impl<C: Command<Reply = Moved>> Command for Transact<C> {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        self.command.name()
    }

    fn keys(&self) -> Vec<Key> {
        self.command.keys().into_iter().chain(self.transaction.keys()).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        self.transaction.check(work, call)?;
        let moved = self.command.decide(work, call)?;
        // What was asked just now is the last operation of the payment.
        let operation = moved.operations.last().map(|operation| operation.id);
        let operation = operation.ok_or_else(|| not_found("operation", moved.payment.id))?;
        self.transaction.note(work, call, About::Money(operation));
        Ok(moved)
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        self.command.unique_refusal(constraint)
    }
}

/// A transaction that moves no money.
#[derive(Debug, Clone)]
pub struct NoteTransaction {
    /// What is known of it.
    pub transaction: NewTransaction,
    /// What answers it.
    pub subject: Subject,
}

impl Command for NoteTransaction {
    type Reply = Transaction;

    fn name(&self) -> &'static str {
        "smartconnect.note"
    }

    fn keys(&self) -> Vec<Key> {
        self.transaction.keys().into()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Transaction, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        self.transaction.check(work, call)?;
        let about = match self.subject {
            Subject::Earlier(earlier) => About::Earlier(earlier),
            Subject::Known(inquiry) => About::Known(inquiry),
        };
        Ok(self.transaction.note(work, call, about))
    }
}
