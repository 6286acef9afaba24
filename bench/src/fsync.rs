//! What one durable write costs on this disk right now. These disks swing between 0.2 and 4 ms within minutes, so every
//! round says what it had.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;

use crate::stats::Histogram;

/// Writes of one probe: about a tenth of a second on a good day.
const WRITES: usize = 200;
/// A page of the log.
const BYTES: usize = 4_096;

/// The cost of 4 KiB appended and synced.
#[derive(Debug, Clone)]
pub struct Fsync(Histogram);

impl Fsync {
    /// Measures in this folder.
    pub fn probe(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("fsync-probe");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&path).context("fsync probe")?;
        let mut histogram = Histogram::default();
        for _ in 0..WRITES {
            let begun = Instant::now();
            file.write_all(&[7; BYTES])?;
            file.sync_data()?;
            histogram.record(begun.elapsed().as_nanos() as u64);
        }
        std::fs::remove_file(&path)?;
        Ok(Self(histogram))
    }

    /// The median, in milliseconds.
    pub fn p50_ms(&self) -> f64 {
        self.0.percentile_ms(50.0)
    }
}

impl fmt::Display for Fsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
