//! How a sandbox behaves. Every delay is cut to a minute.

use std::fmt;
use std::time::Duration;

/// The longest delay that can be asked for: above every answer timeout, below the patience of a test run.
pub const DELAY_MS_MAX: u64 = 60_000;

/// Secrets and delays.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// What callers present as `Authorization: Bearer <secret>`.
    pub secret: String,
    /// The key of the notification signatures.
    pub notify_secret: String,
    /// Waited before every answer.
    pub latency_ms: u64,
    /// How long `slow_reply` waits with the answer.
    pub slow_ms: u64,
    /// After how long `late_approval` moves the money.
    pub late_ms: u64,
    /// How long `pend_approve` and `pend_decline` stay pending.
    pub pend_ms: u64,
    /// How long `unreachable` lasts for its reference.
    pub unreachable_ms: u64,
    /// How long `never_answer` holds a connection whose caller does not give up.
    pub hold_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            secret: "sandbox-secret".to_owned(),
            notify_secret: "sandbox-notify-secret".to_owned(),
            latency_ms: 0,
            slow_ms: 2_000,
            late_ms: 3_000,
            pend_ms: 500,
            unreachable_ms: 500,
            hold_ms: 30_000,
        }
    }
}

impl Options {
    /// What a hub keeps as the credentials of its connection to this sandbox: `<secret>:<notify_secret>`.
    pub fn credentials(&self) -> String {
        format!("{}:{}", self.secret, self.notify_secret)
    }

    pub(crate) fn latency(&self) -> Duration {
        bounded(self.latency_ms)
    }

    pub(crate) fn slow(&self) -> Duration {
        bounded(self.slow_ms)
    }

    pub(crate) fn late(&self) -> Duration {
        bounded(self.late_ms)
    }

    pub(crate) fn pend(&self) -> Duration {
        bounded(self.pend_ms)
    }

    pub(crate) fn unreachable(&self) -> Duration {
        bounded(self.unreachable_ms)
    }

    pub(crate) fn hold(&self) -> Duration {
        bounded(self.hold_ms)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("secret", &"***")
            .field("notify_secret", &"***")
            .field("latency_ms", &self.latency_ms)
            .field("slow_ms", &self.slow_ms)
            .field("late_ms", &self.late_ms)
            .field("pend_ms", &self.pend_ms)
            .field("unreachable_ms", &self.unreachable_ms)
            .field("hold_ms", &self.hold_ms)
            .finish()
    }
}

fn bounded(ms: u64) -> Duration {
    Duration::from_millis(ms.min(DELAY_MS_MAX))
}
