//! What is wrong, in the words of the protocol: a status and `{"error": "..."}`. 4xx says that nothing happened; 408 and 5xx
//! that nobody knows, so that the POS never repeats blindly.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use storage::{Answer, EngineError, Failure};

use crate::http::error::Problem;
use crate::http::json::{JSON, to_bytes};
use crate::smartconnect::POLL_PAUSE;

/// A request that is not answered with what it asked for.
#[derive(Debug)]
pub struct Wrong {
    status: StatusCode,
    error: Cow<'static, str>,
}

#[derive(Serialize)]
struct Shape<'a> {
    error: &'a str,
}

/// The part of a stored refusal that is told on.
#[derive(Deserialize)]
struct Refused<'a> {
    #[serde(borrow)]
    detail: Cow<'a, str>,
}

impl Wrong {
    /// Refused; nothing happened.
    pub fn refused(error: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error: error.into() }
    }

    /// Not let in.
    pub fn forbidden(error: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::FORBIDDEN, error: error.into() }
    }

    /// The token of a polling URL opens nothing, or nothing any more.
    pub fn token(error: &'static str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, error: error.into() }
    }

    /// Polled too soon.
    pub fn too_soon() -> Self {
        Self { status: StatusCode::TOO_MANY_REQUESTS, error: "Poll every 2 seconds at most.".into() }
    }

    /// Not over in time; the outcome is not known.
    pub fn unfinished() -> Self {
        let error = "The transaction is not over and may still succeed. Do not repeat it: its outcome stays readable.";
        Self { status: StatusCode::REQUEST_TIMEOUT, error: error.into() }
    }

    /// A refusal of the rules, as it is stored.
    pub fn of(answer: &Answer) -> Self {
        let refused: Option<Refused<'_>> = serde_json::from_slice(&answer.body).ok();
        Self::refused(refused.map_or_else(String::new, |refused| refused.detail.into_owned()))
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(to_bytes(&Shape { error: &self.error })));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(POLL_PAUSE.as_secs()));
        }
        response
    }
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self { status: problem.status(), error: problem.into_detail() }
    }
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Problem::from(failure).into()
    }
}

impl From<EngineError> for Wrong {
    fn from(error: EngineError) -> Self {
        Problem::from(error).into()
    }
}
