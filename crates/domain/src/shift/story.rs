//! Shifts as a shop has them: the drawer's books and the counts, through sales, returns and cash that comes and goes.

use proptest::prelude::*;

use super::{CloseShift, Direction, MoveCash, OpenShift, Pieces, Purpose, Shift};
use crate::call::Role;
use crate::id::ShiftId;
use crate::journal::LedgerAccount;
use crate::money::{Currency, Quantity};
use crate::returns::{CreateReturn, NewReturnLine};
use crate::sale::{AddCash, NewTender, RingSale, TenderState};
use crate::testing::{BAG, Hold, LOCATION, MERCHANT, REGISTER, Settle, TEA, World, a_sale, line, payment_id, sale_id};

const DRAWER: LedgerAccount = LedgerAccount::Drawer(REGISTER);

const fn shift_id(number: u32) -> ShiftId {
    ShiftId { register: REGISTER, number }
}

fn yen(amount: i64) -> Vec<Pieces> {
    vec![Pieces { value_minor: 1, pieces: u32::try_from(amount).unwrap() }]
}

fn an_open(float: i64) -> OpenShift {
    let (currency, brought_minor) = (Currency::JPY, None);
    OpenShift { merchant: MERCHANT, register: REGISTER, currency, float: yen(float), brought_minor }
}

fn a_close(number: u32, counted: i64, deposited_minor: i64) -> CloseShift {
    let (shift, count, note) = (shift_id(number), yen(counted), String::new());
    CloseShift { merchant: MERCHANT, shift, currency: Currency::JPY, count, deposited_minor, note }
}

fn a_move(number: u32, direction: Direction, purpose: Purpose, amount_minor: i64) -> MoveCash {
    let (shift, currency, reason) = (shift_id(number), Currency::JPY, "stamps".to_owned());
    MoveCash { merchant: MERCHANT, shift, currency, direction, purpose, amount_minor, reason }
}

/// A sale of bags at three yen, paid in cash with too much.
fn ring(world: &mut World, number: u128, bags: i64) {
    let tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 10_000 }];
    let sale = a_sale(&[line(BAG, bags * 1_000)]);
    world.run(&RingSale { id: sale_id(number), currency: Currency::JPY, sale, tenders }).unwrap();
}

fn give_back_a_bag(world: &mut World, number: u128) {
    let lines = vec![NewReturnLine { number: 1, quantity: Quantity(1_000), is_restocked: true }];
    world
        .run(&CreateReturn {
            merchant: MERCHANT,
            location: LOCATION,
            register: REGISTER,
            sale: sale_id(number),
            lines,
            reason: String::new(),
            refunds: None,
            foreseen: Vec::new(),
        })
        .unwrap();
}

fn sale_shift(world: &World, number: u128) -> Option<u32> {
    world.standing(sale_id(number)).sale.shift
}

#[test]
fn a_register_without_shifts_sells_as_ever_and_its_first_count_settles_with_the_safe() {
    let mut world = World::new();
    ring(&mut world, 1, 10);
    assert_eq!(sale_shift(&world, 1), None);
    let shift = world.run(&an_open(500)).unwrap();
    assert_eq!((shift.id, shift.carried_minor, shift.brought_minor), (shift_id(1), 30, 470));
    assert_eq!((world.balance(DRAWER), world.balance(LedgerAccount::Safe)), (500, -470));
    assert_eq!(world.balance(LedgerAccount::OverShort), 0);
    assert_eq!(world.refused(&an_open(500)).code(), "shift_already_open");
}

