//! What a connector is asked and what it answers. All of it is plain data, so that a connector is tested from text files.

use std::fmt;

use domain::merchant::ConnectionSettings;
use domain::payment::{Kind, Operation, OperationState, Outcome, Payment, Reason};

use crate::secret::Secret;

/// One provider's wire format.
pub trait Connector: Send + Sync {
    /// Its name, as in the connection's `provider`.
    fn name(&self) -> &'static str;

    /// The request that asks for the operation. Built anew for a repeat, it is the same request.
    fn build_send(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk>;

    /// The request that asks how the operation ended.
    fn build_inquiry(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk>;

    /// What the answer to [`Connector::build_send`] says about the operation.
    fn read_send(&self, ask: &Ask<'_>, told: &Told) -> Outcome;

    /// What the answer to [`Connector::build_inquiry`] says. `NotFound` is passed on as heard: whether it proves
    /// anything yet is decided by [`domain::payment::read_inquiry`].
    fn read_inquiry(&self, ask: &Ask<'_>, told: &Told) -> Outcome;

    /// What a notification says, after its signature over the raw body was found right. Header names are compared
    /// without regard to case.
    fn read_notification(
        &self,
        secret: &Secret,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<Notice>, Rejected>;
}

/// One operation to be sent or inquired about, with all that a request may need.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What is asked. Its id is the reference that the provider is given.
    pub operation: &'a Operation,
    /// What it captures, voids, refunds or reverses.
    pub target: Option<&'a Operation>,
    /// The payment of both.
    pub payment: &'a Payment,
    /// Where the provider is.
    pub settings: &'a ConnectionSettings,
    /// The credentials.
    pub secret: &'a Secret,
    /// Where the provider may send notifications.
    pub notify_url: Option<&'a str>,
    /// How long an answer is waited for: the profile's `answer_timeout_ms`.
    pub timeout_ms: i64,
    /// A fault that the sandbox is to play. For tests; every other connector ignores it.
    pub fault: Option<&'a str>,
}

impl Ask<'_> {
    /// The reference of the operation.
    pub fn reference(&self) -> String {
        self.operation.id.to_string()
    }

    /// The reference of the operation that this one is about.
    pub fn target_reference(&self) -> Result<String, CannotAsk> {
        self.target.map(|target| target.id.to_string()).ok_or(CannotAsk::NoTarget)
    }

    /// The outcome when this request certainly did nothing. It ends the operation only if no earlier copy of the request
    /// can have left: a repeat that got nowhere says nothing about the first.
    pub fn did_nothing(&self, reason: &str) -> Outcome {
        let is_first = matches!(self.operation.state, OperationState::Recorded | OperationState::Sent);
        if is_first && self.operation.asked_count == 0 {
            Outcome::NotSent(Reason(reason.to_owned()))
        } else {
            Outcome::Unknown
        }
    }
}

/// The request method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Does.
    Post,
}

/// A request, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Names in lower case, and values; some are credentials.
    pub headers: Vec<(&'static str, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
    /// From the first attempt to connect to the last byte of the answer.
    pub timeout_ms: i64,
}

/// Without header values and body: both may hold what must not be logged.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .field("timeout_ms", &self.timeout_ms)
            .finish()
    }
}

/// A whole answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, and values that are text.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

/// Without the body: it may hold what must not be logged.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).field("body_bytes", &self.body.len()).finish()
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It was answered, in whole.
    Response(Response),
    /// No connection came about: no byte of the request has left. The text is for the log.
    NotSent(String),
    /// Bytes may have left, and there is no whole answer. The text is for the log.
    Lost(String),
}

/// What a notification says about one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The operation's reference, as the provider was given it.
    pub operation_reference: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Why no request can be built. No byte has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotAsk {
    /// An operator does it on the terminal.
    #[error("the terminal is keyed by hand; nothing is sent")]
    KeyedByHand,
    /// A capture, void, refund or reversal of nothing.
    #[error("the operation has no target")]
    NoTarget,
    /// The connection's base URL is not an http or https address.
    #[error("the connection has no usable base URL")]
    BaseUrl,
    /// The credentials are not in the form that the connector needs.
    #[error("the connection's credentials are not in the form of the provider")]
    Credentials,
    /// The provider cannot do that.
    #[error("the provider has no {}", .0.as_str())]
    NoSuchKind(Kind),
}

impl CannotAsk {
    /// What it means for the operation that could not be sent.
    pub fn outcome(self, ask: &Ask<'_>) -> Outcome {
        match self {
            Self::KeyedByHand => Outcome::Pending,
            Self::NoTarget => ask.did_nothing("no_target"),
            Self::BaseUrl | Self::Credentials => ask.did_nothing("connection_misconfigured"),
            Self::NoSuchKind(_) => ask.did_nothing("not_supported_by_provider"),
        }
    }
}

/// Why a notification is not believed. Nothing is recorded from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// This provider sends none.
    #[error("the provider sends no notifications")]
    NotOffered,
    /// The connection's credentials are not in the form that the connector needs.
    #[error("the connection's credentials are not in the form of the provider")]
    Credentials,
    /// No signature, or more than one.
    #[error("the notification has no single signature")]
    SignatureMissing,
    /// The signature is not that of the body.
    #[error("the signature does not fit the body")]
    SignatureWrong,
    /// Signed, but not in the provider's words.
    #[error("the notification cannot be understood")]
    Unreadable,
}
