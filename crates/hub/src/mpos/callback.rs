//! Tells software that speaks the mPOS gateway API how its orders ended: an HTTP GET, through the same address guard as
//! webhooks. Each step is an ordinary command; of two hubs that see the same order one gets the try.

use std::sync::Arc;

use connectors::gateway_signature::control;
use domain::command::Command;
use domain::id::PaymentId;
use domain::money::format_minor;
use domain::mpos::{ClaimCallback, EndCallback, MposEndpoint, MposOrder, Told, told_now, waiting_since};
use domain::payment::Payment;
use domain::webhook_delivery::Told as Answered;
use reqwest::Url;
use storage::{Answer, EngineError, Failure, Lane};

use super::open_key;
use crate::app::App;
use crate::rounds::{self, Busy, LOOK_AGAIN};

/// Orders of one look. The rest is found when these are done.
const ORDERS_MAX: i64 = 128;
/// The one answer that a receiver takes a callback with.
const OK: u16 = 200;

/// Tells until the hub stops.
pub async fn run(app: App) {
    rounds::look_for(&app, "mPOS callbacks", || look(&app)).await;
}

async fn look(app: &App) -> Result<(), EngineError> {
    let now = app.reader.now(app.clock.now()).await?;
    for order in app.reader.list_due_mpos_orders(now, ORDERS_MAX).await? {
        if app.is_stopping() {
            return Ok(());
        }
        let Some(guard) = app.mpos.at_work.enter(order.payment) else { continue };
        tokio::spawn(see_to(app.clone(), order, guard));
    }
    Ok(())
}

async fn see_to(app: App, order: MposOrder, guard: Busy<PaymentId>) {
    if let Err(failure) = tell(&app, &order).await {
        tracing::warn!(payment.id = %order.payment, %failure, "A callback was not seen to; it comes again.");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    drop(guard);
}

async fn tell(app: &App, order: &MposOrder) -> Result<(), Failure> {
    let MposOrder { endpoint, client_order_id, version, .. } = order.clone();
    let unavailable = |error: EngineError| Failure::Unavailable(error.to_string());
    let found = app.reader.find_payment(order.merchant, order.payment).await.map_err(unavailable)?;
    let found = found.ok_or_else(|| Failure::Internal("an order has no payment".to_owned()))?;
    let known = app.reader.find_mpos_endpoint(order.merchant, endpoint).await.map_err(unavailable)?;
    let known = known.ok_or_else(|| Failure::Internal("an order has no endpoint".to_owned()))?;
    let news = told_now(order, &found.payment, &found.operations);
    let waiting_since = waiting_since(order, &found.operations);
    let has_news = news.is_some();
    let claim = ClaimCallback { endpoint, client_order_id: client_order_id.clone(), version, has_news, waiting_since };
    let is_claimed = run_command(app, order, claim).await?;
    let (Some(true), Some(news)) = (is_claimed, news) else { return Ok(()) };
    let Some(url) = url(app, order, &known, &found.payment, &news) else { return Ok(()) };
    let answered = app.webhooks.call(&url, app.clock.now()).await;
    let is_taken = matches!(answered, Answered::Answered { status: OK, .. });
    metrics::counter!("tillbridge_mpos_callbacks_total", "taken" => if is_taken { "yes" } else { "no" }).increment(1);
    if is_taken {
        let operation = news.standing.operation;
        run_command(app, order, EndCallback { endpoint, client_order_id, operation }).await?;
    }
    Ok(())
}

/// The address with what is told behind it; `None` if it is none any more, or the key was sealed under another pepper.
fn url(app: &App, order: &MposOrder, endpoint: &MposEndpoint, payment: &Payment, news: &Told) -> Option<String> {
    let key = open_key(&app.pepper.seal, endpoint);
    if key.is_none() {
        tracing::error!(mpos_endpoint.id = %endpoint.id, "The control key was sealed under another pepper. Draw a new one.");
    }
    let (key, mut url) = (key?, Url::parse(&news.url).ok()?);
    let (status, number) = (news.standing.status.as_str(), order.number.to_string());
    let control = control(&[status, &number, &order.client_order_id], &key);
    let amount = format_minor(payment.asked_minor, payment.currency);
    let mut query = url.query_pairs_mut();
    query.extend_pairs([
        ("status", status),
        ("merchant_order", &order.client_order_id),
        ("client_orderid", &order.client_order_id),
        ("orderid", &number),
        ("type", news.standing.stage.as_str()),
        ("amount", &amount),
        ("currency", payment.currency.as_str()),
    ]);
    if let Some(reason) = &news.standing.reason {
        query.extend_pairs([("error_message", reason.as_str()), ("error_code", "1000")]);
    }
    query.append_pair("control", &control);
    drop(query);
    Some(url.into())
}

async fn run_command<C>(app: &App, order: &MposOrder, command: C) -> Result<Option<C::Reply>, Failure>
where
    C: Command + Send + 'static,
    C::Reply: Send + 'static,
{
    let request_id = format!("mpos-{}", order.payment);
    let envelope = rounds::own(order.merchant, &Arc::clone(&app.mpos.actor), request_id, Lane::Interactive);
    let committed = app.committer.submit(envelope, command, |_| Answer::default()).await?;
    Ok(committed.reply.and_then(Result::ok))
}
