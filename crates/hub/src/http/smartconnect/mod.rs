//! The SmartConnect-compatible API of payment terminals: `/POS/Pairing/{code}`, `/POS/Transaction` and the polling URL, for POS
//! software that was written for it; and `/v1/smartconnect`, where a merchant turns it on. Facts of the protocol are from
//! smartpaydev.com (pairing-endpoint, transaction-endpoint, transaction-types, transaction-response) and from public clients
//! that were measured against it; docs/protocols/smartconnect.md says what is ours. It has no credential on the side of the POS.

mod ask;
mod envelope;
mod form;
mod pairing;
mod settings;
mod transaction;
mod wrong;

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use domain::id::MerchantId;
use ipnet::IpNet;

use self::wrong::Wrong;
use super::Route;
use super::error::{Kind, Problem};
use crate::app::App;

/// The routes of the API, and of its settings.
pub fn routes() -> Vec<Route> {
    vec![
        Route::put("/POS/Pairing/{code}", pairing::pair),
        Route::post("/POS/Transaction", transaction::start),
        Route::get("/POS/Transaction/{id}", transaction::poll),
        Route::get("/v1/smartconnect", settings::get),
        Route::put("/v1/smartconnect", settings::set),
        Route::get("/v1/smartconnect/transactions/{id}", settings::transaction),
    ]
}

/// A path that no route has: those of this API are written in any case.
pub async fn any_case(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let words: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (request.method().clone(), words.as_slice()) {
        (Method::PUT, ["pos", "pairing", _]) => pairing::answer(app, segments[2], request).await,
        (Method::POST, ["pos", "transaction"]) => transaction::answer(app, request).await,
        (Method::GET, ["pos", "transaction", _]) => transaction::answer_poll(app, segments[2], request).await,
        (_, ["pos", "pairing", _] | ["pos", "transaction"] | ["pos", "transaction", _]) => {
            Problem::new(Kind::MethodNotAllowed, "The path has no such method.").into_response()
        }
        _ => Problem::new(Kind::RouteNotFound, "There is no such path.").into_response(),
    }
}

/// Goes on only if the merchant lets POS software in that has no key, from this address.
async fn admit(app: &App, merchant: MerchantId, from: Option<IpAddr>) -> Result<(), Wrong> {
    let access = app.reader.find_smartconnect_access(merchant).await?;
    if !access.is_on {
        return Err(Wrong::forbidden(
            "The merchant has not turned this API on. A manager turns it on: PUT /v1/smartconnect.",
        ));
    }
    let is_inside = |from: IpAddr| {
        let from = from.to_canonical();
        access.networks.iter().any(|network| network.parse::<IpNet>().is_ok_and(|network| network.contains(&from)))
    };
    if access.networks.is_empty() || from.is_some_and(is_inside) {
        return Ok(());
    }
    Err(Wrong::forbidden(
        "The merchant lets nobody in from this address. A manager names its networks: PUT /v1/smartconnect.",
    ))
}
