//! P11: webhooks are delivered, signed and their attempts durable, against a bare client loop to the same receiver: one request
//! after the other. What the same client does over 256 connections is printed beside it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use serde_json::{Value, json};

use super::http::CONNECTIONS;
use super::subject::{self, Subject};
use super::{Frame, short, whole};
use crate::floor::sink::Taken;
use crate::load::{self, Script};
use crate::process::cpu_seconds;
use crate::report::{Goal, Measure, Report};
use crate::script::Work;
use crate::stats::Spread;
use crate::store;

const COLUMNS: &[&str] = &[
    "hub /s",
    "hub CPU us",
    "sink CPU us",
    "loop /s",
    "loop p50/p99/max ms",
    "256 connections /s",
    "ratio",
    "ratio to 256",
];
/// Endpoints of each of the eight merchants: together they have as many requests under way as the floor has connections.
const ENDPOINTS: usize = 2;
/// Each endpoint is told of all sales that are stored.
const FROM_THE_BEGINNING: &str = "UPDATE webhook_endpoint SET cursor_number = 0";
/// What the hub delivers after it was told to stop, it has begun before.
const REST: Duration = Duration::from_secs(2);

/// P11.
pub fn deliveries(frame: &Frame) -> anyhow::Result<Report> {
    let title = "deliveries of sale.completed to 16 endpoints, from the outbox to the recorded attempt, against a bare hyper client \
                 loop on one connection that posts as many bytes to the same receiver; 256 connections beside it";
    let mut report = Report::new("P11", title, COLUMNS);
    let mut subject = Subject::on_sqlite(frame, "sqlite-subject")?;
    let (_, world) = store::sqlite_seed(&frame.work, frame.size)?;
    let keys = subject.manager_keys(&world)?;
    let sink = subject::sink(&subject.folder)?;
    let mut endpoints = Vec::new();
    for key in &keys {
        for _ in 0..ENDPOINTS {
            let body = json!({
                "url": format!("http://{}/", sink.addr), "kinds": ["sale.completed"], "is_active": false,
            });
            let made = ask(subject.server.addr, "POST", "/v1/webhook-endpoints", key, &body)?;
            let id = made["id"].as_str().context("an endpoint has an id")?;
            endpoints.push((key.as_str(), format!("/v1/webhook-endpoints/{id}")));
        }
    }
    subject.stop()?;
    storage::sqlite::open(&subject.file(), false)?.execute(FROM_THE_BEGINNING, [])?;
    subject.start()?;
    let (mut ratios, mut ratios_to_many, mut rates, mut body_bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..frame.rounds {
        let hub = deliver(frame, &subject, &endpoints, sink.addr, sink.pid())?;
        body_bytes = hub.body_bytes;
        let script = |_| Posts { body: Bytes::from(vec![b'x'; hub.body_bytes]) };
        let bare = load::run(&[sink.addr], frame.load(1), &[], script)?;
        let many = load::run(&[sink.addr], frame.load(CONNECTIONS), &[], script)?;
        let (ratio, ratio_to_many) = (hub.rate / bare.rate(), hub.rate / many.rate());
        report.round(vec![
            whole(hub.rate),
            whole(hub.cpu_us),
            whole(hub.sink_cpu_us),
            whole(bare.rate()),
            bare.latency.to_string(),
            whole(many.rate()),
            format!("{ratio:.3}"),
            format!("{ratio_to_many:.3}"),
        ]);
        rates.push(hub.rate);
        ratios.push(ratio);
        ratios_to_many.push(ratio_to_many);
    }
    report.measures.push(Measure::new("hub / loop", Goal::AtLeast(0.5, 0.7), ratios));
    report.measures.push(Measure::new("hub / 256 connections", Goal::None, ratios_to_many));
    let rate = Spread::of(&rates).map_or(0.0, |rates| rates.median);
    report.notes.push(format!("Hub: {} deliveries/s (median), {body_bytes} bytes each.", short(rate)));
    subject.finish(&mut report, Work::ManualPayment, rate, None)?;
    Ok(report)
}

struct Delivered {
    rate: f64,
    cpu_us: f64,
    sink_cpu_us: f64,
    body_bytes: usize,
}

/// Lets the hub deliver for the time of a run.
fn deliver(
    frame: &Frame,
    subject: &Subject,
    endpoints: &[(&str, String)],
    sink: SocketAddr,
    sink_pid: u32,
) -> anyhow::Result<Delivered> {
    let switch = |is_active: bool| {
        endpoints.iter().try_for_each(|(key, path)| {
            ask(subject.server.addr, "PATCH", path, key, &json!({ "is_active": is_active })).map(drop)
        })
    };
    switch(true)?;
    std::thread::sleep(frame.warm_up);
    let look = || anyhow::Ok((taken(sink)?, cpu_seconds(subject.server.pid()), cpu_seconds(sink_pid)));
    let before = look()?;
    std::thread::sleep(frame.run);
    let after = look()?;
    let still = Duration::from_millis(500);
    std::thread::sleep(still);
    anyhow::ensure!(taken(sink)?.count > after.0.count, "the backlog ran out: store more sales");
    switch(false)?;
    std::thread::sleep(REST);
    let count = after.0.count.saturating_sub(before.0.count).max(1);
    let bytes = after.0.bytes.saturating_sub(before.0.bytes);
    let each_us = |seconds: f64| seconds * 1e6 / count as f64;
    Ok(Delivered {
        rate: count as f64 / frame.run.as_secs_f64(),
        cpu_us: each_us(after.1 - before.1),
        sink_cpu_us: each_us(after.2 - before.2),
        body_bytes: usize::try_from(bytes / count)?,
    })
}

fn taken(sink: SocketAddr) -> anyhow::Result<Taken> {
    let mut request = Request::new(Full::default());
    request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
    Ok(serde_json::from_slice(load::ask(sink, request)?.body())?)
}

fn ask(hub: SocketAddr, method: &str, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("Bearer {key}"))
        .body(Full::new(Bytes::from(body.to_string())))?;
    let answer = load::ask(hub, request)?;
    let said = String::from_utf8_lossy(answer.body());
    anyhow::ensure!(answer.status().is_success(), "{method} {path} was answered {}: {said}", answer.status());
    Ok(serde_json::from_slice(answer.body())?)
}

/// One connection of the floor.
struct Posts {
    body: Bytes,
}

impl Script for Posts {
    fn next(&mut self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = hyper::Method::POST;
        request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }
}
