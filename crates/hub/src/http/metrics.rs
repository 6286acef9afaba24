//! `/metrics`: the hub's numbers in the text format of Prometheus, for the machine itself and for managers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use domain::call::Role;
use metrics::Histogram;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::Route;
use super::auth::authenticate;
use super::error::Problem;
use crate::app::App;

/// The media type of the text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How often samples are folded into buckets, so that they do not pile up while nobody asks.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Upper bounds for durations, in seconds: from a read to the longest wait for a customer.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 75.0];
/// Upper bounds for the commands of a batch.
const COMMANDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The routes of metrics.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/metrics", get)]
}

/// One recorder per process, however many hubs a test starts in it.
fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
        let builder = builder.and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Full("tillbridge_batch_commands".to_owned()), &COMMANDS)
        });
        let recorder = builder.expect("the lists of buckets are not empty").build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("Another recorder of metrics was there first; /metrics stays empty.");
        }
        handle
    })
}

/// Starts recording.
pub fn start() {
    recorder();
}

/// Keeps the recorder small, for ever.
pub async fn keep_up() {
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        recorder().run_upkeep();
    }
}

/// The series of one route, which has few methods and statuses.
type SeriesOfRoute = Vec<(&'static str, StatusCode, Histogram)>;

thread_local! {
    /// The series that this thread has noted before: to find one in the recorder takes longer than all the rest. Routes are
    /// those of the router, so that there is an end to them.
    static KNOWN: RefCell<HashMap<String, SeriesOfRoute>> = RefCell::default();
}

/// Notes one answered request.
pub fn note_request(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let (method, seconds) = (method_name(method), took.as_secs_f64());
    KNOWN.with_borrow_mut(|known| {
        let of_route = known.get(route).and_then(|series| {
            series.iter().find(|(one, other, _)| *one == method && *other == status).map(|(_, _, histogram)| histogram)
        });
        if let Some(histogram) = of_route {
            return histogram.record(seconds);
        }
        let labels =
            [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.as_str().to_owned())];
        let histogram = metrics::histogram!("tillbridge_http_request_seconds", &labels);
        histogram.record(seconds);
        known.entry(route.to_owned()).or_default().push((method, status, histogram));
    });
}

/// A client may invent methods; each would be a series of its own.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

async fn get(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Behind a proxy on the same machine everybody comes from loopback.
    if app.is_behind_proxy || !peer.ip().is_loopback() {
        authenticate(&app, &headers).await?.require(Role::Manager)?;
    }
    gather(&app).await;
    let mut response = Response::new(Body::from(recorder().render()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(TEXT));
    Ok(response)
}

/// What is looked up only when somebody asks.
async fn gather(app: &App) {
    let gauge = |name: &'static str, value: f64| metrics::gauge!(name).set(value);
    gauge("tillbridge_commands_waiting", app.committer.waiting() as f64);
    gauge("tillbridge_connections", app.door.taken() as f64);
    gauge("tillbridge_event_streams", (super::event::STREAMS_MAX - app.streams.available_permits()) as f64);
    gauge("tillbridge_durability_weak", if app.weaknesses.now().is_empty() { 0.0 } else { 1.0 });
    match app.reader.count_attention(app.clock.now()).await {
        Ok(attention) => {
            gauge("tillbridge_payments_in_doubt", attention.payments_in_doubt as f64);
            gauge("tillbridge_exceptions_open", attention.open_exceptions as f64);
            gauge("tillbridge_jobs_due", attention.jobs_due as f64);
        }
        Err(error) => tracing::warn!(%error, "What needs attention could not be counted."),
    }
}
