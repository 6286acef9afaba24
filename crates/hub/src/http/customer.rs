//! `/v1/customers`: who buys. What is written is answered without anything that tells of a person, because answers are kept
//! for repeats, for longer than a customer may be known; what is known is read by `GET`, which keeps nothing.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::customer::{
    self, Consent, CreateCustomer, Customer, EraseCustomer, ErasureReason, ExternalId, NewConsent, NewPerson,
    UpdateCustomer, WholeCustomer, normal_email, normal_phone,
};
use domain::id::CustomerId;
use domain::locale::Locale;
use domain::metadata::{self, Metadata};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;
use storage::read::customer::{Shown, Wanted as Choice};

use super::Route;
use super::auth::{Principal, authenticate};
use super::body::{Asked, Segments, query};
use super::error::{Kind, Problem};
use super::etag::{expected_version, tagged};
use super::idempotency::KeyRule;
use super::json::{self, InstantIn, Page};
use super::metadata::{MetadataIn, noted};
use super::submit::{commit, ok, respond, submit};
use crate::app::App;

/// The routes of customers.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/customers", create),
        Route::get("/v1/customers", list),
        Route::get("/v1/customers/{id}", get),
        Route::patch("/v1/customers/{id}", update),
        Route::post("/v1/customers/{id}/erase", erase),
    ]
}

/// What is told of a customer, new or not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    #[serde(default, deserialize_with = "json::present")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "json::present")]
    email: Option<Option<String>>,
    #[serde(default, deserialize_with = "json::present")]
    phone: Option<Option<String>>,
    #[serde(default, deserialize_with = "json::present")]
    language: Option<Option<Locale>>,
    #[serde(default, deserialize_with = "json::present")]
    marketing_consent: Option<Option<ConsentIn>>,
    note: Option<String>,
    external_ids: Option<Vec<ExternalIdIn>>,
    /// With a new customer only; later it has a route of its own.
    metadata: Option<MetadataIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentIn {
    is_given: bool,
    at: Option<InstantIn>,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExternalIdIn {
    system: String,
    id: String,
}

impl Told {
    fn apart(self) -> (NewPerson, Option<Vec<ExternalId>>) {
        let consent = |consent: ConsentIn| NewConsent {
            is_given: consent.is_given,
            at: consent.at.map(|at| at.0),
            source: consent.source,
        };
        let person = NewPerson {
            name: self.name,
            email: self.email,
            phone: self.phone,
            language: self.language,
            marketing: self.marketing_consent.map(|given| given.map(consent)),
            note: self.note,
        };
        let external = |ExternalIdIn { system, id }| ExternalId { system, id };
        (person, self.external_ids.map(|ids| ids.into_iter().map(external).collect()))
    }
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Told>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let merchant = asked.principal.merchant;
    let mut told = asked.body;
    let metadata = told.metadata.take().unwrap_or_default();
    let (person, external_ids) = told.apart();
    let command = CreateCustomer { merchant, person, external_ids: external_ids.unwrap_or_default() };
    let command = noted(command, metadata, |whole| {
        let customer = &mut whole.customer;
        let customer::State::Known(person) = &mut customer.state else { return None };
        Some((metadata::Subject::Customer(customer.id), &mut person.metadata))
    });
    submit(&app, asked.envelope, command, |whole| encode(201, whole)).await
}

async fn update(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Told>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let (merchant, customer) = (asked.principal.merchant, segments.id(0, "customer")?);
    let expected_version = expected_version(&asked.headers)?;
    if asked.body.metadata.is_some() {
        let detail = "Metadata is changed by `PATCH /v1/customers/{id}/metadata`.";
        return Err(Problem::new(Kind::BodyInvalid, detail));
    }
    let (person, external_ids) = asked.body.apart();
    let command = UpdateCustomer { merchant, customer, expected_version, person, external_ids };
    submit(&app, asked.envelope, command, |whole| encode(200, whole)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Erasure {
    reason: ErasureReason,
}

async fn erase(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Erasure>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let command = EraseCustomer { customer: segments.id(0, "customer")?, reason: asked.body.reason };
    let (answer, is_replay) = commit(&app, asked.envelope, command, |whole| encode(200, whole)).await?;
    // The rows are empty by now. What the database keeps beside them goes too; if it cannot now, the next pruning does it.
    if let Err(failure) = app.committer.forget().await {
        tracing::warn!(%failure, "What an erased customer left beside the rows could not be let go of yet.");
    }
    Ok(respond(answer, is_replay))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    email: Option<String>,
    phone: Option<String>,
    external_system: Option<String>,
    external_id: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// All, or those that something typed fits, page by page.
async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let Wanted { email, phone, external_system, external_id, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<CustomerId>()?, page.limit()?);
    if external_system.is_some() != external_id.is_some() {
        let detail = "`external_system` and `external_id` belong together: give both.";
        return Err(Problem::new(Kind::QueryInvalid, detail));
    }
    let unfit = |why: customer::Refusal| Problem::new(Kind::QueryInvalid, why.to_string());
    let (text, external);
    let choice = match (email, phone, external_system.zip(external_id)) {
        (None, None, None) => Choice::All,
        (Some(email), None, None) => {
            text = normal_email(&email).map_err(unfit)?;
            Choice::Email(&text)
        }
        (None, Some(phone), None) => {
            text = normal_phone(&phone, calling_code(&app, &principal).await?).map_err(unfit)?;
            Choice::Phone(&text)
        }
        (None, None, Some((system, id))) => {
            external = ExternalId { system, id: id.trim().to_owned() };
            Choice::External(&external)
        }
        _ => {
            let detail = "Give one of `email`, `phone`, and `external_system` with `external_id`.";
            return Err(Problem::new(Kind::QueryInvalid, detail));
        }
    };
    let found = app.reader.list_customers(principal.merchant, choice, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |shown| shown.whole.customer.id.to_string(), Shape::of))))
}

