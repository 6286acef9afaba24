//! `/v1/operators`: who works at the registers, and signing in at one.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{OperatorId, RegisterId};
use domain::operator::{
    BeginSignIn, CreateOperator, EndSignIn, Operator, OperatorRole, PinHash, SignIn, SignedIn, UpdateOperator, is_pin,
    parse_code,
};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::{Answer, Idempotency};

use super::Route;
use super::auth::{Principal, authenticate};
use super::body::{Asked, Segments, query};
use super::error::{Kind, Problem, refusal_answer};
use super::etag::{expected_version, tagged};
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::operator_token::{Bound, LIFETIME_DEFAULT, LIFETIME_MAX, Token};
use super::submit::{ok, respond, submit};
use crate::app::App;

/// The routes of operators.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/operators", create),
        Route::get("/v1/operators", list),
        Route::get("/v1/operators/{id}", get),
        Route::patch("/v1/operators/{id}", update),
        Route::post("/v1/operators/sign-in", sign_in),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOperator {
    code: String,
    name: String,
    role: OperatorRole,
    pin: String,
    badge: Option<String>,
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewOperator>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let NewOperator { code, name, role, pin, badge } = asked.body;
    let merchant = asked.principal.merchant;
    let command = CreateOperator { merchant, code, name, role, pin: hash(&app, pin).await?, badge };
    submit(&app, asked.envelope, command, |operator| encode(201, operator)).await
}

async fn hash(app: &App, pin: String) -> Result<PinHash, Problem> {
    if !is_pin(&pin) {
        return Err(Problem::new(Kind::OperatorPinInvalid, "A PIN has 4 to 8 digits."));
    }
    app.pepper.pins.hash(pin).await.ok_or_else(stopping)
}

