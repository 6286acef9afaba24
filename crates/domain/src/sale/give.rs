//! Discounts by hand: given to an open sale, or taken back.

use serde::Serialize;

use super::complete::complete_if_paid;
use super::discount::{NewDiscount, Reduction, Target, give};
use super::read::{find_merchant, find_open};
use super::reprice::{check_total, live_lines, put_discounts, reprice, require_within_limit, set_totals};
use super::{Standing, standing};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{MerchantId, SaleId};
use crate::work::{Key, Stop, UnitOfWork};

/// Takes something off an open sale. If the rest is paid already, the sale is completed.
#[derive(Debug, Clone)]
pub struct AddDiscount {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which sale.
    pub sale: SaleId,
    /// What is taken off.
    pub discount: NewDiscount,
}

impl Command for AddDiscount {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.add_discount"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Sale(self.sale)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let mut sale = find_open(work, call.merchant, self.sale)?.clone();
        let merchant = find_merchant(work, call, self.merchant)?;
        let mut lines = live_lines(work, &sale);
        give(&mut sale, &mut lines, &self.discount, &call.actor.name, call.actor.role)?;
        require_within_limit(call, &sale, &lines, merchant)?;
        set_totals(&mut sale, &lines)?;
        check_total(work, &sale)?;
        put_discounts(work, &lines);
        if let Some(given) = sale.discounts.by_hand.last() {
            let data = Added {
                number: given.number,
                target: given.target,
                reduction: given.reduction,
                reason: &given.reason,
                amount_minor: given.amount_minor(),
                total_minor: sale.total_minor,
            };
            work.emit(call, "sale.discount_added", self.sale, &data);
        }
        work.sales.replace(sale);
        complete_if_paid(work, call, self.sale)?;
        standing(work, call.merchant, self.sale)
    }
}

/// Takes a discount by hand back.
#[derive(Debug, Clone)]
pub struct RemoveDiscount {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Of which sale.
    pub sale: SaleId,
    /// The discount's number.
    pub number: u32,
}

impl Command for RemoveDiscount {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.remove_discount"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Sale(self.sale)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let mut sale = find_open(work, call.merchant, self.sale)?.clone();
        let before = sale.discounts.by_hand.len();
        sale.discounts.by_hand.retain(|discount| discount.number != self.number);
        if sale.discounts.by_hand.len() == before {
            return Err(not_found("sale_discount", self.number));
        }
        reprice(work, &mut sale)?;
        let data = Removed { number: self.number, total_minor: sale.total_minor };
        work.sales.replace(sale);
        work.emit(call, "sale.discount_removed", self.sale, &data);
        standing(work, call.merchant, self.sale)
    }
}

#[derive(Serialize)]
struct Added<'a> {
    number: u32,
    target: Target,
    reduction: Reduction,
    reason: &'a str,
    amount_minor: i64,
    total_minor: i64,
}

#[derive(Serialize)]
struct Removed {
    number: u32,
    total_minor: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::sale::{AddCash, AddLine, DISCOUNTS_MAX, NewSale, NewTender, RemoveLine, RingSale, State};
    use crate::testing::{BAG, MERCHANT, TEA, World, a_sale, line, sale_id};

    fn off(target: Target, reduction: Reduction) -> AddDiscount {
        let discount = NewDiscount { target, reduction, reason: "dented".to_owned() };
        AddDiscount { merchant: MERCHANT, sale: sale_id(1), discount }
    }

    fn a_removal(number: u32) -> RemoveDiscount {
        RemoveDiscount { merchant: MERCHANT, sale: sale_id(1), number }
    }

