//! A stand-alone terminal: the operator keys the amount in and tells the hub how it went. Nothing is ever sent, so
//! nothing can be read either; whoever asks anyway learns nothing.

use domain::payment::{Outcome, Profile};

use crate::contract::{Access, Ask, CannotAsk, Connector, Notice, Probe, Rejected, Request, Told, Variant};

/// The connector that has no wire.
#[derive(Debug)]
pub(crate) struct Manual;

const VARIANTS: [Variant; 1] = [Variant { name: "slip", profile: Profile::manual, credentials: "", base_url: "" }];

impl Connector for Manual {
    fn name(&self) -> &'static str {
        "manual"
    }

    fn variants(&self) -> &'static [Variant] {
        &VARIANTS
    }

    fn build_probe(&self, _: &Access<'_>) -> Result<Request, CannotAsk> {
        Err(CannotAsk::KeyedByHand)
    }

    fn read_probe(&self, _: &Access<'_>, _: &Told) -> Probe {
        Probe::NotUnderstood
    }

    fn build_send(&self, _: &Ask<'_>) -> Result<Request, CannotAsk> {
        Err(CannotAsk::KeyedByHand)
    }

    fn build_inquiry(&self, _: &Ask<'_>) -> Result<Request, CannotAsk> {
        Err(CannotAsk::KeyedByHand)
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
