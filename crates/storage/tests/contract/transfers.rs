//! Transfers as they lie in a store: each state goes in and comes back, the largest fits into a batch, and what does not fit
//! together is found.

use domain::id::{ArticleId, LocationId};
use domain::merchant::{Contact, Location};
use domain::money::Quantity;
use domain::stock::{MoveStock, NewMovement, WriteOffReason};
use domain::transfer::{
    CancelTransfer, CloseTransfer, Fate, LINES_MAX, NewTransferLine, OpenTransfer, ReceiveTransfer, SendTransfer,
    State, Tally, WholeTransfer,
};
use storage::{Cell, Row};
use uuid::Uuid;

use crate::audit::tamper;
use crate::support::command::{act, an_article, receive};
use crate::support::rows::cell;
use crate::support::shop::{LOCATION, MERCHANT, RICE, Shop, int};
use crate::support::store::all;

on!([sqlite postgres memory] [
    what_is_on_its_way_is_kept_until_it_arrives
    the_largest_transfer_fits
    what_does_not_fit_is_found
]);

/// Another location of the merchant.
const ANNEXE: LocationId = LocationId::from_uuid(Uuid::from_u128(40));

fn open_annexe(shop: &mut Shop) {
    shop.run(act("test.add_location", [], |work, _| {
        let (name, contact) = ("Annexe".to_owned(), Contact::default());
        work.locations.insert(Location { id: ANNEXE, merchant: MERCHANT, name, contact, version: 1 });
        Ok(())
    }));
}

fn open(shop: &mut Shop, articles: &[ArticleId], pieces: i64) -> WholeTransfer {
    let line = |article: &ArticleId| NewTransferLine { article: (*article).into(), quantity: Quantity(pieces * 1_000) };
    let (lines, note) = (articles.iter().map(line).collect(), "weekend".to_owned());
    shop.run(OpenTransfer { merchant: MERCHANT, from: LOCATION, to: ANNEXE, lines, note })
}

/// Forty pieces of rice, of which thirty have arrived.
fn on_its_way(shop: &mut Shop) -> WholeTransfer {
    open_annexe(shop);
    let transfer = open(shop, &[RICE], 40).transfer.id;
    shop.run(SendTransfer { transfer });
    let lines = Some(vec![NewTransferLine { article: RICE.into(), quantity: Quantity(30_000) }]);
    shop.run(ReceiveTransfer { merchant: MERCHANT, transfer, lines })
}

fn at_the_annexe(shop: &Shop, article: ArticleId) -> i64 {
    let levels = all(&shop.store, "stock_level");
    let level = levels.iter().find(|row| row[0] == Cell::display(ANNEXE) && row[1] == Cell::display(article));
    level.map_or(0, |row| int(cell("stock_level", row, "on_hand")) / 1_000)
}

fn what_is_on_its_way_is_kept_until_it_arrives(shop: &mut Shop) {
    let part = on_its_way(shop);
    assert_eq!(part.transfer.tally, Tally { lines: 1, in_transit: 1, missing: 0 });
    assert_eq!((shop.on_hand(RICE), at_the_annexe(shop, RICE)), (60, 30));
    let transfer = part.transfer.id;
    let rest = shop.run(ReceiveTransfer { merchant: MERCHANT, transfer, lines: None });
    assert!(matches!(rest.transfer.state, State::Closed { fate: None, .. }));
    assert_eq!((shop.on_hand(RICE), at_the_annexe(shop, RICE)), (60, 40));
    let given_up = open(shop, &[RICE], 1).transfer.id;
    let cancelled = shop.run(CancelTransfer { transfer: given_up });
    assert!(matches!(cancelled.transfer.state, State::Cancelled { .. }));
}

fn the_largest_transfer_fits(shop: &mut Shop) {
    open_annexe(shop);
    let articles: Vec<ArticleId> =
        (1..=LINES_MAX as u128).map(|n| ArticleId::from_uuid(Uuid::from_u128(n << 32))).collect();
    let made = articles.clone();
    shop.run(act("test.add_articles", [], move |work, _| {
        made.iter().for_each(|article| work.articles.insert(an_article(*article)));
        Ok(())
    }));
    let line = |article: &ArticleId| NewMovement {
        article: (*article).into(),
        quantity: Quantity(1_000),
        expected_on_hand: None,
    };
    shop.run(MoveStock { lines: articles.iter().map(line).collect(), ..receive(RICE, 1) });
    let transfer = open(shop, &articles, 1).transfer.id;
    let sent = shop.run(SendTransfer { transfer });
    assert_eq!(sent.transfer.tally.in_transit, LINES_MAX as i64);
    let fate = Fate::WrittenOff(WriteOffReason::Stolen);
    let closed = shop.run(CloseTransfer { transfer, fate, reason: String::new() });
    assert_eq!(closed.transfer.tally, Tally { lines: LINES_MAX as i64, in_transit: 0, missing: LINES_MAX as i64 });
}

fn what_does_not_fit_is_found(shop: &mut Shop) {
    let transfer = on_its_way(shop).transfer.id;
    let fate = Fate::WrittenOff(WriteOffReason::Damaged);
    shop.run(CloseTransfer { transfer, fate, reason: "wet".to_owned() });
    let any = |_: &Row| true;
    tamper(shop, "transfer", "lines_missing", Cell::Int(0), any, &["transfer_tally"]);
    tamper(shop, "transfer", "state", Cell::text("sent"), any, &["row_readable"]);
    tamper(shop, "transfer", "fate", Cell::text("brought_back"), any, &["row_readable"]);
    tamper(shop, "transfer_line", "received", Cell::Int(31_000), any, &["transfer_tally", "transfer_movement"]);
    tamper(shop, "transfer_line", "missing", Cell::Int(0), any, &["transfer_tally", "transfer_movement"]);
}
