//! Customers: nothing is left of those that were erased.

use std::collections::BTreeSet;

use domain::customer::{Customer, ExternalIdSlot};

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// An erased customer has no name (a row that has one cannot be read) and no id elsewhere; and no two customers have the
/// same id in one system.
pub fn customers(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut customers = Records::<Customer>::new(source, report)?;
    let mut slots = Records::<ExternalIdSlot>::new(source, report)?;
    let mut held = BTreeSet::new();
    while let Some(customer) = customers.next(source, report)? {
        let slots = slots.children(&customer.id, |slot| slot.customer, source, report)?;
        for id in slots.into_iter().filter_map(|slot| slot.held) {
            if customer.person().is_none() {
                report.find("customer_is_erased", customer.id, format!("its id in {} is still there", id.system));
            }
            let system = id.system.clone();
            if !held.insert((customer.merchant, id)) {
                let words = format!("another customer has the same id in {system}");
                report.find("external_id_of_one_customer", customer.id, words);
            }
        }
    }
    Ok(())
}
