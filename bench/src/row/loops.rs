//! P2 and P4: the hub over HTTP against programs that write the same rows straight into the same database.

use super::{
    Frame,
    http::{CONNECTIONS, FAST_DISK_MS},
    short,
    subject::Subject,
    whole,
};
use crate::floor::{bare_loop, pgbench};
use crate::fsync::Fsync;
use crate::load;
use crate::report::{Goal, Measure, Report};
use crate::script::{Till, Work};
use crate::stats::Spread;
use crate::store::{self, Cluster, DATABASE_FILE};
use crate::template::Template;
use crate::world::MERCHANTS;

/// From here on a disk is slow, and grouping gains more.
const SLOW_DISK_MS: f64 = 2.0;
/// Clients of P4.
const CLIENTS: usize = 64;

/// P2.
pub fn payment_on_sqlite(frame: &Frame) -> anyhow::Result<Report> {
    let columns = ["fsync p50/p99/max ms", "hub /s", "hub p50/p99/max ms", "loop /s", "loop p50/p99/max ms", "ratio"];
    let title = "P1's payments over HTTP, against a bare loop on one SQLite connection: the same rows, prepared, one commit each";
    let mut report = Report::new("P2", title, &columns);
    let subject = Subject::on_sqlite(frame, "sqlite-subject")?;
    let floor = frame.work.join("sqlite-floor");
    let (seed, world) = store::sqlite_seed(&frame.work, frame.size)?;
    store::copy_sqlite(&seed, &floor)?;
    subject.answer_bytes(Work::ManualPayment)?;
    let template = Template::of_sqlite(&subject.file())?;
    let (mut fast, mut middle, mut slow, mut rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..frame.rounds {
        let fsync = Fsync::probe(&subject.folder)?;
        let script =
            |connection| Till::new(&subject.callers, Work::ManualPayment, round * CONNECTIONS + connection, false);
        let hub = load::run(&[subject.server.addr], frame.load(CONNECTIONS), &[], script)?;
        let bare = bare_loop::run(&floor.join(DATABASE_FILE), &world, &template, frame.warm_up, frame.run)?;
        let bare_rate = bare.count() as f64 / frame.run.as_secs_f64();
        let ratio = hub.rate() / bare_rate;
        let cells = [fsync.to_string(), whole(hub.rate()), hub.latency.to_string(), whole(bare_rate), bare.to_string()];
        report.round(cells.into_iter().chain([short(ratio)]).collect());
        rates.push(hub.rate());
        match fsync.p50_ms() {
            ms if ms < FAST_DISK_MS => fast.push(ratio),
            ms if ms > SLOW_DISK_MS => slow.push(ratio),
            _ => middle.push(ratio),
        }
    }
    report.measures.push(Measure::new("hub / loop, rounds with fsync < 0.5 ms", Goal::AtLeast(8.0, 15.0), fast));
    report.measures.push(Measure::new("hub / loop, rounds between", Goal::None, middle));
    report.measures.push(Measure::new("hub / loop, rounds with fsync > 2 ms", Goal::AtLeast(20.0, 50.0), slow));
    std::fs::remove_dir_all(&floor)?;
    subject.finish(&mut report, Work::ManualPayment, Spread::of(&rates).map_or(0.0, |rates| rates.median), None)?;
    Ok(report)
}

/// P4.
pub fn payment_on_postgres(frame: &Frame) -> anyhow::Result<Report> {
    let columns = [
        "merchants",
        "fsync p50/p99/max ms",
        "hub /s",
        "hub p50/p99/max ms",
        "hub CPU us",
        "pgbench /s",
        "pgbench mean ms",
        "ratio",
    ];
    let title = "P1's payments on PostgreSQL, 64 clients, against pgbench -M prepared -c 64 -j 1 with a function that writes the same rows";
    let mut report = Report::new("P4", title, &columns);
    let cluster = Cluster::start(&frame.work.join("postgres"))?;
    let (seed, world) = cluster.seed(&frame.work, frame.size)?;
    cluster.copy(&seed, "bench_subject")?;
    cluster.copy(&seed, "bench_floor")?;
    let url = cluster.url("bench_subject");
    let subject = Subject::on_postgres(frame, "postgres-subject", &url, &world, MERCHANTS)?;
    subject.answer_bytes(Work::ManualPayment)?;
    pgbench::prepare(&cluster, "bench_floor", &world, &Template::of_postgres(&url)?)?;
    let (mut many, mut one, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..frame.rounds {
        for merchants in [MERCHANTS, 1] {
            let fsync = Fsync::probe(&frame.work)?;
            let callers = subject.callers.first(merchants);
            let script = |connection| Till::new(&callers, Work::ManualPayment, round * CLIENTS + connection, true);
            let hub = load::run(&[subject.server.addr], frame.load(CLIENTS), &[subject.server.pid()], script)?;
            // Its warm-up is a run of its own, thrown away.
            pgbench::measure(&cluster, "bench_floor", &frame.work, CLIENTS, merchants, frame.warm_up)?;
            let bare = pgbench::measure(&cluster, "bench_floor", &frame.work, CLIENTS, merchants, frame.run)?;
            let ratio = hub.rate() / bare.rate;
            report.round(vec![
                merchants.to_string(),
                fsync.to_string(),
                whole(hub.rate()),
                hub.latency.to_string(),
                whole(hub.cpu_us()[0]),
                whole(bare.rate),
                short(bare.mean_ms),
                short(ratio),
            ]);
            if merchants == 1 {
                one.push(ratio)
            } else {
                many.push(ratio)
            }
            rates.push(hub.rate());
        }
    }
    report.measures.push(Measure::new("hub / pgbench, 64 merchants", Goal::AtLeast(1.3, 2.0), many));
    report.measures.push(Measure::new("hub / pgbench, one merchant", Goal::None, one));
    let rate = Spread::of(&rates).map_or(0.0, |rates| rates.median);
    subject.finish(&mut report, Work::ManualPayment, rate, Some(&cluster))?;
    Ok(report)
}