#[test]
fn what_is_over_or_short_is_in_the_books_when_the_shift_is_closed() {
    let mut world = World::new();
    world.run(&an_open(500)).unwrap();
    ring(&mut world, 1, 10);
    give_back_a_bag(&mut world, 1);
    world.run(&a_move(1, Direction::Out, Purpose::Expense, 100)).unwrap();
    world.run(&a_move(1, Direction::In, Purpose::Safe, 50)).unwrap();
    let closed = world.run(&a_close(1, 470, 370)).unwrap();
    let closing = closed.closing.as_ref().unwrap();
    assert_eq!((closing.expected_minor, closing.difference_minor()), (477, -7));
    assert_eq!(closed.expected_minor(30 - 3), Some(477));
    let accounts = [DRAWER, LedgerAccount::OverShort, LedgerAccount::Expense, LedgerAccount::Safe];
    assert_eq!(accounts.map(|account| world.balance(account)), [100, 7, 100, 370 - 500 - 50]);
    let data = &world.database.events.rows().last().unwrap().data;
    assert!(data.contains(r#""counted_minor":470,"expected_minor":477,"difference_minor":-7"#), "{data}");
    assert_eq!(world.refused(&a_close(1, 470, 0)).code(), "shift_closed");
    assert_eq!(world.refused(&a_move(1, Direction::In, Purpose::Safe, 1)).code(), "shift_closed");
}

#[test]
fn the_next_shift_has_what_was_left_and_what_came_between() {
    let mut world = World::new();
    world.run(&an_open(500)).unwrap();
    ring(&mut world, 1, 1);
    world.run(&a_close(1, 503, 403)).unwrap();
    ring(&mut world, 2, 2);
    assert_eq!((sale_shift(&world, 1), sale_shift(&world, 2)), (Some(1), Some(2)));
    let second = world.run(&OpenShift { brought_minor: Some(20), ..an_open(125) }).unwrap();
    assert_eq!((second.carried_minor, second.brought_minor, second.opening_difference_minor), (100, 20, -1));
    assert_eq!(second.expected_minor(6), Some(125));
    assert_eq!((world.balance(DRAWER), world.balance(LedgerAccount::OverShort)), (125, 1));
}

#[test]
fn an_approval_that_comes_after_the_close_belongs_to_the_next_shift() {
    let mut world = World::new();
    world.run(&an_open(0)).unwrap();
    world.open_sale(1, &[line(TEA, 2_000)]);
    world.run(&AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: Some(100), given_minor: 100 }).unwrap();
    let hold = Hold { sale: sale_id(1), payment: payment_id(1), amount_minor: None };
    let tender = world.run(&hold).unwrap();
    // Neither the parked sale nor the payment in doubt stands in the way; the note in the drawer is over for now.
    let closing = world.run(&a_close(1, 100, 0)).unwrap().closing.unwrap();
    assert_eq!(closing.difference_minor(), 100);
    let late = Settle { sale: sale_id(1), tender, state: TenderState::Paid, approved_minor: 200 };
    world.run(&late).unwrap();
    assert_eq!(sale_shift(&world, 1), Some(2));
    // … and short when the sale claims it: together nothing.
    let second = world.run(&an_open(100)).unwrap();
    assert_eq!(second.opening_difference_minor, -100);
    assert_eq!(world.balance(LedgerAccount::OverShort), 0);
}

#[test]
fn a_cashier_pays_in_and_drops_and_a_manager_pays_out() {
    let mut world = World::new();
    world.run(&an_open(500)).unwrap();
    let mut cashier = world.clone().acting_as(Role::Cashier);
    for (direction, purpose) in [(Direction::Out, Purpose::Safe), (Direction::In, Purpose::Sundry)] {
        cashier.run(&a_move(1, direction, purpose, 10)).unwrap();
    }
    for purpose in [Purpose::Bank, Purpose::Expense, Purpose::Sundry] {
        assert_eq!(cashier.refused(&a_move(1, Direction::Out, purpose, 10)).code(), "role_too_low");
        world.run(&a_move(1, Direction::Out, purpose, 10)).unwrap();
    }
    let moved: Vec<_> = world.database.cash_movements.iter().map(|movement| movement.number).collect();
    assert_eq!(moved, [1, 2, 3]);
    assert_eq!(world.balance(DRAWER), 470);
}

#[test]
fn what_breaks_a_rule_is_refused() {
    let mut world = World::new();
    world.run(&an_open(500)).unwrap();
    let reason = |reason: &str| MoveCash { reason: reason.to_owned(), ..a_move(1, Direction::In, Purpose::Safe, 1) };
    for (code, wrong) in [
        ("shift_reason_invalid", reason(" ")),
        ("shift_reason_invalid", reason("a\nb")),
        ("text_looks_like_card_number", reason("4111 1111 1111 1111")),
        ("amount_out_of_range", a_move(1, Direction::In, Purpose::Safe, 0)),
        ("amount_out_of_range", a_move(1, Direction::Out, Purpose::Safe, -5)),
        ("shift_not_found", a_move(2, Direction::In, Purpose::Safe, 1)),
    ] {
        assert_eq!(world.refused(&wrong).code(), code);
    }
    let note = CloseShift { note: "4111 1111 1111 1111".to_owned(), ..a_close(1, 500, 0) };
    for (code, wrong) in [
        ("shift_deposit_exceeds_count", a_close(1, 500, 501)),
        ("shift_deposit_exceeds_count", a_close(1, 500, -1)),
        ("text_looks_like_card_number", note),
        ("shift_not_found", a_close(7, 0, 0)),
    ] {
        assert_eq!(world.refused(&wrong).code(), code);
    }
    assert_eq!(world.clone().acting_as(Role::Viewer).refused(&a_close(1, 500, 0)).code(), "role_too_low");
    assert_eq!(world.of_other_merchant().refused(&a_close(1, 500, 0)).code(), "shift_not_found");
    assert_eq!(World::new().of_other_merchant().refused(&an_open(1)).code(), "register_not_found");
}

/// What happens at a register.
#[derive(Debug, Clone)]
enum Step {
    Sell(i64),
    GiveBack,
    Move(Direction, Purpose, i64),
    /// Close with so much more or less than the drawer should hold, and a part to the safe; or open.
    Count(i64, i64),
}

fn a_step() -> impl Strategy<Value = Step> {
    let direction = prop_oneof![Just(Direction::In), Just(Direction::Out)];
    let purpose = prop_oneof![Just(Purpose::Safe), Just(Purpose::Bank), Just(Purpose::Expense), Just(Purpose::Sundry)];
    prop_oneof![
        (1..20_i64).prop_map(Step::Sell),
        Just(Step::GiveBack),
        (direction, purpose, 1..50_i64).prop_map(|(direction, purpose, amount)| Step::Move(direction, purpose, amount)),
        (-30..30_i64, 0..100_i64).prop_map(|(difference, percent)| Step::Count(difference, percent)),
    ]
}

proptest! {
    /// The world checks after each command that every entry sums to zero and every balance is the sum of its postings.
    #[test]
    fn a_drawer_holds_what_was_counted_and_came_since(steps in prop::collection::vec(a_step(), 1..40)) {
        let mut world = World::new();
        world.run(&an_open(1_000)).unwrap();
        let (mut shift, mut is_open, mut sales) = (1, true, 0_u128);
        // What lies in the drawer, and the cash trade of the shift.
        let (mut drawer, mut trade) = (1_000_i64, 0_i64);
        for step in steps {
            match step {
                Step::Sell(bags) => {
                    sales += 1;
                    ring(&mut world, sales, bags);
                    (drawer, trade) = (drawer + 3 * bags, trade + 3 * bags);
                }
                Step::GiveBack => {
                    if sales > 0 && world.database.returns.iter().all(|one| one.id.sale != sale_id(sales)) {
                        give_back_a_bag(&mut world, sales);
                        (drawer, trade) = (drawer - 3, trade - 3);
                    }
                }
                Step::Move(direction, purpose, amount) => {
                    let is_moved = world.run(&a_move(shift, direction, purpose, amount)).is_ok();
                    prop_assert_eq!(is_moved, is_open);
                    drawer += if !is_open { 0 } else if direction == Direction::In { amount } else { -amount };
                }
                Step::Count(difference, percent) if is_open => {
                    let counted = (drawer + difference).max(0);
                    let deposited = counted * percent / 100;
                    let closed: Shift = world.run(&a_close(shift, counted, deposited)).unwrap();
                    prop_assert_eq!(closed.expected_minor(trade), Some(drawer));
                    prop_assert_eq!(closed.closing.unwrap().expected_minor, drawer);
                    (drawer, trade, is_open) = (counted - deposited, 0, false);
                }
                Step::Count(difference, _) => {
                    let counted = (drawer + difference).max(0);
                    world.run(&an_open(counted)).unwrap();
                    (drawer, shift, is_open) = (counted, shift + 1, true);
                }
            }
            prop_assert_eq!(world.balance(DRAWER), drawer);
        }
    }
}
