//! An mPOS gateway of the Payneteasy family, spoken to as its client: `/mapi/v1/sale`, `preauth` and `emv-advice` with the
//! blob of a card reader, `/api/v2/status`, `capture`, `return` and `void`. The base URL includes the path before those, such
//! as `/paynet`. Two variants: `header` has the OAuth parameters in the header alone, `body` has them in the form as well,
//! as one page of the documents says.
//!
//! Credentials: `<login>:<endpoint id>:<control key>`.
//!
//! The gateway answers at once and works on: a reply says that a request was taken, its status is asked. Orders are known
//! by `client_orderid`, the reference of the charge; captures and returns have no reference of their own, so what became of
//! one is told from the order, one request at a time, and what the order does not prove stays `Unknown`.

mod codes;
pub mod sign;
mod wire;

use domain::id::OperationId;
use domain::money::format_minor;
use domain::payment::{Approval, Kind, LateApproval, Operation, OperationState, Outcome, Profile};

use crate::contract::{
    Access, Advised, Ask, CannotAsk, Connector, Method, News, Notice, Probe, Rejected, Request, Response, Told, Variant,
};
use codes::{Facts, Status, declined, minor};
use sign::Field;
use wire::Reply;

/// The connector of mPOS gateways.
#[derive(Debug)]
pub(crate) struct MposGateway;

const HEADER: &str = "header";
const BODY: &str = "body";
const CREDENTIALS: &str = "<login>:<endpoint id>:<control key>";

const VARIANTS: [Variant; 2] = [
    Variant { name: HEADER, profile, credentials: CREDENTIALS, base_url: "" },
    Variant { name: BODY, profile, credentials: CREDENTIALS, base_url: "" },
];

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// An order that nobody made.
const NOBODY: &str = "probe";
/// What an order is called that its register did not name.
const DESCRIPTION: &str = "Payment";
/// What the gateway wants to know of a customer who stands at the counter and is not asked. Its own SDK sends such, too.
const NO_CUSTOMER: [Field<'static>; 6] = [
    ("address1", "not given"),
    ("city", "not given"),
    ("zip_code", "00000"),
    ("country", "ZZ"),
    ("email", "not-given@example.invalid"),
    ("ipaddress", "127.0.0.1"),
];
/// After so many answer timeouts a charge that the gateway has not heard of will not come any more: the documents' longest
/// stall is 70 seconds.
const TIMEOUTS_UNTIL_ABSENT: i64 = 3;

/// Polling advice of the status page: every 3 to 5 seconds for 5 minutes, then every 5 to 10 minutes for an hour, then the
/// callback. Windows of capture, void and return are not published; a connection has those of its acquirer.
const fn profile() -> Profile {
    Profile {
        answer_timeout_ms: 30 * SECOND_MS,
        poll_period_ms: 3 * SECOND_MS,
        poll_period_ms_max: 5 * MINUTE_MS,
        // A customer with a card at a reader, and the second leg of a chip card.
        poll_horizon_ms: 5 * MINUTE_MS,
        // Above the longest stall that the test page plays, 70 seconds.
        finality_window_ms: 90 * SECOND_MS,
        resolve_by_ms: 5 * MINUTE_MS,
        give_up_ms: HOUR_MS,
        has_inquiry: true,
        has_reversal: true,
        is_keyed_by_hand: false,
        is_relayed: false,
        capture_window_ms: 7 * DAY_MS,
        void_window_ms: DAY_MS,
        refund_window_ms: 180 * DAY_MS,
        has_partial_refund: true,
        has_authorize: true,
        late_approval: LateApproval::Refund,
        has_present: false,
        has_scan: false,
        has_redirect: false,
        scan_horizon_ms: None,
        undo_hold_ms: None,
        is_one_at_a_time: true,
        amount_minor_max: None,
        void_cutoff: None,
        refund_cutoff: None,
    }
}

