//! Journeys of goods that are exchanged. After each command the world holds stock, books and receipts to the invariants.

use proptest::prelude::*;

use super::*;
use crate::call::Role;
use crate::exception;
use crate::journal::LedgerAccount;
use crate::money::Currency;
use crate::payment::shop::Shop;
use crate::payment::{Approval, Outcome, Reason};
use crate::sale::{self, AddCash, AddReturnCredit, NewTender, RingSale, State, TenderKind, TenderState, VoidSale};
use crate::testing::{BAG, LOCATION, MERCHANT, REGISTER, TEA, TEA_ON_HAND, World, a_sale, line, payment_id, sale_id};
use crate::work::Key;

fn cash(given_minor: i64) -> NewTender {
    NewTender::Cash { amount_minor: None, given_minor }
}

fn credit(number: u128, amount_minor: Option<i64>) -> NewTender {
    NewTender::ReturnCredit { origin: of_sale(number, 1), amount_minor }
}

fn of_sale(number: u128, of: u32) -> ReturnId {
    ReturnId { sale: sale_id(number), number: of }
}

/// A sale of so many teas of 150 yen.
fn ring(number: u128, teas: i64, tenders: &[NewTender]) -> RingSale {
    let sale = a_sale(&[line(TEA, teas * 1_000)]);
    RingSale { id: sale_id(number), currency: Currency::JPY, sale, tenders: tenders.to_vec() }
}

/// So many teas of a sale come back, and all of it stays owed.
fn owing(number: u128, teas: i64) -> CreateReturn {
    CreateReturn { refunds: Some(Vec::new()), ..as_paid(number, teas) }
}

fn as_paid(number: u128, teas: i64) -> CreateReturn {
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

fn add_credit(number: u128, of: u128, amount_minor: Option<i64>) -> AddReturnCredit {
    AddReturnCredit { merchant: MERCHANT, sale: sale_id(number), origin: of_sale(of, 1), amount_minor }
}

fn add_refund(number: u128, way: Way, amount_minor: Option<i64>) -> AddRefund {
    let refund = NewRefund { way, amount_minor };
    AddRefund { merchant: MERCHANT, origin: of_sale(number, 1), register: REGISTER, refund, foreseen: Vec::new() }
}

fn exchange(of: u128, teas: i64, number: u128, for_teas: i64, tenders: Option<Vec<NewTender>>) -> Exchange {
    Exchange {
        back: as_paid(of, teas),
        id: sale_id(number),
        currency: Currency::JPY,
        sale: a_sale(&[line(TEA, for_teas * 1_000)]),
        tenders,
    }
}

/// A cashier's shop where so many teas were sold for cash.
fn sold(teas: i64) -> World {
    let mut world = World::new().acting_as(Role::Cashier);
    world.run(&ring(1, teas, &[cash(10_000)])).unwrap();
    world
}

/// A cashier's shop where two teas were paid by a payment.
fn sold_electronically() -> Shop {
    let mut shop = Shop::with_a_sale();
    let created = shop.create(Some(1), None);
    shop.reply(&created.tasks[0], approved(300));
    shop
}

fn approved(approved_minor: i64) -> Outcome {
    Outcome::Approved(Approval { approved_minor, provider_reference: None, funding: None })
}

/// The provider answers the one refund that was asked for, and a cashier goes on.
fn reply(shop: &mut Shop, moved: &Moved, outcome: Outcome) {
    shop.acting_as(Role::System).reply(&moved.tasks[0], outcome);
    shop.acting_as(Role::Cashier);
}

fn refunds(standing: &Standing) -> Vec<(&'static str, &'static str, i64)> {
    let refunds = standing.refunds.iter();
    refunds.map(|(refund, state)| (refund.kind.as_str(), state.as_str(), refund.amount_minor)).collect()
}

fn tenders(standing: &sale::Standing) -> Vec<(&'static str, i64)> {
    standing.tenders.iter().map(|tender| (tender.kind.as_str(), tender.amount_minor)).collect()
}

fn drawer(world: &World) -> i64 {
    world.balance(LedgerAccount::Drawer(REGISTER))
}

#[test]
fn who_takes_dearer_goods_pays_the_difference() {
    let mut world = sold(2);
    let made = world.run(&exchange(1, 1, 2, 3, Some(vec![cash(1_000)]))).unwrap();
    assert_eq!(
        (made.sale.sale.state, tenders(&made.sale)),
        (State::Completed, vec![("return_credit", 150), ("cash", 300)])
    );
    assert_eq!(
        (refunds(&made.moved.standing), made.moved.standing.due_minor),
        (vec![("return_credit", "paid", 150)], 0)
    );
    let numbers = (made.moved.standing.origin.receipt_number, made.sale.sale.receipt_number.unwrap());
    assert_eq!(numbers, ("K1-00000002".to_owned(), "K1-00000003".to_owned()));
    assert_eq!((drawer(&world), world.balance(LedgerAccount::Clearing)), (300 + 300, 0));
    assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND - 4_000));
    assert_eq!(world.event_kinds()[1..], ["return.created", "return.refund_asked", "sale.completed"]);
    assert!(made.moved.tasks.is_empty());
}

