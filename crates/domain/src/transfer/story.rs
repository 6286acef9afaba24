//! Transfers as they happen: what is sent, what arrives, what never does; and that nothing comes from nowhere on the way.

use proptest::prelude::*;

use super::*;
use crate::article::ArticleRef;
use crate::call::Role;
use crate::money::QUANTITY_MAX;
use crate::stock::{Booking, MoveStock, MovementKind, SetThreshold};
use crate::testing::{BAG, LOCATION, MERCHANT, OTHER_LOCATION, RICE, TEA, TEA_ON_HAND, World, line};

fn lines(of: &[(ArticleId, i64)]) -> Vec<NewTransferLine> {
    let line = |(article, quantity): &(ArticleId, i64)| NewTransferLine {
        article: ArticleRef::Id(*article),
        quantity: Quantity(*quantity),
    };
    of.iter().map(line).collect()
}

fn opening(of: &[(ArticleId, i64)]) -> OpenTransfer {
    let (from, to, note) = (LOCATION, OTHER_LOCATION, "for the weekend".to_owned());
    OpenTransfer { merchant: MERCHANT, from, to, lines: lines(of), note }
}

fn receiving(transfer: TransferId, of: &[(ArticleId, i64)]) -> ReceiveTransfer {
    ReceiveTransfer { merchant: MERCHANT, transfer, lines: Some(lines(of)) }
}

fn closing(transfer: TransferId, fate: Fate) -> CloseTransfer {
    CloseTransfer { transfer, fate, reason: "the box was open".to_owned() }
}

/// Rice at the first location too, and a transfer of tea and rice that is on its way.
fn sent(world: &mut World) -> TransferId {
    world.run(&MoveStock::one(MERCHANT, LOCATION, Booking::Receipt, RICE, Quantity(2_500))).unwrap();
    let transfer = world.run(&opening(&[(TEA, 4_000), (RICE, 2_500)])).unwrap().transfer.id;
    world.run(&SendTransfer { transfer }).unwrap();
    transfer
}

fn on_hand(world: &World, location: LocationId, article: ArticleId) -> i64 {
    let level = world.database.stock_levels.find(MERCHANT, &(location, article));
    level.map_or(0, |level| level.on_hand.0)
}

fn here_and_there(world: &World, article: ArticleId) -> (i64, i64) {
    (on_hand(world, LOCATION, article), on_hand(world, OTHER_LOCATION, article))
}

/// Kind, article and quantity of each movement of a transfer.
fn moved(world: &World) -> Vec<(MovementKind, ArticleId, i64)> {
    let rows = world.database.movements.rows().iter();
    let of_transfer = rows.filter(|row| row.kind.behind().transfer.is_some());
    of_transfer.map(|row| (row.kind, row.article, row.quantity.0)).collect()
}

#[test]
fn what_is_sent_is_nowhere_until_it_arrives() {
    let mut world = World::new();
    let transfer = sent(&mut world);
    assert_eq!((here_and_there(&world, TEA), here_and_there(&world, RICE)), ((TEA_ON_HAND - 4_000, 0), (0, 0)));
    let part = world.run(&receiving(transfer, &[(TEA, 3_000)])).unwrap();
    assert_eq!(part.transfer.tally, Tally { lines: 2, in_transit: 2, missing: 0 });
    assert_eq!(here_and_there(&world, TEA), (TEA_ON_HAND - 4_000, 3_000));
    world.advance_ms(60_000);
    let rest = world.run(&ReceiveTransfer { merchant: MERCHANT, transfer, lines: None }).unwrap();
    let (sent_at, at) = (crate::testing::NOW, world.now());
    assert_eq!(rest.transfer.state, State::Closed { sent_at, at, fate: None });
    assert_eq!(rest.lines.iter().map(|line| line.received.0).collect::<Vec<_>>(), [4_000, 2_500]);
    assert_eq!((here_and_there(&world, TEA), here_and_there(&world, RICE)), ((TEA_ON_HAND - 4_000, 4_000), (0, 2_500)));
    let (out, inwards) = (MovementKind::TransferOut(transfer), MovementKind::TransferIn(transfer));
    let expected =
        [(out, TEA, -4_000), (out, RICE, -2_500), (inwards, TEA, 3_000), (inwards, TEA, 1_000), (inwards, RICE, 2_500)];
    assert_eq!(moved(&world), expected);
    let told = ["transfer.opened", "transfer.sent", "transfer.received", "transfer.received", "transfer.closed"];
    assert_eq!(world.event_kinds()[1..], told);
    let data = &world.database.events.rows().last().unwrap().data;
    let expected =
        format!(r#"{{"from":"{LOCATION}","to":"{OTHER_LOCATION}","missing":[],"fate":null,"write_off_reason":null}}"#);
    assert_eq!(*data, expected);
}

#[test]
fn a_draft_costs_no_stock_and_is_put_right_until_it_leaves() {
    let mut world = World::new();
    let transfer = world.run(&opening(&[(TEA, TEA_ON_HAND * 5), (RICE, 1_000)])).unwrap().transfer.id;
    assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND));
    let change =
        |of: &[(ArticleId, i64)], note| ChangeTransfer { merchant: MERCHANT, transfer, lines: lines(of), note };
    let changed = world.run(&change(&[(TEA, 1_000), (RICE, 0)], Some("less".to_owned()))).unwrap();
    assert_eq!((changed.transfer.tally.lines, changed.transfer.note.as_str()), (1, "less"));
    assert_eq!(changed.lines.iter().map(|line| (line.article, line.quantity.0)).collect::<Vec<_>>(), [(TEA, 1_000)]);
    assert_eq!(changed.lines[0].in_transit(changed.transfer.state), Quantity::ZERO);
    let away = world.run(&SendTransfer { transfer }).unwrap();
    assert_eq!((away.lines.len(), away.lines[0].in_transit(away.transfer.state)), (1, Quantity(1_000)));
    assert_eq!(world.refused(&change(&[(TEA, 2_000)], None)).code(), "transfer_not_draft");
    assert_eq!(world.refused(&receiving(transfer, &[(RICE, 1)])).code(), "transfer_article_unknown");
}

