//! A stand-alone terminal: the operator keys the amount in and tells the hub how it went. Nothing is ever sent, so
//! nothing can be read either; whoever asks anyway learns nothing.

use domain::payment::Outcome;

use crate::contract::{Ask, CannotAsk, Connector, Notice, Rejected, Request, Told};
use crate::secret::Secret;

/// The connector that has no wire.
#[derive(Debug)]
pub(crate) struct Manual;

impl Connector for Manual {
    fn name(&self) -> &'static str {
        "manual"
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

    fn read_notification(&self, _: &Secret, _: &[(&str, &str)], _: &[u8]) -> Result<Vec<Notice>, Rejected> {
        Err(Rejected::NotOffered)
    }
}
