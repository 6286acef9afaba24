//! `/v1/webhooks/{provider}` and `/v1/webhooks/{provider}/{connection_id}`: what a provider tells by itself. It has no key
//! of ours; it is verified over the raw bytes by its connector, answered once it is durable, and merged like every other
//! witness. What a provider does not sign proves nothing: then the provider is asked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use axum::response::Response;
use connectors::{Acknowledgement, Connector, Fact, News, Notice, PATH, Rejected, find_connector};
use domain::call::{Actor, Role};
use domain::command::Refusal;
use domain::id::{ConnectionId, OperationId};
use domain::merchant::Connection;
use domain::payment::{Moved, Outcome, Payment, RecordOutcome, Settle, Witness, keys_for_outcome};
use domain::provider_notice::KeepNotice;
use storage::{Answer, Committed, Envelope, Failure, Idempotency, Lane};

use super::Route;
use super::body::{Segments, read_body};
use super::error::{Kind, Problem, refusal_answer};
use super::request_id::RequestId;
use super::submit::respond;
use crate::app::App;
use crate::provider::{access, stamp, start_all};

/// The routes of notifications.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/webhooks/{provider}", receive_for_any),
        Route::post("/v1/webhooks/{provider}/{connection_id}", receive),
        Route::get("/v1/webhooks/{provider}/{connection_id}", receive_in_query),
    ]
}

async fn receive(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body).await?;
    receive_for_one(&app, &segments, &parts, &body).await
}

/// From a provider that calls with GET: what it tells is the query.
async fn receive_in_query(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let query = Bytes::copy_from_slice(parts.uri.query().unwrap_or_default().as_bytes());
    receive_for_one(&app, &segments, &parts, &query).await
}

async fn receive_for_one(app: &App, segments: &Segments, parts: &Parts, body: &Bytes) -> Result<Response, Problem> {
    let provider: String = segments.id(0, "connection")?;
    let id: ConnectionId = segments.id(1, "connection")?;
    let connection = app.reader.find_connection_of_any(id).await?;
    let connection = connection.filter(|connection| connection.provider == provider);
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let connector = find_connector(&provider).ok_or_else(|| Problem::not_found("connection"))?;
    take(app, &connection, connector, parts, body).await
}

/// For a provider that knows one address only: the payment it speaks of says whose secret it has to be signed with.
async fn receive_for_any(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let provider: String = segments.id(0, "connection")?;
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body).await?;
    let connector = find_connector(&provider).ok_or_else(|| Problem::not_found("connection"))?;
    let reference = connector.peek_reference(&body);
    let reference = reference.ok_or_else(|| problem(&Rejected::Unreadable))?;
    let operation: OperationId = reference.parse().map_err(|_| Problem::not_found("payment"))?;
    let connection = app.reader.find_connection_of_payment(operation.payment).await?;
    let connection = connection.filter(|connection| connection.provider == provider);
    let connection = connection.ok_or_else(|| Problem::not_found("payment"))?;
    take(&app, &connection, connector, &parts, &body).await
}

async fn take(
    app: &App,
    connection: &Connection,
    connector: &dyn Connector,
    parts: &Parts,
    body: &Bytes,
) -> Result<Response, Problem> {
    let path = app.providers.path_for_provider(parts.uri.path());
    let mut headers: Vec<(&str, &str)> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| value.to_str().ok().map(|value| (name.as_str(), value)))
        .collect();
    headers.push((PATH, &path));
    if !app.providers.may_notify(connection.id, origin(app, &parts.headers, &parts.extensions)) {
        return Err(Problem::new(
            Kind::SignatureInvalid,
            "The notification comes from another network than the provider's.",
        ));
    }
    let notices = read(app, connection, connector, &headers, body).map_err(|rejected| problem(&rejected))?;
    for notice in notices {
        let envelope = Envelope {
            merchant: connection.merchant,
            actor: Arc::new(Actor::new(format!("notification:{}", connection.id), Role::System)),
            request_id: RequestId::of(parts),
            idempotency: Idempotency::None,
            lane: Lane::Interactive,
            weight: body.len(),
        };
        let refusal = match notice {
            Notice::Operation { reference, news } => tell(app, envelope, connection, &reference, news).await?,
            Notice::Fact(fact) => keep(app, envelope, connection, fact).await?,
        };
        // A provider that knows a payment we do not have is told so; it keeps the notification.
        if let Some(refusal) = refusal {
            return Ok(respond(refusal_answer(&refusal), false));
        }
    }
    Ok(taken(connector))
}

