//! How a transaction stands, in the words of the protocol: the envelope in camelCase, `data` in PascalCase, amounts as text of
//! cents. What the hub does not know is left out, as live systems do.

use domain::id::SmartconnectId;
use domain::payment::{Operation, OperationState, State};
use domain::smartconnect::{About, Inquiry, PosRegister, Transaction};
use domain::terminal::Terminal;
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use storage::EngineError;
use storage::read::WholePayment;
use uuid::Uuid;

use crate::app::App;

const PENDING: &str = "PENDING";
const COMPLETED: &str = "COMPLETED";

/// A transaction as the POS is told of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    transaction_id: Uuid,
    transaction_time_stamp: String,
    merchant_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    transaction_status: &'static str,
    data: Data,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_total: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_cash: Option<String>,
    function: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_id: Option<Uuid>,
    #[serde(rename = "DeviceID", skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_result: Option<&'static str>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acquirer_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sale_data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pos_vendor: Option<String>,
    #[serde(rename = "PosRegisterID", skip_serializing_if = "Option::is_none")]
    pos_register_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pos_business_name: Option<String>,
}

/// `TransactionResult` and `Result`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Waiting,
    /// The payment is in doubt, or with a person: it may still succeed.
    Delayed,
    Accepted,
    Declined,
    Cancelled,
    /// Nothing reached the device.
    DeviceOffline,
    /// The device does not do it.
    Unavailable,
}

impl Verdict {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Waiting => ("", ""),
            Self::Delayed => ("OK-DELAYED", "DELAYED-TRANSACTION"),
            Self::Accepted => ("OK-ACCEPTED", "OK"),
            Self::Declined => ("OK-DECLINED", "OK"),
            Self::Cancelled => ("CANCELLED", "CANCELLED"),
            Self::DeviceOffline => ("CANCELLED", "FAILED-INTERFACE"),
            Self::Unavailable => ("OK-UNAVAILABLE", "FAILED"),
        }
    }

    const fn is_completed(self) -> bool {
        !matches!(self, Self::Waiting | Self::Delayed)
    }
}

impl Told {
    /// Whether the POS may stop polling.
    pub fn is_completed(&self) -> bool {
        self.transaction_status == COMPLETED
    }
}

/// The first answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending<'a> {
    transaction_id: Uuid,
    transaction_status: &'static str,
    data: PollHere<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PollHere<'a> {
    polling_url: &'a str,
}

/// The first answer, with the URL to poll.
pub const fn pending(id: SmartconnectId, polling_url: &str) -> Pending<'_> {
    Pending { transaction_id: id.uuid(), transaction_status: PENDING, data: PollHere { polling_url } }
}

/// How a transaction stands.
pub async fn tell(app: &App, transaction: &Transaction) -> Result<Told, EngineError> {
    let subject = match transaction.about {
        About::Earlier(Some(earlier)) => {
            app.reader.find_smartconnect_transaction(transaction.merchant, earlier).await?
        }
        About::Money(_) | About::Known(_) | About::Earlier(None) => None,
    };
    // The last transaction's result is told with its own id beside it: it is evidence, not the answer to this one.
    let about = subject.as_ref().unwrap_or(transaction);
    let payment = match about.about {
        About::Money(operation) => app.reader.find_payment(about.merchant, operation.payment).await?,
        About::Earlier(_) | About::Known(_) => None,
    };
    let terminal = app.reader.find_terminal(transaction.merchant, transaction.terminal).await?;
    let register = app.reader.find_pos_register_of(transaction.merchant, transaction.register).await?;
    let mut told = of(transaction, about, payment.as_ref());
    told.name(terminal.as_ref(), register.as_ref());
    Ok(told)
}

fn of(transaction: &Transaction, about: &Transaction, payment: Option<&WholePayment>) -> Told {
    let operation = match about.about {
        About::Money(id) => payment.and_then(|whole| whole.operations.iter().find(|operation| operation.id == id)),
        About::Earlier(_) | About::Known(_) => None,
    };
    let verdict = verdict(about, payment, operation);
    let (transaction_result, result) = verdict.words();
    let approved = operation.and_then(|operation| operation.state.approval());
    let amount = approved.map(|approval| approval.approved_minor).or(about.amount_minor);
    let status = match transaction.about {
        About::Known(Inquiry::Ready) => Some("READY"),
        About::Known(Inquiry::Offline) => Some("OFFLINE"),
        _ => None,
    };
    let is_subject = about.id != transaction.id;
    Told {
        transaction_id: transaction.id.uuid(),
        transaction_time_stamp: format!("{}0", digits(transaction.created_at, "%Y%m%d%H%M%S%3f")),
        merchant_id: transaction.merchant.uuid(),
        device_id: None,
        transaction_status: if verdict.is_completed() { COMPLETED } else { PENDING },
        data: Data {
            amount_total: amount.map(|amount| amount.to_string()),
            amount_cash: about.cash_minor.map(|amount| amount.to_string()),
            function: transaction.kind.as_str(),
            request_id: Some(transaction.id.uuid()),
            reference_id: is_subject.then(|| about.id.uuid()),
            transaction_result: status.is_none().then_some(transaction_result),
            result,
            result_text: operation.and_then(reason).map(str::to_owned),
            status,
            acquirer_ref: approved.and_then(|approval| approval.provider_reference.clone()),
            timestamp: verdict.is_completed().then(|| digits(about.created_at, "%Y%m%d%H%M%S")),
            receipt: approved.and(amount).map(|amount| receipt(about, amount, payment)),
            sale_data: transaction.sale_data.as_ref().and_then(|text| RawValue::from_string(text.clone()).ok()),
            ..Data::default()
        },
    }
}

