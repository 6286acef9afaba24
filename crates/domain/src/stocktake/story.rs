//! Stocktakes as they happen: goods move before, while and after somebody counts, and the books end as the shelf is.

use proptest::prelude::*;

use super::*;
use crate::call::Role;
use crate::exception;
use crate::sale::{NewTender, RingSale, VoidSale};
use crate::stock::{Booking, MoveStock, MovementKind};
use crate::testing::{BAG, LOCATION, MERCHANT, OTHER_LOCATION, RICE, TEA, TEA_ON_HAND, World, a_sale, line, sale_id};

const MINUTE_MS: i64 = 60_000;

fn open(world: &mut World, articles: Option<&[ArticleId]>) -> StocktakeId {
    let articles = articles.map(|articles| articles.iter().map(|article| (*article).into()).collect());
    world.run(&OpenStocktake { merchant: MERCHANT, location: LOCATION, articles, note: String::new() }).unwrap().id
}

fn a_count(stocktake: StocktakeId, article: ArticleId, quantity: i64, how: How) -> CountArticles {
    let count = NewCount { article: article.into(), quantity: Quantity(quantity), how, at: None };
    CountArticles { merchant: MERCHANT, stocktake, location: LOCATION, by: None, counts: vec![count] }
}

fn count(world: &mut World, stocktake: StocktakeId, article: ArticleId, quantity: i64) {
    world.run(&a_count(stocktake, article, quantity, How::Replace)).unwrap();
}

fn count_at(world: &mut World, stocktake: StocktakeId, article: ArticleId, quantity: i64, at: Timestamp) -> Recorded {
    let mut command = a_count(stocktake, article, quantity, How::Replace);
    command.counts[0].at = Some(at);
    world.run(&command).unwrap()
}

fn shift(world: &mut World, article: ArticleId, quantity: i64, occurred_at: Option<Timestamp>) {
    let change = MoveStock::one(MERCHANT, LOCATION, Booking::Correction, article, Quantity(quantity));
    world.run(&MoveStock { reason: "found".to_owned(), occurred_at, ..change }).unwrap();
}

fn sell(world: &mut World, number: u128, pieces: i64) {
    let tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 100_000 }];
    let sale = a_sale(&[line(TEA, pieces)]);
    world.run(&RingSale { id: sale_id(number), currency: crate::money::Currency::JPY, sale, tenders }).unwrap();
}

/// What the ledger says of each line that closing asks it for.
fn seen(world: &World, stocktake: StocktakeId) -> Vec<Seen> {
    let lines = world.database.stocktake_lines.iter().filter(|line| line.stocktake == stocktake);
    let head = world.database.stocktakes.find(MERCHANT, &stocktake).unwrap();
    let asked_at = if let State::Closing { asked_at, .. } = head.state { asked_at } else { return Vec::new() };
    lines
        .filter_map(|line| {
            let level = world.database.stock_levels.find(MERCHANT, &(LOCATION, line.article))?;
            let at = line.state.count().map_or(asked_at, |count| count.at);
            let expected = books_at(level, world.database.movements.rows(), at);
            Some(Seen { article: line.article, expected, backdated: level.backdated })
        })
        .collect()
}

fn book(world: &mut World, stocktake: StocktakeId, seen: Vec<Seen>) -> Stocktake {
    let lines = world.database.stocktake_lines.iter().filter(|line| line.stocktake == stocktake);
    let articles = lines.map(|line| line.article).collect();
    world.run(&BookCounts { stocktake, location: LOCATION, articles, seen }).unwrap()
}

/// Closes as the hub's worker does.
fn close(world: &mut World, stocktake: StocktakeId, uncounted: Uncounted) -> Stocktake {
    world.run(&CloseStocktake { stocktake, uncounted }).unwrap();
    finish(world, stocktake)
}