/// Moves the payment that the operation belongs to, or asks how it stands.
async fn tell(
    app: &App,
    envelope: Envelope,
    connection: &Connection,
    reference: &str,
    news: News,
) -> Result<Option<Refusal>, Problem> {
    let operation: OperationId = reference.parse().map_err(|_| Problem::not_found("payment"))?;
    // Whose secret it is signed with decides whose payments it may speak of.
    let payment = app.reader.find_payment(connection.merchant, operation.payment).await?;
    let payment = payment.map(|found| found.payment).filter(|payment| payment.connection == connection.id);
    let payment = payment.ok_or_else(|| Problem::not_found("payment"))?;
    let committed = match news {
        News::Told(outcome) => record(app, envelope, operation, &payment, outcome).await?,
        News::Hint => look(app, envelope, &payment).await?,
    };
    Ok(match committed.reply {
        Some(Ok(moved)) => {
            start_all(app, moved.tasks);
            None
        }
        Some(Err(refusal)) => Some(refusal),
        None => None,
    })
}

/// Keeps what is no outcome. What nobody has signed is kept only where the settings say from where it comes: else anybody
/// could fill the database.
async fn keep(app: &App, envelope: Envelope, connection: &Connection, fact: Fact) -> Result<Option<Refusal>, Problem> {
    if !fact.is_signed && !app.providers.has_networks(connection.id) {
        return Ok(None);
    }
    let charge = fact.charge_reference.and_then(|reference| reference.parse::<OperationId>().ok());
    let command = KeepNotice {
        connection: connection.id,
        notice_id: fact.id,
        kind: fact.kind,
        payment: charge.map(|charge| charge.payment),
        amount_minor: fact.amount_minor,
        is_signed: fact.is_signed,
        fields: fact.fields,
    };
    let committed = app.committer.submit(envelope, command, |_| Answer::default()).await?;
    Ok(committed.reply.and_then(Result::err))
}

/// What the provider wants to hear.
fn taken(connector: &dyn Connector) -> Response {
    let Acknowledgement { content_type, body } = connector.acknowledgement();
    let (content_type, body) = (content_type.into(), body.to_vec());
    respond(Answer { status: 200, content_type, body, subject: String::new() }, false)
}

/// Where the proxy says that a request comes from; each one on the way adds the address it heard it from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where a request comes from: the peer, or behind a proxy of ours the last address that was added, which is the proxy's
/// own word.
pub fn origin(app: &App, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
    if !app.is_behind_proxy {
        return extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    }
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// What a notification says, if it is signed with the connection's credentials, or with those before them while they live.
fn read(
    app: &App,
    connection: &Connection,
    connector: &dyn Connector,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<Notice>, Rejected> {
    let now = app.clock.now();
    let (stamp, secret) = (stamp(now), app.providers.secret(connection));
    let notices = connector.read_notification(&access(connection, &secret, &stamp), headers, body);
    match (notices, app.providers.old_secret(connection, now)) {
        (Err(Rejected::SignatureWrong), Some(old)) => {
            connector.read_notification(&access(connection, &old, &stamp), headers, body)
        }
        (notices, _) => notices,
    }
}

async fn record(
    app: &App,
    envelope: Envelope,
    operation: OperationId,
    payment: &Payment,
    outcome: Outcome,
) -> Result<Committed<Moved>, Failure> {
    let command = RecordOutcome {
        operation,
        witness: Witness::Notification,
        outcome,
        presented: None,
        asked_at: app.clock.now(),
        is_unreachable: false,
        fence: None,
        hint: keys_for_outcome(payment),
    };
    app.committer.submit(envelope, command, |_| Answer::default()).await
}

/// Asks the provider how the payment stands. Somebody who makes hints up makes us ask, and of a payment that has ended
/// not even that.
async fn look(app: &App, envelope: Envelope, payment: &Payment) -> Result<Committed<Moved>, Failure> {
    let command = Settle { payment: payment.id, expected_due: false };
    app.committer.submit(envelope, command, |_| Answer::default()).await
}

fn problem(rejected: &Rejected) -> Problem {
    match rejected {
        Rejected::NotOffered => Problem::not_found("connection"),
        Rejected::Credentials | Rejected::SignatureMissing | Rejected::SignatureWrong => {
            Problem::new(Kind::SignatureInvalid, "The signature of the notification is missing or wrong.")
        }
        Rejected::OtherAccount => Problem::new(
            Kind::SignatureInvalid,
            "The notification is for another account of the provider than the connection's.",
        ),
        Rejected::Unreadable => Problem::new(Kind::BodyInvalid, "The notification cannot be read."),
    }
}
