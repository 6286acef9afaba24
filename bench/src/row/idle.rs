//! P16: what a hub takes while nothing happens, and how soon it serves after it ended well or badly.

use std::time::{Duration, Instant};

use super::{Frame, short, subject::Subject, whole};
use crate::load::{self, Load};
use crate::process::rss_mib;
use crate::report::{Goal, Measure, Report};
use crate::script::{Till, Work};
use crate::world::Size;

/// A year and a half of a shop.
const LINES: Size = Size { sales: 10_452, lines: 209_029 };
/// Until the allocator and the runtime have settled.
const IDLE: Duration = Duration::from_secs(60);
/// In the middle of this the hub is killed.
const LOAD: Load = Load { connections: 64, warm_up: Duration::from_millis(100), run: Duration::from_secs(4) };
const KILL_AFTER: Duration = Duration::from_millis(1_500);

/// P16.
pub fn rest_and_start(frame: &Frame) -> anyhow::Result<Report> {
    let columns = ["ready after a clean stop, ms", "ready after kill -9 under load, ms"];
    let title = "idle on a database of 209,029 sold lines; from the start of the process to the first 200 of /readyz";
    let mut report = Report::new("P16", title, &columns);
    let frame = Frame { size: LINES, ..frame.clone() };
    let mut subject = Subject::on_sqlite(&frame, "sqlite-idle")?;
    std::thread::sleep(if frame.is_quick { IDLE / 10 } else { IDLE });
    let rest = vec![rss_mib(subject.server.pid())];
    let (mut after_stop, mut after_kill) = (Vec::new(), Vec::new());
    for round in 0..frame.rounds {
        subject.stop()?;
        let begun = Instant::now();
        subject.start()?;
        let stop_ms = begun.elapsed().as_secs_f64() * 1e3;
        let (addr, callers) = (subject.server.addr, subject.callers.clone());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // It fails in the middle, as it is meant to.
                let _ = load::run(&[addr], LOAD, &[], |connection| {
                    Till::new(&callers, Work::Sale, round * LOAD.connections + connection, false)
                });
            });
            std::thread::sleep(KILL_AFTER);
            subject.server.kill()
        })?;
        let begun = Instant::now();
        subject.start()?;
        let kill_ms = begun.elapsed().as_secs_f64() * 1e3;
        report.round(vec![whole(stop_ms), whole(kill_ms)]);
        after_stop.push(stop_ms);
        after_kill.push(kill_ms);
    }
    report.measures.push(Measure::new("memory after 60 s idle, MiB", Goal::AtMost(30.0, 15.0), rest));
    report.measures.push(Measure::new("ready after a clean stop, ms", Goal::AtMost(150.0, 30.0), after_stop));
    report.measures.push(Measure::new("ready after kill -9, ms", Goal::AtMost(500.0, 150.0), after_kill));
    report.notes.push(format!("Memory after the loads: {} MiB.", short(rss_mib(subject.server.pid()))));
    subject.finish(&mut report, Work::Sale, 1.0, None)?;
    Ok(report)
}
