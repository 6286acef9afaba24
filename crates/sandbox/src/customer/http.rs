//! The page's routes and its API. Nothing here moves money; what changes something has to be JSON, so that no page of
//! another site can send it.

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::{self, PAGE};
use super::{Customers, Habit, Wallet};

pub(super) fn router(customers: Customers) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/api/wallets", get(list))
        .route("/api/wallets/{name}/waiting/{reference}/approve", post(approve))
        .route("/api/wallets/{name}/waiting/{reference}/decline", post(decline))
        .route("/api/wallets/{name}/customer-codes", post(draw_code))
        .route("/api/wallets/{name}/pays-after", put(set_pays_after))
        .route("/api/wallets/{name}/charges", get(list_charges))
        .layer(from_fn(require_json))
        .with_state(customers)
}

/// A request of another site's page may not have this type without being allowed to by us, which it never is.
async fn require_json(request: Request, next: Next) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = content_type.is_some_and(|text| text.split(';').next() == Some("application/json"));
    if request.method().is_safe() || is_json {
        return next.run(request).await;
    }
    problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json")
}

fn problem(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "error": code }))).into_response()
}

async fn show() -> Response {
    let mut response = Html(PAGE.html.as_str()).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, PAGE.policy.clone());
    response
}

async fn list(State(customers): State<Customers>) -> Json<Value> {
    let wallets: Vec<Value> = customers.wallets().map(told).collect();
    Json(json!({ "wallets": wallets }))
}

fn told(wallet: &dyn Wallet) -> Value {
    let waiting: Vec<Value> = wallet
        .waiting()
        .into_iter()
        .map(|one| {
            json!({
                "reference": one.reference, "amount": one.amount, "currency": one.currency,
                "description": one.description, "shown": one.shown,
            })
        })
        .collect();
    json!({
        "name": wallet.name(), "label": wallet.label(), "pays_shown_codes": wallet.habit().is_some(),
        "pays_after_ms": wallet.habit().and_then(Habit::pays_after_ms), "waiting": waiting,
    })
}

type Named = Path<(String, String)>;

async fn approve(State(customers): State<Customers>, Path((name, reference)): Named) -> Response {
    play(&customers, &name, |wallet| wallet.approve(&reference))
}

async fn decline(State(customers): State<Customers>, Path((name, reference)): Named) -> Response {
    play(&customers, &name, |wallet| wallet.decline(&reference))
}

fn play(customers: &Customers, name: &str, what: impl FnOnce(&dyn Wallet) -> bool) -> Response {
    match customers.find(name).map(what) {
        Some(true) => Json(json!({})).into_response(),
        // Paid, called off or withdrawn meanwhile.
        Some(false) => problem(StatusCode::CONFLICT, "not_waiting"),
        None => problem(StatusCode::NOT_FOUND, "wallet_not_found"),
    }
}

async fn draw_code(State(customers): State<Customers>, Path(name): Path<String>) -> Response {
    let Some(wallet) = customers.find(&name) else { return problem(StatusCode::NOT_FOUND, "wallet_not_found") };
    match wallet.customer_code() {
        Some(code) => Json(json!({ "code": code, "svg": page::drawing(&code) })).into_response(),
        None => problem(StatusCode::NOT_FOUND, "no_customer_codes"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaysAfter {
    ms: Option<u64>,
}

async fn set_pays_after(
    State(customers): State<Customers>,
    Path(name): Path<String>,
    Json(body): Json<PaysAfter>,
) -> Response {
    play(&customers, &name, |wallet| {
        // Those who pay by a code of their own only have nothing to pay by themselves.
        if let Some(habit) = wallet.habit() {
            habit.set(body.ms);
        }
        true
    })
}

async fn list_charges(State(customers): State<Customers>, Path(name): Path<String>) -> Response {
    let Some(wallet) = customers.find(&name) else { return problem(StatusCode::NOT_FOUND, "wallet_not_found") };
    let charges: Vec<Value> = wallet
        .charges()
        .into_iter()
        .map(|one| json!({ "reference": one.reference, "net_amount": one.net_amount, "held_amount": one.held_amount }))
        .collect();
    Json(json!({ "charges": charges })).into_response()
}
