//! The sandbox's own words. Fields that we do not read are left out; unknown ones are ignored, as a provider may add some.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

#[derive(Serialize)]
pub(super) struct Charge<'a> {
    pub reference: &'a str,
    pub kind: &'a str,
    pub amount: i64,
    pub currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_url: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Capture<'a> {
    pub capture_reference: &'a str,
    pub amount: i64,
}

#[derive(Serialize)]
pub(super) struct Void<'a> {
    pub void_reference: &'a str,
}

#[derive(Serialize)]
pub(super) struct Reversal<'a> {
    pub reversal_reference: &'a str,
}

#[derive(Serialize)]
pub(super) struct Refund<'a> {
    pub refund_reference: &'a str,
    pub charge_reference: &'a str,
    pub amount: i64,
}

/// A charge or an operation as it is told.
#[derive(Deserialize)]
pub(super) struct Told<'a> {
    #[serde(borrow)]
    pub reference: Cow<'a, str>,
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    pub approved_amount: Option<i64>,
    pub paid_by_provider_amount: Option<i64>,
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct Notification<'a> {
    #[serde(borrow)]
    pub reference: Cow<'a, str>,
    #[serde(borrow)]
    pub charge_id: Cow<'a, str>,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    pub approved_amount: i64,
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
}

/// An error body.
#[derive(Deserialize)]
pub(super) struct Problem<'a> {
    #[serde(borrow)]
    pub error: Cow<'a, str>,
}

/// Writes JSON. These structs have text keys only, so it cannot fail; the provider refuses an empty body.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
