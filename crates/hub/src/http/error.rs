//! With `status` the only place that knows status codes. A problem is answered in the form of RFC 9457 with a stable `code`; internal
//! details never leave. A refusal of the rules is an answer: its bytes are stored and repeated.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::command::Refusal;
use serde::Serialize;
use serde_json::value::RawValue;
use storage::{Answer, EngineError, Failure};

use super::status;

/// The media type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Seconds after which an overloaded hub may be asked again: a batch takes milliseconds, and so does a token of a key.
const RETRY_AFTER_SECONDS: u32 = 1;
/// Seconds after which a hub whose disk is nearly full may be asked again: somebody has to make room first.
const RETRY_AFTER_DISK_SECONDS: u32 = 30;
/// Seconds after which an address that was wrong too often may try again: as long as a pairing code lives.
const RETRY_AFTER_TRIES_SECONDS: u32 = 300;
/// Seconds after which a hub that is starting or stopping may be asked again.
const RETRY_AFTER_STOP_SECONDS: u32 = 5;

/// What is wrong, where it is not a rule of the domain that says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No such path.
    RouteNotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// No API key.
    KeyMissing,
    /// Not the words of an API key: mistyped or cut off.
    KeyMalformed,
    /// Page and hub speak different versions of the contract with the card app.
    AppContractUnknown,
    /// The code that the customer showed may be of several, or several connections take it.
    CustomerCodeAmbiguous,
    /// No rule knows the code that the customer showed.
    CustomerCodeUnknown,
    /// The wallet is known, and no connection of the merchant takes its codes.
    CustomerCodeNotTaken,
    /// What was scanned is the barcode of an article.
    CustomerCodeOfArticle,
    /// What was scanned is the code of a shop.
    CustomerCodeOfShop,
    /// What was given passes for the number of a card.
    CustomerCodeOfCard,
    /// The key's environment is not that of the connection.
    EnvironmentMismatch,
    /// The signature of a notification is missing or wrong.
    SignatureInvalid,
    /// Well-formed, and not a key of this hub.
    KeyUnknown,
    /// A key that was shut out.
    KeyRevoked,
    /// The token of an operator is not valid, or not any more.
    OperatorTokenInvalid,
    /// A PIN is not 4 to 8 digits.
    OperatorPinInvalid,
    /// The key makes more requests than it may.
    RateLimited,
    /// The role of the key may not do this.
    RoleTooLow,
    /// A POST that moves money or stock has no idempotency key.
    IdempotencyKeyMissing,
    /// The idempotency key is not 1 to 255 visible ASCII characters.
    IdempotencyKeyInvalid,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The first request under this idempotency key is still at work.
    IdempotencyKeyInFlight,
    /// The body is not JSON, or not the JSON that is wanted.
    BodyInvalid,
    /// The body is too large.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body is not said to be JSON.
    ContentTypeUnsupported,
    /// The path is a WebSocket, and the request is none.
    UpgradeRequired,
    /// A query parameter is unknown or not what it should be.
    QueryInvalid,
    /// `If-Match` is not a version.
    IfMatchInvalid,
    /// A price or amount in another currency than the merchant's.
    CurrencyMismatch,
    /// A charge by card reader without what the reader gave.
    ReaderDataMissing,
    /// What a card reader gave, for a provider that takes none.
    ReaderDataNotSupported,
    /// The merchant has as many mPOS endpoints as it may have.
    MposEndpointLimitReached,
    /// The address for callbacks is not one that may be called.
    MposNotifyUrlInvalid,
    /// The URL of an endpoint is not one that webhooks can be sent to.
    WebhookUrlInvalid,
    /// The URL of an endpoint leads to where nothing is sent.
    WebhookUrlRefused,
    /// The address of a printer is in no network that the settings allow.
    PrinterAddressRefused,
    /// The merchant has as many endpoints as one may have.
    WebhookEndpointLimitReached,
    /// The merchant has as many printers as it may have.
    PrinterLimitReached,
    /// The merchant has as many terminals as it may have.
    TerminalLimitReached,
    /// The model of a device is not one of those that are let in.
    TerminalModelUnknown,
    /// Too many wrong codes or tokens came from an address.
    PairingTriesExhausted,
    /// No such record of this merchant.
    NotFound(&'static str),
    /// All event streams are taken.
    StreamsExhausted,
    /// Too much work waits.
    Overloaded,
    /// The disk is nearly full: nothing new is begun.
    DiskNearlyFull,
    /// It took too long; nobody knows yet whether it happened.
    RequestTimeout,
    /// The database does not answer.
    DatabaseUnavailable,
    /// The hub is stopping.
    Stopping,
    /// A bug.
    Internal,
}

