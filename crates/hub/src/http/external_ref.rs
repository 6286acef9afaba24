//! `/v1/external-refs`: under which ids other systems know records of ours; and the same where a record is made, read or looked
//! for.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::command::Command;
use domain::external_ref::{self, AddExternalRef, ExternalId, ExternalRef, Referred, Subject};
use domain::id::MerchantId;
use serde::{Deserialize, Serialize};
use storage::read::external_ref::REFS_READ_MAX;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, query};
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json;
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of external references.
pub fn routes() -> Vec<Route> {
    vec![Route::post("/v1/external-refs", add), Route::get("/v1/external-refs", list)]
}

/// A reference as a client gives it with a record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefIn {
    system: String,
    id: String,
}

/// A command that makes a record, with the references that came with it.
pub fn referred<C: Command>(
    merchant: MerchantId,
    command: C,
    refs: Vec<RefIn>,
    kind: external_ref::Kind,
    subject: fn(&C::Reply) -> Option<Subject>,
) -> Referred<C> {
    let refs = refs.into_iter().map(|RefIn { system, id }| (system, id)).collect();
    Referred { merchant, command, kind, refs, subject }
}

/// A reference as a record shows it.
#[derive(Serialize)]
pub struct RefOut<'a> {
    system: &'a str,
    id: &'a str,
}

impl<'a> RefOut<'a> {
    fn of(external: &'a ExternalId) -> Self {
        Self { system: external.system(), id: external.id() }
    }

    /// The references of one record among those that were read; left out where it has none.
    pub fn all(refs: &'a [ExternalRef], subject: Subject) -> Option<Vec<Self>> {
        let own = refs.iter().filter(|known| known.subject == subject);
        Some(own.map(|known| Self::of(&known.external)).collect()).filter(|all: &Vec<_>| !all.is_empty())
    }
}

/// The id of another system that a query asks for, if it asks for one.
pub fn asked_for(system: Option<&str>, id: Option<&str>) -> Result<Option<ExternalId>, Problem> {
    match (system, id) {
        (None, None) => Ok(None),
        (Some(system), Some(id)) => match ExternalId::parse(system, id) {
            Ok(external) => Ok(Some(external)),
            Err(refusal) => Err(Problem::new(Kind::QueryInvalid, refusal.to_string())),
        },
        _ => Err(Problem::new(Kind::QueryInvalid, "Give the system and its id together.")),
    }
}

/// What an id of another system stands for has no next page and goes with no other filter.
pub fn require_alone(is_alone: bool) -> Result<(), Problem> {
    if is_alone {
        return Ok(());
    }
    Err(Problem::new(Kind::QueryInvalid, "An id of another system goes with no other filter and has no next page."))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRef {
    subject: String,
    system: String,
    id: String,
}

async fn add(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewRef>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let NewRef { subject, system, id } = asked.body;
    let subject = Subject::parse(&subject).ok_or_else(|| Problem::new(Kind::BodyInvalid, SUBJECTS))?;
    let command = AddExternalRef { merchant: asked.principal.merchant, subject, system, id };
    submit(&app, asked.envelope, command, move |external| {
        json::answer(201, subject, json::to_bytes(&Shape::new(subject, external)))
    })
    .await
}

/// What a client may name as a subject.
const SUBJECTS: &str =
    "`subject` is the id of a sale, payment, refund, return, stock movement, transfer or unreferenced return.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    subject: Option<String>,
    system: Option<String>,
    id: Option<String>,
}

/// What an id of another system stands for, or under which ids others know a record. Neither has a second page.
async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { subject, system, id } = query(&uri)?;
    let external = asked_for(system.as_deref(), id.as_deref())?;
    let found = match (subject, external) {
        (None, Some(external)) => app.reader.list_external_subjects(merchant, &external).await?,
        (Some(subject), None) => {
            let subject = Subject::parse(&subject).ok_or_else(|| Problem::new(Kind::QueryInvalid, SUBJECTS))?;
            let mut found = app.reader.list_external_refs(merchant, &subject.read_with()).await?;
            found.retain(|known| known.subject == subject);
            found
        }
        _ => return Err(Problem::new(Kind::QueryInvalid, "Give either `subject`, or `system` and `id`.")),
    };
    let listed = json::list(&found, REFS_READ_MAX, |known| known.subject.to_string(), Shape::of);
    Ok(ok(json::to_bytes(&listed)))
}

/// A reference in JSON.
#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    kind: &'static str,
    subject: String,
    system: &'a str,
    id: &'a str,
}

impl<'a> Shape<'a> {
    fn of(known: &'a ExternalRef) -> Self {
        Self::new(known.subject, &known.external)
    }

    fn new(subject: Subject, external: &'a ExternalId) -> Self {
        let (kind, subject) = (subject.kind().as_str(), subject.to_string());
        Self { object: "external_ref", kind, subject, system: external.system(), id: external.id() }
    }
}
