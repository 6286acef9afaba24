//! The end of an endpoint's day: two instants. What lies between them is counted from the books each time somebody asks, so a
//! close blocks nobody and never has to be corrected.

use super::{Refusal, find_endpoint};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{MerchantId, MposEndpointId};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Lengths of a `day_close_request_id`, after the documents.
const REQUEST_ID_CHARS: std::ops::RangeInclusive<usize> = 8..=32;

/// One close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MposClose {
    /// Of which endpoint.
    pub endpoint: MposEndpointId,
    /// The id of the software that asked.
    pub request_id: String,
    /// Whose it is.
    pub merchant: MerchantId,
    /// When the day before was closed; `None` of the first.
    pub since: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// Closes the day; the same request again is answered with the same close.
#[derive(Debug, Clone)]
pub struct CloseDay {
    /// Of which endpoint.
    pub endpoint: MposEndpointId,
    /// The id of the software that asks.
    pub request_id: String,
}

impl Command for CloseDay {
    type Reply = MposClose;

    fn name(&self) -> &'static str {
        "mpos_endpoint.close_day"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::MposEndpoint(self.endpoint), Key::MposClose(self.endpoint, self.request_id.clone())]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<MposClose, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        work.require(self.keys())?;
        let is_id = REQUEST_ID_CHARS.contains(&self.request_id.len())
            && self.request_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id {
            return Err(Refusal::CloseIdInvalid.into());
        }
        if let Some(known) = work.mpos_closes.find(call.merchant, &(self.endpoint, self.request_id.clone())) {
            return Ok(known.clone());
        }
        let since = find_endpoint(work, call.merchant, self.endpoint)?.last_closed_at;
        if let Some(endpoint) = work.mpos_endpoints.find_mut(call.merchant, &self.endpoint) {
            endpoint.last_closed_at = Some(call.now);
        }
        let close = MposClose {
            endpoint: self.endpoint,
            request_id: self.request_id.clone(),
            merchant: call.merchant,
            since,
            closed_at: call.now,
            version: 1,
        };
        work.mpos_closes.insert(close.clone());
        Ok(close)
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::tests::shop;
    use super::*;

    #[test]
    fn a_day_begins_where_the_one_before_ended_and_a_repeat_closes_nothing() {
        let (mut shop, endpoint) = shop();
        let close = |request_id: &str| CloseDay { endpoint: endpoint.id, request_id: request_id.to_owned() };
        let first = shop.run(&close("day00001")).unwrap();
        assert_eq!(first.since, None);
        shop.advance_ms(1_000);
        assert_eq!(shop.run(&close("day00001")).unwrap(), first);
        let second = shop.run(&close("day00002")).unwrap();
        assert_eq!((second.since, second.closed_at), (Some(first.closed_at), first.closed_at.plus_ms(1_000)));
        for wrong in ["short", "has a blank", &"x".repeat(33), "day-0001"] {
            assert_eq!(shop.refused(&close(wrong)), "mpos_close_id_invalid");
        }
        assert_eq!(shop.of_other_merchant().refused(&close("day00003")), "mpos_endpoint_not_found");
    }
}
