//! A stand-alone terminal: the operator keys the amount in and tells the hub how it went. Nothing is ever sent, so
//! nothing can be read either; whoever asks anyway learns nothing.

use domain::payment::Profile;

use crate::contract::{CannotAsk, Variant};
use crate::unwired::Unwired;

/// The connector that has no wire.
pub(crate) static MANUAL: Unwired = Unwired { name: "manual", variants: &VARIANTS, why: CannotAsk::KeyedByHand };

const VARIANTS: [Variant; 1] = [Variant { name: "slip", profile: Profile::manual, credentials: "", base_url: "" }];
