//! `/v1/merchant`, `/v1/locations`, `/v1/registers` and `/v1/connections`: how a merchant is set up. Its places and what receipts
//! say of it are its own business; the rest is the operator's.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{ConnectionId, LocationId, MerchantId, RegisterId};
use domain::merchant::{Contact, OpenLocation, OpenRegister, RegistrationNumber, UpdateLocation, UpdateMerchant};
use domain::money::Currency;
use domain::payment::Profile;
use domain::points::PointsRule;
use domain::tax::PriceMode;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::Problem;
use super::etag::{expected_version, tagged};
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of a merchant's places.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/merchant", get_merchant),
        Route::patch("/v1/merchant", update_merchant),
        Route::post("/v1/locations", open_location),
        Route::get("/v1/locations", list_locations),
        Route::get("/v1/locations/{id}", get_location),
        Route::patch("/v1/locations/{id}", update_location),
        Route::post("/v1/registers", open_register),
        Route::get("/v1/registers", list_registers),
        Route::get("/v1/connections", list_connections),
    ]
}

#[derive(Serialize)]
struct Merchant<'a> {
    id: MerchantId,
    object: &'static str,
    name: &'a str,
    currency: Currency,
    time_zone: &'a str,
    prices_include_tax: bool,
    legal_name: Option<&'a str>,
    registration_number: Option<&'a str>,
    is_sole_proprietor: bool,
    discount_limit_basis_points: u32,
    calling_code: Option<u16>,
    minor_per_point: Option<i64>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    version: i64,
}

impl<'a> Merchant<'a> {
    fn of(merchant: &'a domain::merchant::Merchant) -> Self {
        let issuer = &merchant.issuer;
        Self {
            id: merchant.id,
            object: "merchant",
            name: &merchant.name,
            currency: merchant.currency,
            time_zone: &merchant.zone,
            prices_include_tax: merchant.tax.price_mode == PriceMode::Inclusive,
            legal_name: issuer.legal_name.as_deref(),
            registration_number: issuer.registration_number.as_ref().map(RegistrationNumber::as_str),
            is_sole_proprietor: issuer.is_sole_proprietor,
            discount_limit_basis_points: merchant.discount_limit,
            calling_code: merchant.customers.calling_code(merchant.currency),
            minor_per_point: merchant.customers.points.map(PointsRule::minor_per_point),
            created_at: merchant.created_at,
            version: merchant.version,
        }
    }
}

/// The caller's own.
async fn get_merchant(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let found = app.reader.find_merchant(principal.merchant).await?;
    let merchant = found.ok_or_else(|| Problem::not_found("merchant"))?;
    Ok(tagged(json::to_bytes(&Merchant::of(&merchant)), merchant.version))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MerchantChanges {
    #[serde(default, deserialize_with = "json::present")]
    legal_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "json::present")]
    registration_number: Option<Option<String>>,
    is_sole_proprietor: Option<bool>,
    discount_limit_basis_points: Option<u32>,
    #[serde(default, deserialize_with = "json::present")]
    calling_code: Option<Option<u16>>,
    #[serde(default, deserialize_with = "json::present")]
    minor_per_point: Option<Option<i64>>,
}

async fn update_merchant(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<MerchantChanges>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let command = UpdateMerchant {
        merchant: asked.principal.merchant,
        expected_version: expected_version(&asked.headers)?,
        legal_name: asked.body.legal_name,
        registration_number: asked.body.registration_number,
        is_sole_proprietor: asked.body.is_sole_proprietor,
        discount_limit: asked.body.discount_limit_basis_points,
        calling_code: asked.body.calling_code,
        minor_per_point: asked.body.minor_per_point,
    };
    let encode =
        |merchant: &domain::merchant::Merchant| json::answer(200, merchant.id, json::to_bytes(&Merchant::of(merchant)));
    submit(&app, asked.envelope, command, encode).await
}

#[derive(Serialize)]
struct Location<'a> {
    id: LocationId,
    object: &'static str,
    name: &'a str,
    address: &'a [String],
    phone: Option<&'a str>,
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLocation {
    name: String,
    #[serde(default)]
    address: Vec<String>,
    phone: Option<String>,
}

async fn open_location(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewLocation>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let NewLocation { name, address, phone } = asked.body;
    let command = OpenLocation { merchant: asked.principal.merchant, name, contact: Contact { address, phone } };
    submit(&app, asked.envelope, command, |location| Location::answer(201, location)).await
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
        let domain::merchant::Location { id, name, contact, version, .. } = location;
        let (address, phone) = (&contact.address, contact.phone.as_deref());
        Self { id: *id, object: "location", name, address, phone, version: *version }
    }

    fn answer(status: u16, location: &'a domain::merchant::Location) -> Answer {
        json::answer(status, location.id, json::to_bytes(&Self::of(location)))
    }
}

async fn get_location(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let found = app.reader.find_location(principal.merchant, segments.id(0, "location")?).await?;
    let location = found.ok_or_else(|| Problem::not_found("location"))?;
    Ok(tagged(json::to_bytes(&Location::of(&location)), location.version))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LocationChanges {
    name: Option<String>,
    address: Option<Vec<String>>,
    #[serde(default, deserialize_with = "json::present")]
    phone: Option<Option<String>>,
}

async fn update_location(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<LocationChanges>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let LocationChanges { name, address, phone } = asked.body;
    let (location, expected_version) = (segments.id(0, "location")?, expected_version(&asked.headers)?);
    let command = UpdateLocation { location, expected_version, name, address, phone };
    submit(&app, asked.envelope, command, |location| Location::answer(200, location)).await
}

#[derive(Serialize)]
struct Register<'a> {
    id: RegisterId,
    object: &'static str,
    location_id: LocationId,
    name: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRegister {
    location_id: LocationId,
    name: String,
}

async fn open_register(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewRegister>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let NewRegister { location_id: location, name } = asked.body;
    let command = OpenRegister { merchant: asked.principal.merchant, location, name };
    let encode =
        |register: &domain::merchant::Register| json::answer(201, register.id, json::to_bytes(&Register::of(register)));
    submit(&app, asked.envelope, command, encode).await
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
    keys: &'static str,
    has_present: bool,
    has_scan: bool,
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
        let Profile { is_keyed_by_hand, has_present, has_scan, .. } = *profile;
        let keys = connection.reach().as_str();
        Self { id: *id, object: "connection", provider, is_keyed_by_hand, keys, has_present, has_scan }
    }
}
