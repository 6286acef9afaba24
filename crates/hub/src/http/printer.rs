//! `/v1/printers`: where receipts come out, and what drawers hang on.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{LocationId, PrinterId, RegisterId};
use domain::printer::{CreatePrinter, Printer, UpdatePrinter, Way};
use domain::receipt::Columns;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::submit::{ok, submit};
use crate::app::App;
use crate::webhook::address::Reach;

/// Most printers of a merchant, those that are switched off included: a chain has two in each shop.
const PRINTERS_MAX: i64 = 200;
/// Where printers listen.
const PORT: u16 = 9_100;

/// The routes of printers.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/printers", create),
        Route::get("/v1/printers", list),
        Route::get("/v1/printers/{id}", get),
        Route::patch("/v1/printers/{id}", update),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WayKind {
    Network,
    Pull,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    location_id: LocationId,
    name: String,
    columns: Option<usize>,
    kind: WayKind,
    host: Option<String>,
    port: Option<u16>,
    drawer_register_id: Option<RegisterId>,
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<New>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    if app.reader.count_printers(asked.principal.merchant).await? >= PRINTERS_MAX {
        let detail = format!(
            "A merchant has at most {PRINTERS_MAX} printers. Give one that is not used another name and place."
        );
        return Err(Problem::new(Kind::PrinterLimitReached, detail));
    }
    let New { location_id, name, columns, kind, host, port, drawer_register_id } = asked.body;
    let command = CreatePrinter {
        merchant: asked.principal.merchant,
        location: location_id,
        name,
        columns: columns.map_or(Ok(Columns::Wide), columns_of)?,
        way: way_of(&app, kind, host, port)?,
        drawer_of: drawer_register_id,
    };
    submit(&app, asked.envelope, command, |printer| answer(201, printer)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    name: Option<String>,
    columns: Option<usize>,
    kind: Option<WayKind>,
    host: Option<String>,
    port: Option<u16>,
    #[serde(default, deserialize_with = "json::present")]
    drawer_register_id: Option<Option<RegisterId>>,
    is_active: Option<bool>,
}

async fn update(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let Changes { name, columns, kind, host, port, drawer_register_id, is_active } = asked.body;
    let way = match (kind, &host, port) {
        (Some(kind), _, _) => Some(way_of(&app, kind, host, port)?),
        (None, None, None) => None,
        (None, _, _) => {
            return Err(Problem::new(Kind::BodyInvalid, "A `host` and a `port` come with their `kind`, `network`."));
        }
    };
    let command = UpdatePrinter {
        id: segments.id(0, "printer")?,
        name,
        columns: columns.map(columns_of).transpose()?,
        way,
        drawer_of: drawer_register_id,
        is_active,
    };
    submit(&app, asked.envelope, command, |printer| answer(200, printer)).await
}

fn columns_of(count: usize) -> Result<Columns, Problem> {
    Columns::of(count).ok_or_else(|| Problem::new(Kind::BodyInvalid, "The field `columns` is 32, 42 or 48."))
}

/// An address that is written as one is judged at once; a name is judged at each connection.
fn way_of(app: &App, kind: WayKind, host: Option<String>, port: Option<u16>) -> Result<Way, Problem> {
    match (kind, host, port) {
        (WayKind::Pull, None, None) => Ok(Way::Pull),
        (WayKind::Network, Some(host), port) => {
            let literal = host.parse::<std::net::IpAddr>();
            if literal.is_ok_and(|address| !app.printing.addresses.may_call(address, Reach::Inside)) {
                let detail = "Nothing is sent there. The printer's network has to be in printing.allowed_networks of the hub's settings.";
                return Err(Problem::new(Kind::PrinterAddressRefused, detail));
            }
            Ok(Way::Network { host, port: port.unwrap_or(PORT) })
        }
        (WayKind::Network, None, _) | (WayKind::Pull, _, _) => Err(Problem::new(
            Kind::BodyInvalid,
            "A printer of the kind `network` has a `host`; one of the kind `pull` has neither `host` nor `port`.",
        )),
    }
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let page: Page = query(&uri)?;
    let (after, limit) = (page.after::<PrinterId>()?, page.limit()?);
    let found = app.reader.list_printers(merchant, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |printer| printer.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let found = app.reader.find_printer(merchant, segments.id(0, "printer")?).await?;
    Ok(ok(json::to_bytes(&Shape::of(&found.ok_or_else(|| Problem::not_found("printer"))?))))
}

fn answer(status: u16, printer: &Printer) -> Answer {
    json::answer(status, printer.id, json::to_bytes(&Shape::of(printer)))
}

#[derive(Serialize)]
struct Shape<'a> {
    id: PrinterId,
    object: &'static str,
    location_id: LocationId,
    name: &'a str,
    columns: usize,
    kind: &'static str,
    host: Option<&'a str>,
    port: Option<u16>,
    drawer_register_id: Option<RegisterId>,
    is_active: bool,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(printer: &'a Printer) -> Self {
        let (host, port) = match &printer.way {
            Way::Network { host, port } => (Some(host.as_str()), Some(*port)),
            Way::Pull => (None, None),
        };
        Self {
            id: printer.id,
            object: "printer",
            location_id: printer.location,
            name: &printer.name,
            columns: printer.columns.count(),
            kind: printer.way.as_str(),
            host,
            port,
            drawer_register_id: printer.drawer_of,
            is_active: printer.is_active,
            created_at: printer.created_at,
        }
    }
}
