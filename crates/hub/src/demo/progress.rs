//! How far the day is: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU32, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::hours::{HOUR, OPENS, clock};
use super::plan::{Visit, What};

/// Where there is no terminal a line is written so often, in minutes of the day.
const LINE_EVERY: u32 = 3 * HOUR;

/// How far the day is.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    /// The minute of the next line.
    next_line: AtomicU32,
}

impl Progress {
    /// Of a day with so many sales.
    pub fn new(sales: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(sales), target);
        if let Ok(style) = ProgressStyle::with_template("  {msg:>5}  {bar:40}  {pos} of {len} sales") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, is_terminal, next_line: AtomicU32::new(OPENS + LINE_EVERY) }
    }

    /// Something was done at a register.
    pub fn note(&self, visit: &Visit) {
        self.bar.set_message(clock(visit.minute));
        if matches!(visit.what, What::Serve(_)) {
            self.bar.inc(1);
        }
        let next = self.next_line.load(Ordering::Relaxed);
        if !self.is_terminal && visit.minute >= next {
            self.next_line.store(next + LINE_EVERY, Ordering::Relaxed);
            self.line(&clock(next));
        }
    }

    /// The last customer has gone.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
        self.line("closed");
    }

    fn line(&self, when: &str) {
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
        let _ = writeln!(std::io::stderr(), "  {when:>6}  {done} of {all} sales");
    }
}