impl Told {
    fn name(&mut self, terminal: Option<&Terminal>, register: Option<&PosRegister>) {
        let serial = terminal.and_then(|terminal| terminal.state.device()).map(|device| device.serial.clone());
        (self.device_id, self.data.device_id) = (serial.clone(), serial);
        if let Some(PosRegister { identity, .. }) = register {
            self.data.pos_vendor = Some(identity.vendor.clone());
            self.data.pos_register_id = Some(identity.register.clone());
            self.data.pos_business_name = Some(identity.business.clone());
        }
    }
}

fn verdict(about: &Transaction, payment: Option<&WholePayment>, operation: Option<&Operation>) -> Verdict {
    match (about.about, payment, operation) {
        (About::Known(Inquiry::Ready | Inquiry::Offline), _, _) => Verdict::Accepted,
        (About::Known(Inquiry::Unavailable) | About::Earlier(_), _, _) => Verdict::Unavailable,
        (About::Money(_), Some(whole), Some(operation)) if operation.kind.is_charge() => of_charge(whole, operation),
        (About::Money(_), Some(_), Some(operation)) => of_operation(operation),
        (About::Money(_), _, _) => Verdict::Delayed,
    }
}

/// Where a charge stands is where its payment does: one in doubt may have been undone meanwhile.
fn of_charge(whole: &WholePayment, operation: &Operation) -> Verdict {
    // What came after everybody was told that nothing was charged is given back: that stays what was told.
    if whole.payment.is_closed_uncharged && !matches!(whole.payment.state, State::Declined | State::NotSent) {
        return Verdict::Cancelled;
    }
    match whole.payment.state {
        State::InProgress => Verdict::Waiting,
        State::InDoubt | State::NeedsPerson => Verdict::Delayed,
        State::Authorized | State::Captured | State::PartiallyRefunded | State::Refunded => Verdict::Accepted,
        // The void is another transaction; this one was accepted.
        State::Voided if operation.state.approval().is_some() => Verdict::Accepted,
        State::Voided | State::Reversed | State::Cancelled => Verdict::Cancelled,
        State::Declined => Verdict::Declined,
        State::NotSent => Verdict::DeviceOffline,
    }
}

fn of_operation(operation: &Operation) -> Verdict {
    match &operation.state {
        OperationState::Recorded | OperationState::Sent | OperationState::Pending => Verdict::Waiting,
        OperationState::Unknown | OperationState::NotFound => Verdict::Delayed,
        OperationState::Approved(_) => Verdict::Accepted,
        OperationState::Declined(_) => Verdict::Declined,
        OperationState::Cancelled => Verdict::Cancelled,
        OperationState::NotSent(_) => Verdict::DeviceOffline,
    }
}

fn reason(operation: &Operation) -> Option<&str> {
    match &operation.state {
        OperationState::Declined(reason) | OperationState::NotSent(reason) => Some(&reason.0),
        _ => None,
    }
}

/// What a printer of the POS may print: the amount and what it can be found by.
fn receipt(about: &Transaction, amount_minor: i64, payment: Option<&WholePayment>) -> String {
    let currency = payment.map(|whole| whole.payment.currency.to_string()).unwrap_or_default();
    let row = |name: &str, value: &str| format!("{name:<10}{value:>22}\n");
    let at = digits(about.created_at, "%Y-%m-%d %H:%M:%S");
    let mut text = row("TYPE", about.kind.as_str());
    text += &row("AMOUNT", &format!("{currency} {amount_minor}"));
    text += &row("TIME (UTC)", &at);
    text += &format!("{}\n", about.id.uuid());
    text += "ACCEPTED\n";
    text
}

/// An instant in UTC.
fn digits(at: Timestamp, form: &str) -> String {
    jiff::Timestamp::from_millisecond(at.0).map(|at| at.strftime(form).to_string()).unwrap_or_default()
}