    fn pay(amount_minor: i64) -> AddCash {
        let amount = Some(amount_minor);
        AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: amount, given_minor: amount_minor }
    }

    /// Two teas of 150 yen and a bag of 3 yen.
    fn a_cart() -> World {
        World::with_open_sale(&[line(TEA, 2_000), line(BAG, 1_000)])
    }

    fn lines_off(standing: &Standing) -> Vec<i64> {
        standing.lines.iter().map(|line| line.discount_minor).collect()
    }

    #[test]
    fn a_part_of_a_line_is_taken_off_and_its_tax_with_it() {
        let mut world = a_cart();
        let standing = world.run(&off(Target::Line(1), Reduction::BasisPoints(1_000))).unwrap();
        assert_eq!((standing.sale.total_minor, standing.due_minor, lines_off(&standing)), (273, 273, vec![30, 0]));
        assert_eq!(standing.taxes[0].tax_minor, 20);
        assert_eq!(world.event_kinds(), ["sale.opened", "sale.discount_added"]);
        let back = world.run(&a_removal(1)).unwrap();
        assert_eq!((back.sale.total_minor, lines_off(&back)), (303, vec![0, 0]));
        assert_eq!(world.refused(&a_removal(1)).code(), "sale_discount_not_found");
    }

    #[test]
    fn a_discount_on_the_sale_is_shared_out_by_what_the_lines_cost_then() {
        let mut world = a_cart();
        world.run(&off(Target::Sale, Reduction::AmountMinor(100))).unwrap();
        let standing = world.run(&off(Target::Line(1), Reduction::AmountMinor(200))).unwrap();
        // The line comes first: 100 shared out over 100 and 3 yen.
        assert_eq!((lines_off(&standing), standing.sale.total_minor), (vec![297, 3], 3));
        assert_eq!(standing.sale.discounts.by_hand[0].shares.len(), 2);
    }

    #[test]
    fn discounts_follow_the_lines() {
        let mut world = a_cart();
        world.run(&off(Target::Sale, Reduction::BasisPoints(1_000))).unwrap();
        world.run(&off(Target::Line(2), Reduction::AmountMinor(2))).unwrap();
        let (sale, quantity) = (sale_id(1), crate::money::Quantity(1_000));
        let more = AddLine { merchant: MERCHANT, sale, article: TEA.into(), quantity };
        let standing = world.run(&more).unwrap();
        assert_eq!((lines_off(&standing), standing.sale.total_minor), (vec![30, 2, 15], 406));
        let standing = world.run(&RemoveLine { merchant: MERCHANT, sale, number: 2 }).unwrap();
        assert_eq!((lines_off(&standing), standing.sale.discounts.by_hand.len()), (vec![30, 15], 1));
        // The number of the one that went with its line is not used again.
        let standing = world.run(&off(Target::Line(1), Reduction::AmountMinor(1))).unwrap();
        assert_eq!(standing.sale.discounts.by_hand[1].number, 3);
    }

    #[test]
    fn a_sale_may_be_given_away_and_is_completed_when_what_is_left_is_paid() {
        let mut world = a_cart();
        world.run(&pay(200)).unwrap();
        assert_eq!(world.refused(&off(Target::Sale, Reduction::AmountMinor(104))).code(), "sale_total_below_tenders");
        let standing = world.run(&off(Target::Sale, Reduction::AmountMinor(103))).unwrap();
        assert_eq!((standing.sale.state, standing.sale.total_minor), (State::Completed, 200));
        let completed: serde_json::Value =
            serde_json::from_str(&world.database.events.rows().last().unwrap().data).unwrap();
        assert_eq!(completed["discount_minor"], 103);
        assert_eq!(world.refused(&a_removal(1)).code(), "sale_not_open");
        let mut free = a_cart();
        assert_eq!(free.run(&off(Target::Sale, Reduction::BasisPoints(10_000))).unwrap().sale.total_minor, 0);
        let paid = AddCash { amount_minor: None, ..pay(0) };
        assert_eq!(free.run(&paid).unwrap().sale.state, State::Completed);
    }

    #[test]
    fn beyond_the_limit_a_manager_is_needed() {
        let tenth = || off(Target::Sale, Reduction::BasisPoints(1_000));
        let mut world = a_cart().acting_as(Role::Cashier);
        let refusal = world.refused(&off(Target::Sale, Reduction::BasisPoints(1_100)));
        assert_eq!(refusal.code(), "discount_beyond_limit");
        assert_eq!(world.refused(&off(Target::Line(2), Reduction::AmountMinor(1))).code(), "discount_beyond_limit");
        world.run(&tenth()).unwrap();
        assert_eq!(world.refused(&off(Target::Sale, Reduction::AmountMinor(1))).code(), "discount_beyond_limit");
        let mut world = world.acting_as(Role::Manager);
        world.run(&off(Target::Sale, Reduction::BasisPoints(5_000))).unwrap();
        world.run(&a_removal(1)).unwrap();
        // What a manager gave does not count.
        world.acting_as(Role::Cashier).run(&tenth()).unwrap();
    }

    #[test]
    fn an_amount_that_was_small_does_not_become_large_by_taking_lines_off() {
        let mut world = a_cart().acting_as(Role::Cashier);
        world.run(&off(Target::Sale, Reduction::AmountMinor(30))).unwrap();
        let removal = RemoveLine { merchant: MERCHANT, sale: sale_id(1), number: 1 };
        assert_eq!(world.refused(&removal).code(), "discount_beyond_limit");
        world.acting_as(Role::Manager).run(&removal).unwrap();
    }

    #[test]
    fn a_sale_is_rung_with_its_discounts() {
        let mut world = World::new().acting_as(Role::Cashier);
        let discount = |target, reduction| NewDiscount { target, reduction, reason: "regular".to_owned() };
        let sale = NewSale {
            discounts: vec![
                discount(Target::Line(1), Reduction::AmountMinor(15)),
                discount(Target::Sale, Reduction::BasisPoints(500)),
            ],
            ..a_sale(&[line(TEA, 1_000), line(BAG, 1_000)])
        };
        let ring = |sale: NewSale| RingSale {
            id: sale_id(1),
            currency: Currency::JPY,
            sale,
            tenders: vec![NewTender::Cash { amount_minor: None, given_minor: 200 }],
        };
        assert_eq!(world.refused(&ring(sale.clone())).code(), "discount_beyond_limit");
        let standing = world.acting_as(Role::Manager).run(&ring(sale)).unwrap();
        // 15 off 150, then 5 % of 138: 7, of which the bag bears nothing.
        assert_eq!((standing.sale.total_minor, lines_off(&standing)), (131, vec![22, 0]));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let some = Reduction::AmountMinor(1);
        let because = |reason: &str| {
            let mut add = off(Target::Sale, some);
            add.discount.reason = reason.to_owned();
            add
        };
        for (code, wrong) in [
            ("discount_out_of_range", off(Target::Sale, Reduction::BasisPoints(0))),
            ("discount_out_of_range", off(Target::Sale, Reduction::BasisPoints(10_001))),
            ("discount_out_of_range", off(Target::Sale, Reduction::AmountMinor(0))),
            ("discount_out_of_range", off(Target::Sale, Reduction::AmountMinor(i64::MAX))),
            ("discount_exceeds_amount", off(Target::Sale, Reduction::AmountMinor(304))),
            ("discount_exceeds_amount", off(Target::Line(2), Reduction::AmountMinor(4))),
            ("discount_line_unknown", off(Target::Line(3), some)),
            ("discount_reason_invalid", because(" ")),
            ("discount_reason_invalid", because(&"x".repeat(101))),
            ("text_looks_like_card_number", because("4111 1111 1111 1111")),
            ("sale_not_found", AddDiscount { sale: sale_id(2), ..off(Target::Sale, some) }),
        ] {
            assert_eq!(a_cart().refused(&wrong).code(), code);
        }
        assert_eq!(a_cart().acting_as(Role::Viewer).refused(&off(Target::Sale, some)).code(), "role_too_low");
        assert_eq!(a_cart().acting_as(Role::Viewer).refused(&a_removal(1)).code(), "role_too_low");
        assert_eq!(a_cart().of_other_merchant().refused(&off(Target::Sale, some)).code(), "sale_not_found");
        let mut world = World::with_open_sale(&[line(BAG, 100_000)]);
        (0..DISCOUNTS_MAX).for_each(|_| drop(world.run(&off(Target::Sale, some)).unwrap()));
        assert_eq!(world.refused(&off(Target::Sale, some)).code(), "sale_too_many_discounts");
    }
}
