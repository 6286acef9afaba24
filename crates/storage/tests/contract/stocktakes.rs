//! Stocktakes as they lie in a store: each state of head and line goes in and comes back, and what does not fit is found.

use domain::money::Quantity;
use domain::stocktake::{
    BookCounts, CloseStocktake, CountArticles, How, NewCount, OpenStocktake, State, Stocktake, Tally, Uncounted,
};
use storage::{Cell, Row};

use crate::audit::tamper;
use crate::support::command::sell;
use crate::support::shop::{LOCATION, MERCHANT, RICE, Shop, TEA};

on!([sqlite postgres memory] [
    what_is_sold_between_counting_and_closing_comes_off
    what_does_not_fit_is_found
]);

/// Tea and rice should be counted; ninety pieces of rice are there, and one is sold after that.
fn counted(shop: &mut Shop) -> Stocktake {
    let articles = Some(vec![TEA.into(), RICE.into()]);
    let opening = OpenStocktake { merchant: MERCHANT, location: LOCATION, articles, note: "shelf 1".to_owned() };
    let stocktake = shop.run(opening).id;
    let counts = vec![NewCount { article: RICE.into(), quantity: Quantity(90_000), how: How::Replace, at: None }];
    let recorded = shop.run(CountArticles { merchant: MERCHANT, stocktake, location: LOCATION, by: None, counts });
    shop.run(sell(1, RICE));
    recorded.stocktake
}

fn close(shop: &mut Shop, stocktake: &Stocktake) -> Stocktake {
    let stocktake = stocktake.id;
    let asked = shop.run(CloseStocktake { stocktake, uncounted: Uncounted::Leave });
    assert!(matches!(asked.state, State::Closing { is_listed: true, .. }));
    shop.run(BookCounts { stocktake, location: LOCATION, articles: vec![TEA, RICE], seen: Vec::new() })
}

fn what_is_sold_between_counting_and_closing_comes_off(shop: &mut Shop) {
    let stocktake = counted(shop);
    assert_eq!(stocktake.tally, Tally { uncounted: 1, counted: 1, ..Tally::default() });
    let closed = close(shop, &stocktake);
    assert_eq!(closed.tally, Tally { uncounted: 1, counted: 1, finished: 1, different: 1 });
    assert!(matches!(closed.state, State::Closed { uncounted: Uncounted::Leave, .. }));
    assert_eq!((shop.on_hand(RICE), shop.on_hand(TEA)), (89, 1));
}

fn what_does_not_fit_is_found(shop: &mut Shop) {
    let stocktake = counted(shop);
    close(shop, &stocktake);
    let any = |_: &Row| true;
    tamper(shop, "stocktake", "different_lines", Cell::Int(0), any, &["stocktake_tally"]);
    tamper(shop, "stocktake", "state", Cell::text("open"), any, &["row_readable"]);
    let is_booked = |row: &Row| row[3] == Cell::text("booked");
    tamper(shop, "stocktake_line", "expected", Cell::Int(1), is_booked, &["stocktake_movement"]);
    tamper(shop, "stocktake_line", "state", Cell::text("counted"), is_booked, &["row_readable"]);
}
