//! A command: a request to change something, decided in one unit of work.

use std::fmt;

use crate::call::{Call, Role};
use crate::work::{Key, Stop, UnitOfWork};
use crate::{
    article, customer, emv_qr, exception, external_ref, merchant, metadata, mpos, operator, payment, points, print_job,
    printer, promotion, receipt, returns, sale, shift, smartconnect, stock, stocktake, terminal, transfer,
    unreferenced_return, webhook_delivery, webhook_endpoint,
};

/// A request to change something. `decide` is a function of what is loaded, the call's time and its ids, and of nothing
/// else, so it may run again with other records and leaves no trace when it stops.
pub trait Command {
    /// What it answers when it succeeds.
    type Reply;

    /// `noun.verb`, for the audit chain, for example `sale.open`.
    fn name(&self) -> &'static str;

    /// The records it needs, as far as it can name them before it has seen any.
    fn keys(&self) -> Vec<Key>;

    /// Decides, and changes the unit of work.
    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Self::Reply, Stop<Refusal>>;

    /// The refusal for a unique constraint of the database that this command ran into, by the constraint's name. `None`
    /// where it cannot run into one.
    fn unique_refusal(&self, constraint: &str) -> Option<Refusal> {
        let _ = constraint;
        None
    }
}

/// Why the rules say no. Each carries a stable code and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such record for this merchant.
    NotFound {
        /// The glossary's noun, for example `sale`.
        noun: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// The caller's role may not do this.
    RoleTooLow {
        /// The least role that may.
        needed: Role,
    },
    /// The record changed since the caller read it.
    StaleVersion {
        /// What the caller had.
        given: i64,
        /// What it is now.
        current: i64,
    },
    /// A rule of articles.
    Article(article::Refusal),
    /// A rule of stock.
    Stock(stock::Refusal),
    /// A rule of stocktakes.
    Stocktake(stocktake::Refusal),
    /// A rule of transfers.
    Transfer(transfer::Refusal),
    /// A rule of sales.
    Sale(sale::Refusal),
    /// A rule of returns.
    Return(returns::Refusal),
    /// A rule of unreferenced returns.
    UnreferencedReturn(unreferenced_return::Refusal),
    /// A rule of payments.
    Payment(payment::Refusal),
    /// A rule of exceptions.
    Exception(exception::Refusal),
    /// A rule of external references.
    ExternalRef(external_ref::Refusal),
    /// A rule of merchants and their places.
    Merchant(merchant::Refusal),
    /// A rule of the shop's own QR codes.
    MerchantCode(emv_qr::Refusal),
    /// A rule of metadata.
    Metadata(metadata::Refusal),
    /// A rule of customers.
    Customer(customer::Refusal),
    /// A rule of points.
    Points(points::Refusal),
    /// A rule of operators.
    Operator(operator::Refusal),
    /// A rule of shifts.
    Shift(shift::Refusal),
    /// A rule of promotions.
    Promotion(promotion::Refusal),
    /// A rule of receipts.
    Receipt(receipt::Refusal),
    /// A rule of printers.
    Printer(printer::Refusal),
    /// A rule of mPOS endpoints and orders.
    Mpos(mpos::Refusal),
    /// A rule of print jobs.
    PrintJob(print_job::Refusal),
    /// A rule of terminals.
    Terminal(terminal::Refusal),
    /// A rule of registers that go by name.
    Smartconnect(smartconnect::Refusal),
    /// A rule of webhook endpoints.
    WebhookEndpoint(webhook_endpoint::Refusal),
    /// A rule of webhook deliveries.
    WebhookDelivery(webhook_delivery::Refusal),
}

