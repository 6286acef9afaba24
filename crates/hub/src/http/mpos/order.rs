//! `status`, `capture`, `return` and `void`: what is asked of an order that there is, under the SHA-1 `control`.

use connectors::gateway_signature::{control, is_same};
use domain::command::Command;
use domain::money::format_minor;
use domain::mpos::{Followed, MposEndpoint, MposOrder, Stage, Standing, Status, standing, standing_of};
use domain::payment::{
    AskCapture, AskRefund, AskVoid, Kind as OperationKind, Moved, Operation, OperationState, State as PaymentState,
};
use storage::read::WholePayment;

use super::charge::amount;
use super::form::{CONTROL_WRONG, Fields, Form, Stop};
use super::{Came, payment_of, run, serial, taken};
use crate::app::App;
use crate::http::error::Problem;
use crate::mpos::open_key;
use crate::provider::{self, start_all};

/// What is asked of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Status,
    Capture,
    Return,
    Void,
}

impl Asked {
    /// The command of that name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "status" => Some(Self::Status),
            "capture" => Some(Self::Capture),
            "return" => Some(Self::Return),
            "void" => Some(Self::Void),
            _ => None,
        }
    }
}

/// Answers a command about an order of one of these endpoints.
pub async fn answer(app: &App, came: &Came, asked: Asked, endpoints: Vec<MposEndpoint>) -> Result<Fields, Stop> {
    let form = &came.form;
    let client_order_id = form.required("client_orderid")?;
    if let (Asked::Capture | Asked::Return, Some(endpoint)) = (asked, endpoints.first()) {
        // Of a wrong amount nobody can tell how it was signed. The endpoints of a group have one currency.
        part(form, endpoint)?;
    }
    let endpoints = controlled(app, form, asked, endpoints)?;
    let mut found = None;
    for endpoint in endpoints {
        if let Some(order) = app.reader.find_mpos_order(endpoint.id, client_order_id).await? {
            found = Some((endpoint, order));
            break;
        }
    }
    let (endpoint, order) = found.ok_or_else(Stop::not_found)?;
    if form.get("orderid").is_some_and(|id| id != order.number.to_string()) {
        return Err(Stop::not_found());
    }
    match asked {
        Asked::Status => status(app, came, &endpoint, &order).await,
        Asked::Capture => {
            let command = AskCapture { payment: order.payment, amount_minor: part(form, &endpoint)? };
            change(app, came, &endpoint, &order, command).await
        }
        Asked::Return => give_back(app, came, &endpoint, &order).await,
        Asked::Void => {
            let command = AskVoid { payment: order.payment, reason: comment(form) };
            change(app, came, &endpoint, &order, command).await
        }
    }
}

/// Those of the endpoints whose login and control key the request is signed with.
fn controlled(
    app: &App,
    form: &Form,
    asked: Asked,
    mut endpoints: Vec<MposEndpoint>,
) -> Result<Vec<MposEndpoint>, Stop> {
    let (login, given) = (form.required("login")?, form.required("control")?);
    let (client_order_id, order_id) = (form.text("client_orderid"), form.text("orderid"));
    endpoints.retain(|endpoint| {
        let mut signed = vec![login.to_owned(), client_order_id.to_owned(), order_id.to_owned()];
        if matches!(asked, Asked::Capture | Asked::Return)
            && let Ok(Some(minor)) = part(form, endpoint)
        {
            signed.extend([minor.to_string(), form.text("currency").to_owned()]);
        }
        let signed: Vec<&str> = signed.iter().map(String::as_str).collect();
        let key = open_key(&app.pepper.seal, endpoint).unwrap_or_default();
        let is_right = is_same(given, &control(&signed, &key));
        login == endpoint.login && !key.is_empty() && is_right
    });
    if endpoints.is_empty() {
        return Err(Stop::said(CONTROL_WRONG, "Control is wrong: check login, control key and what is signed"));
    }
    Ok(endpoints)
}

/// The part that is asked for, if not all is.
fn part(form: &Form, endpoint: &MposEndpoint) -> Result<Option<i64>, Stop> {
    match form.get("amount") {
        Some(text) => amount(text, form.required("currency")?, endpoint.currency).map(Some),
        None => Ok(None),
    }
}

fn comment(form: &Form) -> String {
    form.text("comment").to_owned()
}

