//! Customers, with what other systems call them, and what they bought.

use std::collections::BTreeMap;

use domain::customer::{Customer, ExternalId, ExternalIdSlot, WholeCustomer};
use domain::id::{CustomerId, MerchantId};
use domain::points::{PointsBalance, PointsEntry};
use domain::sale::Sale;

use super::{PAGE_MAX, query, records};
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

/// A customer as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The customer.
    pub whole: WholeCustomer,
    /// How many points it has.
    pub points: i64,
}

/// Which customers are wanted.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    /// All of them.
    All,
    /// Those with this mail address, in its one spelling.
    Email(&'a str),
    /// Those with this telephone number, in its one spelling.
    Phone(&'a str),
    /// The one that has this id in another system.
    External(&'a ExternalId),
}

impl Reader {
    /// One customer.
    pub async fn find_customer(&self, merchant: MerchantId, id: CustomerId) -> Result<Option<Shown>, EngineError> {
        let params = vec![Cell::display(id), Cell::display(merchant)];
        Ok(self.customers("WHERE id = $1 AND merchant_id = $2", params).await?.into_iter().next())
    }

    /// A page of the wanted customers after an id.
    pub async fn list_customers(
        &self,
        merchant: MerchantId,
        wanted: Wanted<'_>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Shown>, EngineError> {
        let text = |text: &str| Cell::Text(text.to_owned().into());
        let mut params = vec![Cell::display(merchant), text(after), Cell::Int(limit.clamp(1, PAGE_MAX))];
        let condition = match wanted {
            Wanted::All => "",
            Wanted::Email(email) => {
                params.push(text(email));
                "AND email = $4"
            }
            Wanted::Phone(phone) => {
                params.push(text(phone));
                "AND phone = $4"
            }
            Wanted::External(ExternalId { system, id }) => {
                params.extend([text(system), text(id)]);
                "AND id IN (SELECT customer_id FROM customer_external_id \
                 WHERE merchant_id = $1 AND system = $4 AND external_id = $5)"
            }
        };
        self.customers(&format!("WHERE merchant_id = $1 AND id > $2 {condition} ORDER BY id LIMIT $3"), params).await
    }

    /// The customers that `tail` selects, their ids elsewhere and their points, as of one moment.
    async fn customers(&self, tail: &str, params: Vec<Cell<'static>>) -> Result<Vec<Shown>, EngineError> {
        let slots = format!("WHERE customer_id IN (SELECT id FROM customer {tail}) ORDER BY customer_id, number");
        let balances = format!("WHERE customer_id IN (SELECT id FROM customer {tail})");
        let queries = vec![
            query::<Customer>(tail, params.clone()),
            query::<ExternalIdSlot>(&slots, params.clone()),
            query::<PointsBalance>(&balances, params),
        ];
        let mut answers = self.run(queries).await?.into_iter();
        let customers: Vec<Customer> = records(answers.next().unwrap_or_default())?;
        let slots: Vec<ExternalIdSlot> = records(answers.next().unwrap_or_default())?;
        let balances: Vec<PointsBalance> = records(answers.next().unwrap_or_default())?;
        let points: BTreeMap<CustomerId, i64> =
            balances.iter().map(|balance| (balance.customer, balance.points)).collect();
        let mut held: BTreeMap<CustomerId, Vec<ExternalId>> = BTreeMap::new();
        for slot in slots {
            held.entry(slot.customer).or_default().extend(slot.held);
        }
        let mut whole = |customer: Customer| WholeCustomer {
            external_ids: held.remove(&customer.id).unwrap_or_default(),
            customer,
        };
        let shown = |customer: Customer| Shown {
            points: points.get(&customer.id).copied().unwrap_or_default(),
            whole: whole(customer),
        };
        Ok(customers.into_iter().map(shown).collect())
    }

    /// A page of the entries of a customer's points, the newest first, before the number of one; `None` where the merchant has
    /// no such customer.
    pub async fn list_points(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        before: Option<u32>,
        limit: i64,
    ) -> Result<Option<Vec<PointsEntry>>, EngineError> {
        let own = || vec![Cell::display(customer), Cell::display(merchant)];
        let page = [Cell::Int(before.map_or(i64::MAX, i64::from)), Cell::Int(limit.clamp(1, PAGE_MAX))];
        let tail = "WHERE customer_id = $1 AND merchant_id = $2 AND number < $3 ORDER BY number DESC LIMIT $4";
        let queries = vec![
            query::<Customer>("WHERE id = $1 AND merchant_id = $2", own()),
            query::<PointsEntry>(tail, own().into_iter().chain(page).collect()),
        ];
        let mut answers = self.run(queries).await?.into_iter();
        let customers: Vec<Customer> = records(answers.next().unwrap_or_default())?;
        let entries = records(answers.next().unwrap_or_default())?;
        Ok(customers.first().map(|_| entries))
    }

    /// A page of what a customer bought after the id of a sale, or from the newest back before one.
    pub async fn list_sales_of_customer(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        (after, is_backwards): (&str, bool),
        limit: i64,
    ) -> Result<Vec<Sale>, EngineError> {
        let mut params = vec![Cell::display(merchant), Cell::display(customer), Cell::Int(limit.clamp(1, PAGE_MAX))];
        let (sign, order) = if is_backwards { ("<", "DESC") } else { (">", "ASC") };
        let from = if after.is_empty() { String::new() } else { format!("AND id {sign} $4 ") };
        if !after.is_empty() {
            params.push(Cell::Text(after.to_owned().into()));
        }
        let tail = format!("WHERE merchant_id = $1 AND customer_id = $2 {from}ORDER BY id {order} LIMIT $3");
        self.list(&tail, params).await
    }
}
