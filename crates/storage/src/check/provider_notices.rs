//! What providers told: each is of a connection of its merchant, and names a payment of that connection if it names one.

use std::collections::BTreeMap;

use domain::merchant::Connection;
use domain::payment::Payment;
use domain::provider_notice::ProviderNotice;

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// Compares notices with connections and payments.
pub fn notices(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut merchants = BTreeMap::new();
    let mut records = Records::<Connection>::new(source, report)?;
    while let Some(connection) = records.next(source, report)? {
        merchants.insert(connection.id, connection.merchant);
    }
    let mut named = BTreeMap::new();
    let mut records = Records::<ProviderNotice>::new(source, report)?;
    while let Some(notice) = records.next(source, report)? {
        if merchants.get(&notice.connection) != Some(&notice.merchant) {
            report.find("provider_notice_connection", notice.id, "its merchant has no such connection".to_owned());
        }
        named.extend(notice.payment.map(|payment| (payment, (notice.id, notice.connection))));
    }
    if named.is_empty() {
        return Ok(());
    }
    let mut records = Records::<Payment>::new(source, report)?;
    while let Some(payment) = records.next(source, report)? {
        if let Some((notice, connection)) = named.remove(&payment.id) {
            report.expect_equal("provider_notice_payment", notice, &connection, &payment.connection);
        }
    }
    for (payment, (notice, _)) in named {
        report.find("provider_notice_payment", notice, format!("there is no payment {payment}"));
    }
    Ok(())
}
