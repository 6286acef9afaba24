//! P1': what a lone caller waits beside the one write to the disk that nobody can spare him.

use super::{Frame, short, subject::Subject};
use crate::fsync::Fsync;
use crate::load;
use crate::report::{Goal, Measure, Report};
use crate::script::{Till, Work};

/// One payment after another.
pub fn payment(frame: &Frame) -> anyhow::Result<Report> {
    let columns = ["fsync p50/p99/max ms before", "after", "hub p50/p99/max ms", "added p50 ms"];
    let title = "POST /v1/payments by one caller, against one write of 4 KiB with fdatasync in the same folder";
    let mut report = Report::new("P1'", title, &columns);
    let subject = Subject::on_sqlite(frame, "sqlite-subject")?;
    let (mut added, mut rate) = (Vec::new(), 0.0);
    for round in 0..frame.rounds {
        let before = Fsync::probe(&subject.folder)?;
        let script = |_| Till::new(&subject.callers, Work::ManualPayment, round, false);
        let hub = load::run(&[subject.server.addr], frame.load(1), &[], script)?;
        let after = Fsync::probe(&subject.folder)?;
        let fsync_ms = (before.p50_ms() + after.p50_ms()) / 2.0;
        let added_ms = hub.latency.percentile_ms(50.0) - fsync_ms;
        report.round(vec![before.to_string(), after.to_string(), hub.latency.to_string(), short(added_ms)]);
        added.push(added_ms);
        rate = hub.rate();
    }
    report.measures.push(Measure::new("added to one fsync, p50 ms", Goal::AtMost(1.0, 0.3), added));
    subject.finish(&mut report, Work::ManualPayment, rate, None)?;
    Ok(report)
}
