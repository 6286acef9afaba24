//! How far a replay is: a bar on a terminal, a few lines elsewhere.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Parts of the file after which a line is written where there is no terminal.
const LINES_OF_PROGRESS: u64 = 10;

/// The progress of one file.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    told: u64,
}

impl Progress {
    /// At the beginning of a file of so many bytes.
    pub fn new(bytes: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        if let Ok(style) = ProgressStyle::with_template("  {bar:40} {percent} %, {msg}, {elapsed}, {eta} left") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, is_terminal, told: 0 }
    }

    /// So many bytes are read, and so many lines.
    pub fn set(&mut self, bytes: u64, lines: u64) {
        self.bar.set_position(bytes);
        self.bar.set_message(format!("{lines} lines"));
        let parts = bytes.saturating_mul(LINES_OF_PROGRESS) / self.bar.length().unwrap_or(1).max(1);
        if !self.is_terminal && parts > self.told {
            self.told = parts;
            // Who does not listen misses nothing but this.
            let _ = writeln!(std::io::stderr(), "  {} % read, {lines} lines", parts * 100 / LINES_OF_PROGRESS);
        }
    }

    /// It is over.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
