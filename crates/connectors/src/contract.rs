//! What a connector is asked and what it answers. All of it is plain data, so that a connector is tested from text files.

use std::fmt;

use domain::merchant::ConnectionSettings;
use domain::money::Currency;
use domain::payment::{Kind, Operation, OperationState, Outcome, Payment, PresentedCode, Profile, Reason};
use domain::time::Timestamp;

use crate::fact::Fact;
use crate::secret::Secret;

/// One provider's wire format.
pub trait Connector: Send + Sync {
    /// Its name, as in the connection's `provider`.
    fn name(&self) -> &'static str;

    /// The protocols that it speaks, the usual one first. A connection's settings name one of them.
    fn variants(&self) -> &'static [Variant];

    /// The request for an access token, where the provider wants one with every other request.
    fn build_token(&self, _: &Access<'_>) -> Result<Option<Request>, CannotAsk> {
        Ok(None)
    }

    /// The token that the answer to [`Connector::build_token`] brings.
    fn read_token(&self, _: &Told) -> Option<Token> {
        None
    }

    /// A harmless request that shows whether the provider is there and takes the credentials.
    fn build_probe(&self, access: &Access<'_>) -> Result<Request, CannotAsk>;

    /// What the answer to [`Connector::build_probe`] shows.
    fn read_probe(&self, access: &Access<'_>, told: &Told) -> Probe;

    /// The request that asks for the operation. Built anew for a repeat, it is the same request.
    fn build_send(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk>;

    /// The request that asks how the operation ended.
    fn build_inquiry(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk>;

    /// What the answer to [`Connector::build_send`] says about the operation.
    fn read_send(&self, ask: &Ask<'_>, told: &Told) -> Outcome;

    /// The code to be shown to the customer, if the answer to [`Connector::build_send`] brings one.
    fn read_code(&self, _: &Ask<'_>, _: &Told) -> Option<PresentedCode> {
        None
    }

    /// What the answer to [`Connector::build_inquiry`] says. `NotFound` is passed on as heard: whether it proves
    /// anything yet is decided by [`domain::payment::read_inquiry`].
    fn read_inquiry(&self, ask: &Ask<'_>, told: &Told) -> Outcome;

    /// What a notification says, after its signature over the raw body was found right. Header names are compared
    /// without regard to case; [`PATH`] stands among them for the path that the provider called.
    fn read_notification(
        &self,
        access: &Access<'_>,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<Notice>, Rejected>;

    /// What the provider wants to hear when a notification was taken: whoever hears something else sends it again.
    fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement { content_type: "application/json", body: b"{}" }
    }

    /// Whether a charge takes the blob of a card reader ([`Ask::reader_blob`]), and cannot be made without one.
    fn takes_reader_blob(&self) -> bool {
        false
    }

    /// The request that hands on what the card said to the issuer's answer, where a charge of a chip card waits for that.
    /// It moves a charge that is under way, and may be repeated.
    fn build_advice(&self, _: &Ask<'_>) -> Result<Request, CannotAsk> {
        Err(CannotAsk::NoAdvice)
    }

    /// What the answer to [`Connector::build_advice`] says.
    fn read_advice(&self, _: &Ask<'_>, _: &Told) -> Advised {
        Advised::Unknown
    }

    /// What the answer to [`Connector::build_inquiry`] says besides for reader and receipt, in the provider's words: the
    /// stage of the order, the issuer's answer for the card, the fields of an EMV receipt. Handed on and not kept.
    fn read_particulars(&self, _: &Told) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Whether it takes the scanned codes of a wallet: of the one that has its name, where nothing else is said.
    fn takes_codes_of(&self, wallet: &str) -> bool {
        wallet == self.name()
    }

    /// The reference of the operation that an unverified body speaks of, where a provider has one address for all
    /// connections: it says whose secret the body has to be verified with, and nothing more is done with it.
    fn peek_reference(&self, _: &[u8]) -> Option<String> {
        None
    }
}

/// One protocol of a provider.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// The name in the settings of a connection.
    pub name: &'static str,
    /// Timings, capabilities, windows and limits.
    pub profile: fn() -> Profile,
    /// The form of its credentials, for people.
    pub credentials: &'static str,
    /// Where the provider is, unless the connection says otherwise; empty where there is no usual place.
    pub base_url: &'static str,
}

/// How to get in: all that does not depend on what is asked.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// Where the provider is.
    pub settings: &'a ConnectionSettings,
    /// The credentials.
    pub secret: &'a Secret,
    /// The access token, where [`Connector::build_token`] asks for one.
    pub token: Option<&'a Secret>,
    /// What makes this request the only one of its kind, where requests are signed.
    pub stamp: &'a Stamp,
    /// How long an answer is waited for: the profile's `answer_timeout_ms`.
    pub timeout_ms: i64,
}

impl<'a> Access<'a> {
    /// The provider's address without a slash at its end.
    pub(crate) fn base_url(&self) -> Result<&'a str, CannotAsk> {
        let base = self.settings.base_url.trim_end_matches('/');
        let is_http = base.starts_with("http://") || base.starts_with("https://");
        if is_http { Ok(base) } else { Err(CannotAsk::BaseUrl) }
    }
}

/// The time and a random text, for signatures. Passed in: a connector knows neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Now.
    pub at: Timestamp,
    /// Drawn for this request.
    pub nonce: String,
}

/// An access token.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub words: Secret,
    /// For how long it is taken, in milliseconds from now on.
    pub lives_ms: i64,
}

/// What a probe shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The provider is there and takes the credentials.
    Fine,
    /// The provider is there and refuses the credentials.
    CredentialsRefused,
    /// No connection came about, or no answer.
    Unreachable,
    /// Somebody answered, but not as the provider does.
    NotUnderstood,
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
    /// How to get in.
    pub access: Access<'a>,
    /// The code that the customer showed: a one-time input, in memory only, and there for the first request at most.
    pub customer_code: Option<&'a Secret>,
    /// What the card reader gave: a one-time input, in memory only, and there for the first request at most.
    pub reader_blob: Option<&'a ReaderBlob>,
    /// Where the provider may send notifications.
    pub notify_url: Option<&'a str>,
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

/// What a card reader gives of a card, encrypted under a key that only the acquirer has. Opaque to the hub.
#[derive(Debug, Clone)]
pub struct ReaderBlob {
    /// The encrypted data, as the reader gave them.
    pub data: Secret,
    /// How they are encrypted, in the words of reader and gateway.
    pub encryption: String,
}

/// What became of an advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advised {
    /// The provider took it; how the charge ends is asked.
    Taken,
    /// The provider does not want it.
    Refused,
    /// Nobody knows: it is sent again.
    Unknown,
}

