//! Random stories of a shop. [`World::run`] checks after each command that stock, journal, tenders and jobs add up, and
//! that a refused command leaves no trace.

use proptest::prelude::*;

use super::{
    AddCash, AddLine, ExpireReservation, NewLine, NewTender, OpenSale, RESERVATION_MS, RemoveLine, RingSale, Standing,
    State, TenderState, VoidSale, tenders_of,
};
use crate::call::Role;
use crate::id::{ArticleId, SaleId, TenderId};
use crate::money::{Currency, Quantity};
use crate::stock::{Booking, MoveStock};
use crate::tax::{PriceMode, TaxRules};
use crate::testing::{BAG, Hold, LOCATION, MERCHANT, RICE, Settle, TEA, World, a_sale, line, payment_id, sale_id};

#[derive(Debug, Clone)]
enum Step {
    Open(SaleId, Vec<NewLine>),
    Ring(SaleId, Vec<NewLine>),
    Add(SaleId, NewLine),
    Remove(SaleId, u32),
    Cash(SaleId, Option<i64>),
    Hold(SaleId, Option<i64>),
    Settle(SaleId, prop::sample::Index, TenderState, i64),
    Void(SaleId),
    Expire(SaleId),
    Move(ArticleId, Booking, i64),
    Wait(i64),
}

impl Step {
    /// Takes the step; whether it was refused does not matter here.
    fn take(self, world: &mut World) {
        let given_minor = 1_000_000;
        let currency = Currency::JPY;
        match self {
            Self::Open(id, lines) => drop(world.run(&OpenSale { id: Some(id), sale: a_sale(&lines) })),
            Self::Ring(id, lines) => {
                let tenders = vec![NewTender::Cash { amount_minor: None, given_minor }];
                drop(world.run(&RingSale { id, currency, sale: a_sale(&lines), tenders }));
            }
            Self::Add(sale, NewLine { article, quantity }) => {
                drop(world.run(&AddLine { merchant: MERCHANT, sale, article, quantity }));
            }
            Self::Remove(sale, number) => drop(world.run(&RemoveLine { merchant: MERCHANT, sale, number })),
            Self::Cash(sale, amount_minor) => {
                drop(world.run(&AddCash { merchant: MERCHANT, sale, amount_minor, given_minor }))
            }
            Self::Hold(sale, amount_minor) => {
                drop(world.run(&Hold { sale, payment: payment_id(1), amount_minor }));
            }
            Self::Settle(sale, index, state, approved_minor) => {
                let tenders: Vec<TenderId> = electronic_tenders(world, sale);
                if !tenders.is_empty() {
                    drop(world.run(&Settle { sale, tender: *index.get(&tenders), state, approved_minor }));
                }
            }
            Self::Void(sale) => drop(world.run(&VoidSale { merchant: MERCHANT, sale })),
            Self::Expire(sale) => drop(world.run(&ExpireReservation { sale, fence: None })),
            Self::Move(article, kind, quantity) => {
                let change = MoveStock::one(MERCHANT, LOCATION, kind, article, Quantity(quantity));
                drop(world.run(&MoveStock { reason: "counted".to_owned(), ..change }));
            }
            Self::Wait(ms) => world.advance_ms(ms),
        }
    }
}

fn electronic_tenders(world: &World, sale: SaleId) -> Vec<TenderId> {
    let tenders = tenders_of(&world.database, MERCHANT, sale);
    tenders.filter(|tender| tender.kind.as_str() == "electronic").map(|tender| tender.id).collect()
}

fn steps() -> impl Strategy<Value = Step> {
    let sale = || (1..4_u128).prop_map(sale_id);
    let lines = || prop::collection::vec(new_lines(), 0..3);
    // Mostly all that is due, so that stories come to an end.
    let amount = || prop_oneof![3 => Just(None), 1 => (0..700_i64).prop_map(Some)];
    let state = prop::sample::select(vec![TenderState::Pending, TenderState::Paid, TenderState::Failed]);
    let correction = prop::sample::select(vec![Booking::Receipt, Booking::Correction]);
    prop_oneof![
        2 => (sale(), lines()).prop_map(|(sale, lines)| Step::Open(sale, lines)),
        1 => (sale(), lines()).prop_map(|(sale, lines)| Step::Ring(sale, lines)),
        3 => (sale(), new_lines()).prop_map(|(sale, line)| Step::Add(sale, line)),
        2 => (sale(), 0..6_u32).prop_map(|(sale, number)| Step::Remove(sale, number)),
        2 => (sale(), amount()).prop_map(|(sale, amount)| Step::Cash(sale, amount)),
        3 => (sale(), amount()).prop_map(|(sale, amount)| Step::Hold(sale, amount)),
        3 => (sale(), any::<prop::sample::Index>(), state, -10..2_000_i64)
            .prop_map(|(sale, index, state, approved)| Step::Settle(sale, index, state, approved)),
        1 => sale().prop_map(Step::Void),
        2 => sale().prop_map(Step::Expire),
        2 => (articles(), correction, -4_000..8_000_i64).prop_map(|(article, kind, q)| Step::Move(article, kind, q)),
        2 => (0..2 * RESERVATION_MS).prop_map(Step::Wait),
    ]
}

fn articles() -> impl Strategy<Value = ArticleId> {
    prop::sample::select(vec![TEA, TEA, TEA, RICE, BAG])
}

fn new_lines() -> impl Strategy<Value = NewLine> {
    (articles(), 0..2_500_i64).prop_map(|(article, quantity)| line(article, quantity))
}

proptest! {
    #[test]
    fn whatever_happens_the_books_add_up(steps in prop::collection::vec(steps(), 20..80), is_exclusive: bool) {
        let mut world = World::new().acting_as(Role::System);
        if is_exclusive {
            world.change_tax(TaxRules { price_mode: PriceMode::Exclusive, ..TaxRules::japan() });
        }
        for step in steps {
            let closed_before = closed_sales(&world);
            step.take(&mut world);
            let closed_after = closed_sales(&world);
            prop_assert!(closed_before.iter().all(|sale| closed_after.contains(sale)), "a closed sale changed");
        }
    }
}

fn closed_sales(world: &World) -> Vec<Standing> {
    let closed = world.database.sales.iter().filter(|sale| sale.state != State::Open);
    closed.map(|sale| world.standing(sale.id)).collect()
}