fn finish(world: &mut World, stocktake: StocktakeId) -> Stocktake {
    world.act_as(Role::System);
    let levels = world.database.stock_levels.iter().filter(|level| level.on_hand != Quantity::ZERO);
    let articles = levels.filter(|level| level.location == LOCATION).map(|level| level.article).collect();
    world.run(&ListUncounted { stocktake, articles, is_all: true }).unwrap();
    let seen = seen(world, stocktake);
    let closed = book(world, stocktake, seen);
    world.act_as(Role::Manager);
    closed
}

fn on_hand(world: &World, article: ArticleId) -> i64 {
    world.level(article).on_hand.0
}

#[test]
fn what_moved_before_the_count_is_in_it_and_what_moves_after_comes_on_top() {
    let mut world = World::new();
    sell(&mut world, 1, 2_000);
    let stocktake = open(&mut world, None);
    sell(&mut world, 2, 1_000);
    // Seven by the books, six on the shelf.
    count(&mut world, stocktake, TEA, 6_000);
    sell(&mut world, 3, 2_000);
    shift(&mut world, TEA, 10_000, None);
    let closed = close(&mut world, stocktake, Uncounted::Leave);
    assert!(matches!(closed.state, State::Closed { uncounted: Uncounted::Leave, .. }));
    assert_eq!(closed.tally, Tally { uncounted: 0, counted: 1, finished: 1, different: 1 });
    assert_eq!(on_hand(&world, TEA), 14_000);
    let booked = world.database.movements.rows().last().unwrap();
    assert_eq!((booked.kind, booked.quantity), (MovementKind::Count(stocktake), Quantity(-1_000)));
    sell(&mut world, 4, 1_000);
    assert_eq!(on_hand(&world, TEA), 13_000);
}

#[test]
fn a_count_that_comes_later_than_it_was_made_is_worth_the_same() {
    let mut world = World::new();
    let stocktake = open(&mut world, None);
    world.advance_ms(MINUTE_MS);
    let seen_at = world.now();
    world.advance_ms(MINUTE_MS);
    sell(&mut world, 1, 3_000);
    count_at(&mut world, stocktake, TEA, 9_000, seen_at);
    world.advance_ms(MINUTE_MS);
    sell(&mut world, 2, 1_000);
    close(&mut world, stocktake, Uncounted::Leave);
    assert_eq!(on_hand(&world, TEA), 5_000);
}

#[test]
fn what_is_told_late_of_before_the_count_changes_nothing() {
    let mut world = World::new();
    let before = world.now();
    world.advance_ms(MINUTE_MS);
    let stocktake = open(&mut world, None);
    count(&mut world, stocktake, TEA, 4_000);
    world.advance_ms(MINUTE_MS);
    sell(&mut world, 1, 1_000);
    // While it is open: the base is stale, and the ledger is asked.
    shift(&mut world, TEA, -2_000, Some(before));
    world.act_as(Role::System);
    close_without_the_ledger(&mut world, stocktake);
    finish(&mut world, stocktake);
    assert_eq!(on_hand(&world, TEA), 3_000);
    // And after it was closed.
    shift(&mut world, TEA, -2_000, Some(before));
    assert_eq!(on_hand(&world, TEA), 3_000);
    let later = world.now();
    world.advance_ms(1);
    shift(&mut world, TEA, -2_000, Some(later));
    assert_eq!(on_hand(&world, TEA), 1_000);
}

/// A stale base alone is not enough, and what was read before it became stale neither.
fn close_without_the_ledger(world: &mut World, stocktake: StocktakeId) {
    world.run(&CloseStocktake { stocktake, uncounted: Uncounted::Leave }).unwrap();
    let old: Vec<Seen> = seen(world, stocktake).iter().map(|seen| Seen { backdated: 0, ..*seen }).collect();
    for seen in [Vec::new(), old] {
        assert_eq!(book(world, stocktake, seen).tally.finished, 0);
    }
}