/// The nouns of [`Kind::NotFound`] that handlers ask for by themselves.
pub const NOUNS: [&str; 30] = [
    "article",
    "connection",
    "customer",
    "exception",
    "location",
    "merchant",
    "mpos_endpoint",
    "operation",
    "operator",
    "payment",
    "print_job",
    "printer",
    "promotion",
    "provider_notice",
    "receipt",
    "register",
    "request",
    "return",
    "sale",
    "sale_coupon",
    "sale_discount",
    "sale_line",
    "shift",
    "smartconnect_transaction",
    "stocktake",
    "terminal",
    "transfer",
    "unreferenced_return",
    "webhook_delivery",
    "webhook_endpoint",
];

impl Kind {
    /// All kinds, the nouns of what is not found left out.
    pub const ALL: [Self; 50] = [
        Self::AppContractUnknown,
        Self::CustomerCodeAmbiguous,
        Self::CustomerCodeUnknown,
        Self::CustomerCodeNotTaken,
        Self::CustomerCodeOfArticle,
        Self::CustomerCodeOfShop,
        Self::CustomerCodeOfCard,
        Self::EnvironmentMismatch,
        Self::SignatureInvalid,
        Self::RouteNotFound,
        Self::MethodNotAllowed,
        Self::KeyMissing,
        Self::KeyMalformed,
        Self::KeyUnknown,
        Self::KeyRevoked,
        Self::OperatorTokenInvalid,
        Self::OperatorPinInvalid,
        Self::RateLimited,
        Self::RoleTooLow,
        Self::IdempotencyKeyMissing,
        Self::IdempotencyKeyInvalid,
        Self::IdempotencyKeyReused,
        Self::IdempotencyKeyInFlight,
        Self::BodyInvalid,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::ContentTypeUnsupported,
        Self::UpgradeRequired,
        Self::QueryInvalid,
        Self::IfMatchInvalid,
        Self::CurrencyMismatch,
        Self::ReaderDataMissing,
        Self::ReaderDataNotSupported,
        Self::MposEndpointLimitReached,
        Self::MposNotifyUrlInvalid,
        Self::WebhookUrlInvalid,
        Self::WebhookUrlRefused,
        Self::PrinterAddressRefused,
        Self::WebhookEndpointLimitReached,
        Self::PrinterLimitReached,
        Self::TerminalLimitReached,
        Self::TerminalModelUnknown,
        Self::PairingTriesExhausted,
        Self::StreamsExhausted,
        Self::Overloaded,
        Self::DiskNearlyFull,
        Self::RequestTimeout,
        Self::DatabaseUnavailable,
        Self::Stopping,
        Self::Internal,
    ];

