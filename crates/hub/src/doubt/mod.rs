//! Why a payment is in doubt: its whole story for a person who was not there. What was asked and when, what each witness
//! said, what the hub does next by itself and when, whether the customer was charged, and what a person can do.

mod ask;
mod sentences;
mod words;

use domain::exception::{self, Exception};
use domain::id::{MerchantId, PaymentId};
use domain::job::Job;
use domain::merchant::{Connection, Merchant};
use domain::payment::{
    Charged, Operation, Payment, State, Step, Waiting, Why, advice, next_step, reversal_of, settle_job, summarize,
    waiting,
};
use domain::time::Timestamp;
use serde::Serialize;
use storage::EngineError;
use storage::read::StoredEvent;
use storage::reader::Reader;

use crate::http::json;

pub use ask::{Asked, Provided, ask, carry_on};
pub use words::words;

/// Pages of payments in doubt that are read of one merchant: with as many, the provider is away, and no list helps.
const PAGES_MAX: usize = 50;

/// The kinds of exceptions that are about money.
const ABOUT_MONEY: [exception::Kind; 5] = [
    exception::Kind::PaymentInDoubt,
    exception::Kind::LateApproval,
    exception::Kind::WitnessesContradict,
    exception::Kind::RefundFailed,
    exception::Kind::NotAskedFor,
];

/// What is in doubt with one merchant.
pub struct Doubts {
    /// Whose.
    pub merchant: Merchant,
    /// Payments whose end nobody knows.
    pub payments: Vec<Payment>,
    /// Open exceptions about money, most of it first.
    pub exceptions: Vec<Exception>,
}

/// What is in doubt with a merchant now.
pub async fn list(reader: &Reader, merchant: Merchant) -> Result<Doubts, EngineError> {
    let mut payments: Vec<Payment> = Vec::new();
    for _ in 0..PAGES_MAX {
        let after = payments.last().map(|payment| payment.id.to_string()).unwrap_or_default();
        let page = reader.list_payments_in_doubt(merchant.id, &after, storage::read::PAGE_MAX).await?;
        let is_last = page.len() < usize::try_from(storage::read::PAGE_MAX).unwrap_or(usize::MAX);
        payments.extend(page);
        if is_last {
            break;
        }
    }
    let exceptions = reader.list_open_exceptions(merchant.id, storage::read::PAGE_MAX).await?;
    let exceptions = exceptions.into_iter().filter(|exception| ABOUT_MONEY.contains(&exception.kind)).collect();
    Ok(Doubts { merchant, payments, exceptions })
}

/// All that is known of one payment.
pub struct Story {
    /// Whose it is.
    pub merchant: Merchant,
    /// The payment.
    pub payment: Payment,
    /// Its operations, by number.
    pub operations: Vec<Operation>,
    /// With which credentials it is taken, and how its provider behaves.
    pub connection: Connection,
    /// Its exceptions, open and resolved.
    pub exceptions: Vec<Exception>,
    /// What was told of it, in order.
    pub events: Vec<StoredEvent>,
    /// The job that brings it to an end.
    pub job: Option<Job>,
    /// When this was read, by the clock that decides when a job is due.
    pub now: Timestamp,
    /// What has to be given to the commands that the story names, each with a blank before it: which database.
    pub given: String,
}

/// Reads the story of a payment; `None` where there is no such payment.
pub async fn read(reader: &Reader, id: PaymentId, clock: Timestamp) -> Result<Option<Story>, EngineError> {
    let Some(whole) = reader.find_payment_of_any(id).await? else { return Ok(None) };
    let (payment, operations) = (whole.payment, whole.operations);
    let merchant = reader.find_merchant(payment.merchant).await?;
    let connection = reader.find_connection(payment.merchant, payment.connection).await?;
    let (Some(merchant), Some(connection)) = (merchant, connection) else { return Ok(None) };
    let subject = payment.id.to_string();
    let exceptions = reader.list_exceptions_of(payment.merchant, &subject).await?;
    let (from, to) = (payment.created_at, payment.updated_at);
    let events = reader.list_events_about(payment.merchant, &subject, from, to).await?;
    let job = reader.find_job(&settle_job(payment.id)).await?;
    let now = reader.now(clock).await?;
    Ok(Some(Story { merchant, payment, operations, connection, exceptions, events, job, now, given: String::new() }))
}

/// What the hub does next by itself about one operation.
pub struct Next {
    /// About which operation.
    pub number: u32,
    /// What it does.
    pub step: Step,
}

impl Story {
    /// Whether the customer was charged.
    pub fn charged(&self) -> Charged {
        summarize(&self.operations.iter().collect::<Vec<_>>()).customer_charged
    }