#[test]
fn two_shelves_are_added_and_a_recount_takes_the_place() {
    let mut world = World::new();
    let stocktake = open(&mut world, Some(&[TEA]));
    for (quantity, how) in [(1_000, How::Replace), (4_000, How::Add), (5_000, How::Replace), (2_000, How::Add)] {
        let recorded = world.run(&a_count(stocktake, TEA, quantity, how)).unwrap();
        assert_eq!(recorded.stocktake.tally, Tally { counted: 1, ..Tally::default() });
    }
    // The older count of a device that was away comes last.
    let before = world.now().plus_ms(-1);
    let late = count_at(&mut world, stocktake, TEA, 1_000, before);
    assert_eq!(late.outdated, [TEA]);
    close(&mut world, stocktake, Uncounted::Leave);
    assert_eq!(on_hand(&world, TEA), 7_000);
}

#[test]
fn of_two_stocktakes_the_later_count_is_the_last_word() {
    for is_first_closed_first in [true, false] {
        let mut world = World::new();
        let (first, second) = (open(&mut world, None), open(&mut world, None));
        count(&mut world, first, TEA, 8_000);
        world.advance_ms(MINUTE_MS);
        sell(&mut world, 1, 1_000);
        count(&mut world, second, TEA, 6_000);
        world.advance_ms(MINUTE_MS);
        sell(&mut world, 2, 1_000);
        let order = if is_first_closed_first { [first, second] } else { [second, first] };
        let states = order.map(|stocktake| close(&mut world, stocktake, Uncounted::Leave).state.as_str());
        assert_eq!((states, on_hand(&world, TEA)), (["closed"; 2], 5_000), "{is_first_closed_first}");
    }
}

#[test]
fn what_nobody_counted_is_named_and_set_to_zero_only_on_request() {
    for (uncounted, left) in [(Uncounted::Leave, TEA_ON_HAND), (Uncounted::Zero, -1_000)] {
        let mut world = World::new();
        let stocktake = open(&mut world, None);
        count(&mut world, stocktake, RICE, 2_000);
        world.advance_ms(MINUTE_MS);
        world.run(&CloseStocktake { stocktake, uncounted }).unwrap();
        world.advance_ms(MINUTE_MS);
        if uncounted == Uncounted::Zero {
            sell(&mut world, 1, 1_000);
        }
        let closed = finish(&mut world, stocktake);
        assert_eq!((on_hand(&world, TEA), on_hand(&world, RICE)), (left, 2_000));
        let is_left = i64::from(uncounted == Uncounted::Leave);
        assert_eq!((closed.tally.uncounted, closed.tally.counted), (is_left, 2 - is_left));
        assert_eq!(closed.state.as_str(), "closed");
    }
}

#[test]
fn less_than_is_promised_needs_a_person() {
    let mut world = World::new();
    let stocktake = open(&mut world, None);
    world.open_sale(1, &[line(TEA, 5_000)]);
    count(&mut world, stocktake, TEA, 4_000);
    close(&mut world, stocktake, Uncounted::Leave);
    let key = (stocktake.to_string(), exception::Kind::StockNegative);
    assert_eq!(world.database.exceptions.find(MERCHANT, &key).unwrap().resolved_at, None);
    assert_eq!(world.level(TEA).available(), Quantity(-1_000));
    world.run(&VoidSale { merchant: MERCHANT, sale: sale_id(1) }).unwrap();
    assert_eq!(on_hand(&world, TEA), 4_000);
}

