//! P14: a second hub on the same PostgreSQL must not cost anything, and where commits are slow it must gain.

use super::{Frame, short, subject::Subject, whole};
use crate::fsync::Fsync;
use crate::load;
use crate::report::{Goal, Measure, Report};
use crate::script::{Till, Work};
use crate::stats::Spread;
use crate::store::Cluster;
use crate::world::MERCHANTS;

/// Twice a batch: with fewer, one hub takes all that waits into one commit, and there is nothing to share.
const CONNECTIONS: usize = 512;
/// Each commit waits for five milliseconds, however few transactions are open.
const SLOW_COMMITS: &[(&str, &str)] = &[("commit_delay", "5000"), ("commit_siblings", "0")];

const COLUMNS: &[&str] =
    &["load", "fsync p50/p99/max ms", "one hub /s", "p50/p99/max ms", "two hubs /s", "p50/p99/max ms", "ratio"];

/// What is sent.
struct Mix {
    name: &'static str,
    work: Work,
    merchants: usize,
}

/// Merchants of their own, and the worst case: one merchant, one register, one article.
const MIXES: [Mix; 2] = [
    Mix { name: "64 merchants", work: Work::ManualPayment, merchants: MERCHANTS },
    Mix { name: "one hot merchant and article", work: Work::Sale, merchants: 1 },
];

/// P14.
pub fn two_hubs(frame: &Frame) -> anyhow::Result<Report> {
    let title = "two hubs on one PostgreSQL against one hub, 512 connections: payments of 64 merchants, and sales of one merchant, register and article";
    compare(frame, Report::new("P14", title, COLUMNS), &[], Goal::AtLeast(0.90, 0.97))
}

/// P14'.
pub fn two_hubs_with_slow_commits(frame: &Frame) -> anyhow::Result<Report> {
    let title = "as P14, with 5 ms added to each commit (commit_delay = 5000, commit_siblings = 0)";
    compare(frame, Report::new("P14'", title, COLUMNS), SLOW_COMMITS, Goal::AtLeast(1.5, 1.8))
}

fn compare(frame: &Frame, mut report: Report, settings: &[(&str, &str)], goal: Goal) -> anyhow::Result<Report> {
    let cluster = Cluster::start(&frame.work.join("postgres"))?;
    let (seed, world) = cluster.seed(&frame.work, frame.size)?;
    cluster.copy(&seed, "bench_subject")?;
    let url = cluster.url("bench_subject");
    let subject = Subject::on_postgres(frame, "postgres-subject", &url, &world, MERCHANTS)?;
    cluster.set(settings)?;
    let mut ratios: [Vec<f64>; MIXES.len()] = Default::default();
    let mut rates = Vec::new();
    for round in 0..frame.rounds {
        for (mix, ratios) in MIXES.iter().zip(&mut ratios) {
            let fsync = Fsync::probe(&frame.work)?;
            // The last merchants have one register and one article each.
            let callers = if mix.merchants == 1 { subject.callers.last() } else { subject.callers.clone() };
            let script = |connection| Till::new(&callers, mix.work, round * CONNECTIONS + connection, true);
            let load = frame.load(CONNECTIONS);
            let alone = load::run(&[subject.server.addr], load, &[], script)?;
            let mut second = subject.serve_second()?;
            let both = load::run(&[subject.server.addr, second.addr], load, &[], script)?;
            second.stop()?;
            let ratio = both.rate() / alone.rate();
            let (alone_rate, both_rate) = (whole(alone.rate()), whole(both.rate()));
            let (alone, two) = (alone.latency.to_string(), both.latency.to_string());
            report.round(vec![mix.name.to_owned(), fsync.to_string(), alone_rate, alone, both_rate, two, short(ratio)]);
            ratios.push(ratio);
            rates.push(both.rate());
        }
    }
    cluster.set(&[])?;
    for (mix, ratios) in MIXES.iter().zip(ratios) {
        report.measures.push(Measure::new(format!("two hubs / one, {}", mix.name), goal, ratios));
    }
    let rate = Spread::of(&rates).map_or(0.0, |rates| rates.median);
    subject.finish(&mut report, Work::ManualPayment, rate, Some(&cluster))?;
    Ok(report)
}
