//! What returns owe and other goods are paid with, as it lies in a store.

use domain::id::ReturnId;
use domain::money::Quantity;
use domain::returns::{CreateReturn, Moved, NewReturnLine};
use domain::sale::{NewTender, OpenSale, RingSale, State, TenderState, VoidSale};
use storage::{Cell, Row};

use crate::audit::tamper;
use crate::support::command::{a_sale, sale_id, sell};
use crate::support::rows::cell;
use crate::support::shop::{LOCATION, MERCHANT, REGISTER, RICE, Shop, int, plain, refused};
use crate::support::store::all;

on!([sqlite postgres memory] [
    a_credit_is_read_back_as_it_was_written
    a_credit_of_a_voided_sale_is_owed_again
    two_sales_of_one_batch_do_not_spend_a_credit_twice
    a_credit_that_stands_on_one_side_only_is_found
]);

/// The return of the first sale.
pub const ORIGIN: fn() -> ReturnId = || ReturnId { sale: sale_id(1), number: 1 };

/// A sale for 100 yen comes back, and the shop owes them.
pub fn owe(shop: &mut Shop) -> Moved {
    shop.run(sell(1, RICE));
    shop.run(CreateReturn {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        sale: sale_id(1),
        lines: vec![NewReturnLine { number: 1, quantity: Quantity(1_000), is_restocked: true }],
        reason: String::new(),
        refunds: Some(Vec::new()),
        foreseen: Vec::new(),
    })
}

/// A sale of 100 yen that is paid with what the return owes.
pub fn spend(sale: u128) -> RingSale {
    let tenders = vec![NewTender::ReturnCredit { origin: ORIGIN(), amount_minor: None }];
    RingSale { tenders, ..sell(sale, RICE) }
}

fn a_credit_is_read_back_as_it_was_written(shop: &mut Shop) {
    assert_eq!(owe(shop).standing.due_minor, 100);
    assert_eq!(shop.run(spend(2)).sale.state, State::Completed);
    let refunds = all(&shop.store, "refund");
    assert_eq!(*cell("refund", &refunds[0], "credit_sale_id"), Cell::display(sale_id(2)));
    assert_eq!((int(cell("refund", &refunds[0], "cash_minor")), shop.on_hand(RICE)), (100, 99));
    assert_eq!(refused(shop.submit(plain(), spend(3))), "return_nothing_due");
}

fn a_credit_of_a_voided_sale_is_owed_again(shop: &mut Shop) {
    owe(shop);
    shop.run(OpenSale { id: Some(sale_id(2)), sale: a_sale(&[(RICE, 2)]) });
    let credit =
        domain::sale::AddReturnCredit { merchant: MERCHANT, sale: sale_id(2), origin: ORIGIN(), amount_minor: None };
    assert_eq!(shop.run(credit).due_minor, 100);
    assert_eq!(refused(shop.submit(plain(), spend(3))), "return_nothing_due");
    let voided = shop.run(VoidSale { merchant: MERCHANT, sale: sale_id(2) });
    assert_eq!(voided.tenders[0].state, TenderState::Failed);
    assert_eq!(shop.run(spend(3)).sale.state, State::Completed);
}

fn two_sales_of_one_batch_do_not_spend_a_credit_twice(shop: &mut Shop) {
    owe(shop);
    let answers = [2, 3].map(|sale| shop.send(plain(), spend(sale)));
    shop.drain();
    let [first, second] = answers.map(crate::support::shop::got);
    assert_eq!(first.unwrap().reply.unwrap().unwrap().sale.state, State::Completed);
    assert_eq!(refused(second), "return_nothing_due");
}

fn a_credit_that_stands_on_one_side_only_is_found(shop: &mut Shop) {
    owe(shop);
    shop.run(spend(2));
    let any = |_: &Row| true;
    let is_credit = |row: &Row| *cell("tender", row, "kind") == Cell::text("return_credit");
    let rule = &["return_credit_has_both_sides"];
    tamper(shop, "refund", "amount_minor", Cell::Int(99), any, rule);
    tamper(shop, "refund", "released_at", Cell::Int(1), any, rule);
    tamper(shop, "refund", "credit_sale_id", Cell::display(sale_id(3)), any, rule);
    tamper(shop, "tender", "state", Cell::text("failed"), is_credit, &["return_credit_has_both_sides", "sale_is_paid"]);
    let other = Cell::display(ReturnId { number: 2, ..ORIGIN() });
    tamper(shop, "tender", "return_id", other, is_credit, rule);
    tamper(shop, "refund", "amount_minor", Cell::Int(101), any, &["refund_within_return"]);
}