    /// The stable code.
    pub fn code(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::RouteNotFound => "route_not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::KeyMissing => "key_missing",
            Self::KeyMalformed => "key_malformed",
            Self::EnvironmentMismatch => "key_environment_mismatch",
            Self::SignatureInvalid => "signature_invalid",
            Self::AppContractUnknown => "app_contract_unknown",
            Self::CustomerCodeAmbiguous => "customer_code_ambiguous",
            Self::CustomerCodeUnknown => "customer_code_unknown",
            Self::CustomerCodeNotTaken => "customer_code_not_taken",
            Self::CustomerCodeOfArticle => "customer_code_of_article",
            Self::CustomerCodeOfShop => "customer_code_of_shop",
            Self::CustomerCodeOfCard => "customer_code_of_card",
            Self::KeyUnknown => "key_unknown",
            Self::KeyRevoked => "key_revoked",
            Self::OperatorTokenInvalid => "operator_token_invalid",
            Self::OperatorPinInvalid => "operator_pin_invalid",
            Self::RateLimited => "rate_limited",
            Self::RoleTooLow => "role_too_low",
            Self::IdempotencyKeyMissing => "idempotency_key_missing",
            Self::IdempotencyKeyInvalid => "idempotency_key_invalid",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::IdempotencyKeyInFlight => "idempotency_key_in_flight",
            Self::BodyInvalid => "body_invalid",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::ContentTypeUnsupported => "content_type_unsupported",
            Self::UpgradeRequired => "upgrade_required",
            Self::QueryInvalid => "query_invalid",
            Self::IfMatchInvalid => "if_match_invalid",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::ReaderDataMissing => "reader_data_missing",
            Self::ReaderDataNotSupported => "reader_data_not_supported",
            Self::MposEndpointLimitReached => "mpos_endpoint_limit_reached",
            Self::MposNotifyUrlInvalid => "mpos_endpoint_notify_url_invalid",
            Self::WebhookUrlInvalid => "webhook_url_invalid",
            Self::WebhookUrlRefused => "webhook_url_refused",
            Self::PrinterAddressRefused => "printer_address_refused",
            Self::WebhookEndpointLimitReached => "webhook_endpoint_limit_reached",
            Self::PrinterLimitReached => "printer_limit_reached",
            Self::TerminalLimitReached => "terminal_limit_reached",
            Self::TerminalModelUnknown => "terminal_model_unknown",
            Self::PairingTriesExhausted => "pairing_tries_exhausted",
            Self::NotFound(noun) => return Cow::Owned(format!("{noun}_not_found")),
            Self::StreamsExhausted => "streams_exhausted",
            Self::Overloaded => "overloaded",
            Self::DiskNearlyFull => "disk_nearly_full",
            Self::RequestTimeout => "request_timeout",
            Self::DatabaseUnavailable => "database_unavailable",
            Self::Stopping => "stopping",
            Self::Internal => "internal",
        })
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::IdempotencyKeyMissing
            | Self::IdempotencyKeyInvalid
            | Self::BodyInvalid
            | Self::QueryInvalid
            | Self::IfMatchInvalid => StatusCode::BAD_REQUEST,
            Self::KeyMissing
            | Self::KeyMalformed
            | Self::KeyUnknown
            | Self::KeyRevoked
            | Self::OperatorTokenInvalid
            | Self::SignatureInvalid => StatusCode::UNAUTHORIZED,
            Self::RoleTooLow | Self::EnvironmentMismatch => StatusCode::FORBIDDEN,
            Self::RouteNotFound | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::IdempotencyKeyInFlight | Self::CustomerCodeAmbiguous => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentTypeUnsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::IdempotencyKeyReused
            | Self::AppContractUnknown
            | Self::CustomerCodeUnknown
            | Self::CustomerCodeNotTaken
            | Self::CustomerCodeOfArticle
            | Self::CustomerCodeOfShop
            | Self::CustomerCodeOfCard
            | Self::CurrencyMismatch
            | Self::ReaderDataMissing
            | Self::ReaderDataNotSupported
            | Self::MposEndpointLimitReached
            | Self::MposNotifyUrlInvalid
            | Self::OperatorPinInvalid
            | Self::WebhookUrlInvalid
            | Self::WebhookUrlRefused
            | Self::PrinterAddressRefused
            | Self::WebhookEndpointLimitReached
            | Self::PrinterLimitReached
            | Self::TerminalLimitReached
            | Self::TerminalModelUnknown => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited | Self::PairingTriesExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::StreamsExhausted
            | Self::Overloaded
            | Self::DiskNearlyFull
            | Self::RequestTimeout
            | Self::DatabaseUnavailable
            | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn retry_after_seconds(self) -> Option<u32> {
        match self {
            Self::IdempotencyKeyInFlight
            | Self::RateLimited
            | Self::Overloaded
            | Self::RequestTimeout
            | Self::DatabaseUnavailable => Some(RETRY_AFTER_SECONDS),
            Self::DiskNearlyFull => Some(RETRY_AFTER_DISK_SECONDS),
            Self::PairingTriesExhausted => Some(RETRY_AFTER_TRIES_SECONDS),
            Self::Stopping | Self::StreamsExhausted => Some(RETRY_AFTER_STOP_SECONDS),
            _ => None,
        }
    }
}

/// What is wrong with a request. It is not stored: the caller may repeat.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    /// What programs may go on with.
    candidates: Option<Box<RawValue>>,
}