impl Connector for MposGateway {
    fn name(&self) -> &'static str {
        "mpos_gateway"
    }

    fn variants(&self) -> &'static [Variant] {
        &VARIANTS
    }

    fn build_probe(&self, access: &Access<'_>) -> Result<Request, CannotAsk> {
        let client = Client::of(access)?;
        status_request(access, &client, NOBODY, "")
    }

    fn read_probe(&self, _: &Access<'_>, told: &Told) -> Probe {
        let Told::Response(response) = told else { return Probe::Unreachable };
        if is_refused_at_the_door(response) {
            return Probe::CredentialsRefused;
        }
        let reply = Reply::read(&response.body);
        match reply.get("type") {
            // The order is not there; a wrong control is told by the same type.
            Some("validation-error" | "error") if says_not_found(&reply) => Probe::Fine,
            Some("validation-error" | "error") => Probe::CredentialsRefused,
            _ => Probe::NotUnderstood,
        }
    }

    fn build_send(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        let client = Client::of(&ask.access)?;
        match ask.operation.kind {
            Kind::Purchase => charge(ask, &client, "sale"),
            Kind::Authorize => charge(ask, &client, "preauth"),
            Kind::Capture => change(ask, &client, "capture", Some(order_id(ask)?)),
            Kind::Refund => change(ask, &client, "return", Some(order_id(ask)?)),
            // A promise is given back by a return; so is whatever there is, where nobody knows what there is.
            Kind::Void if is_promise(ask) => change(ask, &client, "return", Some(order_id(ask)?)),
            Kind::Void => change(ask, &client, "void", Some(order_id(ask)?)),
            Kind::Reversal => change(ask, &client, "return", order_id(ask).ok()),
        }
    }

    fn build_inquiry(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        let client = Client::of(&ask.access)?;
        status_request(&ask.access, &client, &charge_reference(ask)?, order_id(ask).unwrap_or_default())
    }

    fn read_send(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let response = match told {
            Told::NotSent(_) => return ask.did_nothing("provider_unreachable"),
            Told::Lost(_) => return Outcome::Unknown,
            Told::Response(response) => response,
        };
        if is_refused_at_the_door(response) {
            return ask.did_nothing("credentials_refused_by_provider");
        }
        if response.status == 429 {
            return ask.did_nothing("provider_busy");
        }
        let reply = Reply::read(&response.body);
        match reply.get("type") {
            Some("async-response") if is_ours(ask, &reply) => Outcome::Pending,
            Some("validation-error") => refused(ask, &reply),
            _ => Outcome::Unknown,
        }
    }

    fn read_inquiry(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let Told::Response(response) = told else { return Outcome::Unknown };
        let reply = Reply::read(&response.body);
        match reply.get("type") {
            Some("status-response") if is_ours(ask, &reply) => found(ask, &reply),
            Some("validation-error" | "error") if says_not_found(&reply) => not_found(ask),
            _ => Outcome::Unknown,
        }
    }

    /// The control covers status and ids, and neither the type nor the amount: whoever saw one callback could make another
    /// of it. So a callback, rightly signed, says whom to ask about.
    fn read_notification(&self, access: &Access<'_>, _: &[(&str, &str)], body: &[u8]) -> Result<Vec<Notice>, Rejected> {
        let client = Client::of(access).map_err(|_| Rejected::Credentials)?;
        let news = Reply::read(body);
        let given = news.get("control").ok_or(Rejected::SignatureMissing)?;
        let order = news.get("merchant_order").or_else(|| news.get("client_orderid")).unwrap_or_default();
        let parts = [news.get("status").unwrap_or_default(), news.get("orderid").unwrap_or_default(), order];
        if !sign::is_same(given, &sign::control(&parts, client.key)) {
            return Err(Rejected::SignatureWrong);
        }
        if parts.contains(&"") {
            return Err(Rejected::Unreadable);
        }
        Ok(vec![Notice::Operation { reference: order.to_owned(), news: News::Hint }])
    }

    fn takes_reader_blob(&self) -> bool {
        true
    }

    /// The fields of an advice are not published. These are the ones that a sale has of the same things.
    fn build_advice(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        let client = Client::of(&ask.access)?;
        let blob = ask.reader_blob.ok_or(CannotAsk::ReaderBlobGone)?;
        let reference = charge_reference(ask)?;
        let fields = [
            ("client_orderid", reference.as_str()),
            ("encrypted-data", blob.data.expose()),
            ("encrypted-type", &blob.encryption),
        ];
        signed_by_oauth(&ask.access, &client, "emv-advice", &fields)
    }

    fn read_advice(&self, ask: &Ask<'_>, told: &Told) -> Advised {
        let Told::Response(response) = told else { return Advised::Unknown };
        let reply = Reply::read(&response.body);
        match reply.get("type") {
            Some("async-response") if is_ours(ask, &reply) => Advised::Taken,
            Some("validation-error") => Advised::Refused,
            _ => Advised::Unknown,
        }
    }

    fn read_particulars(&self, told: &Told) -> Vec<(&'static str, String)> {
        let Told::Response(response) = told else { return Vec::new() };
        let reply = Reply::read(&response.body);
        PARTICULARS.into_iter().filter_map(|name| Some((name, reply.get(name)?.to_owned()))).collect()
    }
}

