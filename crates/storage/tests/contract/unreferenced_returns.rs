//! Goods that came back without their sale, as they lie in a store.

use domain::money::{Currency, Quantity, UnitPrice};
use domain::unreferenced_return::{CreateUnreferencedReturn, NewUnreferencedLine, UnreferencedReturn};
use storage::{Cell, Row};

use crate::audit::tamper;
use crate::support::command::sell;
use crate::support::shop::{LOCATION, MERCHANT, REGISTER, RICE, Shop};

on!([sqlite postgres memory] [
    what_came_back_is_on_the_shelf_and_in_the_books
    what_does_not_fit_is_found
]);

/// Two pieces of rice, of which one is spoilt, for 100 and 90 yen.
fn bring_back(shop: &mut Shop) -> UnreferencedReturn {
    let line = |yen: i64, is_restocked| NewUnreferencedLine {
        article: RICE.into(),
        quantity: Quantity(1_000),
        unit_price: Some(UnitPrice(yen * 10_000)),
        price_reason: String::new(),
        is_restocked,
    };
    shop.run(CreateUnreferencedReturn {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        currency: Currency::JPY,
        lines: vec![line(100, true), line(90, false)],
        reason: "lost".to_owned(),
    })
}

fn what_came_back_is_on_the_shelf_and_in_the_books(shop: &mut Shop) {
    shop.run(sell(1, RICE));
    let made = bring_back(shop);
    assert_eq!((made.total_minor, made.receipt_number.as_str(), shop.on_hand(RICE)), (190, "K1-00000002", 100));
}

fn what_does_not_fit_is_found(shop: &mut Shop) {
    bring_back(shop);
    let any = |_: &Row| true;
    let name = "unreferenced_return";
    tamper(shop, name, "total_minor", Cell::Int(191), any, &["unreferenced_return_total"]);
    tamper(shop, name, "lines", Cell::text("[]"), any, &["unreferenced_return_total", "unreferenced_return_movement"]);
}