impl Refusal {
    /// The stable code of the API: `noun_problem`.
    pub fn code(&self) -> String {
        match self {
            Self::NotFound { noun, .. } => format!("{noun}_not_found"),
            Self::RoleTooLow { .. } => "role_too_low".to_owned(),
            Self::StaleVersion { .. } => "version_stale".to_owned(),
            Self::Article(refusal) => refusal.code().to_owned(),
            Self::Stock(refusal) => refusal.code().to_owned(),
            Self::Stocktake(refusal) => refusal.code().to_owned(),
            Self::Transfer(refusal) => refusal.code().to_owned(),
            Self::Sale(refusal) => refusal.code().to_owned(),
            Self::Return(refusal) => refusal.code().to_owned(),
            Self::UnreferencedReturn(refusal) => refusal.code().to_owned(),
            Self::Payment(refusal) => refusal.code().to_owned(),
            Self::Exception(refusal) => refusal.code().to_owned(),
            Self::ExternalRef(refusal) => refusal.code().to_owned(),
            Self::Merchant(refusal) => refusal.code().to_owned(),
            Self::MerchantCode(refusal) => refusal.code().to_owned(),
            Self::Metadata(refusal) => refusal.code().to_owned(),
            Self::Customer(refusal) => refusal.code().to_owned(),
            Self::Points(refusal) => refusal.code().to_owned(),
            Self::Operator(refusal) => refusal.code().to_owned(),
            Self::Shift(refusal) => refusal.code().to_owned(),
            Self::Promotion(refusal) => refusal.code().to_owned(),
            Self::Receipt(refusal) => refusal.code().to_owned(),
            Self::Printer(refusal) => refusal.code().to_owned(),
            Self::Mpos(refusal) => refusal.code().to_owned(),
            Self::PrintJob(refusal) => refusal.code().to_owned(),
            Self::Terminal(refusal) => refusal.code().to_owned(),
            Self::Smartconnect(refusal) => refusal.code().to_owned(),
            Self::WebhookEndpoint(refusal) => refusal.code().to_owned(),
            Self::WebhookDelivery(refusal) => refusal.code().to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { noun, id } => {
                write!(f, "There is no {noun} {id}. Check the id and the merchant of the key.")
            }
            Self::RoleTooLow { needed } => write!(f, "This needs the role {needed}. Use a key of that role."),
            Self::StaleVersion { given, current } => {
                write!(
                    f,
                    "Version {given} is out of date, the current one is {current}. Read it again and decide anew."
                )
            }
            Self::Article(refusal) => refusal.fmt(f),
            Self::Stock(refusal) => refusal.fmt(f),
            Self::Stocktake(refusal) => refusal.fmt(f),
            Self::Transfer(refusal) => refusal.fmt(f),
            Self::Sale(refusal) => refusal.fmt(f),
            Self::Return(refusal) => refusal.fmt(f),
            Self::UnreferencedReturn(refusal) => refusal.fmt(f),
            Self::Payment(refusal) => refusal.fmt(f),
            Self::Exception(refusal) => refusal.fmt(f),
            Self::ExternalRef(refusal) => refusal.fmt(f),
            Self::Merchant(refusal) => refusal.fmt(f),
            Self::MerchantCode(refusal) => refusal.fmt(f),
            Self::Metadata(refusal) => refusal.fmt(f),
            Self::Customer(refusal) => refusal.fmt(f),
            Self::Points(refusal) => refusal.fmt(f),
            Self::Operator(refusal) => refusal.fmt(f),
            Self::Shift(refusal) => refusal.fmt(f),
            Self::Promotion(refusal) => refusal.fmt(f),
            Self::Receipt(refusal) => refusal.fmt(f),
            Self::Printer(refusal) => refusal.fmt(f),
            Self::Mpos(refusal) => refusal.fmt(f),
            Self::PrintJob(refusal) => refusal.fmt(f),
            Self::Terminal(refusal) => refusal.fmt(f),
            Self::Smartconnect(refusal) => refusal.fmt(f),
            Self::WebhookEndpoint(refusal) => refusal.fmt(f),
            Self::WebhookDelivery(refusal) => refusal.fmt(f),
        }
    }
}

impl From<Refusal> for Stop<Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A refusal that says a record is not there.
pub fn not_found(noun: &'static str, id: impl fmt::Display) -> Stop<Refusal> {
    Stop::Refused(Refusal::NotFound { noun, id: id.to_string() })
}

/// Goes on only if the caller has at least the role `needed`.
pub fn require_role(call: &Call<'_>, needed: Role) -> Result<(), Stop<Refusal>> {
    if call.actor.role >= needed { Ok(()) } else { Err(Refusal::RoleTooLow { needed }.into()) }
}

/// Goes on only if the caller read the `current` version, or does not say which one it read.
pub fn require_version(given: Option<i64>, current: i64) -> Result<(), Stop<Refusal>> {
    match given {
        Some(given) if given != current => Err(Refusal::StaleVersion { given, current }.into()),
        Some(_) | None => Ok(()),
    }
}
