//! Points through sales, returns, and what is done with them in between.

use proptest::prelude::*;

use super::*;
use crate::call::Role;
use crate::customer::{CreateCustomer, EraseCustomer, ErasureReason, NewPerson};
use crate::merchant::UpdateMerchant;
use crate::money::{Currency, Quantity};
use crate::returns::{CreateReturn, Exchange, NewReturnLine};
use crate::sale::{NewSale, NewTender, OpenSale, PutCustomer, RingSale, TenderState};
use crate::testing::{
    Hold, LOCATION, MERCHANT, OTHER_MERCHANT, REGISTER, Settle, TEA, World, a_sale, line, payment_id, sale_id,
};

fn rule(minor_per_point: Option<i64>) -> UpdateMerchant {
    UpdateMerchant {
        merchant: MERCHANT,
        expected_version: None,
        legal_name: None,
        registration_number: None,
        is_sole_proprietor: None,
        discount_limit: None,
        calling_code: None,
        minor_per_point: Some(minor_per_point),
    }
}

/// A shop that gives a point for 100 yen, and a customer of it.
fn a_shop() -> (World, CustomerId) {
    let mut world = World::new();
    world.run(&rule(Some(100))).unwrap();
    let create = CreateCustomer { merchant: MERCHANT, person: NewPerson::default(), external_ids: Vec::new() };
    let customer = world.run(&create).unwrap().customer.id;
    (world, customer)
}

/// Teas of 150 yen, paid in cash.
fn ring(number: u128, customer: Option<CustomerId>, teas: i64) -> RingSale {
    let sale = NewSale { customer, ..a_sale(&[line(TEA, teas * 1_000)]) };
    let tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 150 * teas }];
    RingSale { id: sale_id(number), currency: Currency::JPY, sale, tenders }
}

fn bring_back(number: u128, teas: i64) -> CreateReturn {
    CreateReturn {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        sale: sale_id(number),
        lines: vec![NewReturnLine { number: 1, quantity: Quantity(teas * 1_000), is_restocked: true }],
        reason: String::new(),
        refunds: None,
        foreseen: Vec::new(),
    }
}

/// So many teas of a sale are exchanged for others, and the rest of their worth comes out of the drawer.
fn swap(of: u128, teas: i64, number: u128, customer: CustomerId, for_teas: i64) -> Exchange {
    let RingSale { id, currency, sale, .. } = ring(number, Some(customer), for_teas);
    Exchange { back: bring_back(of, teas), id, currency, sale, tenders: Some(Vec::new()) }
}

fn change(customer: CustomerId, wish: Wish) -> ChangePoints {
    ChangePoints { customer, wish, reason: "voucher".to_owned() }
}

fn balance(world: &World, customer: CustomerId) -> i64 {
    world.database.points_balances.find(MERCHANT, &customer).unwrap().points
}

fn entries(world: &World) -> Vec<(EntryKind, i64)> {
    world.database.points_entries.iter().map(|entry| (entry.kind.clone(), entry.points)).collect()
}