#[test]
fn who_takes_cheaper_goods_gets_the_difference() {
    let mut world = sold(3);
    let made = world.run(&exchange(1, 3, 2, 1, Some(Vec::new()))).unwrap();
    assert_eq!(tenders(&made.sale), [("return_credit", 150)]);
    assert_eq!(refunds(&made.moved.standing), [("return_credit", "paid", 150), ("cash", "paid", 300)]);
    assert_eq!((drawer(&world), world.balance(LedgerAccount::Clearing)), (150, 0));
}

#[test]
fn an_even_exchange_moves_no_money() {
    let mut world = sold(1);
    let made = world.run(&exchange(1, 1, 2, 1, None)).unwrap();
    assert_eq!((made.sale.sale.state, made.sale.due_minor), (State::Completed, 0));
    assert_eq!((drawer(&world), world.level(TEA).on_hand), (150, Quantity(TEA_ON_HAND - 1_000)));
}

#[test]
fn the_last_piece_that_came_back_may_go_out_again() {
    let mut world = World::new();
    world.run(&ring(1, TEA_ON_HAND / 1_000, &[cash(10_000)])).unwrap();
    let made = world.run(&exchange(1, 1, 2, 1, Some(Vec::new()))).unwrap();
    assert_eq!((made.sale.sale.state, world.level(TEA).on_hand), (State::Completed, Quantity::ZERO));
}

#[test]
fn what_is_due_beyond_the_return_may_be_paid_later() {
    let mut world = sold(1);
    let made = world.run(&exchange(1, 1, 2, 2, None)).unwrap();
    assert_eq!((made.sale.sale.state, made.sale.due_minor), (State::Open, 150));
    // Nothing is in the books of an open sale, and the shop still owes the customer.
    assert_eq!(world.balance(LedgerAccount::Clearing), -150);
    let paid = AddCash { merchant: MERCHANT, sale: sale_id(2), amount_minor: None, given_minor: 200 };
    assert_eq!(world.run(&paid).unwrap().sale.state, State::Completed);
    assert_eq!((drawer(&world), world.balance(LedgerAccount::Clearing)), (300, 0));
}

#[test]
fn a_credit_is_spent_once_and_never_more_than_is_owed() {
    let mut world = sold(2);
    world.run(&owing(1, 2)).unwrap();
    assert_eq!(world.refused(&ring(2, 3, &[credit(1, Some(301)), cash(150)])).code(), "return_credit_exceeds_owed");
    assert_eq!(world.refused(&ring(2, 3, &[credit(1, None)])).code(), "sale_not_paid");
    world.run(&ring(2, 1, &[credit(1, None)])).unwrap();
    assert_eq!(world.refused(&ring(3, 2, &[credit(1, Some(300))])).code(), "return_credit_exceeds_owed");
    assert_eq!(world.refused(&add_refund(1, Way::Cash, Some(151))).code(), "return_refund_exceeds_due");
    world.run(&ring(3, 1, &[credit(1, None)])).unwrap();
    assert_eq!(world.refused(&ring(4, 1, &[credit(1, None)])).code(), "return_nothing_due");
    assert_eq!(world.refused(&add_refund(1, Way::Cash, None)).code(), "return_nothing_due");
    assert_eq!((drawer(&world), world.balance(LedgerAccount::Clearing)), (300, 0));
}

