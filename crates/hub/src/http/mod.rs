//! The HTTP face. One table of routes is what the router is built from and what `openapi.yaml` is held against.

pub mod article;
mod article_json;
pub mod auth;
pub mod body;
pub mod card_app;
pub mod customer;
pub mod customer_code;
pub mod deprecation;
mod discount_json;
mod elsewhere_json;
pub mod error;
pub mod etag;
pub mod event;
pub mod exception;
pub mod exchange;
pub mod external_ref;
pub mod health;
pub mod idempotency;
pub mod json;
pub mod limit;
pub mod merchant;
pub mod merchant_code;
pub mod metadata;
pub mod metrics;
pub mod mpos;
pub mod mpos_endpoint;
pub mod notification;
pub mod operator;
pub mod operator_token;
pub mod page;
pub mod parked_sale;
mod patience;
pub mod payment;
pub mod points;
pub mod prefer;
pub mod print_job;
pub mod printer;
pub mod promotion;
pub mod provider_notice;
pub mod reader;
pub mod receipt;
mod receipt_json;
pub mod report;
pub mod request;
pub mod request_id;
pub mod returns;
pub mod sale;
mod sale_json;
pub mod shift;
mod shift_report;
pub mod smartconnect;
mod status;
pub mod stock;
pub mod stock_movement;
pub mod stocktake;
mod stocktake_json;
pub mod submit;
pub mod terminal;
pub mod terminal_channel;
pub mod terminal_state;
pub mod transfer;
mod transfer_json;
pub mod unreferenced_return;
pub mod webhook_delivery;
pub mod webhook_endpoint;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use futures::FutureExt;

use self::deprecation::Deprecation;
use self::error::{Kind, Problem};
use self::request_id::RequestId;
use crate::app::App;

/// Requests at work at the same time, those that wait for the committer included. Beyond it the hub says so at once.
pub const REQUESTS_MAX: usize = 4_096;
/// The longest that a request may take: a client that prefers to wait for a payment waits up to 60 s.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(75);

/// One method of one path.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, in the words of `openapi.yaml`.
    pub path: &'static str,
    /// That it is going, if it is.
    pub deprecation: Option<Deprecation>,
    handler: MethodRouter<App>,
}

impl Route {
    const fn new(method: Method, path: &'static str, handler: MethodRouter<App>) -> Self {
        Self { method, path, deprecation: None, handler }
    }

    /// The same, going: each answer of it says so.
    pub fn deprecated(mut self, deprecation: Deprecation) -> Self {
        let tell = move |mut response: Response| async move {
            deprecation.tell(response.headers_mut());
            response
        };
        self.handler = self.handler.route_layer(map_response(tell));
        self.deprecation = Some(deprecation);
        self
    }

    /// Reads.
    pub fn get<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::GET, path, get(handler))
    }

    /// Does or makes.
    pub fn post<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::POST, path, post(handler))
    }

    /// Sets.
    pub fn put<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::PUT, path, put(handler))
    }

    /// Changes.
    pub fn patch<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::PATCH, path, patch(handler))
    }

    /// Takes away.
    pub fn delete<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::DELETE, path, delete(handler))
    }
}

/// All routes.
pub fn routes() -> Vec<Route> {
    let faces = [
        page::routes(),
        health::routes(),
        metrics::routes(),
        article::routes(),
        stock::routes(),
        stock_movement::routes(),
        stocktake::routes(),
        promotion::routes(),
        provider_notice::routes(),
        transfer::routes(),
        customer::routes(),
        points::routes(),
        sale::routes(),
        parked_sale::routes(),
        returns::routes(),
        exchange::routes(),
        unreferenced_return::routes(),
        receipt::routes(),
        printer::routes(),
        print_job::routes(),
        terminal::routes(),
        smartconnect::routes(),
        payment::routes(),
        card_app::routes(),
        customer_code::routes(),
        merchant_code::routes(),
        terminal_channel::routes(),
        terminal_state::routes(),
        notification::routes(),
        mpos_endpoint::routes(),
        mpos::routes(),
        merchant::routes(),
        metadata::routes(),
        operator::routes(),
        shift::routes(),
        event::routes(),
        exception::routes(),
        external_ref::routes(),
        report::routes(),
        request::routes(),
        webhook_endpoint::routes(),
        webhook_delivery::routes(),
    ];
    faces.into_iter().flatten().collect()
}

/// The router of a hub.
pub fn router(app: App) -> Router {
    router_of(routes(), app)
}

/// The router of a table of routes.
pub fn router_of(routes: Vec<Route>, app: App) -> Router {
    let mut router = Router::new();
    for Route { path, handler, .. } in routes {
        router = router.route(path, handler);
    }
    router
        .fallback(smartconnect::any_case)
        .method_not_allowed_fallback(async || Problem::new(Kind::MethodNotAllowed, "The path has no such method."))
        .layer(from_fn_with_state(app.clone(), front))
        .with_state(app)
}

/// What every request passes: a place, an id, a time limit; and no panic ends a connection without an answer.
async fn front(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = RequestId::choose(request.headers(), &app);
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let (mut response, standing) = match app.requests.try_acquire() {
        Ok(_place) => limit::watched(run(request, next)).await,
        Err(_) => {
            let problem = Problem::new(Kind::Overloaded, "Too many requests are at work. Ask again.");
            (problem.into_response(), None)
        }
    };
    if let (Some(limit), Some(standing)) = (&app.rate_limit, standing) {
        limit.tell(standing, response.headers_mut());
    }
    if let Some(value) = id.header_value() {
        response.headers_mut().insert(request_id::HEADER, value);
    }
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    metrics::note_request(&method, route, response.status(), start.elapsed());
    response
}

async fn run(request: Request, next: Next) -> Response {
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(REQUEST_TIMEOUT, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("A handler panicked; its caller gets an error, the others go on.");
            Problem::new(Kind::Internal, "The hub made a mistake. Report the request id.").into_response()
        }
        Err(_) => {
            let detail = "It took too long, and may still happen. Ask again with the same idempotency key.";
            Problem::new(Kind::RequestTimeout, detail).into_response()
        }
    }
}