    /// Whether nobody knows how it ends.
    pub const fn is_in_doubt(&self) -> bool {
        matches!(self.payment.state, State::InDoubt | State::NeedsPerson)
    }

    /// When the hub looks at it next by itself.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.job.as_ref().and_then(|job| job.due_at)
    }

    /// What the hub does then about each operation that has no end yet.
    pub fn next(&self) -> Vec<Next> {
        let Some(due_at) = self.due_at() else { return Vec::new() };
        let at = due_at.max(self.now);
        let all: Vec<&Operation> = self.operations.iter().collect();
        let steps = self.operations.iter().map(|operation| {
            let reversal = reversal_of(&all, operation.id.number).map(|reversal| &reversal.state);
            let step = next_step(operation, reversal, &self.connection.profile, at);
            Next { number: operation.id.number, step }
        });
        steps.filter(|next| next.step != Step::Done).collect()
    }

    /// The open exceptions.
    pub fn open_exceptions(&self) -> impl Iterator<Item = &Exception> {
        self.exceptions.iter().filter(|exception| exception.resolved_at.is_none())
    }

    /// Who has the next move.
    pub fn waiting(&self) -> Waiting {
        waiting(&self.payment, &self.operations)
    }

    /// For programs.
    pub fn json(&self) -> Vec<u8> {
        let charged = self.charged();
        let advice = advice(self.payment.state, charged, self.payment.is_closed_uncharged, self.waiting());
        json::to_bytes(&Shape {
            object: "payment_story",
            payment_id: self.payment.id,
            merchant_id: self.merchant.id,
            provider: &self.connection.provider,
            connection_id: self.connection.id.to_string(),
            state: self.payment.state.as_str(),
            is_in_doubt: self.is_in_doubt(),
            customer_charged: charged.as_str(),
            next_action: advice.next_action,
            message: advice.sentence_en,
            currency: self.payment.currency.to_string(),
            asked_minor: self.payment.asked_minor,
            captured_minor: self.payment.captured_minor,
            refunded_minor: self.payment.refunded_minor,
            told: sentences::told(self),
            operations: self.operations.iter().map(|operation| sentences::operation(self, operation)).collect(),
            exceptions: self.exceptions.iter().map(Open::of).collect(),
            next_at: self.due_at(),
            next: sentences::next(self),
            for_a_person: sentences::for_a_person(self),
        })
    }
}

/// The story in JSON.
#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    payment_id: PaymentId,
    merchant_id: MerchantId,
    provider: &'a str,
    connection_id: String,
    state: &'static str,
    is_in_doubt: bool,
    customer_charged: &'static str,
    next_action: &'static str,
    message: &'static str,
    currency: String,
    asked_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
    told: Vec<Told>,
    operations: Vec<String>,
    exceptions: Vec<Open<'a>>,
    #[serde(serialize_with = "json::instant_option")]
    next_at: Option<Timestamp>,
    next: Vec<String>,
    for_a_person: Vec<String>,
}

/// Something that happened.
#[derive(Serialize)]
pub struct Told {
    /// When.
    #[serde(serialize_with = "json::instant")]
    pub at: Timestamp,
    /// The kind of the event.
    pub kind: String,
    /// What.
    pub sentence: String,
}

#[derive(Serialize)]
struct Open<'a> {
    id: String,
    kind: &'static str,
    reason: &'a str,
    owner: &'a str,
    at_risk_minor: i64,
    resolution: Option<&'a str>,
    #[serde(serialize_with = "json::instant")]
    opened_at: Timestamp,
}

impl<'a> Open<'a> {
    fn of(exception: &'a Exception) -> Self {
        Self {
            id: exception.id.to_string(),
            kind: exception.kind.as_str(),
            reason: &exception.reason,
            owner: &exception.owner,
            at_risk_minor: exception.at_risk_minor,
            resolution: exception.resolution.as_deref(),
            opened_at: exception.opened_at,
        }
    }
}

/// What a step is, in a few words.
fn name_of(step: Step) -> &'static str {
    match step {
        Step::Wait { .. } => "wait",
        Step::Inquire => "ask the provider how it ended",
        Step::Send => "send the same request again, under the same reference",
        Step::NotClaimed => "say that it was not sent: its terminal was not there to take it",
        Step::Reverse => "ask the provider to undo the charge",
        Step::AskPerson(Why::KeyedByHand) => "call a person: nobody has told how it went on the terminal",
        Step::AskPerson(_) => "call a person: there is nothing left that it can do by itself",
        Step::Done => "nothing",
    }
}