/// A promise is given back whole, and what was taken in whole or in part.
async fn give_back(app: &App, came: &Came, endpoint: &MposEndpoint, order: &MposOrder) -> Result<Fields, Stop> {
    let found = payment_of(app, endpoint.merchant, order).await?;
    let payment = order.payment;
    if found.payment.state == PaymentState::Authorized {
        return change(app, came, endpoint, order, AskVoid { payment, reason: comment(&came.form) }).await;
    }
    let amount_minor = part(&came.form, endpoint)?;
    change(app, came, endpoint, order, AskRefund { payment, amount_minor, reason: comment(&came.form) }).await
}

async fn change<C>(
    app: &App,
    came: &Came,
    endpoint: &MposEndpoint,
    order: &MposOrder,
    command: C,
) -> Result<Fields, Stop>
where
    C: Command<Reply = Moved> + Send + 'static,
{
    let followed = Followed { endpoint: order.endpoint, client_order_id: order.client_order_id.clone(), command };
    let moved = run(app, came.envelope(endpoint), followed).await?;
    // What was asked last is the last of its operations.
    let asked = moved.operations.last().map(|operation| operation.id).ok_or_else(Stop::not_found)?;
    start_all(app, moved.tasks);
    Ok(taken(order, asked))
}

async fn status(app: &App, came: &Came, endpoint: &MposEndpoint, order: &MposOrder) -> Result<Fields, Stop> {
    let found = payment_of(app, endpoint.merchant, order).await?;
    let (found, particulars) = looked_up(app, endpoint, order, found).await?;
    let (payment, operations) = (&found.payment, &found.operations);
    let standing = match came.form.get("by-request-sn") {
        Some(wanted) => {
            let asked = operations.iter().find(|one| serial(one.id) == wanted).ok_or_else(Stop::not_found)?;
            standing_of(payment, operations, asked.id.number)
        }
        None => standing(payment, operations),
    };
    let standing = standing.ok_or_else(Stop::not_found)?;
    let Standing { operation, stage, status, amount_minor, ref reason } = standing;
    let id = domain::id::OperationId { payment: payment.id, number: operation };
    let text = |minor| format_minor(minor, payment.currency);
    let mut fields: Fields = vec![
        ("type", "status-response".to_owned()),
        ("serial-number", serial(id)),
        ("merchant-order-id", order.client_order_id.clone()),
        ("paynet-order-id", order.number.to_string()),
        ("status", status.as_str().to_owned()),
        ("amount", text(amount_minor)),
        ("currency", payment.currency.to_string()),
        ("initial-amount", text(payment.asked_minor)),
        ("transaction-type", stage.as_str().to_owned()),
    ];
    if !particulars.iter().any(|(name, _)| *name == "order-stage") {
        fields.push(("order-stage", stage_word(stage, status)));
    }
    fields.extend(particulars);
    if let Some(reason) = reason {
        fields.extend([("error-message", reason.clone()), ("error-code", "1000".to_owned())]);
    }
    Ok(fields)
}

fn stage_word(stage: Stage, status: Status) -> String {
    format!("{}_{}", stage.as_str(), status.as_str())
}

/// A payment as it stands, and what its provider says besides for reader and receipt.
type LookedUp = (WholePayment, Vec<(&'static str, String)>);

/// The payment, after its provider was asked where that has more to say than how it ended: the stage of the order, the issuer's
/// answer for the card, the fields of a receipt. What is final there is recorded.
async fn looked_up(
    app: &App,
    endpoint: &MposEndpoint,
    order: &MposOrder,
    found: WholePayment,
) -> Result<LookedUp, Stop> {
    let connection = app.reader.find_connection(endpoint.merchant, endpoint.connection).await?;
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let Some(operation) = found.operations.iter().rfind(|one| one.kind != OperationKind::Reversal) else {
        return Ok((found, Vec::new()));
    };
    // Before it was sent there is nothing to ask about.
    if operation.state == OperationState::Recorded {
        return Ok((found, Vec::new()));
    }
    let target = target_of(operation, &found.operations);
    let asked_at = app.reader.now(app.clock.now()).await?;
    let seen = app.providers.look(&connection, &found.payment, operation, target, asked_at).await;
    let Some(seen) = seen else { return Ok((found, Vec::new())) };
    if operation.state.is_definite() || !seen.is_final() {
        return Ok((found, seen.particulars));
    }
    provider::note(app, &found.payment, operation, seen.outcome, asked_at).await?;
    Ok((payment_of(app, endpoint.merchant, order).await?, seen.particulars))
}

fn target_of<'a>(operation: &Operation, operations: &'a [Operation]) -> Option<&'a Operation> {
    operations.iter().find(|one| Some(one.id.number) == operation.target)
}
