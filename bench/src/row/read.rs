//! P6: a payment is read from the database, against an empty GET.

use std::sync::Arc;

use anyhow::Context;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};

use super::http::CONNECTIONS;
use super::subject::{self, Subject};
use super::{Frame, short, whole};
use crate::committer;
use crate::load::{self, Script};
use crate::random::Random;
use crate::report::{Goal, Measure, Report};
use crate::script::Work;
use crate::stats::Spread;

const COLUMNS: &[&str] = &[
    "hub /s",
    "hub p50/p99/max ms",
    "hub CPU us",
    "floor /s",
    "floor p50/p99/max ms",
    "floor CPU us",
    "client CPU us (hub, floor)",
    "ratio",
];
const PAYMENTS: &str = "SELECT id, merchant_id FROM payment";

/// The paths of all payments, each with who may read it.
type Payments = Arc<[(String, HeaderValue)]>;

/// P6.
pub fn payment(frame: &Frame) -> anyhow::Result<Report> {
    let title = "GET /v1/payments/{id}, random among as many payments as sales, from the database, the key checked, 256 connections, \
                 against an empty axum GET";
    let mut report = Report::new("P6", title, COLUMNS);
    let subject = Subject::on_prepared_sqlite(frame, "sqlite-subject", |file, world| {
        let file = file.to_str().context("the folder's name is not UTF-8")?;
        eprintln!("  {}", committer::measure(file, world, frame.size.sales)?);
        Ok(())
    })?;
    let payments = payments(&subject)?;
    report.notes.push(format!("{} payments.", payments.len()));
    let answer = load::ask(subject.server.addr, Reads::new(&payments, 0).next())?;
    anyhow::ensure!(answer.status().is_success(), "the hub answered {}", answer.status());
    let echo = subject::echo(answer.body().len(), &subject.folder)?;
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for round in 0..frame.rounds {
        let script = |connection| Reads::new(&payments, round * CONNECTIONS + connection);
        let hub = load::run(&[subject.server.addr], frame.load(CONNECTIONS), &[subject.server.pid()], script)?;
        let bare = load::run(&[echo.addr], frame.load(CONNECTIONS), &[echo.pid()], script)?;
        let ratio = hub.rate() / bare.rate();
        let (hub_cpu, bare_cpu) = (hub.cpu_us(), bare.cpu_us());
        report.round(vec![
            whole(hub.rate()),
            hub.latency.to_string(),
            whole(hub_cpu[0]),
            whole(bare.rate()),
            bare.latency.to_string(),
            whole(bare_cpu[0]),
            format!("{:.0}, {:.0}", hub_cpu[1], bare_cpu[1]),
            format!("{ratio:.3}"),
        ]);
        rates.push(hub.rate());
        ratios.push(ratio);
    }
    report.measures.push(Measure::new("hub / floor", Goal::AtLeast(0.50, 0.70), ratios));
    let rate = Spread::of(&rates).map_or(0.0, |rates| rates.median);
    report.notes.push(format!("Hub: {} requests/s (median).", short(rate)));
    subject.finish(&mut report, Work::ManualPayment, rate, None)?;
    Ok(report)
}

fn payments(subject: &Subject) -> anyhow::Result<Payments> {
    let database = storage::sqlite::open(&subject.file(), true)?;
    let mut query = database.prepare(PAYMENTS)?;
    let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut payments = Vec::new();
    for row in rows {
        let (id, merchant) = row?;
        let authorization = subject.callers.authorization_of(&merchant).context("a payment of nobody with a key")?;
        payments.push((format!("/v1/payments/{id}"), authorization));
    }
    Ok(payments.into())
}

/// One connection's reads.
struct Reads {
    payments: Payments,
    random: Random,
}

impl Reads {
    fn new(payments: &Payments, connection: usize) -> Self {
        Self { payments: Arc::clone(payments), random: Random::new(connection as u64 + 10) }
    }
}

impl Script for Reads {
    fn next(&mut self) -> Request<Full<Bytes>> {
        let (path, authorization) = &self.payments[self.random.below(self.payments.len())];
        let mut request = Request::new(Full::default());
        *request.uri_mut() = path.parse().unwrap_or_default();
        request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        request
    }
}