#[test]
fn what_is_cancelled_or_closed_is_not_counted_any_more() {
    let mut world = World::new();
    let given_up = open(&mut world, None);
    count(&mut world, given_up, TEA, 1_000);
    world.run(&CancelStocktake { stocktake: given_up }).unwrap();
    let done = open(&mut world, None);
    count(&mut world, done, TEA, 9_000);
    close(&mut world, done, Uncounted::Leave);
    let movements = world.database.movements.rows().len();
    for stocktake in [given_up, done] {
        assert_eq!(world.refused(&a_count(stocktake, TEA, 1, How::Replace)).code(), "stocktake_not_open");
        assert_eq!(world.refused(&CancelStocktake { stocktake }).code(), "stocktake_not_open");
        let again = CloseStocktake { stocktake, uncounted: Uncounted::Zero };
        assert_eq!(world.refused(&again).code(), "stocktake_not_open");
        world.act_as(Role::System);
        world.run(&ListUncounted { stocktake, articles: vec![RICE], is_all: true }).unwrap();
        book(&mut world, stocktake, Vec::new());
        world.act_as(Role::Manager);
    }
    assert_eq!((on_hand(&world, TEA), world.database.movements.rows().len()), (9_000, movements));
    let kinds = world.event_kinds();
    assert_eq!(kinds.iter().filter(|kind| **kind == "stocktake.closed").count(), 1);
}

#[test]
fn what_breaks_a_rule_is_refused() {
    let mut world = World::new();
    let stocktake = open(&mut world, None);
    let counts = |change: fn(&mut CountArticles)| {
        let mut command = a_count(stocktake, TEA, 1, How::Replace);
        change(&mut command);
        command
    };
    for (code, wrong) in [
        ("stocktake_line_count_out_of_range", counts(|command| command.counts.clear())),
        ("stocktake_line_count_out_of_range", counts(|c| c.counts = vec![c.counts[0].clone(); COUNTED_MAX + 1])),
        ("quantity_out_of_range", counts(|command| command.counts[0].quantity = Quantity(-1))),
        ("counted_at_out_of_range", counts(|c| c.counts[0].at = Some(crate::testing::NOW.plus_ms(1)))),
        ("counted_at_out_of_range", counts(|c| c.counts[0].at = Some(crate::testing::NOW.plus_ms(-LATE_MS_MAX - 1)))),
        ("counted_by_invalid", counts(|command| command.by = Some(" ".to_owned()))),
        ("text_looks_like_card_number", counts(|c| c.by = Some("4111 1111 1111 1111".to_owned()))),
        ("article_not_stocked", counts(|command| command.counts[0].article = BAG.into())),
        ("stocktake_not_found", counts(|command| command.location = OTHER_LOCATION)),
        ("stocktake_not_found", counts(|command| command.stocktake = StocktakeId::from_uuid(uuid::Uuid::nil()))),
    ] {
        assert_eq!(world.refused(&wrong).code(), code);
    }
    let close = CloseStocktake { stocktake, uncounted: Uncounted::Zero };
    assert_eq!(world.refused(&close).code(), "stocktake_empty");
    let note = "x".repeat(NOTE_CHARS_MAX + 1);
    let opening = |articles: Option<Vec<crate::article::ArticleRef>>, note: &str| OpenStocktake {
        merchant: MERCHANT,
        location: LOCATION,
        articles,
        note: note.to_owned(),
    };
    for (code, wrong) in [
        ("stocktake_line_count_out_of_range", opening(Some(Vec::new()), "")),
        ("stocktake_note_too_long", opening(None, &note)),
        ("text_looks_like_card_number", opening(None, "4111111111111111")),
        ("article_not_stocked", opening(Some(vec![BAG.into()]), "")),
        (
            "location_not_found",
            OpenStocktake { location: LocationId::from_uuid(uuid::Uuid::nil()), ..opening(None, "") },
        ),
    ] {
        assert_eq!(world.refused(&wrong).code(), code);
    }
    let mut stranger = world.clone().of_other_merchant();
    assert_eq!(stranger.refused(&CancelStocktake { stocktake }).code(), "stocktake_not_found");
    let mut cashier = world.acting_as(Role::Cashier);
    assert_eq!(cashier.refused(&close).code(), "role_too_low");
    assert_eq!(cashier.refused(&opening(None, "")).code(), "role_too_low");
    assert_eq!(
        cashier.refused(&BookCounts { stocktake, location: LOCATION, articles: vec![], seen: vec![] }).code(),
        "role_too_low"
    );
    cashier.run(&a_count(stocktake, TEA, 1, How::Replace)).unwrap();
}