#[test]
fn nothing_that_was_promised_leaves() {
    let mut world = World::new().opening_sale(&[line(TEA, 7_000)]);
    let transfer = world.run(&opening(&[(TEA, 3_001)])).unwrap().transfer.id;
    let refusal = world.refused(&SendTransfer { transfer });
    let available = Quantity(TEA_ON_HAND - 7_000);
    assert_eq!(refusal, command::Refusal::Stock(crate::stock::Refusal::Insufficient { article: TEA, available }));
    assert_eq!(moved(&world), []);
    let without_level = world.run(&opening(&[(RICE, 1)])).unwrap().transfer.id;
    assert_eq!(world.refused(&SendTransfer { transfer: without_level }).code(), "stock_insufficient");
}

#[test]
fn leaving_tells_that_a_threshold_was_crossed() {
    let mut world = World::new();
    world.run(&SetThreshold { location: LOCATION, article: TEA, reorder_at: Some(Quantity(TEA_ON_HAND)) }).unwrap();
    let transfer = world.run(&opening(&[(TEA, 1_000)])).unwrap().transfer.id;
    world.run(&SendTransfer { transfer }).unwrap();
    assert_eq!(world.event_kinds()[2..], ["stock.below_threshold", "transfer.sent"]);
}

#[test]
fn what_never_came_is_written_off_where_it_should_have_arrived() {
    let mut world = World::new();
    let transfer = sent(&mut world);
    world.run(&receiving(transfer, &[(TEA, 3_000), (RICE, 2_500)])).unwrap();
    let closed = world.run(&closing(transfer, Fate::WrittenOff(WriteOffReason::Stolen))).unwrap();
    assert_eq!(closed.transfer.tally, Tally { lines: 2, in_transit: 0, missing: 1 });
    assert_eq!(closed.lines.iter().map(|line| line.missing.0).collect::<Vec<_>>(), [1_000, 0]);
    assert_eq!(here_and_there(&world, TEA), (TEA_ON_HAND - 4_000, 3_000));
    let loss = world.database.movements.rows().last().unwrap();
    assert_eq!((loss.kind.as_str(), loss.quantity.0, loss.reason.as_str()), ("write_off", -1_000, "the box was open"));
    assert_eq!(loss.kind.behind().transfer, Some(transfer));
    let sum: i64 = moved(&world).iter().filter(|(_, article, _)| *article == TEA).map(|(.., quantity)| quantity).sum();
    assert_eq!(sum, -1_000, "what the two locations lost together is what was written off");
    let data = &world.database.events.rows().last().unwrap().data;
    let lost =
        format!(r#""missing":[{{"article":"{TEA}","quantity":"1"}}],"fate":"written_off","write_off_reason":"stolen""#);
    assert!(data.contains(&lost), "{data}");
}

#[test]
fn what_was_brought_back_lies_where_it_came_from() {
    let mut world = World::new();
    let transfer = sent(&mut world);
    world.run(&receiving(transfer, &[(TEA, 1_000)])).unwrap();
    let closed = world.run(&closing(transfer, Fate::BroughtBack)).unwrap();
    assert_eq!(closed.transfer.tally.missing, 2);
    let levels = (here_and_there(&world, TEA), here_and_there(&world, RICE));
    assert_eq!(levels, ((TEA_ON_HAND - 1_000, 1_000), (2_500, 0)));
}

#[test]
fn what_is_over_does_not_move_any_more() {
    let mut world = World::new();
    let given_up = world.run(&opening(&[(TEA, 1_000)])).unwrap().transfer.id;
    world.run(&CancelTransfer { transfer: given_up }).unwrap();
    let done = sent(&mut world);
    assert_eq!(world.refused(&CancelTransfer { transfer: done }).code(), "transfer_not_draft");
    world.run(&ReceiveTransfer { merchant: MERCHANT, transfer: done, lines: None }).unwrap();
    let rows = moved(&world).len();
    for transfer in [given_up, done] {
        assert_eq!(world.refused(&SendTransfer { transfer }).code(), "transfer_not_draft");
        assert_eq!(world.refused(&CancelTransfer { transfer }).code(), "transfer_not_draft");
        let again = ReceiveTransfer { merchant: MERCHANT, transfer, lines: None };
        assert_eq!(world.refused(&again).code(), "transfer_not_sent");
        assert_eq!(world.refused(&closing(transfer, Fate::BroughtBack)).code(), "transfer_not_sent");
    }
    assert_eq!(moved(&world).len(), rows);
}

#[test]
fn what_breaks_a_rule_of_opening_is_refused() {
    let one = || opening(&[(TEA, 1_000)]);
    let noted = |note: &str| OpenTransfer { note: note.to_owned(), ..one() };
    let nowhere = LocationId::from_uuid(Uuid::nil());
    let unknown = ArticleId::from_uuid(Uuid::nil());
    let many = vec![(TEA, 1_000); LINES_MAX + 1];
    for (code, wrong) in [
        ("transfer_locations_same", OpenTransfer { to: LOCATION, ..one() }),
        ("transfer_line_count_out_of_range", opening(&[])),
        ("transfer_line_count_out_of_range", opening(&many)),
        ("transfer_article_repeated", opening(&[(TEA, 1_000), (TEA, 1_000)])),
        ("quantity_out_of_range", opening(&[(TEA, 0)])),
        ("quantity_out_of_range", opening(&[(TEA, QUANTITY_MAX + 1)])),
        ("transfer_note_too_long", noted(&"x".repeat(NOTE_CHARS_MAX + 1))),
        ("text_looks_like_card_number", noted("4111 1111 1111 1111")),
        ("article_not_stocked", opening(&[(BAG, 1_000)])),
        ("article_not_found", opening(&[(unknown, 1_000)])),
        ("location_not_found", OpenTransfer { from: nowhere, ..one() }),
        ("location_not_found", OpenTransfer { to: nowhere, ..one() }),
    ] {
        assert_eq!(World::new().refused(&wrong).code(), code);
    }
    assert_eq!(World::new().acting_as(Role::Cashier).refused(&one()).code(), "role_too_low");
    assert_eq!(World::new().of_other_merchant().refused(&one()).code(), "location_not_found");
}

#[test]
fn what_breaks_a_rule_on_the_way_is_refused() {
    let mut world = World::new();
    let transfer = sent(&mut world);
    for (code, wrong) in [
        ("transfer_exceeds_sent", receiving(transfer, &[(TEA, 4_001)])),
        ("transfer_line_count_out_of_range", receiving(transfer, &[])),
        ("transfer_article_repeated", receiving(transfer, &[(TEA, 1_000), (TEA, 1_000)])),
        ("transfer_article_unknown", receiving(transfer, &[(BAG, 1_000)])),
        ("quantity_out_of_range", receiving(transfer, &[(TEA, 0)])),
        ("quantity_out_of_range", receiving(transfer, &[(TEA, -1)])),
        ("transfer_not_found", receiving(TransferId::from_uuid(Uuid::nil()), &[(TEA, 1_000)])),
    ] {
        assert_eq!(world.refused(&wrong).code(), code);
    }
    let lost = |why, reason: &str| CloseTransfer { transfer, fate: Fate::WrittenOff(why), reason: reason.to_owned() };
    for (code, wrong) in [
        ("reason_invalid", lost(WriteOffReason::Other, " ")),
        ("reason_invalid", lost(WriteOffReason::Damaged, &"x".repeat(REASON_CHARS_MAX + 1))),
        ("text_looks_like_card_number", lost(WriteOffReason::Damaged, "4111111111111111")),
    ] {
        assert_eq!(world.refused(&wrong).code(), code);
    }
    let empty = world.run(&opening(&[(TEA, 1_000)])).unwrap().transfer.id;
    let nothing = ChangeTransfer { merchant: MERCHANT, transfer: empty, lines: lines(&[(TEA, 0)]), note: None };
    world.run(&nothing).unwrap();
    assert_eq!(world.refused(&SendTransfer { transfer: empty }).code(), "transfer_empty");
    let change = ChangeTransfer { lines: lines(&[(TEA, -1)]), ..nothing };
    assert_eq!(world.refused(&change).code(), "quantity_out_of_range");
    let mut stranger = world.clone().of_other_merchant();
    assert_eq!(stranger.refused(&SendTransfer { transfer: empty }).code(), "transfer_not_found");
    assert_eq!(stranger.refused(&closing(transfer, Fate::BroughtBack)).code(), "transfer_not_found");
    let mut cashier = world.acting_as(Role::Cashier);
    assert_eq!(cashier.refused(&SendTransfer { transfer: empty }).code(), "role_too_low");
    assert_eq!(cashier.refused(&closing(transfer, Fate::BroughtBack)).code(), "role_too_low");
    assert_eq!(cashier.refused(&CancelTransfer { transfer: empty }).code(), "role_too_low");
    cashier.run(&receiving(transfer, &[(TEA, 1_000)])).unwrap();
    assert_eq!(cashier.acting_as(Role::Viewer).refused(&receiving(transfer, &[(TEA, 1_000)])).code(), "role_too_low");
}

/// What may happen to goods on their way, of which transfer, in pieces.
#[derive(Debug, Clone)]
enum Step {
    Open(i64, i64),
    Send(usize),
    Receive(usize, Option<(i64, i64)>),
    Close(usize, Fate),
    Cancel(usize),
}

fn a_step() -> impl Strategy<Value = Step> {
    let which = || 0..3_usize;
    let fate = prop_oneof![Just(Fate::BroughtBack), Just(Fate::WrittenOff(WriteOffReason::Stolen))];
    prop_oneof![
        (0..6_i64, 0..4_i64).prop_map(|(tea, rice)| Step::Open(tea, rice)),
        which().prop_map(Step::Send),
        (which(), proptest::option::of((0..4_i64, 0..3_i64))).prop_map(|(which, some)| Step::Receive(which, some)),
        (which(), fate).prop_map(|(which, fate)| Step::Close(which, fate)),
        which().prop_map(Step::Cancel),
    ]
}

/// What lies at both locations, is in transit and was written off, of one article.
fn everywhere(world: &World, article: ArticleId) -> i64 {
    let (here, there) = here_and_there(world, article);
    let lines = world.database.transfer_lines.iter().filter(|line| line.article == article);
    let on_the_way = lines.map(|line| {
        let transfer = world.database.transfers.find(MERCHANT, &line.transfer).unwrap();
        line.in_transit(transfer.state).0
    });
    let lost = moved(world).into_iter().filter(|(kind, of, _)| *of == article && kind.as_str() == "write_off");
    here + there + on_the_way.sum::<i64>() - lost.map(|(.., quantity)| quantity).sum::<i64>()
}

proptest! {
    #[test]
    fn nothing_comes_from_nowhere_and_nothing_is_forgotten(steps in prop::collection::vec(a_step(), 1..40)) {
        let mut world = World::new();
        world.run(&MoveStock::one(MERCHANT, LOCATION, Booking::Receipt, RICE, Quantity(5_000))).unwrap();
        let mut opened: Vec<TransferId> = Vec::new();
        let of = |tea: i64, rice: i64| -> Vec<(ArticleId, i64)> {
            [(TEA, tea * 1_000), (RICE, rice * 1_000)].into_iter().filter(|(_, quantity)| *quantity > 0).collect()
        };
        for step in steps {
            // A step that the rules refuse leaves no trace, which `World` sees to.
            match step {
                Step::Open(tea, rice) => opened.extend(world.run(&opening(&of(tea, rice))).map(|whole| whole.transfer.id)),
                Step::Send(which) => drop(opened.get(which).map(|id| world.run(&SendTransfer { transfer: *id }))),
                Step::Receive(which, some) => {
                    let some = some.map(|(tea, rice)| lines(&of(tea, rice)));
                    let receive = |id: &TransferId| ReceiveTransfer { merchant: MERCHANT, transfer: *id, lines: some };
                    drop(opened.get(which).map(receive).map(|command| world.run(&command)));
                }
                Step::Close(which, fate) => drop(opened.get(which).map(|id| world.run(&closing(*id, fate)))),
                Step::Cancel(which) => drop(opened.get(which).map(|id| world.run(&CancelTransfer { transfer: *id }))),
            }
            prop_assert_eq!((everywhere(&world, TEA), everywhere(&world, RICE)), (TEA_ON_HAND, 5_000));
            for transfer in world.database.transfers.iter() {
                let lines = lines_of(&world.database, MERCHANT, transfer.id);
                let under_way = lines.filter(|line| line.in_transit(transfer.state) > Quantity::ZERO).count();
                prop_assert_eq!(transfer.tally.in_transit, under_way as i64);
            }
        }
    }
}
