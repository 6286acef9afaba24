//! `/v1/payments`: money asked for, found out about, and given back. Every answer says what the cashier does next and
//! whether the customer was charged, and never "failed" while nobody knows.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::command::{Command, Refusal};
use domain::external_ref::{self, ExternalRef, Subject};
use domain::id::{
    ConnectionId, LocationId, MerchantId, OperationId, PaymentId, RegisterId, SaleId, TenderId, TerminalId,
};
use domain::metadata::{self, Metadata};
use domain::money::Currency;
use domain::payment::{
    Approval, AskCancel, AskCapture, AskRefund, AskVoid, Charged, CreatePayment, Funding, Kind as OperationKind, Moved,
    Operation, OperationState, Outcome, Override, Payment, PresentedCode, Reason, RecordOutcome, Settle, Slip,
    State as PaymentState, Verdict, Waiting, Witness, advice, summarize, waiting,
};
use domain::time::Timestamp;
use domain::{guard, payment};
use serde::{Deserialize, Serialize};
use storage::read::WholePayment;
use storage::{Answer, Committed, Envelope, Failure, Idempotency};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Route;
use super::auth::{Principal, authenticate};
use super::body::{Asked, Head, Nothing, Segments, query};
use super::customer_code::{self, CustomerCode};
use super::error::{Kind, Problem, refusal_answer};
use super::external_ref::{RefIn, RefOut, asked_for, referred, require_alone};
use super::idempotency::KeyRule;
use super::json::{self, Message, Page};
use super::metadata::{MetadataIn, noted};
use super::patience::Patience;
use super::prefer;
use super::reader::{self, ReaderIn};
use super::submit::{ok, respond};
use crate::app::App;
use crate::carried_on::CarriedOn;
use crate::disk;
use crate::provider::{OneTime, Waiter, perform, start_all, start_all_with};
use crate::waits::Wait;

/// The routes of payments.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/payments", create),
        Route::get("/v1/payments", list),
        Route::get("/v1/payments/{id}", get),
        Route::post("/v1/payments/{id}/check", check),
        Route::post("/v1/payments/{id}/capture", capture),
        Route::post("/v1/payments/{id}/cancel", cancel),
        Route::post("/v1/payments/{id}/void", void),
        Route::post("/v1/payments/{id}/refunds", refund),
        Route::post("/v1/payments/{id}/outcome", outcome),
        Route::post("/v1/payments/{id}/override", overrule),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPayment {
    register_id: RegisterId,
    #[serde(default, deserialize_with = "json::given")]
    connection_id: Option<ConnectionId>,
    sale_id: Option<SaleId>,
    amount_minor: Option<i64>,
    currency: Option<Currency>,
    #[serde(default)]
    capture: CaptureMode,
    #[serde(default)]
    reference: String,
    customer_code: Option<CustomerCode>,
    reader: Option<ReaderIn>,
    #[serde(default)]
    external_refs: Vec<RefIn>,
    #[serde(default)]
    metadata: MetadataIn,
}

/// When an approved charge is taken.
#[derive(Deserialize, Default, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum CaptureMode {
    /// At once.
    #[default]
    Automatic,
    /// By `POST …/capture`, later.
    Manual,
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewPayment>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    disk::require_room(&app, &asked.envelope).await?;
    let (merchant, body) = (asked.principal.merchant, asked.body);
    let shop = app.shops.find(&app.reader, merchant, body.register_id).await?;
    let shop = shop.ok_or_else(|| Problem::not_found("register"))?;
    let connection = match (body.connection_id, &body.customer_code) {
        (Some(named), _) => check_environment(&app, &asked.principal, named).await.map(|()| named)?,
        (None, Some(code)) => connection_of_code(&app, &asked.principal, &asked.envelope, code).await?,
        (None, None) => return Err(connection_missing()),
    };
    let reader_blob = body.reader.map(ReaderIn::blob).transpose()?;
    reader::check(&app, merchant, connection, reader_blob.is_some()).await?;
    let command = CreatePayment {
        merchant,
        location: shop.location,
        register: body.register_id,
        connection,
        sale: body.sale_id,
        amount_minor: body.amount_minor,
        currency: body.currency.unwrap_or(shop.currency),
        is_two_step: body.capture == CaptureMode::Manual,
        reference: body.reference,
        is_scanned: body.customer_code.is_some(),
    };
    let customer_code = body.customer_code.map(CustomerCode::into_secret);
    let one_time = OneTime { customer_code, reader_blob, ..one_time(&asked.headers) };
    let made = |moved: &Moved| Some(Subject::Payment(moved.payment.id));
    let command = referred(merchant, command, body.external_refs, external_ref::Kind::Payment, made);
    let command = noted(command, body.metadata, |moved| {
        Some((metadata::Subject::Payment(moved.payment.id), &mut moved.payment.metadata))
    });
    ask_with(&app, asked.envelope, &asked.headers, command, 201, one_time).await
}

