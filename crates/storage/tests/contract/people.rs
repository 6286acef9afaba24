//! Operators and shifts on every store.

use domain::id::ShiftId;
use domain::money::{Currency, Quantity};
use domain::operator::{CreateOperator, OperatorRole, PinHash, UpdateOperator};
use domain::returns::{CreateReturn, NewReturnLine};
use domain::shift::{CloseShift, Direction, MoveCash, OpenShift, Pieces, Purpose};
use storage::Cell;

use super::audit::tamper;
use crate::support::command::{sale_id, sell};
use crate::support::rows::cell;
use crate::support::shop::{LOCATION, MERCHANT, REGISTER, RICE, Shop, int, plain, refused};
use crate::support::store::all;

on!([sqlite postgres memory] [
    codes_and_badges_are_unique_and_no_badge_is_like_another
    a_shift_is_read_back_as_it_was_written
    a_shift_that_was_changed_is_found
]);

fn an_operator(code: &str, badge: Option<&str>) -> CreateOperator {
    CreateOperator {
        merchant: MERCHANT,
        code: code.to_owned(),
        name: "Aiko".to_owned(),
        role: OperatorRole::Cashier,
        pin: PinHash::new("hash".to_owned()),
        badge: badge.map(str::to_owned),
    }
}

fn codes_and_badges_are_unique_and_no_badge_is_like_another(shop: &mut Shop) {
    shop.run(an_operator("a", None));
    let second = shop.run(an_operator("b", None));
    shop.run(an_operator("c", Some("badge")));
    assert_eq!(refused(shop.submit(plain(), an_operator("A", None))), "operator_code_taken");
    assert_eq!(refused(shop.submit(plain(), an_operator("d", Some("badge")))), "operator_badge_taken");
    let update = UpdateOperator {
        id: second.id,
        expected_version: None,
        name: None,
        role: None,
        pin: None,
        badge: Some(Some("badge".to_owned())),
        is_active: None,
    };
    assert_eq!(refused(shop.submit(plain(), update.clone())), "operator_badge_taken");
    let changed = shop.run(UpdateOperator { badge: Some(Some("other".to_owned())), ..update });
    assert_eq!((changed.version, changed.badge.as_deref()), (2, Some("other")));
}

pub fn open_shift(float: u32) -> OpenShift {
    let float = vec![Pieces { value_minor: 1, pieces: float }];
    OpenShift { merchant: MERCHANT, register: REGISTER, currency: Currency::JPY, float, brought_minor: None }
}

fn close_shift(number: u32, counted: u32) -> CloseShift {
    let count = vec![Pieces { value_minor: 1, pieces: counted }];
    let shift = ShiftId { register: REGISTER, number };
    let (deposited_minor, note) = (100, "short".to_owned());
    CloseShift { merchant: MERCHANT, shift, currency: Currency::JPY, count, deposited_minor, note }
}

/// Two shifts: in the first a sale, a return and a movement, between them a sale.
fn a_day(shop: &mut Shop) {
    let opened = shop.run(open_shift(500));
    shop.run(sell(1, RICE));
    shop.run(MoveCash {
        merchant: MERCHANT,
        shift: opened.id,
        currency: Currency::JPY,
        direction: Direction::Out,
        purpose: Purpose::Expense,
        amount_minor: 20,
        reason: "stamps".to_owned(),
    });
    shop.run(CreateReturn {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        sale: sale_id(1),
        lines: vec![NewReturnLine { number: 1, quantity: Quantity(1_000), is_restocked: true }],
        reason: String::new(),
        refunds: None,
        foreseen: Vec::new(),
    });
    let closed = shop.run(close_shift(1, 470));
    assert_eq!(closed.closing.map(|closing| (closing.expected_minor, closing.difference_minor())), Some((480, -10)));
    shop.run(sell(2, RICE));
}

fn a_shift_is_read_back_as_it_was_written(shop: &mut Shop) {
    a_day(shop);
    let between = int(cell("sale", &all(&shop.store, "sale")[1], "total_minor"));
    let second = shop.run(open_shift(370 + between as u32));
    assert_eq!((second.id.number, second.carried_minor, second.opening_difference_minor), (2, 370, 0));
    let shifts = all(&shop.store, "shift");
    assert_eq!(*cell("shift", &shifts[0], "closing_count"), Cell::text(r#"[{"value_minor":1,"pieces":470}]"#));
    assert_eq!(*cell("shift", &shifts[1], "closing_count"), Cell::Null);
    assert_eq!(refused(shop.submit(plain(), open_shift(0))), "shift_already_open");
    let closed = shop.run(close_shift(2, 470));
    assert_eq!(closed.version, 2);
}

fn a_shift_that_was_changed_is_found(shop: &mut Shop) {
    a_day(shop);
    tamper(shop, "shift", "expected_minor", Cell::Int(470), |_| true, &["shift_expected"]);
    let carried = &["shift_expected"];
    tamper(shop, "shift", "opening_difference_minor", Cell::Int(1), |_| true, carried);
    tamper(shop, "shift", "paid_out_minor", Cell::Int(21), |_| true, &["shift_cash_movements", "shift_expected"]);
    tamper(shop, "shift", "deposited_minor", Cell::Int(99), |_| true, &["drawer_is_sum_of_shifts"]);
    tamper(shop, "receipt_series", "shift_count", Cell::Int(2), |_| true, &["shift_number_gapless"]);
    let is_first = |row: &storage::Row| *cell("sale", row, "shift_number") == Cell::Int(1);
    let moved = &["shift_expected", "drawer_is_sum_of_shifts"];
    tamper(shop, "sale", "shift_number", Cell::Int(2), is_first, moved);
}