/// The request method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Does.
    Post,
    /// Undoes.
    Delete,
}

impl Method {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
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
    /// Who the connection says that we are, where the provider asks for a certificate.
    pub identity: Option<Identity>,
}

/// What a connection shows to a provider that wants a client certificate. All of it PEM. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Our certificate, with those between it and its root behind it.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// Certificates that the provider's own may be signed with, beside those that the machine trusts.
    pub authority: Option<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
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
            .field("has_identity", &self.identity.is_some())
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

/// The name, among the headers of a notification, of the path that it was sent to, as HTTP/2 spells it: some providers sign
/// it. It is the path as the provider knows it, before a proxy of ours.
pub const PATH: &str = ":path";

/// How a notification that was taken is answered, with status 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The media type of the body.
    pub content_type: &'static str,
    /// The bytes.
    pub body: &'static [u8],
}

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something about one operation.
    Operation {
        /// Its reference, as the provider was given it.
        reference: String,
        /// What it says of it.
        news: News,
    },
    /// What is no outcome of an operation of ours: it is kept as it is.
    Fact(Fact),
}

/// What a notification is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It is signed: a witness.
    Told(Outcome),
    /// It proves nothing, because anybody could have sent it: the provider is asked.
    Hint,
}

/// Why no request can be built. No byte has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotAsk {
    /// An operator does it on the terminal.
    #[error("the terminal is keyed by hand; nothing is sent")]
    KeyedByHand,
    /// The hub at which the terminal hangs asks it over its channel.
    #[error("the terminal is asked over its channel")]
    OverChannel,
    /// A capture, void, refund or reversal of nothing.
    #[error("the operation has no target")]
    NoTarget,
    /// The connection's base URL is not an http or https address.
    #[error("the connection has no usable base URL")]
    BaseUrl,
    /// The credentials are not in the form that the connector needs.
    #[error("the connection's credentials are not in the form of the provider")]
    Credentials,
    /// The code that the customer showed was in the memory of a process that is gone.
    #[error("the customer's code is gone")]
    CustomerCodeGone,
    /// What the card reader gave was in the memory of a process that is gone, or nobody gave it.
    #[error("what the card reader gave is gone")]
    ReaderBlobGone,
    /// The provider takes no advice.
    #[error("the provider takes no advice")]
    NoAdvice,
    /// The provider wants its own id of what is refunded, and nobody told it.
    #[error("the provider's reference is not known")]
    NoProviderReference,
    /// The provider wants to be told where notifications go, and the hub does not know how it is reached.
    #[error("the provider wants a notification address; set provider.notify_base")]
    NoNotifyUrl,
    /// The provider cannot do that.
    #[error("the provider has no {}", .0.as_str())]
    NoSuchKind(Kind),
    /// The provider does not take this currency.
    #[error("the provider does not take {0}")]
    NoSuchCurrency(Currency),
}

impl CannotAsk {
    /// What it means for the operation that could not be sent.
    pub fn outcome(self, ask: &Ask<'_>) -> Outcome {
        match self {
            Self::KeyedByHand => Outcome::Pending,
            Self::NoTarget => ask.did_nothing("no_target"),
            Self::BaseUrl | Self::Credentials => ask.did_nothing("connection_misconfigured"),
            // Whether an earlier request left cannot be known: the inquiry finds out.
            Self::CustomerCodeGone | Self::ReaderBlobGone | Self::NoAdvice | Self::OverChannel => Outcome::Unknown,
            Self::NoProviderReference => ask.did_nothing("provider_reference_unknown"),
            Self::NoNotifyUrl => ask.did_nothing("notify_base_missing"),
            Self::NoSuchKind(_) => ask.did_nothing("not_supported_by_provider"),
            Self::NoSuchCurrency(_) => ask.did_nothing("currency_not_supported_by_provider"),
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
    /// Signed, but for another account than the connection's.
    #[error("the notification is for another account")]
    OtherAccount,
    /// Signed, but not in the provider's words.
    #[error("the notification cannot be understood")]
    Unreadable,
}
