//! Hands a command to the committer and answers with the bytes that it stored.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::command::Command;
use storage::{Answer, Envelope};

use super::error::{PROBLEM_JSON, Problem, refusal_answer};
use super::json::JSON;
use crate::app::App;

/// Says that an answer was given before.
pub const REPLAY_HEADER: HeaderName = HeaderName::from_static("idempotent-replay");

/// Sends a command, waits until it is durable, and answers.
pub async fn submit<C>(
    app: &App,
    envelope: Envelope,
    command: C,
    encode: impl Fn(&C::Reply) -> Answer + Send + 'static,
) -> Result<Response, Problem>
where
    C: Command + Send + 'static,
    C::Reply: Send + 'static,
{
    let (answer, is_replay) = commit(app, envelope, command, encode).await?;
    Ok(respond(answer, is_replay))
}

/// Sends a command and waits until it is durable. Gives its answer, and whether that was given before.
pub async fn commit<C>(
    app: &App,
    envelope: Envelope,
    command: C,
    encode: impl Fn(&C::Reply) -> Answer + Send + 'static,
) -> Result<(Answer, bool), Problem>
where
    C: Command + Send + 'static,
    C::Reply: Send + 'static,
{
    let encode = move |decision: Result<&C::Reply, &_>| match decision {
        Ok(reply) => encode(reply),
        Err(refusal) => refusal_answer(refusal),
    };
    let committed = app.committer.submit(envelope, command, encode).await?;
    Ok((committed.answer, committed.reply.is_none()))
}

/// An answer as a response.
pub fn respond(answer: Answer, is_replay: bool) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(&answer.content_type));
    if is_replay {
        headers.insert(REPLAY_HEADER, HeaderValue::from_static("true"));
    }
    response
}

/// A body of JSON that is not stored.
pub fn ok(body: Vec<u8>) -> Response {
    respond(Answer { status: 200, content_type: JSON.into(), body, subject: String::new() }, false)
}

fn content_type(text: &str) -> HeaderValue {
    match text {
        JSON => HeaderValue::from_static(JSON),
        PROBLEM_JSON => HeaderValue::from_static(PROBLEM_JSON),
        other => HeaderValue::from_str(other).unwrap_or(HeaderValue::from_static(JSON)),
    }
}