#[test]
fn a_sale_that_is_given_up_makes_the_credit_due_again() {
    let mut world = sold(2);
    world.run(&owing(1, 2)).unwrap();
    world.open_sale(2, &[line(TEA, 3_000)]);
    let paid = world.run(&add_credit(2, 1, None)).unwrap();
    assert_eq!((paid.sale.state, paid.due_minor), (State::Open, 150));
    assert_eq!(world.refused(&add_refund(1, Way::Cash, None)).code(), "return_nothing_due");
    let voided = world.run(&VoidSale { merchant: MERCHANT, sale: sale_id(2) }).unwrap();
    assert_eq!((voided.sale.state, voided.tenders[0].state), (State::Voided, TenderState::Failed));
    assert_eq!(world.event_kinds()[4..], ["tender.paid", "return.credit_released", "sale.voided"]);
    let given = world.run(&add_refund(1, Way::Cash, None)).unwrap().standing;
    assert_eq!(refunds(&given), [("return_credit", "failed", 300), ("cash", "paid", 300)]);
    assert_eq!((drawer(&world), world.balance(LedgerAccount::Clearing)), (0, 0));
}

#[test]
fn a_credit_completes_the_sale_whose_last_part_it_pays() {
    let mut world = sold(2);
    world.run(&owing(1, 2)).unwrap();
    world.open_sale(2, &[line(TEA, 2_000)]);
    let paid = world.run(&add_credit(2, 1, None)).unwrap();
    assert_eq!((paid.sale.state, paid.due_minor), (State::Completed, 0));
    assert_eq!(world.refused(&add_credit(2, 1, None)).code(), "sale_not_open");
}

#[test]
fn what_was_charged_does_not_become_cash_by_an_exchange() {
    let mut shop = sold_electronically();
    let payment = shop.payments()[0].id;
    shop.acting_as(Role::Cashier);
    shop.run(&owing(1, 2)).unwrap();
    let bought = shop.run(&ring(2, 2, &[credit(1, None)])).unwrap();
    assert_eq!(bought.tenders[0].kind, TenderKind::ReturnCredit { origin: of_sale(1, 1), cash_minor: 0 });
    let in_cash = Some(vec![NewRefund { way: Way::Cash, amount_minor: Some(150) }]);
    let bring_back = CreateReturn { foreseen: vec![Key::Sale(sale_id(1))], ..as_paid(2, 1) };
    assert_eq!(shop.refused(&CreateReturn { refunds: in_cash, ..bring_back.clone() }), "return_cash_needs_manager");
    // It goes back where it came from.
    let moved = shop.run(&bring_back).unwrap();
    assert_eq!(refunds(&moved.standing), [("electronic", "pending", 150)]);
    assert_eq!(moved.tasks[0].payment.id, payment);
    reply(&mut shop, &moved, Outcome::Declined(Reason("window".to_owned())));
    let refund =
        |way, amount_minor| AddRefund { foreseen: vec![Key::Sale(sale_id(1))], ..add_refund(2, way, amount_minor) };
    assert_eq!(shop.refused(&refund(Way::Electronic(payment_id(77)), None)), "return_payment_elsewhere");
    shop.acting_as(Role::Manager);
    shop.run(&refund(Way::Cash, Some(50))).unwrap();
    let again = shop.run(&refund(Way::Electronic(payment), None)).unwrap();
    assert_eq!(again.standing.due_minor, 0);
    assert_eq!(shop.open_exceptions(payment), [exception::Kind::RefundFailed]);
}

#[test]
fn what_was_paid_in_cash_comes_back_as_cash_after_an_exchange_and_no_more_of_it() {
    let mut world = sold(2);
    world.run(&owing(1, 2)).unwrap();
    world.run(&ring(2, 1, &[credit(1, None)])).unwrap();
    world.run(&ring(3, 2, &[credit(1, None), cash(150)])).unwrap();
    let first = world.run(&as_paid(2, 1)).unwrap().standing;
    assert_eq!(refunds(&first), [("cash", "paid", 150)]);
    let second = world.run(&as_paid(3, 2)).unwrap().standing;
    assert_eq!(refunds(&second), [("cash", "paid", 300)]);
    assert_eq!((drawer(&world), world.balance(LedgerAccount::Clearing)), (0, 0));
}