fn stopping() -> Problem {
    Problem::new(Kind::Stopping, "The hub is stopping. Ask again.")
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let page = query::<Page>(&uri)?;
    let (after, limit) = (page.after::<OperatorId>()?, page.limit()?);
    let found = app.reader.list_operators(principal.merchant, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |operator| operator.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let found = app.reader.find_operator(merchant, segments.id(0, "operator")?).await?;
    let operator = found.ok_or_else(|| Problem::not_found("operator"))?;
    Ok(tagged(json::to_bytes(&Shape::of(&operator)), operator.version))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    name: Option<String>,
    role: Option<OperatorRole>,
    pin: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    badge: Option<Option<String>>,
    is_active: Option<bool>,
}

async fn update(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let Changes { name, role, pin, badge, is_active } = asked.body;
    let pin = match pin {
        Some(pin) => Some(hash(&app, pin).await?),
        None => None,
    };
    let expected_version = expected_version(&asked.headers)?;
    let command =
        UpdateOperator { id: segments.id(0, "operator")?, expected_version, name, role, pin, badge, is_active };
    submit(&app, asked.envelope, command, |operator| encode(200, operator)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entrance {
    register_id: RegisterId,
    operator_id: Option<OperatorId>,
    code: Option<String>,
    badge: Option<String>,
    pin: String,
    lifetime_minutes: Option<u64>,
}

/// Counts the try, looks at the PIN off the threads that serve, and writes down what came of it. No answer of it is
/// stored, whatever key comes along: it holds a token.
async fn sign_in(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let mut asked = Asked::<Entrance>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    asked.envelope.idempotency = Idempotency::None;
    let lifetime = lifetime(asked.body.lifetime_minutes)?;
    let (id, register) = (find(&app, &asked.principal, &asked.body).await?, asked.body.register_id);
    let begin = BeginSignIn { id, register };
    let begun = app.committer.submit(asked.envelope.clone(), begin, |decision| match decision {
        Ok(_) => Answer::default(),
        Err(refusal) => refusal_answer(refusal),
    });
    let begun = begun.await?;
    let Some(Ok(operator)) = begun.reply else { return Ok(respond(begun.answer, false)) };
    let is_right = app.pepper.pins.matches(asked.body.pin, operator.pin.clone()).await.ok_or_else(stopping)?;
    let end = EndSignIn { id, register, compared_with: operator.pin, is_right };
    let principal = asked.principal;
    let ended = app.committer.submit(asked.envelope, end, |decision| match decision {
        Ok(_) => Answer::default(),
        Err(refusal) => refusal_answer(refusal),
    });
    let ended = ended.await?;
    match ended.reply {
        Some(Ok(SignIn::Done(operator))) => {
            let ends_at = app.clock.now().plus_ms(i64::try_from(lifetime.as_millis()).unwrap_or(0));
            let token = Token { signed_in: SignedIn { operator: id, register }, ends_at };
            let bound = Bound { key: principal.key, merchant: principal.merchant, operator: &operator };
            let entered = Entered {
                object: "operator_token",
                token: token.seal(&app.pepper, &bound),
                register_id: register,
                ends_at,
                operator: Shape::of(&operator),
            };
            Ok(ok(json::to_bytes(&entered)))
        }
        Some(Ok(SignIn::Wrong)) => {
            let wrong = domain::command::Refusal::Operator(domain::operator::Refusal::PinWrong);
            Ok(respond(refusal_answer(&wrong), false))
        }
        Some(Err(_)) | None => Ok(respond(ended.answer, false)),
    }
}

fn lifetime(minutes: Option<u64>) -> Result<Duration, Problem> {
    let Some(minutes) = minutes else { return Ok(LIFETIME_DEFAULT) };
    let lifetime = Duration::from_secs(minutes.saturating_mul(60));
    if minutes > 0 && lifetime <= LIFETIME_MAX {
        return Ok(lifetime);
    }
    Err(Problem::new(Kind::BodyInvalid, "`lifetime_minutes` is 1 to 960."))
}

/// The operator by one of the ways to say who one is.
async fn find(app: &App, principal: &Principal, entrance: &Entrance) -> Result<OperatorId, Problem> {
    let unknown = || Problem::not_found("operator");
    let found = match (entrance.operator_id, &entrance.code, &entrance.badge) {
        (Some(id), None, None) => return Ok(id),
        (None, Some(code), None) => {
            let code = parse_code(code).map_err(|_| unknown())?;
            app.reader.find_operator_by_code(principal.merchant, code).await?
        }
        (None, None, Some(badge)) => app.reader.find_operator_by_badge(principal.merchant, badge.clone()).await?,
        _ => {
            return Err(Problem::new(Kind::BodyInvalid, "Say who signs in by one of `operator_id`, `code`, `badge`."));
        }
    };
    found.map(|operator| operator.id).ok_or_else(unknown)
}

#[derive(Serialize)]
struct Entered<'a> {
    object: &'static str,
    token: String,
    register_id: RegisterId,
    #[serde(serialize_with = "json::instant")]
    ends_at: Timestamp,
    operator: Shape<'a>,
}

fn encode(status: u16, operator: &Operator) -> Answer {
    json::answer(status, operator.id, json::to_bytes(&Shape::of(operator)))
}

/// An operator. What its badge says is not shown: who can read it could copy it.
#[derive(Serialize)]
struct Shape<'a> {
    id: OperatorId,
    object: &'static str,
    code: &'a str,
    name: &'a str,
    role: OperatorRole,
    has_badge: bool,
    is_active: bool,
    #[serde(serialize_with = "json::instant_option")]
    locked_until: Option<Timestamp>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    version: i64,
}

impl<'a> Shape<'a> {
    fn of(operator: &'a Operator) -> Self {
        let Operator { id, role, is_active, locked_until, created_at, version, .. } = *operator;
        let Operator { code, name, badge, .. } = operator;
        let has_badge = badge.is_some();
        Self { id, object: "operator", code, name, role, has_badge, is_active, locked_until, created_at, version }
    }
}