impl Problem {
    /// A problem with a sentence that says what to do.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), candidates: None }
    }

    /// There is no such record of this merchant. What was asked for is not repeated: it may be anything.
    pub fn not_found(noun: &'static str) -> Self {
        Self::new(Kind::NotFound(noun), "There is no such record. Check the id and the merchant of the key.")
    }

    /// With what the caller may choose from.
    pub fn with_candidates(self, candidates: &impl Serialize) -> Self {
        Self { candidates: serde_json::value::to_raw_value(candidates).ok(), ..self }
    }

    /// What is wrong.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its status, for a face that says what is wrong in other words.
    pub const fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// The sentence that says what to do.
    pub fn into_detail(self) -> Cow<'static, str> {
        self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        let mut response =
            Response::new(Body::from(body(status, &self.kind.code(), &self.detail, self.candidates.as_deref())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.kind.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Overloaded => Self::new(Kind::Overloaded, "Too much work waits. Ask again with the same key."),
            Failure::KeyReused => Self::new(
                Kind::IdempotencyKeyReused,
                "This idempotency key was used for a request with other content. To repeat that request send its content \
                 as it was; for another draw a new key.",
            ),
            Failure::InFlight { subject } if subject.is_empty() => {
                Self::new(Kind::IdempotencyKeyInFlight, "The first request under this key is still at work. Ask again.")
            }
            Failure::InFlight { subject } => Self::new(
                Kind::IdempotencyKeyInFlight,
                format!("The first request under this key is still at work on {subject}. Ask again."),
            ),
            Failure::Internal(why) => {
                tracing::error!(why, "A command failed by a fault of the hub.");
                Self::new(
                    Kind::Internal,
                    "The hub made a mistake. Ask again with the same key, and report the request id.",
                )
            }
            Failure::Unavailable(why) => {
                tracing::warn!(why, "A command could not reach the database.");
                Self::new(Kind::DatabaseUnavailable, "The database does not answer. Ask again with the same key.")
            }
            Failure::Stopping => Self::new(Kind::Stopping, "The hub is stopping. Ask again with the same key."),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Lost(why) | EngineError::CommitUnknown(why) | EngineError::Conflict(why) => {
                tracing::warn!(why, "A read could not reach the database.");
                Self::new(Kind::DatabaseUnavailable, "The database does not answer. Ask again.")
            }
            EngineError::Unique(_) | EngineError::Corrupt(_) | EngineError::Engine(_) => {
                tracing::error!(%error, "A read failed by a fault of the hub or of its database.");
                Self::new(Kind::Internal, "The hub made a mistake. Report the request id.")
            }
        }
    }
}

/// The answer that a refusal of the rules is.
pub fn refusal_answer(refusal: &Refusal) -> Answer {
    let status = status::of(refusal);
    Answer {
        status: status.as_u16(),
        content_type: Cow::Borrowed(PROBLEM_JSON),
        body: body(status, &refusal.code(), &refusal.to_string(), None),
        subject: String::new(),
    }
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<&'a RawValue>,
}

fn body(status: StatusCode, code: &str, detail: &str, candidates: Option<&RawValue>) -> Vec<u8> {
    let r#type = format!("urn:tillbridge:problem:{code}");
    let problem = ProblemBody { r#type, title: title(code), status: status.as_u16(), detail, code, candidates };
    // A struct of texts and a number always has a JSON form.
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// The code in words: the same for each occurrence, as RFC 9457 wants it.
fn title(code: &str) -> String {
    let mut title = code.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

#[cfg(test)]
mod tests {
    use domain::article;

    use super::*;

    #[test]
    fn a_refusal_has_one_form() {
        let answer = refusal_answer(&Refusal::Article(article::Refusal::SkuInvalid));
        assert_eq!(answer.status, 422);
        assert_eq!(
            String::from_utf8(answer.body).unwrap(),
            r#"{"type":"urn:tillbridge:problem:article_sku_invalid","title":"Article sku invalid","status":422,"#
                .to_owned()
                + r#""detail":"A sku has 1 to 64 characters.","code":"article_sku_invalid"}"#
        );
    }

    #[test]
    fn a_code_belongs_to_one_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::ALL.iter().filter(|other| other.code() == kind.code()).count(), 1);
        }
    }
}
