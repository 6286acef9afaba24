//! P1, S1, P3: the hub against a server that does nothing, over the same wire.

use super::{
    Frame, short,
    subject::{self, Subject},
    whole,
};
use crate::fsync::Fsync;
use crate::load;
use crate::process::Server;
use crate::report::{Goal, Measure, Report};
use crate::script::{Till, Work};
use crate::stats::Spread;

/// Connections of these rows.
pub const CONNECTIONS: usize = 256;
/// P1 and S1 are judged in rounds whose disk was at least this good.
pub const FAST_DISK_MS: f64 = 0.5;

const COLUMNS: &[&str] = &[
    "fsync p50/p99/max ms",
    "hub /s",
    "hub p50/p99/max ms",
    "hub CPU us",
    "floor /s",
    "floor p50/p99/max ms",
    "floor CPU us",
    "client CPU us (hub, floor)",
    "ratio",
];

/// P1: the intent of a payment is durable.
pub fn payment(frame: &Frame) -> anyhow::Result<Report> {
    let title = "POST /v1/payments, provider not called, 256 connections, against an empty axum JSON echo";
    compare(frame, Report::new("P1", title, COLUMNS), Work::ManualPayment, Goal::AtLeast(0.30, 0.40))
}

/// S1: a whole paid sale of one line.
pub fn sale(frame: &Frame) -> anyhow::Result<Report> {
    let title = "POST /v1/sales, one line, cash with change, 256 connections, against an empty axum JSON echo";
    compare(frame, Report::new("S1", title, COLUMNS), Work::Sale, Goal::AtLeast(0.20, 0.30))
}

/// P3: a whole electronic payment.
pub fn electronic_payment(frame: &Frame) -> anyhow::Result<Report> {
    let title = "POST /v1/payments, Prefer: wait, through the sandbox, 256 connections, against a handler that forwards to the echo";
    compare(frame, Report::new("P3", title, COLUMNS), Work::SandboxPayment, Goal::AtLeast(0.25, 0.40))
}

fn compare(frame: &Frame, mut report: Report, work: Work, goal: Goal) -> anyhow::Result<Report> {
    let is_electronic = work == Work::SandboxPayment;
    let subject = Subject::on_sqlite(frame, "sqlite-subject")?;
    // The provider is there before the first request; the echo learns from it how much the hub answers.
    let provider = if is_electronic { Some(subject::sandbox(&subject.folder)?) } else { None };
    let echo = subject::echo(subject.answer_bytes(work)?, &subject.folder)?;
    let forward = if is_electronic { Some(subject::forward(echo.addr, &subject.folder)?) } else { None };
    let floor = forward.as_ref().unwrap_or(&echo);
    let subject_pids: Vec<u32> =
        [Some(&subject.server), provider.as_ref()].into_iter().flatten().map(Server::pid).collect();
    let floor_pids: Vec<u32> = [forward.as_ref(), Some(&echo)].into_iter().flatten().map(Server::pid).collect();
    let (mut ratios, mut all, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..frame.rounds {
        let fsync = Fsync::probe(&subject.folder)?;
        let script = |connection| Till::new(&subject.callers, work, round * CONNECTIONS + connection, false);
        let hub = load::run(&[subject.server.addr], frame.load(CONNECTIONS), &subject_pids, script)?;
        let bare = load::run(&[floor.addr], frame.load(CONNECTIONS), &floor_pids, script)?;
        let ratio = hub.rate() / bare.rate();
        let (hub_cpu, bare_cpu) = (hub.cpu_us(), bare.cpu_us());
        let servers = |cpu: &[f64]| cpu[..cpu.len() - 1].iter().map(|us| whole(*us)).collect::<Vec<_>>().join(" + ");
        report.round(vec![
            fsync.to_string(),
            whole(hub.rate()),
            hub.latency.to_string(),
            servers(&hub_cpu),
            whole(bare.rate()),
            bare.latency.to_string(),
            servers(&bare_cpu),
            format!("{:.0}, {:.0}", hub_cpu[hub_cpu.len() - 1], bare_cpu[bare_cpu.len() - 1]),
            format!("{ratio:.3}"),
        ]);
        rates.push(hub.rate());
        all.push(ratio);
        if is_electronic || fsync.p50_ms() <= FAST_DISK_MS {
            ratios.push(ratio);
        }
    }
    if is_electronic {
        report.measures.push(Measure::new("hub / floor", goal, ratios));
    } else {
        report.measures.push(Measure::new(
            format!("hub / floor, rounds with fsync <= {FAST_DISK_MS} ms"),
            goal,
            ratios,
        ));
        report.measures.push(Measure::new("hub / floor, all rounds", Goal::None, all));
    }
    let rate = Spread::of(&rates).map_or(0.0, |rates| rates.median);
    report.notes.push(format!("Hub: {} requests/s (median).", short(rate)));
    subject.finish(&mut report, work, rate, None)?;
    Ok(report)
}