async fn calling_code(app: &App, principal: &Principal) -> Result<Option<u16>, Problem> {
    let merchant = app.reader.find_merchant(principal.merchant).await?;
    let merchant = merchant.ok_or_else(|| Problem::not_found("merchant"))?;
    Ok(merchant.customers.calling_code(merchant.currency))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let found = app.reader.find_customer(merchant, segments.id(0, "customer")?).await?;
    let shown = found.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(tagged(json::to_bytes(&Shape::of(&shown)), shown.whole.customer.version))
}

/// A customer as an answer that is kept may show it.
#[derive(Serialize)]
struct Record {
    id: CustomerId,
    object: &'static str,
    is_erased: bool,
    #[serde(serialize_with = "json::instant_option")]
    erased_at: Option<Timestamp>,
    erasure_reason: Option<ErasureReason>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    version: i64,
}

impl Record {
    const fn of(customer: &Customer) -> Self {
        let Customer { id, created_at, version, .. } = *customer;
        let (erased_at, erasure_reason) = match customer.state {
            customer::State::Known(_) => (None, None),
            customer::State::Erased { at, reason } => (Some(at), Some(reason)),
        };
        let is_erased = erased_at.is_some();
        Self { id, object: "customer", is_erased, erased_at, erasure_reason, created_at, version }
    }
}

fn encode(status: u16, whole: &WholeCustomer) -> Answer {
    json::answer(status, whole.customer.id, json::to_bytes(&Record::of(&whole.customer)))
}

/// A customer with all that is known.
#[derive(Serialize)]
struct Shape<'a> {
    #[serde(flatten)]
    record: Record,
    name: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    language: Option<Locale>,
    marketing_consent: Option<ConsentOut<'a>>,
    note: &'a str,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    external_ids: Vec<ExternalIdOut<'a>>,
    points: i64,
}

#[derive(Serialize)]
struct ConsentOut<'a> {
    is_given: bool,
    #[serde(serialize_with = "json::instant")]
    at: Timestamp,
    source: &'a str,
}

#[derive(Serialize)]
struct ExternalIdOut<'a> {
    system: &'a str,
    id: &'a str,
}

impl<'a> Shape<'a> {
    fn of(shown: &'a Shown) -> Self {
        let whole = &shown.whole;
        let person = whole.customer.person();
        let consent =
            |consent: &'a Consent| ConsentOut { is_given: consent.is_given, at: consent.at, source: &consent.source };
        let external = |ExternalId { system, id }: &'a ExternalId| ExternalIdOut { system, id };
        Self {
            record: Record::of(&whole.customer),
            name: person.and_then(|person| person.name.as_deref()),
            email: person.and_then(|person| person.email.as_deref()),
            phone: person.and_then(|person| person.phone.as_deref()),
            language: person.and_then(|person| person.language),
            marketing_consent: person.and_then(|person| person.marketing.as_ref()).map(consent),
            note: person.map_or("", |person| &person.note),
            metadata: person.and_then(|person| person.metadata.shown()),
            external_ids: whole.external_ids.iter().map(external).collect(),
            points: shown.points,
        }
    }
}