#[test]
fn a_sale_earns_in_the_commit_that_completes_it() {
    let (mut world, customer) = a_shop();
    world.run(&ring(1, Some(customer), 3)).unwrap();
    assert_eq!((world.rounds, balance(&world, customer)), (1, 4));
    assert_eq!(world.refused(&ring(1, Some(customer), 3)).code(), "sale_exists");
    assert_eq!(entries(&world), [(EntryKind::Earned { sale: sale_id(1) }, 4)]);
    let told = world.database.events.rows().iter().find(|event| event.kind == "customer.points_changed").unwrap();
    assert_eq!(told.subject, customer.to_string());
    let sale = sale_id(1);
    assert_eq!(told.data, format!(r#"{{"number":1,"kind":"earned","points":4,"balance":4,"sale":"{sale}"}}"#));
}

#[test]
fn a_sale_earns_once_however_often_its_payment_is_told() {
    let (mut world, customer) = a_shop();
    let sale = NewSale { customer: Some(customer), ..a_sale(&[line(TEA, 2_000)]) };
    world.run(&OpenSale { id: Some(sale_id(1)), sale }).unwrap();
    let hold = Hold { sale: sale_id(1), payment: payment_id(1), amount_minor: None };
    let tender = world.run(&hold).unwrap();
    assert_eq!(balance(&world, customer), 0);
    for _ in 0..3 {
        world.run(&Settle { sale: sale_id(1), tender, state: TenderState::Paid, approved_minor: 300 }).unwrap();
        assert_eq!(balance(&world, customer), 3);
    }
}

#[test]
fn without_customer_or_rule_nothing_is_earned() {
    let (mut world, customer) = a_shop();
    world.run(&ring(1, None, 1)).unwrap();
    world.run(&rule(None)).unwrap();
    world.run(&ring(2, Some(customer), 1)).unwrap();
    world.run(&bring_back(2, 1)).unwrap();
    assert_eq!(entries(&world), []);
    for wrong in [0, -1, MINOR_PER_POINT_MAX + 1] {
        assert_eq!(world.refused(&rule(Some(wrong))).code(), "points_rule_out_of_range");
    }
}

#[test]
fn the_rule_is_that_of_when_the_customer_was_put_on_the_sale() {
    let (mut world, customer) = a_shop();
    world.open_sale(1, &[line(TEA, 2_000)]);
    let put = |customer| PutCustomer { merchant: MERCHANT, sale: sale_id(1), customer };
    world.run(&put(Some(customer))).unwrap();
    world.run(&rule(Some(10))).unwrap();
    assert_eq!(world.standing(sale_id(1)).sale.points(), Some((customer, 3)));
    world.run(&put(None)).unwrap();
    assert_eq!(world.standing(sale_id(1)).sale.points(), None);
    world.run(&put(Some(customer))).unwrap();
    assert_eq!(world.standing(sale_id(1)).sale.points(), Some((customer, 30)));
}

#[test]
fn returns_take_back_what_was_earned_and_no_more_than_is_there() {
    let (mut world, customer) = a_shop();
    world.run(&ring(1, Some(customer), 3)).unwrap();
    world.run(&bring_back(1, 1)).unwrap();
    // Of 4 points for 450 yen 2 go with the 300 that are kept.
    assert_eq!(balance(&world, customer), 2);
    world.run(&change(customer, Wish::Redeem(1))).unwrap();
    world.run(&bring_back(1, 2)).unwrap();
    let last = world.database.points_entries.iter().last().unwrap();
    assert_eq!((last.points, last.balance, last.kind.not_recovered()), (-1, 0, 1));
    assert_eq!(last.kind.origin(), Some(ReturnId { sale: sale_id(1), number: 2 }));
}

#[test]
fn points_are_spent_by_cashiers_and_put_right_by_managers() {
    let (world, customer) = a_shop();
    let mut world = world.acting_as(Role::Cashier);
    world.run(&ring(1, Some(customer), 3)).unwrap();
    assert_eq!(world.refused(&change(customer, Wish::Redeem(5))).code(), "points_insufficient");
    assert_eq!(world.run(&change(customer, Wish::Redeem(4))).unwrap().balance, 0);
    assert_eq!(world.refused(&change(customer, Wish::Adjust(1))).code(), "role_too_low");
    let mut world = world.acting_as(Role::Manager);
    assert_eq!(world.run(&change(customer, Wish::Adjust(7))).unwrap().balance, 7);
    assert_eq!(world.refused(&change(customer, Wish::Adjust(-8))).code(), "points_insufficient");
    assert_eq!(world.run(&change(customer, Wish::Adjust(-7))).unwrap().number, 4);
}

#[test]
fn what_breaks_a_rule_is_refused() {
    let (mut world, customer) = a_shop();
    for wish in [
        Wish::Redeem(0),
        Wish::Redeem(-1),
        Wish::Redeem(i64::MIN),
        Wish::Redeem(POINTS_MAX + 1),
        Wish::Adjust(0),
        Wish::Adjust(i64::MIN),
    ] {
        assert_eq!(world.refused(&change(customer, wish)).code(), "points_out_of_range");
    }
    let because = |wish, reason: &str| ChangePoints { reason: reason.to_owned(), ..change(customer, wish) };
    for (wish, reason, code) in [
        (Wish::Adjust(1), " ", "points_reason_invalid"),
        (Wish::Adjust(1), "a\nb", "points_reason_invalid"),
        (Wish::Redeem(1), &"x".repeat(101), "points_reason_invalid"),
        (Wish::Redeem(1), "4111 1111 1111 1111", "text_looks_like_card_number"),
        (Wish::Redeem(1), "", "points_insufficient"),
    ] {
        assert_eq!(world.refused(&because(wish, reason)).code(), code, "{reason}");
    }
    let viewer = world.clone().acting_as(Role::Viewer).refused(&change(customer, Wish::Redeem(1)));
    assert_eq!(viewer.code(), "role_too_low");
    let stranger = world.clone().of_other_merchant().refused(&change(customer, Wish::Adjust(1)));
    assert_eq!(stranger.code(), "customer_not_found");
    assert!(world.database.points_balances.find(OTHER_MERCHANT, &customer).is_none());
}

#[test]
fn what_an_erased_customer_bought_is_still_brought_back() {
    let (mut world, customer) = a_shop();
    world.run(&ring(1, Some(customer), 2)).unwrap();
    world.run(&EraseCustomer { customer, reason: ErasureReason::Asked }).unwrap();
    assert_eq!(world.refused(&change(customer, Wish::Redeem(1))).code(), "customer_erased");
    world.run(&bring_back(1, 2)).unwrap();
    assert_eq!(balance(&world, customer), 0);
}

#[derive(Debug, Clone)]
enum Happening {
    Buy(i64),
    BringBack(u128, i64),
    Redeem(i64),
    Adjust(i64),
    Rule(i64),
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (1..4_i64).prop_map(Happening::Buy),
        (1..8_u128, 1..4_i64).prop_map(|(sale, teas)| Happening::BringBack(sale, teas)),
        (1..20_i64).prop_map(Happening::Redeem),
        (-20..20_i64).prop_map(Happening::Adjust),
        (1..300_i64).prop_map(Happening::Rule),
    ]
}

proptest! {
    /// Whatever happens in whatever order, the balance is the sum of its entries and never below zero (the world looks after
    /// each command), and what the returns of a sale took back, with what was not there any more, is the part of what it
    /// earned that goes with what came back.
    #[test]
    fn points_are_never_negative_and_a_whole_return_takes_back_all(
        happenings in prop::collection::vec(any_happening(), 1..25),
    ) {
        let (mut world, customer) = a_shop();
        let mut sales = 0;
        for happening in happenings {
            match happening {
                Happening::Buy(teas) => {
                    sales += 1;
                    // The shelf may be empty by then.
                    let _ = world.run(&ring(sales, Some(customer), teas));
                }
                Happening::BringBack(sale, teas) => drop(world.run(&bring_back(sale, teas))),
                Happening::Redeem(points) => drop(world.run(&change(customer, Wish::Redeem(points)))),
                Happening::Adjust(points) => drop(world.run(&change(customer, Wish::Adjust(points)))),
                Happening::Rule(minor) => drop(world.run(&rule(Some(minor)))),
            }
        }
        for sale in world.database.sales.iter() {
            let returns: Vec<_> = world.database.returns.iter().filter(|one| one.id.sale == sale.id).collect();
            let came_back: i64 = returns.iter().map(|one| one.total_minor).sum();
            let (_, earned) = sale.points().unwrap();
            let taken: i64 = world.database.points_entries.iter()
                .filter(|entry| entry.kind.origin().is_some_and(|origin| origin.sale == sale.id))
                .map(|entry| entry.kind.not_recovered() - entry.points)
                .sum();
            let kept = earned * (sale.total_minor - came_back) / sale.total_minor;
            prop_assert_eq!(taken, earned - kept);
        }
    }
}

#[test]
fn after_an_exchange_there_are_the_points_of_the_goods_that_were_kept() {
    let (mut world, customer) = a_shop();
    world.run(&ring(1, Some(customer), 4)).unwrap();
    world.run(&swap(1, 4, 2, customer, 2)).unwrap();
    assert_eq!(balance(&world, customer), 3);
}
