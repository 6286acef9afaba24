//! Who buys: put on an open sale, and taken off again, for as long as it is open.

use serde::Serialize;

use super::read::{find_merchant, find_open};
use super::{Buyer, Sale, Standing, standing};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::customer::find_customer;
use crate::id::{CustomerId, MerchantId, SaleId};
use crate::merchant::Merchant;
use crate::work::{Key, Stop, UnitOfWork};

/// Says whose an open sale is, or that nobody knows any more.
#[derive(Debug, Clone)]
pub struct PutCustomer {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which sale.
    pub sale: SaleId,
    /// Who buys.
    pub customer: Option<CustomerId>,
}

impl Command for PutCustomer {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.put_customer"
    }

    fn keys(&self) -> Vec<Key> {
        let head = [Key::Merchant(self.merchant), Key::Sale(self.sale)];
        head.into_iter().chain(self.customer.map(Key::Customer)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let sale = find_open(work, call.merchant, self.sale)?.clone();
        let merchant = find_merchant(work, call, self.merchant)?;
        let buyer = buyer(work, merchant, self.customer)?;
        if sale.customer() != self.customer {
            work.emit(call, "sale.customer_put", self.sale, &Put { customer: self.customer });
            work.sales.replace(Sale { buyer, ..sale });
        }
        standing(work, call.merchant, self.sale)
    }
}

/// Who is to be put on a sale, if it is a customer of the merchant who was not erased. Points follow the rule of this moment.
pub(super) fn buyer(
    work: &UnitOfWork,
    merchant: &Merchant,
    customer: Option<CustomerId>,
) -> Result<Option<Buyer>, Stop<command::Refusal>> {
    let Some(customer) = customer else { return Ok(None) };
    find_customer(work, merchant.id, customer)?.known()?;
    Ok(Some(Buyer { customer, points: merchant.customers.points }))
}

#[derive(Serialize)]
struct Put {
    customer: Option<CustomerId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::{CreateCustomer, EraseCustomer, ErasureReason, NewPerson};
    use crate::money::Currency;
    use crate::sale::{AddCash, NewSale, NewTender, RingSale};
    use crate::testing::{MERCHANT, TEA, World, a_sale, line, sale_id};

    fn a_customer(world: &mut World) -> CustomerId {
        let create = CreateCustomer { merchant: MERCHANT, person: NewPerson::default(), external_ids: Vec::new() };
        world.run(&create).unwrap().customer.id
    }

    fn put(customer: Option<CustomerId>) -> PutCustomer {
        PutCustomer { merchant: MERCHANT, sale: sale_id(1), customer }
    }

    #[test]
    fn a_customer_is_put_on_an_open_sale_and_taken_off() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]);
        let (first, second) = (a_customer(&mut world), a_customer(&mut world));
        for customer in [Some(first), Some(second), None, Some(first)] {
            let standing = world.run(&put(customer)).unwrap();
            assert_eq!((standing.sale.customer(), world.rounds), (customer, 1));
            assert_eq!(world.run(&put(customer)).unwrap(), standing, "what changes nothing leaves no trace");
        }
        let pay = AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: None, given_minor: 150 };
        assert_eq!(world.run(&pay).unwrap().sale.customer(), Some(first));
        let told: serde_json::Value = serde_json::from_str(&world.database.events.rows().last().unwrap().data).unwrap();
        assert_eq!(told["customer"], first.to_string());
        assert_eq!(world.refused(&put(None)).code(), "sale_not_open");
    }

    #[test]
    fn a_sale_is_rung_for_a_customer_in_one_round() {
        let mut world = World::new();
        let customer = a_customer(&mut world);
        let tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 150 }];
        let ring = |number, customer| {
            let sale = NewSale { customer: Some(customer), ..a_sale(&[line(TEA, 1_000)]) };
            RingSale { id: sale_id(number), currency: Currency::JPY, sale, tenders: tenders.clone() }
        };
        let rung = world.run(&ring(1, customer)).unwrap();
        assert_eq!((rung.sale.customer(), world.rounds), (Some(customer), 1));
        world.run(&EraseCustomer { customer, reason: ErasureReason::Asked }).unwrap();
        assert_eq!(world.standing(sale_id(1)).sale.customer(), Some(customer), "what was sold stays");
        assert_eq!(world.refused(&ring(2, customer)).code(), "customer_erased");
        let nobody = CustomerId::from_uuid(uuid::Uuid::nil());
        assert_eq!(world.refused(&ring(2, nobody)).code(), "customer_not_found");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]);
        let customer = a_customer(&mut world);
        let mut strange = world.clone().of_other_merchant();
        assert_eq!(strange.refused(&put(Some(customer))).code(), "sale_not_found");
        assert_eq!(world.clone().acting_as(Role::Viewer).refused(&put(Some(customer))).code(), "role_too_low");
        world.run(&EraseCustomer { customer, reason: ErasureReason::Mistake }).unwrap();
        assert_eq!(world.refused(&put(Some(customer))).code(), "customer_erased");
        let nobody = CustomerId::from_uuid(uuid::Uuid::nil());
        assert_eq!(world.refused(&put(Some(nobody))).code(), "customer_not_found");
    }
}
