//! `/v1/locations`, `/v1/registers` and `/v1/connections`: how a merchant is set up, for reading.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::id::{ConnectionId, LocationId, RegisterId};
use serde::Serialize;

use super::Route;
use super::auth::authenticate;
use super::body::query;
use super::error::Problem;
use super::json::{self, Page};
use super::submit::ok;
use crate::app::App;

/// The routes of a merchant's places.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/locations", list_locations),
        Route::get("/v1/registers", list_registers),
        Route::get("/v1/connections", list_connections),
    ]
}

#[derive(Serialize)]
struct Location<'a> {
    id: LocationId,
    object: &'static str,
    name: &'a str,
}

async fn list_locations(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let page: Page = query(&uri)?;
    let limit = page.limit()?;
    let found = app.reader.list_locations(principal.merchant, page.after::<LocationId>()?, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |location| location.id.to_string(), Location::of))))
}

impl<'a> Location<'a> {
    fn of(location: &'a domain::merchant::Location) -> Self {
        Self { id: location.id, object: "location", name: &location.name }
    }
}

#[derive(Serialize)]
struct Register<'a> {
    id: RegisterId,
    object: &'static str,
    location_id: LocationId,
    name: &'a str,
}

async fn list_registers(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let page: Page = query(&uri)?;
    let limit = page.limit()?;
    let found = app.reader.list_registers(principal.merchant, page.after::<RegisterId>()?, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |register| register.id.to_string(), Register::of))))
}

impl<'a> Register<'a> {
    fn of(register: &'a domain::merchant::Register) -> Self {
        Self { id: register.id, object: "register", location_id: register.location, name: &register.name }
    }
}

#[derive(Serialize)]
struct Connection<'a> {
    id: ConnectionId,
    object: &'static str,
    provider: &'a str,
    is_keyed_by_hand: bool,
}

async fn list_connections(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let page: Page = query(&uri)?;
    let limit = page.limit()?;
    let found = app.reader.list_connections(principal.merchant, page.after::<ConnectionId>()?, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |connection| connection.id.to_string(), Connection::of))))
}

impl<'a> Connection<'a> {
    fn of(connection: &'a domain::merchant::Connection) -> Self {
        let domain::merchant::Connection { id, provider, profile, .. } = connection;
        Self { id: *id, object: "connection", provider, is_keyed_by_hand: profile.is_keyed_by_hand }
    }
}
