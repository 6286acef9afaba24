//! `/v1/smartconnect`: whether the merchant lets POS software in that has no key, and from where; and its transactions, for 180
//! days, when the token of the polling URL has long ended.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::call::Role;
use domain::id::{PaymentId, RegisterId, SmartconnectId, TerminalId};
use domain::smartconnect::{About, Access, SetAccess, TRANSACTIONS_KEPT_MS};
use domain::time::Timestamp;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use storage::Answer;
use uuid::Uuid;

use super::envelope::{self, Told};
use crate::app::App;
use crate::http::auth::authenticate;
use crate::http::body::{Asked, Segments};
use crate::http::error::Problem;
use crate::http::idempotency::KeyRule;
use crate::http::json;
use crate::http::submit::{ok, submit};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    is_on: bool,
    #[serde(default)]
    networks: Vec<IpNet>,
}

/// Turns it on or off.
pub async fn set(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Choice>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let Choice { is_on, networks } = asked.body;
    let networks = networks.iter().map(ToString::to_string).collect();
    let command = SetAccess { merchant: asked.principal.merchant, is_on, networks };
    submit(&app, asked.envelope, command, answer).await
}

/// Whether it is on.
pub async fn get(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    Ok(ok(json::to_bytes(&Shape::of(&app.reader.find_smartconnect_access(merchant).await?))))
}

fn answer(access: &Access) -> Answer {
    json::answer(200, access.merchant, json::to_bytes(&Shape::of(access)))
}

#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    is_on: bool,
    networks: &'a [String],
}

impl<'a> Shape<'a> {
    fn of(access: &'a Access) -> Self {
        Self { object: "smartconnect", is_on: access.is_on, networks: &access.networks }
    }
}

/// How one of the merchant's transactions stands: by the id of it, or by the `transactionId` that the POS was given.
pub async fn transaction(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let text: String = segments.id(0, "smartconnect_transaction")?;
    let id = Uuid::try_parse(&text).ok().map(SmartconnectId::from_uuid).or_else(|| text.parse().ok());
    let found = match id {
        Some(id) => app.reader.find_smartconnect_transaction(merchant, id).await?,
        None => None,
    };
    let kept = found.filter(|found| app.clock.now() <= found.created_at.plus_ms(TRANSACTIONS_KEPT_MS));
    let transaction = kept.ok_or_else(|| Problem::not_found("smartconnect_transaction"))?;
    let result = envelope::tell(&app, &transaction).await?;
    let shape = Transaction {
        id: transaction.id,
        object: "smartconnect_transaction",
        transaction_id: transaction.id.uuid(),
        register_id: transaction.register,
        terminal_id: transaction.terminal,
        payment_id: match transaction.about {
            About::Money(operation) => Some(operation.payment),
            About::Earlier(_) | About::Known(_) => None,
        },
        r#type: transaction.kind.as_str(),
        is_completed: result.is_completed(),
        created_at: transaction.created_at,
        result,
    };
    Ok(ok(json::to_bytes(&shape)))
}

#[derive(Serialize)]
struct Transaction {
    id: SmartconnectId,
    object: &'static str,
    transaction_id: Uuid,
    register_id: RegisterId,
    terminal_id: TerminalId,
    payment_id: Option<PaymentId>,
    r#type: &'static str,
    is_completed: bool,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    result: Told,
}