#[test]
fn an_exchange_of_an_exchange_leads_back_to_the_payment() {
    let mut shop = sold_electronically();
    shop.acting_as(Role::Cashier);
    shop.run(&exchange(1, 2, 2, 2, Some(Vec::new()))).unwrap();
    let behind = |of: u128| {
        let sales = [1, 2].into_iter().filter(move |number| *number < of);
        sales.map(|number| Key::Sale(sale_id(number))).collect::<Vec<_>>()
    };
    let mut second = exchange(2, 2, 3, 1, Some(Vec::new()));
    second.back.foreseen = behind(2);
    let made = shop.run(&second).unwrap();
    // Of 300 that were charged 150 pay the third tea, and 150 go back by the payment.
    assert_eq!(refunds(&made.moved.standing), [("return_credit", "paid", 150), ("electronic", "pending", 150)]);
    reply(&mut shop, &made.moved, approved(150));
    let last = shop.run(&CreateReturn { foreseen: behind(3), ..as_paid(3, 1) }).unwrap();
    assert_eq!(refunds(&last.standing), [("electronic", "pending", 150)]);
    reply(&mut shop, &last, approved(150));
    assert_eq!((shop.world.balance(LedgerAccount::Clearing), shop.receivable()), (0, 0));
}

#[test]
fn what_breaks_a_rule_is_refused() {
    for (code, wrong) in [
        ("return_exceeds_sold", exchange(1, 3, 2, 1, None)),
        ("sale_not_found", exchange(9, 1, 2, 1, None)),
        ("sale_exists", exchange(1, 1, 1, 1, None)),
        ("sale_not_paid", exchange(1, 1, 2, 2, Some(Vec::new()))),
        ("sale_nothing_due", exchange(1, 1, 2, 1, Some(vec![cash(150)]))),
        ("stock_insufficient", exchange(1, 1, 2, 1_000, None)),
        (
            "currency_mismatch",
            Exchange { currency: Currency::parse("USD").unwrap(), ..exchange(1, 1, 2, 1, Some(Vec::new())) },
        ),
    ] {
        assert_eq!(sold(2).refused(&wrong).code(), code);
    }
    let plain = exchange(1, 1, 2, 1, None);
    assert_eq!(sold(2).acting_as(Role::Viewer).refused(&plain).code(), "role_too_low");
    assert_eq!(sold(2).of_other_merchant().refused(&plain).code(), "sale_not_found");
    let mut world = sold(2);
    assert_eq!(world.refused(&ring(2, 1, &[credit(1, None)])).code(), "return_not_found");
    world.run(&owing(1, 1)).unwrap();
    for wrong in [Some(0), Some(-1)] {
        assert_eq!(world.refused(&ring(2, 1, &[credit(1, wrong)])).code(), "amount_out_of_range");
    }
    assert_eq!(world.refused(&ring(2, 1, &[credit(1, Some(200))])).code(), "tender_exceeds_due");
    world.open_sale(3, &[line(TEA, 1_000)]);
    assert_eq!(world.clone().acting_as(Role::Viewer).refused(&add_credit(3, 1, None)).code(), "role_too_low");
    assert_eq!(world.of_other_merchant().refused(&add_credit(3, 1, None)).code(), "sale_not_found");
}

#[test]
fn goods_that_cost_nothing_are_exchanged_for_what_they_cost() {
    let mut world = World::new();
    world.change_article(BAG, |bag| bag.unit_price.0 = 0);
    let free = RingSale { sale: a_sale(&[line(BAG, 1_000)]), ..ring(1, 1, &[]) };
    world.run(&free).unwrap();
    let made = world.run(&exchange(1, 1, 2, 1, Some(vec![cash(150)]))).unwrap();
    assert_eq!(tenders(&made.sale), [("cash", 150)]);
    let taking_free = Exchange { sale: a_sale(&[line(BAG, 1_000)]), ..exchange(2, 1, 3, 1, Some(Vec::new())) };
    let made = world.run(&taking_free).unwrap();
    assert_eq!((tenders(&made.sale), refunds(&made.moved.standing)), (vec![], vec![("cash", "paid", 150)]));
}

