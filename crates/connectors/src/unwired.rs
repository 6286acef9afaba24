//! Providers to whom nothing is sent over HTTP: nothing can be read from them there either, and whoever asks anyway learns
//! nothing.

use domain::payment::Outcome;

use crate::contract::{Access, Ask, CannotAsk, Connector, Notice, Probe, Rejected, Request, Told, Variant};

/// A connector without a wire of its own.
#[derive(Debug)]
pub(crate) struct Unwired {
    /// Its name, as in the connection's `provider`.
    pub name: &'static str,
    /// What it is used for.
    pub variants: &'static [Variant],
    /// Why no request is built.
    pub why: CannotAsk,
}

impl Connector for Unwired {
    fn name(&self) -> &'static str {
        self.name
    }

    fn variants(&self) -> &'static [Variant] {
        self.variants
    }

    fn build_probe(&self, _: &Access<'_>) -> Result<Request, CannotAsk> {
        Err(self.why)
    }

    fn read_probe(&self, _: &Access<'_>, _: &Told) -> Probe {
        Probe::NotUnderstood
    }

    fn build_send(&self, _: &Ask<'_>) -> Result<Request, CannotAsk> {
        Err(self.why)
    }

    fn build_inquiry(&self, _: &Ask<'_>) -> Result<Request, CannotAsk> {
        Err(self.why)
    }

    fn read_send(&self, _: &Ask<'_>, _: &Told) -> Outcome {
        Outcome::Unknown
    }

    fn read_inquiry(&self, _: &Ask<'_>, _: &Told) -> Outcome {
        Outcome::Unknown
    }

    fn read_notification(&self, _: &Access<'_>, _: &[(&str, &str)], _: &[u8]) -> Result<Vec<Notice>, Rejected> {
        Err(Rejected::NotOffered)
    }
}