/// What goods do while somebody counts. Of each how much, in pieces.
#[derive(Debug, Clone)]
enum Happening {
    Sell(i64),
    Bring(i64),
    /// Something of so many minutes ago is told only now.
    TellLate(i64, i64),
    /// Somebody counts the shelf, or tells of a count of so many minutes ago.
    Count(Option<i64>),
    Wait,
}

fn a_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (1..3_i64).prop_map(Happening::Sell),
        (1..5_i64).prop_map(Happening::Bring),
        (1..4_i64, 1..6_i64).prop_map(|(pieces, minutes)| Happening::TellLate(pieces, minutes)),
        proptest::option::of(1..5_i64).prop_map(Happening::Count),
        Just(Happening::Wait),
    ]
}

proptest! {
    /// The shelf itself is kept beside the books, with a loss that nobody told of: after closing the two are the same.
    #[test]
    fn the_books_end_as_the_shelf_is(story in prop::collection::vec(a_happening(), 1..30), lost in 0..3_i64) {
        let mut world = World::new();
        world.advance_ms(10 * MINUTE_MS);
        let stocktake = open(&mut world, None);
        // What lay on the shelf when: the beginning and every change, with its own time.
        let mut shelf: Vec<(Timestamp, i64)> = vec![(Timestamp(0), TEA_ON_HAND - lost * 1_000)];
        let mut is_counted = false;
        for (number, happening) in (1..).zip(story.iter().cloned().chain([Happening::Count(None), Happening::Sell(1)])) {
            world.advance_ms(MINUTE_MS);
            let now = world.now();
            match happening {
                Happening::Sell(pieces) if on_hand(&world, TEA) >= pieces * 1_000 => {
                    sell(&mut world, number, pieces * 1_000);
                    shelf.push((now, -pieces * 1_000));
                }
                Happening::Bring(pieces) => {
                    shift(&mut world, TEA, pieces * 1_000, None);
                    shelf.push((now, pieces * 1_000));
                }
                Happening::TellLate(pieces, minutes) => {
                    let at = now.plus_ms(-minutes * MINUTE_MS - 1);
                    shift(&mut world, TEA, pieces * 1_000, Some(at));
                    shelf.push((at, pieces * 1_000));
                }
                Happening::Count(ago) => {
                    let at = now.plus_ms(-ago.unwrap_or(0) * MINUTE_MS);
                    // Who counts sees the shelf as it was, also what is told only later.
                    let told_later = story.iter().zip(1..).filter(|(_, index)| *index > number);
                    let late: i64 = told_later.map(|(late, index)| match late {
                        Happening::TellLate(pieces, minutes) => {
                            let told_at = now.plus_ms((index as i64 - number as i64) * MINUTE_MS);
                            if told_at.plus_ms(-minutes * MINUTE_MS - 1) <= at { pieces * 1_000 } else { 0 }
                        }
                        _ => 0,
                    }).sum();
                    let lies: i64 = shelf.iter().filter(|(moved, _)| *moved <= at).map(|(_, quantity)| quantity).sum();
                    let lies = lies + late;
                    if lies >= 0 {
                        match ago {
                            Some(_) => drop(count_at(&mut world, stocktake, TEA, lies, at)),
                            None => count(&mut world, stocktake, TEA, lies),
                        }
                        is_counted = true;
                    }
                }
                Happening::Sell(_) | Happening::Wait => {}
            }
        }
        prop_assume!(is_counted);
        close(&mut world, stocktake, Uncounted::Leave);
        let lies: i64 = shelf.iter().map(|(_, quantity)| quantity).sum();
        prop_assert_eq!(on_hand(&world, TEA), lies);
    }
}