/// What a customer does next: exchange so much of one of the sales for so many teas, or bring it back.
#[derive(Debug, Clone, Copy)]
enum Step {
    Exchange { of: usize, back: i64, take: i64 },
    Return { of: usize, back: i64 },
    Owe { of: usize, back: i64 },
    Spend { of: usize, take: i64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let of = 0..6_usize;
    prop_oneof![
        (of.clone(), 1..3_i64, 1..4_i64).prop_map(|(of, back, take)| Step::Exchange { of, back, take }),
        (of.clone(), 1..3_i64).prop_map(|(of, back)| Step::Return { of, back }),
        (of.clone(), 1..3_i64).prop_map(|(of, back)| Step::Owe { of, back }),
        (of, 1..4_i64).prop_map(|(of, take)| Step::Spend { of, take }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever customers exchange and bring back: the drawer holds what the goods that they kept cost, but for what is
    /// owed; a cashier suffices, and nothing is left over once all is back.
    #[test]
    fn the_drawer_holds_what_the_kept_goods_cost(steps in prop::collection::vec(any_step(), 1..14)) {
        let mut world = sold(3);
        let mut sales = vec![sale_id(1)];
        for step in steps {
            let next = 2 + sales.len() as u128;
            let of = |place: usize| sales[place % sales.len()];
            let known: Vec<Key> = sales.iter().copied().map(Key::Sale).collect();
            let as_paid = |sale, back| CreateReturn { sale, foreseen: known.clone(), ..as_paid(1, back) };
            let _refused_or_not = match step {
                Step::Exchange { of: place, back, take } => {
                    let command = Exchange { back: as_paid(of(place), back), ..exchange(1, back, next, take, None) };
                    world.run(&command).map(|_| sales.push(sale_id(next)))
                }
                Step::Return { of: place, back } => world.run(&as_paid(of(place), back)).map(drop),
                Step::Owe { of: place, back } => {
                    let refunds = Some(Vec::new());
                    world.run(&CreateReturn { refunds, ..as_paid(of(place), back) }).map(drop)
                }
                Step::Spend { of: place, take } => {
                    let origin = ReturnId { sale: of(place), number: 1 };
                    let tenders = [NewTender::ReturnCredit { origin, amount_minor: None }, cash(100_000)];
                    world.run(&ring(next, take, &tenders)).map(|_| sales.push(sale_id(next)))
                }
            };
            // Open sales are paid, so that all goods are in the books.
            for sale in sales.clone() {
                if world.standing(sale).sale.state == State::Open {
                    world.run(&AddCash { merchant: MERCHANT, sale, amount_minor: None, given_minor: 100_000 }).unwrap();
                }
            }
            let earned = -(world.balance(LedgerAccount::Revenue) + world.balance(LedgerAccount::Tax));
            let owed = -world.balance(LedgerAccount::Clearing);
            prop_assert!(owed >= 0);
            prop_assert_eq!(drawer(&world), earned + owed);
        }
        let known: Vec<Key> = sales.iter().copied().map(Key::Sale).collect();
        for sale in sales {
            give_all_back(&mut world, sale, &known);
        }
        prop_assert_eq!((drawer(&world), world.balance(LedgerAccount::Clearing)), (0, 0));
    }
}

/// Brings back what is left of a sale, and gives what its returns still owe.
fn give_all_back(world: &mut World, sale: SaleId, known: &[Key]) {
    let foreseen = known.to_vec();
    let sold = world.standing(sale).lines[0].quantity;
    let mut work = world.database.clone();
    work.set_known(Key::Sale(sale));
    let history = History::of(&work, &world.standing(sale).sale);
    let returned = history.returned().get(&1).copied().unwrap_or_default();
    for origin in &history.returns {
        let refund = NewRefund { way: Way::Cash, amount_minor: None };
        if history.standing(origin.id.number).unwrap().unwrap().due_minor > 0 {
            let origin = origin.id;
            let foreseen = foreseen.clone();
            world.run(&AddRefund { origin, refund, foreseen, ..add_refund(1, Way::Cash, None) }).unwrap();
        }
    }
    let left = (sold.0 - returned.0) / 1_000;
    if left > 0 {
        world.run(&CreateReturn { sale, foreseen, ..as_paid(1, left) }).unwrap();
    }
}
