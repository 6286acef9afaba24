//! Journeys of goods that come back. After each command the world holds stock, books and receipts to the invariants.

use super::*;
use crate::call::Role;
use crate::exception;
use crate::journal::LedgerAccount;
use crate::money::Currency;
use crate::payment::shop::Shop;
use crate::payment::{Approval, Outcome, Reason};
use crate::sale::{AddCash, NewTender, RingSale, State};
use crate::testing::{
    BAG, LOCATION, MERCHANT, OTHER_LOCATION, REGISTER, TEA, TEA_ON_HAND, World, a_sale, line, payment_id, sale_id,
};

/// Two teas of 150 yen (8 %) and a bag of 3 yen (10 %), paid in cash.
fn sold() -> World {
    let mut world = World::new();
    let sale = a_sale(&[line(TEA, 2_000), line(BAG, 1_000)]);
    let tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 1_000 }];
    world.run(&RingSale { id: sale_id(1), currency: Currency::JPY, sale, tenders }).unwrap();
    world
}

/// A tea and another of 150 yen, of which `cash_minor` are paid in cash and the rest by a payment.
fn sold_electronically(cash_minor: i64) -> Shop {
    let mut shop = Shop::with_a_sale();
    if cash_minor > 0 {
        let cash =
            AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: Some(cash_minor), given_minor: cash_minor };
        shop.run(&cash).unwrap();
    }
    let created = shop.create(Some(1), None);
    shop.reply(&created.tasks[0], approved(300 - cash_minor));
    assert_eq!(shop.world.standing(sale_id(1)).sale.state, State::Completed);
    shop
}

fn approved(approved_minor: i64) -> Outcome {
    Outcome::Approved(Approval { approved_minor, provider_reference: None, funding: None })
}

fn back(number: u32, quantity: i64) -> NewReturnLine {
    NewReturnLine { number, quantity: Quantity(quantity), is_restocked: true }
}

fn a_return(lines: &[NewReturnLine]) -> CreateReturn {
    CreateReturn {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        sale: sale_id(1),
        lines: lines.to_vec(),
        reason: String::new(),
        refunds: None,
        foreseen: Vec::new(),
    }
}

fn return_id(number: u32) -> ReturnId {
    ReturnId { sale: sale_id(1), number }
}

fn add_refund(way: Way, amount_minor: Option<i64>) -> AddRefund {
    let refund = NewRefund { way, amount_minor };
    AddRefund { merchant: MERCHANT, origin: return_id(1), register: REGISTER, refund, foreseen: Vec::new() }
}

fn states(standing: &Standing) -> Vec<(&'static str, &'static str, i64)> {
    let refunds = standing.refunds.iter();
    refunds.map(|(refund, state)| (refund.kind.as_str(), state.as_str(), refund.amount_minor)).collect()
}

#[test]
fn what_was_paid_in_cash_comes_out_of_the_drawer() {
    let mut world = sold();
    let standing = world.run(&a_return(&[back(1, 1_000)])).unwrap().standing;
    assert_eq!((standing.origin.total_minor, standing.origin.tax_minor, standing.due_minor), (150, 11, 0));
    assert_eq!(standing.origin.receipt_number, "K1-00000002");
    assert_eq!(states(&standing), [("cash", "paid", 150)]);
    assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND - 1_000));
    assert_eq!((world.balance(LedgerAccount::Drawer(REGISTER)), world.balance(LedgerAccount::Clearing)), (153, 0));
    assert_eq!(world.event_kinds(), ["sale.completed", "return.created", "return.refund_asked"]);

    let rest = world.run(&a_return(&[back(1, 1_000), back(2, 1_000)])).unwrap().standing;
    assert_eq!((rest.origin.total_minor, rest.origin.id), (153, return_id(2)));
    assert_eq!(rest.taxes.iter().map(|total| total.gross_minor).collect::<Vec<_>>(), [150, 3]);
    assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND));
    for account in [LedgerAccount::Drawer(REGISTER), LedgerAccount::Revenue, LedgerAccount::Tax] {
        assert_eq!(world.balance(account), 0, "{account}");
    }
    assert_eq!(world.refused(&a_return(&[back(1, 1)])).code(), "return_exceeds_sold");
}

#[test]
fn what_is_spoilt_does_not_go_back_on_the_shelf() {
    let mut world = sold();
    let spoilt = NewReturnLine { is_restocked: false, ..back(1, 1_000) };
    let standing = world.run(&a_return(&[spoilt, back(2, 1_000)])).unwrap().standing;
    assert_eq!(standing.lines.iter().map(|line| line.is_restocked).collect::<Vec<_>>(), [false, false]);
    assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND - 2_000));
}

#[test]
fn what_was_charged_goes_back_by_the_provider() {
    let mut shop = sold_electronically(0);
    let moved = shop.run(&a_return(&[back(1, 2_000)])).unwrap();
    assert_eq!((states(&moved.standing), moved.standing.due_minor), (vec![("electronic", "pending", 300)], 0));
    assert_eq!((moved.tasks.len(), moved.tasks[0].operation.asked_minor), (1, 300));
    assert_eq!((shop.world.balance(LedgerAccount::Clearing), shop.receivable()), (-300, 300));
    shop.reply(&moved.tasks[0], Outcome::Unknown);
    assert_eq!(shop.refused(&add_refund(Way::Cash, None)), "return_nothing_due");
    let number = moved.tasks[0].operation.id;
    shop.tell(number, crate::payment::Witness::Notification, approved(300));
    assert_eq!((shop.world.balance(LedgerAccount::Clearing), shop.receivable()), (0, 0));
}

