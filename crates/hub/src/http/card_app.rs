//! `/v1/payments/{id}/app-launch` and `…/app-result`: the two ends of the bridge between a register's page and the card app
//! on its device. What they say to each other has a version (docs/guides/android-bridge.md).

use axum::extract::{Request, State};
use axum::response::Response;
use connectors::{CARD_APP_CONTRACT, CardAppLaunch, CardAppResult};
use domain::call::Role;
use domain::id::PaymentId;
use domain::payment::{LaunchCardApp, Moved, TellCardAppResult};
use serde::{Deserialize, Serialize};

use super::Route;
use super::body::{Asked, Nothing, Segments};
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json;
use super::payment::{ask, find_reached};
use super::submit::submit;
use crate::app::App;

/// The routes of the card app.
pub fn routes() -> Vec<Route> {
    vec![Route::post("/v1/payments/{id}/app-launch", launch), Route::post("/v1/payments/{id}/app-result", tell)]
}

/// What the app is launched with, in JSON.
#[derive(Serialize)]
struct Launch {
    object: &'static str,
    payment_id: PaymentId,
    contract: u32,
    amount: i64,
    currency: String,
    transaction_id: String,
}

impl Launch {
    fn of(moved: &Moved) -> Option<Self> {
        // The first operation of a payment is its charge.
        let CardAppLaunch { contract, amount, currency, transaction_id } =
            CardAppLaunch::of(&moved.payment, moved.operations.first()?);
        Some(Self { object: "app_launch", payment_id: moved.payment.id, contract, amount, currency, transaction_id })
    }
}

async fn launch(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let payment = find_reached(&app, &asked.principal, &segments).await?.payment.id;
    let encode = |moved: &Moved| json::answer(200, moved.payment.id, json::to_bytes(&Launch::of(moved)));
    submit(&app, asked.envelope, LaunchCardApp { payment }, encode).await
}

/// The extras of the app's result, as they came. Nothing at all stands for no data.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    contract: u32,
    #[serde(default)]
    is_cancelled: bool,
    status: Option<String>,
    approval_code: Option<String>,
    reason: Option<String>,
}

async fn tell(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Told>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let Told { contract, is_cancelled, status, approval_code, reason } = asked.body;
    if contract != CARD_APP_CONTRACT {
        return Err(Problem::new(
            Kind::AppContractUnknown,
            format!(
                "This hub speaks version {CARD_APP_CONTRACT} of the contract with the card app. Update the page or the hub."
            ),
        ));
    }
    let payment = find_reached(&app, &asked.principal, &segments).await?.payment;
    let outcome = CardAppResult { is_cancelled, status, approval_code, reason }.outcome(payment.asked_minor);
    let command = TellCardAppResult { payment: payment.id, outcome };
    ask(&app, asked.envelope, &asked.headers, command, 200).await
}