/// What a status reply says for reader and receipt: the fields that the vendor's SDK reads. Numbers and names of cards and
/// holders are not among them.
const PARTICULARS: [&str; 20] = [
    "order-stage",
    "emv-issuer-response",
    "auth-response-code",
    "terminal-id",
    "paynet-processing-date",
    "acquirer-processing-date",
    "reader-processing-date",
    "emv-terminal-aid-9f06",
    "emv-tvr-95",
    "emv-app-label-50",
    "emv-cvm-9f34",
    "emv-pan-sequence-5f34",
    "emv-cid-9f27",
    "emv-app-cryptogram-9f26",
    "card-type",
    "last-four-digits",
    "receipt-id",
    "processor-rrn",
    "approval-code",
    "bank-name",
];

/// The parts of the credentials.
struct Client<'a> {
    login: &'a str,
    endpoint: &'a str,
    key: &'a str,
}

impl<'a> Client<'a> {
    fn of(access: &Access<'a>) -> Result<Self, CannotAsk> {
        let mut parts = access.secret.expose().splitn(3, ':');
        let (Some(login), Some(endpoint), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(CannotAsk::Credentials);
        };
        let is_number = !endpoint.is_empty() && endpoint.bytes().all(|byte| byte.is_ascii_digit());
        if login.is_empty() || key.is_empty() || !is_number {
            return Err(CannotAsk::Credentials);
        }
        Ok(Self { login, endpoint, key })
    }
}

fn url(access: &Access<'_>, client: &Client<'_>, path: &str) -> Result<String, CannotAsk> {
    let base = access.settings.base_url.trim_end_matches('/');
    let is_http = base.starts_with("http://") || base.starts_with("https://");
    if is_http { Ok(format!("{base}/{path}/{}", client.endpoint)) } else { Err(CannotAsk::BaseUrl) }
}

fn post(access: &Access<'_>, url: String, fields: &[Field<'_>], authorization: Option<String>) -> Request {
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    headers.extend(authorization.map(|value| ("authorization", value)));
    Request {
        method: Method::Post,
        url,
        headers,
        body: wire::encode(fields),
        timeout_ms: access.timeout_ms,
        identity: None,
    }
}

