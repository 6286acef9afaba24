//! `/v1/…/{id}/metadata`: what a vendor notes on records of ours, changed; and the same where a record is made.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::call::Role;
use domain::command::Command;
use domain::metadata::{ChangeMetadata, Changes, Metadata, Metadated, Noted, Subject};
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::body::{Asked, Segments};
use super::error::Problem;
use super::idempotency::KeyRule;
use super::json;
use super::submit::submit;
use crate::app::App;

/// The routes of metadata: one for each record that may have some.
pub fn routes() -> Vec<Route> {
    macro_rules! of {
        ($path:literal, $noun:literal, $role:expr, $subject:path) => {
            Route::patch($path, async |State(app): State<App>, segments: Segments, request: Request| {
                change(app, segments.id(0, $noun), $role, $subject, request).await
            })
        };
    }
    vec![
        of!("/v1/articles/{id}/metadata", "article", Role::Manager, Subject::Article),
        of!("/v1/customers/{id}/metadata", "customer", Role::Cashier, Subject::Customer),
        of!("/v1/sales/{id}/metadata", "sale", Role::Cashier, Subject::Sale),
        of!("/v1/payments/{id}/metadata", "payment", Role::Cashier, Subject::Payment),
        of!("/v1/returns/{id}/metadata", "return", Role::Cashier, Subject::Return),
        of!("/v1/transfers/{id}/metadata", "transfer", Role::Manager, Subject::Transfer),
        of!("/v1/stocktakes/{id}/metadata", "stocktake", Role::Manager, Subject::Stocktake),
    ]
}

/// Metadata as a client gives it with a new record.
pub type MetadataIn = BTreeMap<String, String>;

/// A command that makes a record, with the metadata that came with it.
pub fn noted<C: Command>(
    command: C,
    metadata: MetadataIn,
    record: fn(&mut C::Reply) -> Option<(Subject, &mut Metadata)>,
) -> Noted<C> {
    Noted { command, metadata: Changes::set(metadata), record }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// A text sets a key, null takes it off; null for all of it takes all keys off. Nothing is not null: who leaves it out has
    /// forgotten something.
    #[serde(deserialize_with = "json::present")]
    metadata: Option<Option<BTreeMap<String, Option<String>>>>,
}

async fn change<T: FromStr>(
    app: App,
    id: Result<T, Problem>,
    role: Role,
    subject: fn(T) -> Subject,
    request: Request,
) -> Result<Response, Problem> {
    let asked = Asked::<Wanted>::read(&app, request, role, KeyRule::Optional).await?;
    let changes = asked.body.metadata.flatten().map_or(Changes::Clear, Changes::Each);
    submit(&app, asked.envelope, ChangeMetadata { subject: subject(id?), changes }, encode).await
}

fn encode(changed: &Metadated) -> Answer {
    let Metadated { subject, metadata } = changed;
    // An answer that is kept tells nothing of a person, who may have to be forgotten.
    let metadata = Some(metadata).filter(|_| !subject.is_personal());
    let shape = Shape { object: "metadata", subject: subject.to_string(), metadata };
    json::answer(200, subject, json::to_bytes(&shape))
}

#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    subject: String,
    /// Left out for a customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
}