/// The connection that takes the code that the customer showed. A repeat gets the first answer, whatever connections there
/// are by now: a register that hears "ask the customer" of what was charged would charge again.
async fn connection_of_code(
    app: &App,
    principal: &Principal,
    envelope: &Envelope,
    code: &CustomerCode,
) -> Result<ConnectionId, Problem> {
    let problem = match customer_code::pick(app, principal, code).await {
        Ok(connection) => return Ok(connection),
        Err(problem) => problem,
    };
    let (Idempotency::Answer(claim) | Idempotency::AnswerLater(claim)) = &envelope.idempotency else {
        return Err(problem);
    };
    let fate = app.reader.find_request(principal.merchant, &claim.key).await?;
    let payment = fate.answer.and_then(|(answer, _)| answer.subject.parse::<PaymentId>().ok());
    let Some(payment) = payment else { return Err(problem) };
    let found = app.reader.find_payment(principal.merchant, payment).await?;
    found.map(|found| found.payment.connection).ok_or(problem)
}

fn connection_missing() -> Problem {
    Problem::new(
        Kind::BodyInvalid,
        "The body lacks `connection_id`. Only with a `customer_code` the hub finds the connection by itself.",
    )
}

/// What a request without a customer's code hands on: the fault that the sandbox is asked to play. Only its connector
/// passes it on, and only a key for tests gets there.
pub fn one_time(headers: &HeaderMap) -> OneTime {
    let fault = headers.get("x-sandbox-fault").and_then(|value| value.to_str().ok()).map(str::to_owned);
    OneTime { fault, ..OneTime::default() }
}

/// A key for tests reaches only what moves no money and what is keyed by hand; a live key never reaches what moves none.
pub async fn check_environment(app: &App, principal: &Principal, connection: ConnectionId) -> Result<(), Problem> {
    let reach = app.providers.reach_of(&app.reader, principal.merchant, connection).await?;
    let reach = reach.ok_or_else(|| Problem::not_found("connection"))?;
    if principal.environment.may_reach(reach) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::EnvironmentMismatch,
        "A key for tests reaches only the connections for tests, and a live key none of them. Use the other key or connection.",
    ))
}

/// The payment that a path names, if the key may reach the provider that it is with. Neither changes under its id.
pub async fn find_reached(app: &App, principal: &Principal, segments: &Segments) -> Result<WholePayment, Problem> {
    let found = app.reader.find_payment(principal.merchant, segments.id(0, "payment")?).await?;
    let found = found.ok_or_else(|| Problem::not_found("payment"))?;
    check_environment(app, principal, found.payment.connection).await?;
    Ok(found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    in_doubt: bool,
    external_system: Option<String>,
    external_id: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { in_doubt, external_system, external_id, cursor, limit } = query(&uri)?;
    let external = asked_for(external_system.as_deref(), external_id.as_deref())?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<PaymentId>()?, page.limit()?);
    let found = if let Some(external) = external {
        require_alone(!in_doubt && after.is_empty())?;
        let known = app.reader.find_external_subject(merchant, &external, external_ref::Kind::Payment).await?;
        let found = match known {
            Some(Subject::Payment(id)) => app.reader.find_payment(merchant, id).await?,
            _ => None,
        };
        Vec::from_iter(found.map(|whole| whole.payment))
    } else if in_doubt {
        app.reader.list_payments_in_doubt(merchant, after, limit + 1).await?
    } else {
        app.reader.list_payments(merchant, after, limit + 1).await?
    };
    Ok(ok(json::to_bytes(&json::list(&found, limit, |payment| payment.id.to_string(), Summary::of))))
}

async fn get(State(app): State<App>, segments: Segments, Head(headers): Head) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let id = segments.id(0, "payment")?;
    let found = match prefer::wait(&headers) {
        None => app.reader.find_payment(principal.merchant, id).await?,
        Some(patience) => wait_until(&app, principal.merchant, id, Instant::now() + patience, is_at_rest).await?,
    };
    let found = found.ok_or_else(|| Problem::not_found("payment"))?;
    let shape = Shape::of(&found.payment, &found.operations).known_as(&found.external_refs);
    Ok(ok(json::to_bytes(&shape)))
}