fn signed_by_oauth(
    access: &Access<'_>,
    client: &Client<'_>,
    command: &str,
    fields: &[Field<'_>],
) -> Result<Request, CannotAsk> {
    let url = url(access, client, &format!("mapi/v1/{command}"))?;
    let oauth = sign::oauth_parameters(client.login, access.stamp);
    let authorization = sign::authorization(&url, fields, &oauth, client.key);
    if access.settings.variant != BODY {
        return Ok(post(access, url, fields, Some(authorization)));
    }
    let all: Vec<Field<'_>> =
        fields.iter().copied().chain(oauth.iter().map(|(name, value)| (*name, value.as_str()))).collect();
    Ok(post(access, url, &all, Some(authorization)))
}

fn charge(ask: &Ask<'_>, client: &Client<'_>, command: &str) -> Result<Request, CannotAsk> {
    let blob = ask.reader_blob.ok_or(CannotAsk::ReaderBlobGone)?;
    let (reference, amount) = (ask.reference(), major(ask));
    let description = if ask.payment.reference.is_empty() { DESCRIPTION } else { &ask.payment.reference };
    let mut fields = vec![
        ("client_orderid", reference.as_str()),
        ("order_desc", description),
        ("amount", &amount),
        ("currency", ask.payment.currency.as_str()),
        ("encrypted-data", blob.data.expose()),
        ("encrypted-type", &blob.encryption),
    ];
    fields.extend(NO_CUSTOMER);
    fields.extend(ask.notify_url.map(|url| ("server_callback_url", url)));
    signed_by_oauth(&ask.access, client, command, &fields)
}

/// What is asked of an order that there is. A void signs neither amount nor currency, and a return of all names none.
fn change(ask: &Ask<'_>, client: &Client<'_>, command: &str, order: Option<&str>) -> Result<Request, CannotAsk> {
    let (reference, amount) = (charge_reference(ask)?, major(ask));
    let (currency, minor) = (ask.payment.currency.as_str(), ask.operation.asked_minor.to_string());
    let order = order.unwrap_or_default();
    let mut fields = vec![("login", client.login), ("client_orderid", &reference), ("orderid", order)];
    let mut signed = vec![client.login, &reference, order];
    if matches!(ask.operation.kind, Kind::Capture | Kind::Refund) {
        fields.extend([("amount", amount.as_str()), ("currency", currency)]);
        signed.extend([minor.as_str(), currency]);
    }
    // Mandatory in the vendor's library, and read by people there: which request of ours it was.
    let comment = ask.reference();
    if command != "capture" {
        fields.push(("comment", &comment));
    }
    let control = sign::control(&signed, client.key);
    fields.push(("control", &control));
    Ok(post(&ask.access, url(&ask.access, client, &format!("api/v2/{command}"))?, &fields, None))
}

fn status_request(
    access: &Access<'_>,
    client: &Client<'_>,
    reference: &str,
    order: &str,
) -> Result<Request, CannotAsk> {
    let control = sign::control(&[client.login, reference, order], client.key);
    let fields = [("login", client.login), ("client_orderid", reference), ("orderid", order), ("control", &control)];
    // An id that is not known is left out, and is nothing in what is signed.
    let fields: Vec<Field<'_>> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    Ok(post(access, url(access, client, "api/v2/status")?, &fields, None))
}

/// The amount of a form: major units with a dot.
fn major(ask: &Ask<'_>) -> String {
    format_minor(ask.operation.asked_minor, ask.payment.currency)
}

/// The operation that charged: an order is known by it, whatever is done with it later.
fn charge_reference(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    if ask.operation.kind.is_charge() {
        return Ok(ask.reference());
    }
    let target = ask.target.ok_or(CannotAsk::NoTarget)?;
    let number = if target.kind.is_charge() { target.id.number } else { target.target.ok_or(CannotAsk::NoTarget)? };
    Ok(OperationId { payment: target.id.payment, number }.to_string())
}

/// The gateway's own id of the order, told with its approval; a capture is told with the same.
fn order_id<'a>(ask: &Ask<'a>) -> Result<&'a str, CannotAsk> {
    let target = ask.target.ok_or(CannotAsk::NoTarget)?;
    let approval = target.state.approval().ok_or(CannotAsk::NoProviderReference)?;
    approval.provider_reference.as_deref().ok_or(CannotAsk::NoProviderReference)
}

/// Whether what is voided is a promise of which nothing was taken.
fn is_promise(ask: &Ask<'_>) -> bool {
    ask.target.is_some_and(|target| target.kind == Kind::Authorize) && ask.payment.captured_minor == 0
}

