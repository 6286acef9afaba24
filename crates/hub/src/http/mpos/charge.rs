//! `sale`, `preauth` and `emv-advice`: the legs that carry what a card reader gave. It goes on in memory; nothing that a reader
//! gives and nothing about the customer is stored.

use std::fmt::Write;

use connectors::{Advised, ReaderBlob, Secret, find_connector};
use domain::decimal;
use domain::money::Currency;
use domain::mpos::{BeginOrder, Begun, MposEndpoint};
use domain::payment::{CreatePayment, OperationState, Settle};
use storage::{Answer, Envelope};

use super::form::{Fields, Form, Stop};
use super::{Came, payment_of, run, taken};
use crate::app::App;
use crate::carried_on::CarriedOn;
use crate::disk;
use crate::http::error::{Kind, Problem};
use crate::http::reader::{is_encryption, is_reader_blob};
use crate::provider::{OneTime, start_all, start_all_with};

/// What the documents want to be told of every customer. It is looked at and not kept.
const REQUIRED: [&str; 6] = ["order_desc", "address1", "city", "zip_code", "country", "email"];

/// Begins an order, or answers with the one that there is.
pub async fn charge(app: &App, came: &Came, endpoint: &MposEndpoint, is_two_step: bool) -> Result<Fields, Stop> {
    let form = &came.form;
    let client_order_id = form.required("client_orderid")?.to_owned();
    for name in REQUIRED {
        form.required(name)?;
    }
    let amount_minor = amount(form.required("amount")?, form.required("currency")?, endpoint.currency)?;
    let reader_blob = reader_blob(form)?;
    let callback_url = judged_url(app, form, "server_callback_url")?;
    let notify_url = judged_url(app, form, "notify_url")?;
    let envelope = came.envelope(endpoint);
    disk::require_room(app, &envelope).await?;
    let command = BeginOrder {
        endpoint: endpoint.id,
        fingerprint: fingerprint(app, form, is_two_step),
        callback_url,
        notify_url,
        payment: CreatePayment {
            merchant: endpoint.merchant,
            location: endpoint.location,
            register: endpoint.register,
            connection: endpoint.connection,
            sale: None,
            amount_minor: Some(amount_minor),
            currency: endpoint.currency,
            is_two_step,
            reference: client_order_id.clone(),
            is_scanned: false,
        },
        client_order_id,
    };
    let one_time = OneTime { reader_blob: Some(reader_blob), ..OneTime::default() };
    let begun = begin(app, envelope, command, one_time).await?;
    let charge = begun.moved.operations.first().map(|charge| charge.id).ok_or_else(Stop::not_found)?;
    Ok(taken(&begun.order, charge))
}

/// Commits the order and sends its charge, whether or not the caller is still there.
async fn begin(app: &App, envelope: Envelope, command: BeginOrder, one_time: OneTime) -> Result<Begun, Stop> {
    let app = app.clone();
    let work = async move {
        let committed = app.committer.submit(envelope, command, |_| Answer::default()).await?;
        match committed.reply {
            Some(Ok(begun)) => {
                start_all_with(&app, begun.moved.tasks.clone(), &one_time);
                Ok(begun)
            }
            Some(Err(refusal)) => Err(refusal.into()),
            None => Err(Problem::new(Kind::Internal, "The hub made a mistake. Report the request id.").into()),
        }
    };
    CarriedOn::new(work).await
}

/// Hands on what the card said to the issuer's answer. Sent again it does no harm: the bank knows the order.
pub async fn advise(app: &App, came: &Came, endpoint: &MposEndpoint) -> Result<Fields, Stop> {
    let form = &came.form;
    let order = app.reader.find_mpos_order(endpoint.id, form.required("client_orderid")?).await?;
    let order = order.ok_or_else(Stop::not_found)?;
    let blob = reader_blob(form)?;
    let found = payment_of(app, endpoint.merchant, &order).await?;
    let charge = found.operations.first().ok_or_else(Stop::not_found)?;
    if charge.state.is_definite() {
        return Ok(taken(&order, charge.id));
    }
    let connection = app.reader.find_connection(endpoint.merchant, endpoint.connection).await?;
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    if !find_connector(&connection.provider).is_some_and(|connector| connector.takes_reader_blob()) {
        return Err(Stop::said(super::form::REFUSED, "The order awaits no advice"));
    }
    // Before it was sent there is nothing at the gateway to advise.
    if charge.state == OperationState::Recorded {
        return Err(Stop::again("The order is still on its way. Send the advice again"));
    }
    match app.providers.advise(&connection, &found.payment, charge, &blob, app.clock.now()).await {
        Advised::Taken => {}
        Advised::Refused => return Err(Stop::said(super::form::REFUSED, "The order awaits no advice")),
        Advised::Unknown => return Err(Stop::again("Nobody knows whether the advice arrived. Send it again")),
    }
    let settle = Settle { payment: order.payment, expected_due: false };
    let moved = run(app, came.envelope(endpoint), settle).await?;
    start_all(app, moved.tasks);
    Ok(taken(&order, charge.id))
}

/// An amount in major units with a dot, in minor ones.
pub fn amount(text: &str, currency: &str, expected: Currency) -> Result<i64, Stop> {
    if currency != expected.as_str() {
        return Err(Stop::invalid("currency", &format!("this endpoint takes {expected}")));
    }
    let places = u32::from(expected.decimals());
    let minor = decimal::parse(text, places).filter(|minor| *minor > 0);
    minor.ok_or_else(|| {
        Stop::invalid("amount", &format!("major units above zero with a dot and at most {places} decimals"))
    })
}

fn reader_blob(form: &Form) -> Result<ReaderBlob, Stop> {
    let (data, encryption) = (form.required("encrypted-data")?, form.required("encrypted-type")?);
    if !is_reader_blob(data) {
        return Err(Stop::invalid("encrypted-data", "not what a reader gives"));
    }
    if !is_encryption(encryption) {
        return Err(Stop::invalid("encrypted-type", "not the name of an encryption"));
    }
    Ok(ReaderBlob { data: Secret::new(data.to_owned()), encryption: encryption.to_owned() })
}

fn judged_url(app: &App, form: &Form, name: &str) -> Result<Option<String>, Stop> {
    let Some(url) = form.get(name) else { return Ok(None) };
    let judged = app.webhooks.addresses.judge(url);
    judged.map(|_| Some(url.to_owned())).map_err(|unfit| Stop::invalid(name, &unfit.to_string()))
}

/// What tells a repeat from another order: all that is asked, but for the signature. Keyed, for a reader's blob is in it.
fn fingerprint(app: &App, form: &Form, is_two_step: bool) -> [u8; 32] {
    let mut pairs: Vec<&(String, String)> =
        form.pairs().iter().filter(|(name, _)| !name.starts_with("oauth_")).collect();
    pairs.sort();
    let text = pairs.into_iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a String cannot fail. The lengths keep two pairs apart from one.
        let _ = write!(text, "{}:{name}{}:{value}", name.len(), value.len());
        text
    });
    app.pepper.fingerprint("mapi", if is_two_step { "preauth" } else { "sale" }, text.as_bytes())
}