#[test]
fn what_the_provider_refuses_is_due_again_and_needs_a_manager_in_cash() {
    let mut shop = sold_electronically(0);
    let moved = shop.run(&a_return(&[back(1, 1_000)])).unwrap();
    let payment = moved.tasks[0].payment.id;
    shop.reply(&moved.tasks[0], Outcome::Declined(Reason("window".to_owned())));
    assert_eq!(shop.open_exceptions(payment), [exception::Kind::RefundFailed]);
    shop.acting_as(Role::Cashier);
    assert_eq!(shop.refused(&add_refund(Way::Cash, None)), "return_cash_needs_manager");
    assert_eq!(shop.refused(&add_refund(Way::Electronic(payment_id(77)), None)), "return_payment_elsewhere");
    shop.acting_as(Role::Manager);
    assert_eq!(shop.refused(&add_refund(Way::Cash, Some(151))), "return_refund_exceeds_due");
    assert_eq!(shop.refused(&add_refund(Way::Cash, Some(0))), "amount_out_of_range");
    let standing = shop.run(&add_refund(Way::Cash, Some(50))).unwrap().standing;
    assert_eq!(standing.due_minor, 100);
    let again = shop.run(&add_refund(Way::Electronic(payment), None)).unwrap();
    let expected = vec![("electronic", "failed", 150), ("cash", "paid", 50), ("electronic", "pending", 100)];
    assert_eq!((states(&again.standing), again.standing.due_minor), (expected, 0));
    assert_eq!(shop.world.balance(LedgerAccount::Drawer(REGISTER)), -50);
}

#[test]
fn a_sale_paid_in_two_ways_goes_back_in_two_ways() {
    let mut shop = sold_electronically(100);
    let first = shop.run(&a_return(&[back(1, 1_000)])).unwrap();
    assert_eq!(states(&first.standing), [("electronic", "pending", 150)]);
    let second = shop.run(&a_return(&[back(1, 1_000)])).unwrap();
    assert_eq!(states(&second.standing), [("electronic", "pending", 50), ("cash", "paid", 100)]);
    shop.reply(&first.tasks[0], approved(150));
    shop.reply(&second.tasks[0], approved(50));
    assert_eq!((shop.world.balance(LedgerAccount::Clearing), shop.receivable()), (0, 0));
    assert_eq!(shop.world.balance(LedgerAccount::Drawer(REGISTER)), 0);
}

#[test]
fn money_that_was_refunded_without_goods_is_not_given_twice() {
    let mut shop = sold_electronically(0);
    let payment = shop.payments()[0].id;
    let refund = crate::payment::AskRefund { payment, amount_minor: Some(200), reason: String::new() };
    shop.run(&refund).unwrap();
    assert_eq!(shop.refused(&a_return(&[back(1, 2_000)])), "return_way_needed");
    let part = Some(vec![NewRefund { way: Way::Electronic(payment), amount_minor: Some(100) }]);
    let standing = shop.run(&CreateReturn { refunds: part, ..a_return(&[back(1, 2_000)]) }).unwrap().standing;
    assert_eq!(standing.due_minor, 200);
}

#[test]
fn a_free_sale_comes_back_for_nothing() {
    let mut world = World::new();
    world.change_article(BAG, |bag| bag.unit_price.0 = 0);
    let ring =
        RingSale { id: sale_id(1), currency: Currency::JPY, sale: a_sale(&[line(BAG, 1_000)]), tenders: Vec::new() };
    world.run(&ring).unwrap();
    let standing = world.run(&a_return(&[back(1, 1_000)])).unwrap().standing;
    assert_eq!((standing.origin.total_minor, standing.due_minor, standing.refunds.len()), (0, 0, 0));
}

#[test]
fn what_breaks_a_rule_is_refused() {
    let one = || a_return(&[back(1, 1_000)]);
    let cash = |amount_minor| Some(vec![NewRefund { way: Way::Cash, amount_minor }]);
    for (code, wrong) in [
        ("return_empty", a_return(&[])),
        ("return_line_unknown", a_return(&[back(3, 1_000)])),
        ("return_line_repeated", a_return(&[back(1, 1_000), back(1, 1_000)])),
        ("return_exceeds_sold", a_return(&[back(1, 2_001)])),
        ("return_exceeds_sold", a_return(&[back(1, 0)])),
        ("return_exceeds_sold", a_return(&[back(1, -1_000)])),
        ("register_elsewhere", CreateReturn { location: OTHER_LOCATION, ..one() }),
        ("reason_invalid", CreateReturn { reason: "x".repeat(501), ..one() }),
        ("text_looks_like_card_number", CreateReturn { reason: "4111 1111 1111 1111".to_owned(), ..one() }),
        ("sale_not_found", CreateReturn { sale: sale_id(2), ..one() }),
        ("return_refund_exceeds_due", CreateReturn { refunds: cash(Some(151)), ..one() }),
        ("amount_out_of_range", CreateReturn { refunds: cash(Some(-1)), ..one() }),
    ] {
        assert_eq!(sold().refused(&wrong).code(), code);
    }
    assert_eq!(sold().acting_as(Role::Viewer).refused(&one()).code(), "role_too_low");
    assert_eq!(sold().of_other_merchant().refused(&one()).code(), "sale_not_found");
    assert_eq!(World::with_open_sale(&[line(TEA, 1_000)]).refused(&one()).code(), "return_sale_not_completed");
    assert_eq!(sold().refused(&add_refund(Way::Cash, None)).code(), "return_not_found");
}

#[test]
fn a_sale_has_no_more_returns_than_a_customer_makes() {
    let mut world = sold();
    for _ in 0..RETURNS_MAX {
        world.run(&a_return(&[back(1, 1)])).unwrap();
    }
    assert_eq!(world.refused(&a_return(&[back(1, 1)])).code(), "return_limit_reached");
}
