//! Webhooks: no endpoint is ahead of the outbox, and no delivery ahead of its endpoint.

use std::collections::BTreeMap;

use domain::webhook_delivery::WebhookDelivery;
use domain::webhook_endpoint::WebhookEndpoint;

use super::Report;
use super::source::{Source, Walk};
use crate::error::EngineError;
use crate::record::{MERCHANT_COUNTER, Stored};
use crate::table::RowReader;

/// Compares the deliveries with their endpoints, and the endpoints with the heads of the outbox.
pub fn deliveries(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut heads = BTreeMap::new();
    let mut walk = Walk::new(&MERCHANT_COUNTER);
    while let Some(row) = walk.next(source)? {
        let mut row = RowReader::new(&MERCHANT_COUNTER, row);
        heads.insert(row.text()?, row.int()?);
    }
    let mut endpoints = BTreeMap::new();
    let mut walk = Walk::new(WebhookEndpoint::TABLE);
    while let Some(row) = walk.next(source)? {
        report.rows += 1;
        let endpoint = WebhookEndpoint::read(&mut RowReader::new(WebhookEndpoint::TABLE, row))?;
        let head = heads.get(&endpoint.merchant.to_string()).copied().unwrap_or(0);
        if endpoint.cursor > head {
            let words = format!("its cursor is at {}, the last event has {head}", endpoint.cursor);
            report.find("webhook_cursor", endpoint.id, words);
        }
        endpoints.insert(endpoint.id, (endpoint.merchant, endpoint.cursor));
    }
    let mut walk = Walk::new(WebhookDelivery::TABLE);
    while let Some(row) = walk.next(source)? {
        report.rows += 1;
        let delivery = WebhookDelivery::read(&mut RowReader::new(WebhookDelivery::TABLE, row))?;
        match endpoints.get(&delivery.endpoint) {
            Some((merchant, cursor)) if *merchant == delivery.merchant => {
                if delivery.number.is_some_and(|number| number > *cursor) {
                    let words = format!("event {:?} is after the endpoint's cursor {cursor}", delivery.number);
                    report.find("webhook_delivery_number", delivery.id, words);
                }
            }
            _ => report.find("webhook_delivery_endpoint", delivery.id, "its merchant has no such endpoint".to_owned()),
        }
    }
    Ok(())
}