async fn check(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let payment = find_reached(&app, &asked.principal, &segments).await?.payment.id;
    let command = Settle { payment, expected_due: false };
    ask(&app, asked.envelope, &asked.headers, command, 200).await
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Amount {
    amount_minor: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Part {
    amount_minor: Option<i64>,
    reason: String,
    external_refs: Vec<RefIn>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Why {
    reason: String,
}

async fn capture(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Amount>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let payment = find_reached(&app, &asked.principal, &segments).await?.payment.id;
    let command = AskCapture { payment, amount_minor: asked.body.amount_minor };
    ask(&app, asked.envelope, &asked.headers, command, 200).await
}

async fn cancel(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Why>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let payment = find_reached(&app, &asked.principal, &segments).await?.payment.id;
    let command = AskCancel { payment, reason: asked.body.reason };
    ask(&app, asked.envelope, &asked.headers, command, 200).await
}

async fn void(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Why>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let payment = find_reached(&app, &asked.principal, &segments).await?.payment.id;
    let command = AskVoid { payment, reason: asked.body.reason };
    ask(&app, asked.envelope, &asked.headers, command, 200).await
}

async fn refund(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Part>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let Part { amount_minor, reason, external_refs } = asked.body;
    let payment = find_reached(&app, &asked.principal, &segments).await?.payment.id;
    let command = AskRefund { payment, amount_minor, reason };
    // The refund that is asked for is the last operation of the payment.
    let made = |moved: &Moved| moved.operations.last().map(|operation| Subject::Refund(operation.id));
    let merchant = asked.principal.merchant;
    let command = referred(merchant, command, external_refs, external_ref::Kind::Refund, made);
    ask(&app, asked.envelope, &asked.headers, command, 201).await
}

/// What a stand-alone terminal, keyed by hand, showed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyed {
    outcome: KeyedOutcome,
    #[serde(default = "first")]
    operation_number: u32,
    amount_minor: Option<i64>,
    #[serde(default)]
    provider_reference: Option<String>,
}

const fn first() -> u32 {
    1
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum KeyedOutcome {
    Approved,
    Declined,
    Cancelled,
}

/// Longest slip number.
const PROVIDER_REFERENCE_CHARS_MAX: usize = 64;

async fn outcome(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Keyed>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let body = &asked.body;
    if body.provider_reference.as_ref().is_some_and(|text| text.chars().count() > PROVIDER_REFERENCE_CHARS_MAX) {
        return Err(Problem::new(
            Kind::BodyInvalid,
            format!("`provider_reference` has at most {PROVIDER_REFERENCE_CHARS_MAX} characters."),
        ));
    }
    if body.provider_reference.as_deref().is_some_and(guard::looks_like_card_number) {
        let refusal = Refusal::Payment(payment::Refusal::TextLooksLikeCardNumber);
        return Ok(respond(refusal_answer(&refusal), false));
    }
    let found = find_reached(&app, &asked.principal, &segments).await?;
    let asked_minor = found.operations.iter().find(|operation| operation.id.number == body.operation_number);
    // The name of what the slip is about; the decision loads the payment again.
    let asked_minor = asked_minor.ok_or_else(|| Problem::not_found("operation"))?.asked_minor;
    let outcome = match body.outcome {
        KeyedOutcome::Approved => Outcome::Approved(Approval {
            approved_minor: body.amount_minor.unwrap_or(asked_minor),
            provider_reference: body.provider_reference.clone(),
            funding: None,
        }),
        KeyedOutcome::Declined => Outcome::Declined(Reason("declined_on_terminal".to_owned())),
        KeyedOutcome::Cancelled => Outcome::Cancelled,
    };
    let command = RecordOutcome {
        operation: OperationId { payment: found.payment.id, number: body.operation_number },
        witness: Witness::Person,
        outcome,
        presented: None,
        asked_at: app.clock.now(),
        is_unreachable: false,
        fence: None,
        hint: Vec::new(),
    };
    ask(&app, asked.envelope, &asked.headers, command, 200).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overruling {
    outcome: String,
    reason: String,
}

async fn overrule(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Overruling>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let verdict = Verdict::parse(&asked.body.outcome);
    let verdict =
        verdict.ok_or_else(|| Problem::new(Kind::BodyInvalid, "The field `outcome` is `charged` or `not_charged`."))?;
    let payment = find_reached(&app, &asked.principal, &segments).await?.payment.id;
    let command = Override { payment, verdict, reason: asked.body.reason };
    ask(&app, asked.envelope, &asked.headers, command, 200).await
}

/// Sends a command about a payment, starts what it asks of the provider, and answers: at once, or with `Prefer: wait`
/// when the payment is at rest or the patience is over.
pub async fn ask<C>(
    app: &App,
    envelope: Envelope,
    headers: &HeaderMap,
    command: C,
    status: u16,
) -> Result<Response, Problem>
where
    C: Command<Reply = Moved> + Send + Sync + 'static,
{
    ask_with(app, envelope, headers, command, status, one_time(headers)).await
}

/// As [`ask`], with what the request hands on in memory.
async fn ask_with<C>(
    app: &App,
    envelope: Envelope,
    headers: &HeaderMap,
    command: C,
    status: u16,
    one_time: OneTime,
) -> Result<Response, Problem>
where
    C: Command<Reply = Moved> + Send + Sync + 'static,
{
    let patience = prefer::wait(headers);
    let wait = Wait { status, one_time, ..Wait::of(&envelope) };
    let Some(patience) = patience else {
        let (committed, _) = match begin(app, envelope, command, &wait, false).await {
            Err(Failure::InFlight { subject }) => {
                return Box::pin(settle_left_open(app, &wait, &subject, false)).await;
            }
            outcome => outcome?,
        };
        return Ok(respond(committed.answer, committed.reply.is_none()));
    };
    let deadline = Instant::now() + patience;
    let guard = wait.key.as_ref().map(|key| app.waits.enter(envelope.merchant, key));
    let envelope = Envelope { idempotency: answer_later(envelope.idempotency), ..envelope };
    let (committed, first) = match begin(app, envelope, command, &wait, true).await {
        Err(Failure::InFlight { subject }) => return settle_left_open(app, &wait, &subject, guard.is_some()).await,
        outcome => outcome?,
    };
    let Some(Ok(moved)) = committed.reply else {
        return Ok(respond(committed.answer, committed.reply.is_none()));
    };
    let answer = Box::pin(wait_for_answer(app, &wait, moved.payment.id, first, deadline)).await?;
    drop(guard);
    Ok(respond(answer, false))
}

/// The first request to the provider, and what it came to.
type First = JoinHandle<Result<Committed<Moved>, Failure>>;

/// Commits a command and starts the tasks that follow from it; if `is_waited_for`, the outcome of the first of them
/// gives the answer. Both go on if the caller goes away: what is committed is sent, and not left to the job.
async fn begin<C>(
    app: &App,
    envelope: Envelope,
    command: C,
    wait: &Wait,
    is_waited_for: bool,
) -> Result<(Committed<Moved>, Option<First>), Failure>
where
    C: Command<Reply = Moved> + Send + Sync + 'static,
{
    let (app, status) = (app.clone(), wait.status);
    let waiter = Waiter {
        request_id: wait.request_id.clone(),
        settles: wait.settles(),
        encode: Box::new(move |moved| {
            if is_answer(&moved.payment, &moved.operations) { answer(moved, status) } else { Answer::default() }
        }),
        one_time: wait.one_time.clone(),
    };
    let work = async move {
        let committed = app.committer.submit(envelope, command, move |reply| encode(reply, status)).await?;
        let tasks = match &committed.reply {
            Some(Ok(moved)) => moved.tasks.clone(),
            Some(Err(_)) | None => Vec::new(),
        };
        let mut tasks = tasks.into_iter();
        let one_time = waiter.one_time.clone();
        let first = if is_waited_for { tasks.next() } else { None };
        let first = first.map(|task| tokio::spawn(perform(app.clone(), task, waiter)));
        start_all_with(&app, tasks.collect(), &one_time);
        Ok((committed, first))
    };
    CarriedOn::new(work).await
}

/// The key is claimed with the effect; its bytes follow.
fn answer_later(idempotency: Idempotency) -> Idempotency {
    match idempotency {
        Idempotency::Answer(claim) => Idempotency::AnswerLater(claim),
        other => other,
    }
}

fn encode(reply: Result<&Moved, &Refusal>, status: u16) -> Answer {
    match reply {
        Ok(moved) => answer(moved, status),
        Err(refusal) => refusal_answer(refusal),
    }
}

fn answer(moved: &Moved, status: u16) -> Answer {
    let shape = Shape::of(&moved.payment, &moved.operations);
    json::answer_fitting(status, moved.payment.id, shape, |shape| Shape { operations: None, ..shape })
}

/// Answers when the payment is at rest or the patience is over. The bytes are stored under the key before they are given,
/// so that a repeat is answered with the same.
async fn wait_for_answer(
    app: &App,
    wait: &Wait,
    payment: PaymentId,
    first: Option<First>,
    deadline: Instant,
) -> Result<Answer, Problem> {
    // The request runs on by itself when nobody waits for it any longer.
    if let Some(first) = first
        && let Ok(Ok(Ok(committed))) = tokio::time::timeout_at(deadline, first).await
        && committed.answer.status != 0
    {
        return Ok(committed.answer);
    }
    wait_until(app, wait.merchant, payment, deadline, is_answer).await?;
    close(app, wait, payment).await
}

/// Gives the answer of a key that was left open: by a waiting caller that went away, or by a hub that died.
async fn settle_left_open(app: &App, wait: &Wait, subject: &str, is_own_wait: bool) -> Result<Response, Problem> {
    let waiting = usize::from(is_own_wait);
    let is_waited_for = wait.key.as_ref().is_some_and(|key| app.waits.count(wait.merchant, key) > waiting);
    let payment = subject.parse::<PaymentId>();
    match payment {
        Ok(payment) if !is_waited_for => Ok(respond(close(app, wait, payment).await?, true)),
        _ => Err(Failure::InFlight { subject: subject.to_owned() }.into()),
    }
}

/// Stores the payment as it stands as the answer of the key, unless an answer is there already, and gives the stored one.
async fn close(app: &App, wait: &Wait, payment: PaymentId) -> Result<Answer, Problem> {
    let status = wait.status;
    let command = Settle { payment, expected_due: true };
    let envelope = wait.envelope();
    let committed = app.committer.submit(envelope, command, move |reply| encode(reply, status)).await?;
    if let Some(Ok(moved)) = committed.reply {
        start_all(app, moved.tasks);
    }
    Ok(committed.answer)
}

/// Waits until a payment is as it is waited for, or the deadline has come, and gives it as it stands then.
async fn wait_until(
    app: &App,
    merchant: MerchantId,
    id: PaymentId,
    deadline: Instant,
    is_waited_for: fn(&Payment, &[Operation]) -> bool,
) -> Result<Option<WholePayment>, Problem> {
    let mut patience = Patience::until(app, merchant, deadline);
    loop {
        let found = app.reader.find_payment(merchant, id).await?;
        let is_over = match &found {
            None => true,
            Some(whole) => is_waited_for(&whole.payment, &whole.operations),
        };
        if is_over || !patience.look_again().await {
            return Ok(found);
        }
    }
}

/// Whether a request about a payment is answered: it is at rest, or the register has a code to show, which it cannot do
/// before it is told.
fn is_answer(payment: &Payment, operations: &[Operation]) -> bool {
    is_at_rest(payment, operations) || waiting(payment, operations) == Waiting::ForCodeShown
}

/// Whether nothing more is expected of the provider without somebody asking.
fn is_at_rest(payment: &Payment, operations: &[Operation]) -> bool {
    if payment.state == PaymentState::NeedsPerson {
        return true;
    }
    payment.state.is_final()
        && operations.iter().all(|operation| operation.kind.is_charge() || operation.state.is_definite())
}

/// A payment in JSON.
#[derive(Serialize)]
struct Shape<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    next_action: &'static str,
    customer_charged: &'static str,
    message: Message,
    /// Only where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    presented_code: Option<CodeShape<'a>>,
    /// Null where there are too many for an answer that is stored.
    operations: Option<Vec<OperationShape<'a>>>,
    /// Only where one payment is read, and it has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<Vec<RefOut<'a>>>,
}

impl<'a> Shape<'a> {
    fn of(payment: &'a Payment, operations: &'a [Operation]) -> Self {
        let charged: Charged = summarize(&operations.iter().collect::<Vec<_>>()).customer_charged;
        let waiting = waiting(payment, operations);
        let advice = advice(payment.state, charged, payment.is_closed_uncharged, waiting);
        Self {
            summary: Summary::of(payment),
            next_action: advice.next_action,
            customer_charged: charged.as_str(),
            message: Message { en: advice.sentence_en, ja: advice.sentence_ja },
            presented_code: payment.presented_code.as_ref().map(CodeShape::of),
            operations: Some(operations.iter().map(OperationShape::of).collect()),
            external_refs: None,
        }
    }

    /// With the ids under which other systems know it and its refunds.
    fn known_as(mut self, refs: &'a [ExternalRef]) -> Self {
        if !refs.is_empty() {
            self.external_refs = RefOut::all(refs, Subject::Payment(self.summary.id));
            for operation in self.operations.iter_mut().flatten() {
                let id = OperationId { payment: self.summary.id, number: operation.number };
                operation.external_refs = RefOut::all(refs, Subject::Refund(id));
            }
        }
        self
    }
}

/// The code to be shown to the customer in JSON.
#[derive(Serialize)]
struct CodeShape<'a> {
    text: &'a str,
    #[serde(serialize_with = "json::instant_option")]
    expires_at: Option<Timestamp>,
}

impl<'a> CodeShape<'a> {
    fn of(code: &'a PresentedCode) -> Self {
        Self { text: &code.text, expires_at: code.expires_at }
    }
}

/// Who pays an approved amount in JSON.
#[derive(Serialize)]
struct FundingShape {
    paid_by_customer_minor: i64,
    paid_by_provider_minor: i64,
    receivable_minor: i64,
}

impl FundingShape {
    const fn of(funding: Funding) -> Self {
        let Funding { paid_by_customer_minor, paid_by_provider_minor, receivable_minor } = funding;
        Self { paid_by_customer_minor, paid_by_provider_minor, receivable_minor }
    }
}

/// A payment in a list.
#[derive(Serialize)]
struct Summary<'a> {
    id: PaymentId,
    object: &'static str,
    state: &'static str,
    register_id: RegisterId,
    location_id: LocationId,
    connection_id: ConnectionId,
    sale_id: Option<SaleId>,
    tender_id: Option<TenderId>,
    currency: Currency,
    asked_minor: i64,
    approved_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
    reference: &'a str,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    #[serde(serialize_with = "json::instant")]
    updated_at: Timestamp,
    version: i64,
}

impl<'a> Summary<'a> {
    fn of(payment: &'a Payment) -> Self {
        Self {
            id: payment.id,
            object: "payment",
            state: payment.state.as_str(),
            register_id: payment.register,
            location_id: payment.location,
            connection_id: payment.connection,
            sale_id: payment.tender.map(|(sale, _)| sale),
            tender_id: payment.tender.map(|(_, tender)| tender),
            currency: payment.currency,
            asked_minor: payment.asked_minor,
            approved_minor: payment.approved_minor,
            captured_minor: payment.captured_minor,
            refunded_minor: payment.refunded_minor,
            reference: &payment.reference,
            metadata: payment.metadata.shown(),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
            version: payment.version,
        }
    }
}

/// An operation in JSON.
#[derive(Serialize)]
struct OperationShape<'a> {
    id: String,
    number: u32,
    kind: &'static str,
    target_number: Option<u32>,
    state: &'static str,
    reason: Option<&'a str>,
    asked_minor: i64,
    approved_minor: Option<i64>,
    provider_reference: Option<&'a str>,
    /// Only where the provider says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    funding: Option<FundingShape>,
    witness: Option<&'static str>,
    asked_count: u32,
    /// Only where it went over a terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    terminal_id: Option<TerminalId>,
    /// Only where the terminal told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    slip: Option<&'a Slip>,
    #[serde(serialize_with = "json::instant")]
    recorded_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<Vec<RefOut<'a>>>,
}

impl<'a> OperationShape<'a> {
    fn of(operation: &'a Operation) -> Self {
        let approval = operation.state.approval();
        let reason = match &operation.state {
            OperationState::Declined(reason) | OperationState::NotSent(reason) => Some(reason.0.as_str()),
            _ => None,
        };
        let kind: OperationKind = operation.kind;
        Self {
            id: operation.id.to_string(),
            number: operation.id.number,
            kind: kind.as_str(),
            target_number: operation.target,
            state: operation.state.as_str(),
            reason,
            asked_minor: operation.asked_minor,
            approved_minor: approval.map(|approval| approval.approved_minor),
            provider_reference: approval.and_then(|approval| approval.provider_reference.as_deref()),
            funding: approval.and_then(|approval| approval.funding).map(FundingShape::of),
            witness: operation.witness.map(Witness::as_str),
            asked_count: operation.asked_count,
            terminal_id: operation.terminal,
            slip: operation.slip.as_deref(),
            recorded_at: operation.recorded_at,
            external_refs: None,
        }
    }
}