/// A bad signature is 403 in one document and 401 in the vendor's examples.
const fn is_refused_at_the_door(response: &Response) -> bool {
    matches!(response.status, 401 | 403)
}

/// The numbers of errors are not published, so this is read from the words; what is not understood proves nothing.
fn says_not_found(reply: &Reply) -> bool {
    reply.get("error-message").is_some_and(|message| message.to_ascii_lowercase().contains("not found"))
}

/// Whether a reply is about this order and in its currency, as far as it says: connections get mixed up.
fn is_ours(ask: &Ask<'_>, reply: &Reply) -> bool {
    let reference = charge_reference(ask).ok();
    let is_order = reply.get("merchant-order-id").is_none_or(|told| Some(told) == reference.as_deref());
    is_order && reply.get("currency").is_none_or(|told| told == ask.payment.currency.as_str())
}

/// The request was not accepted. That ends the operation if no earlier copy can have been; a reversal is tried again,
/// because an order that is worked on cannot be given back yet.
fn refused(ask: &Ask<'_>, reply: &Reply) -> Outcome {
    let is_first = ask.operation.asked_count == 0
        && matches!(ask.operation.state, OperationState::Recorded | OperationState::Sent);
    match ask.operation.kind {
        Kind::Purchase | Kind::Authorize => ask.did_nothing("request_refused_by_provider"),
        Kind::Reversal if says_not_found(reply) => not_found(ask),
        Kind::Capture | Kind::Void | Kind::Refund if is_first => declined("refused_by_provider"),
        Kind::Capture | Kind::Void | Kind::Refund | Kind::Reversal => Outcome::Unknown,
    }
}

/// The gateway has no such order. Of a charge that can no longer be on its way nothing has to be undone.
fn not_found(ask: &Ask<'_>) -> Outcome {
    match (ask.operation.kind, ask.target) {
        (Kind::Purchase | Kind::Authorize, _) => Outcome::NotFound,
        (Kind::Reversal, Some(charge)) if is_absent(ask, charge) => nothing_undone(),
        _ => Outcome::Unknown,
    }
}

fn is_absent(ask: &Ask<'_>, charge: &Operation) -> bool {
    let window_ms = ask.access.timeout_ms.saturating_mul(TIMEOUTS_UNTIL_ABSENT);
    ask.access.stamp.at.ms_since(charge.recorded_at) >= window_ms
}

const fn nothing_undone() -> Outcome {
    Outcome::Approved(Approval { approved_minor: 0, provider_reference: None, funding: None })
}

/// What the order says of the operation.
fn found(ask: &Ask<'_>, reply: &Reply) -> Outcome {
    let Ask { operation, payment, .. } = ask;
    let charge = if operation.kind.is_charge() { Some(operation.kind) } else { ask.target.map(|target| target.kind) };
    let currency = payment.currency;
    let amount = |name| reply.get(name).and_then(|text| minor(text, currency));
    let facts = Facts {
        status: codes::status(reply.get("status")),
        stage: codes::stage(reply.get("transaction-type"), charge.unwrap_or(Kind::Purchase)),
        amount_minor: amount("amount"),
        initial_minor: amount("initial-amount"),
        order_id: reply.get("paynet-order-id"),
    };
    // The gateway took this request, or there was none before it that its last word could be about.
    let is_first_change = ask.target.is_some_and(|target| operation.id.number == target.id.number.saturating_add(1));
    let is_ours = operation.state == OperationState::Pending || is_first_change;
    match operation.kind {
        Kind::Purchase | Kind::Authorize => facts.charge(),
        Kind::Capture => facts.capture(operation.asked_minor),
        Kind::Refund => facts.refund(operation.asked_minor, payment.captured_minor, payment.refunded_minor, is_ours),
        Kind::Void => facts.undoing(operation.asked_minor, is_ours),
        Kind::Reversal => match (facts.stage, facts.status) {
            (codes::Stage::Sale | codes::Stage::Preauth, Status::Declined(_)) => nothing_undone(),
            _ => facts.undoing(operation.asked_minor, is_ours),
        },
    }
}
