//! `/v1/requests/{id}`: what became of a request whose answer was lost, by its `X-Request-Id` or its `Idempotency-Key`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;
use storage::read::StoredEvent;
use storage::read::request::{Change, Fate};

use super::Route;
use super::auth::authenticate;
use super::body::Segments;
use super::error::Problem;
use super::json;
use super::submit::ok;
use crate::app::App;

/// The routes of requests.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/v1/requests/{id}", get)]
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let id: String = segments.id(0, "request")?;
    let fate = app.reader.find_request(principal.merchant, &id).await?;
    if fate.answer.is_none() && fate.changes.is_empty() {
        return Err(Problem::not_found("request"));
    }
    Ok(ok(json::to_bytes(&Shape::of(&id, &fate))))
}

#[derive(Serialize)]
struct Shape<'a> {
    id: &'a str,
    object: &'static str,
    outcome: Outcome,
    answer: Option<AnswerShape<'a>>,
    changes: Vec<ChangeShape<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done,
    Refused,
    InFlight,
}

/// The answer that a repeat would get, but for its body, which belongs to who has the key.
#[derive(Serialize)]
struct AnswerShape<'a> {
    status: u16,
    code: Option<String>,
    subject: Option<&'a str>,
    #[serde(serialize_with = "json::instant")]
    recorded_at: Timestamp,
}

#[derive(Serialize)]
struct ChangeShape<'a> {
    number: i64,
    command: &'a str,
    actor: &'a str,
    #[serde(serialize_with = "json::instant")]
    recorded_at: Timestamp,
    events: Vec<EventShape<'a>>,
}

#[derive(Serialize)]
struct EventShape<'a> {
    id: &'a str,
    number: i64,
    kind: &'a str,
    subject: &'a str,
}

impl<'a> Shape<'a> {
    fn of(id: &'a str, fate: &'a Fate) -> Self {
        let outcome = match &fate.answer {
            Some((Answer { status: 0, .. }, _)) => Outcome::InFlight,
            Some((Answer { status: 400.., .. }, _)) => Outcome::Refused,
            // What is in the audit chain has happened.
            Some(_) | None => Outcome::Done,
        };
        let answer = fate.answer.as_ref().filter(|(answer, _)| answer.status != 0);
        let answer = answer.map(|(answer, at)| AnswerShape::of(answer, *at));
        Self { id, object: "request", outcome, answer, changes: fate.changes.iter().map(ChangeShape::of).collect() }
    }
}

impl<'a> AnswerShape<'a> {
    fn of(answer: &'a Answer, recorded_at: Timestamp) -> Self {
        #[derive(Deserialize)]
        struct Told {
            code: String,
        }
        let code = || serde_json::from_slice::<Told>(&answer.body).ok().map(|told| told.code);
        Self {
            status: answer.status,
            code: if answer.status >= 400 { code() } else { None },
            subject: (!answer.subject.is_empty()).then_some(&answer.subject),
            recorded_at,
        }
    }
}

impl<'a> ChangeShape<'a> {
    fn of(change: &'a Change) -> Self {
        let Change { number, command, actor, recorded_at, events } = change;
        let shape = |event: &'a StoredEvent| {
            let StoredEvent { number, id, kind, subject, .. } = event;
            EventShape { id, number: *number, kind, subject }
        };
        Self { number: *number, command, actor, recorded_at: *recorded_at, events: events.iter().map(shape).collect() }
    }
}
