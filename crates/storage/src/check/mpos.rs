//! The mPOS gateway API: orders and closes are of the merchant of their endpoint, days do not end before they begin, and no order was
//! told more often than it may be.

use std::collections::BTreeMap;

use domain::mpos::{CALLBACK_TRIES_MAX, MposClose, MposEndpoint, MposOrder};

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// Compares orders and closes with endpoints.
pub fn orders(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut merchants = BTreeMap::new();
    let mut records = Records::<MposEndpoint>::new(source, report)?;
    while let Some(endpoint) = records.next(source, report)? {
        merchants.insert(endpoint.id, endpoint.merchant);
    }
    let mut records = Records::<MposOrder>::new(source, report)?;
    while let Some(order) = records.next(source, report)? {
        if merchants.get(&order.endpoint) != Some(&order.merchant) {
            report.find("mpos_order_endpoint", order.payment, "its merchant has no such endpoint".to_owned());
        }
        if order.tries > CALLBACK_TRIES_MAX {
            report.find("mpos_order_tries", order.payment, format!("was told {} times", order.tries));
        }
    }
    let mut records = Records::<MposClose>::new(source, report)?;
    while let Some(close) = records.next(source, report)? {
        if merchants.get(&close.endpoint) != Some(&close.merchant) {
            report.find("mpos_close_endpoint", close.endpoint, "its merchant has no such endpoint".to_owned());
        }
        if close.since.is_some_and(|since| since > close.closed_at) {
            report.find("mpos_close_order", close.endpoint, "ended before it began".to_owned());
        }
    }
    Ok(())
}
