//! The rows of the table of speed goals that the bench runs.

mod http;
mod idle;
mod lone;
mod loops;
mod read;
mod replay;
mod scale_out;
mod subject;
mod webhook;

use std::path::PathBuf;
use std::time::Duration;

use crate::load::Load;
use crate::report::Report;
use crate::world::Size;

/// How everything is measured.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Rounds of subject and floor in turn.
    pub rounds: usize,
    /// Not counted, before each run.
    pub warm_up: Duration,
    /// Counted.
    pub run: Duration,
    /// What is stored before anything is measured.
    pub size: Size,
    /// Where databases, logs and seeds lie.
    pub work: PathBuf,
    /// The program `tillbridge`.
    pub binary: PathBuf,
    /// Short runs, for a look.
    pub is_quick: bool,
}

impl Frame {
    /// A run over so many connections.
    pub const fn load(&self, connections: usize) -> Load {
        Load { connections, warm_up: self.warm_up, run: self.run }
    }
}

/// One row.
pub struct Row {
    /// Its name in the table.
    pub id: &'static str,
    /// Measures it.
    pub run: fn(&Frame) -> anyhow::Result<Report>,
}

/// All rows, in the order of the table.
pub const ALL: &[Row] = &[
    Row { id: "P1", run: http::payment },
    Row { id: "P1'", run: lone::payment },
    Row { id: "S1", run: http::sale },
    Row { id: "P2", run: loops::payment_on_sqlite },
    Row { id: "P3", run: http::electronic_payment },
    Row { id: "P4", run: loops::payment_on_postgres },
    Row { id: "P5R", run: replay::replay },
    Row { id: "P6", run: read::payment },
    Row { id: "P11", run: webhook::deliveries },
    Row { id: "P14", run: scale_out::two_hubs },
    Row { id: "P14'", run: scale_out::two_hubs_with_slow_commits },
    Row { id: "P16", run: idle::rest_and_start },
];

/// Two digits behind the point.
fn short(value: f64) -> String {
    format!("{value:.2}")
}

/// No digits behind the point.
fn whole(value: f64) -> String {
    format!("{value:.0}")
}
