//! The end of a paid sale: its receipt number, its stock movements and its journal entry, all in the unit of work that
//! learned of the last payment.

use serde::Serialize;

use super::expire::end_promise;
use super::read::{find_open, has_pending, stocked_quantities};
use super::receipt_number::next_receipt_number;
use super::{Refusal, Sale, State, Tender, TenderKind, TenderState, due_minor, lines_of, tenders_of};
use crate::call::Call;
use crate::command;
use crate::exception;
use crate::id::{ArticleId, CustomerId, LocationId, PaymentId, RegisterId, ReturnId, SaleId, TenderId};
use crate::journal::{JournalEntry, LedgerAccount, Proceeds, sale_postings};
use crate::money::{Currency, Overflow, sum_minor};
use crate::points;
use crate::shift::current_shift;
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// How many articles the reason of an exception names; the sale has the rest.
const OVERSOLD_NAMED_MAX: usize = 5;

/// Completes an open sale whose tenders are paid and cover its total.
pub fn complete(work: &mut UnitOfWork, call: &mut Call<'_>, sale: SaleId) -> Result<(), Stop<command::Refusal>> {
    let found = find_open(work, call.merchant, sale)?;
    check_paid(work, found)?;
    work.require(sale_completion_keys(work, found))?;
    close(work, call, sale)
}

/// What completing the sale needs beside the sale itself. Whoever settles its last tender may name it early and save a
/// round.
pub fn sale_completion_keys(work: &UnitOfWork, sale: &Sale) -> Vec<Key> {
    let balance = |account| Key::Balance(sale.merchant, account, sale.currency);
    let counters = [
        Key::Location(sale.location),
        Key::Register(sale.register),
        Key::Job(Sale::expiry_job(sale.id)),
        Key::ReceiptSeries(sale.register),
        balance(LedgerAccount::Revenue),
        balance(LedgerAccount::Tax),
    ];
    let tenders = tenders_of(work, sale.merchant, sale.id).map(|tender| match tender.kind {
        TenderKind::Cash { .. } => balance(LedgerAccount::Drawer(sale.register)),
        TenderKind::Electronic { .. } | TenderKind::ReturnCredit { .. } => balance(LedgerAccount::Clearing),
        TenderKind::Recorded => balance(LedgerAccount::Recorded),
    });
    let lines = lines_of(work, sale.merchant, sale.id).filter(|line| line.is_stocked && !line.is_removed);
    let levels = lines.map(|line| Key::StockLevel(sale.location, line.article));
    counters.into_iter().chain(tenders).chain(levels).chain(points::points_key(sale)).collect()
}

/// Completes the sale if its last part is paid by now.
pub(super) fn complete_if_paid(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    id: SaleId,
) -> Result<(), Stop<command::Refusal>> {
    let sale = find_open(work, call.merchant, id)?;
    let is_paid_for = tenders_of(work, call.merchant, id).any(|tender| tender.state == TenderState::Paid);
    if is_paid_for && check_paid(work, sale).is_ok() { complete(work, call, id) } else { Ok(()) }
}

/// Completes an open sale whose records were all named beforehand.
pub(super) fn close(work: &mut UnitOfWork, call: &mut Call<'_>, id: SaleId) -> Result<(), Stop<command::Refusal>> {
    let sale = find_open(work, call.merchant, id)?.clone();
    check_paid(work, &sale)?;
    let receipt_number = next_receipt_number(work, sale.merchant, sale.register)?;
    let shift = current_shift(work, sale.merchant, sale.register)?;
    let oversold = sell_lines(work, call, &sale)?;
    post_sale(work, call, &sale)?;
    end_promise(work, &sale);
    points::earn(work, call, &sale)?;
    emit_completed(work, call, &sale, &receipt_number, !oversold.is_empty());
    open_oversold(work, call, &sale, &oversold);
    let (state, closed_at) = (State::Completed, Some(call.now));
    work.sales.replace(Sale { state, closed_at, shift, receipt_number: Some(receipt_number), ..sale });
    Ok(())
}

fn check_paid(work: &UnitOfWork, sale: &Sale) -> Result<(), Refusal> {
    if !lines_of(work, sale.merchant, sale.id).any(|line| !line.is_removed) {
        return Err(Refusal::Empty);
    }
    if has_pending(work, sale.merchant, sale.id) {
        return Err(Refusal::PaymentUnderWay);
    }
    let due_minor = due_minor(sale, tenders_of(work, sale.merchant, sale.id));
    if due_minor == 0 { Ok(()) } else { Err(Refusal::NotPaid { due_minor }) }
}

/// One movement per article. Answers the articles of which the sale took more than there was for it.
fn sell_lines(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: &Sale,
) -> Result<Vec<ArticleId>, Stop<command::Refusal>> {
    let mut oversold = Vec::new();
    for (article, quantity) in stocked_quantities(lines_of(work, sale.merchant, sale.id))? {
        if stock::sell(work, call, sale, article, quantity, None)? {
            oversold.push(article);
        }
    }
    Ok(oversold)
}

/// Writes the sale into the journal; a free one leaves nothing to write.
pub(super) fn post_sale(work: &mut UnitOfWork, call: &mut Call<'_>, sale: &Sale) -> Result<(), Stop<command::Refusal>> {
    let (mut cash, mut cleared, mut recorded) = (Vec::new(), Vec::new(), Vec::new());
    for tender in paid_tenders(work, sale) {
        match tender.kind {
            TenderKind::Cash { given_minor, change_minor } => cash.push((given_minor, change_minor)),
            TenderKind::Electronic { .. } | TenderKind::ReturnCredit { .. } => cleared.push(tender.amount_minor),
            TenderKind::Recorded => recorded.push(tender.amount_minor),
        }
    }
    let cleared_minor = sum_minor(cleared).map_err(Refusal::from)?;
    let recorded_minor = sum_minor(recorded).map_err(Refusal::from)?;
    let paid = Proceeds { cash, cleared_minor, recorded_minor };
    let net_minor = sum_minor([sale.total_minor, sale.tax_minor.saturating_neg()]).map_err(Refusal::from)?;
    let postings = sale_postings(sale.register, &paid, net_minor, sale.tax_minor);
    if postings.is_empty() {
        return Ok(());
    }
    let entry = JournalEntry::new(call, sale.id, sale.currency, postings);
    work.post(entry).map_err(|stop| stop.map(|Overflow| command::Refusal::Sale(Refusal::AmountOutOfRange)))
}

fn paid_tenders<'a>(work: &'a UnitOfWork, sale: &Sale) -> impl Iterator<Item = &'a Tender> {
    tenders_of(work, sale.merchant, sale.id).filter(|tender| tender.state == TenderState::Paid)
}

fn emit_completed(work: &mut UnitOfWork, call: &mut Call<'_>, sale: &Sale, receipt_number: &str, is_oversold: bool) {
    let tenders = paid_tenders(work, sale).map(TenderFact::of).collect();
    let Sale { location, register, currency, total_minor, tax_minor, .. } = *sale;
    let discount_minor = Some(sale.discounts.amount_minor()).filter(|amount_minor| *amount_minor > 0);
    let completed = Completed {
        receipt_number,
        location,
        register,
        customer: sale.customer(),
        currency,
        total_minor,
        tax_minor,
        discount_minor,
        is_oversold,
        tenders,
    };
    work.emit(call, "sale.completed", sale.id, &completed);
}

/// The sale stands, goods and money have changed hands: what is left is for a person to put right.
fn open_oversold(work: &mut UnitOfWork, call: &mut Call<'_>, sale: &Sale, oversold: &[ArticleId]) {
    if oversold.is_empty() {
        return;
    }
    let named: Vec<String> = oversold.iter().take(OVERSOLD_NAMED_MAX).map(ArticleId::to_string).collect();
    let reason = format!(
        "Sold more than was there of {} article(s), among them {}. Count the shelf and adjust the stock, or agree with \
         the customer on a later delivery or a refund.",
        oversold.len(),
        named.join(", "),
    );
    exception::open(work, call, sale.id, exception::Kind::Oversold, reason, 0);
}

#[derive(Serialize)]
struct Completed<'a> {
    receipt_number: &'a str,
    location: LocationId,
    register: RegisterId,
    /// Left out where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerId>,
    currency: Currency,
    total_minor: i64,
    tax_minor: i64,
    /// Left out where nothing is taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    discount_minor: Option<i64>,
    is_oversold: bool,
    tenders: Vec<TenderFact>,
}

#[derive(Serialize)]
struct TenderFact {
    id: TenderId,
    kind: &'static str,
    amount_minor: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<PaymentId>,
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    origin: Option<ReturnId>,
}

impl TenderFact {
    fn of(tender: &Tender) -> Self {
        let (payment, origin) = match tender.kind {
            TenderKind::Cash { .. } | TenderKind::Recorded => (None, None),
            TenderKind::Electronic { payment } => (Some(payment), None),
            TenderKind::ReturnCredit { origin, cash_minor: _ } => (None, Some(origin)),
        };
        Self { id: tender.id, kind: tender.kind.as_str(), amount_minor: tender.amount_minor, payment, origin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Role;
    use crate::money::Quantity;
    use crate::sale::{AddCash, ExpireReservation, RESERVATION_MS};
    use crate::stock::{Booking, MoveStock, MovementKind};
    use crate::testing::{
        BAG, Complete, Hold, LOCATION, MERCHANT, REGISTER, Settle, TEA, TEA_ON_HAND, World, line, payment_id, sale_id,
    };

    fn pay(world: &mut World) {
        world.run(&AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: None, given_minor: 100_000 }).unwrap();
    }

    fn adjust(world: &mut World, quantity: i64) {
        let change = MoveStock::one(MERCHANT, LOCATION, Booking::Correction, TEA, Quantity(quantity));
        world.run(&MoveStock { reason: "counted".to_owned(), ..change }).unwrap();
    }

    fn has_oversold(world: &World) -> bool {
        let key = (sale_id(1).to_string(), exception::Kind::Oversold);
        world.database.exceptions.find(MERCHANT, &key).is_some()
    }

    #[test]
    fn a_completed_sale_has_moved_stock_and_money_and_holds_nothing() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000), line(BAG, 1_000), line(TEA, 2_000)]);
        pay(&mut world);
        let sale = world.standing(sale_id(1)).sale;
        assert_eq!((sale.state, sale.closed_at.is_some()), (State::Completed, true));
        assert_eq!(sale.receipt_number.as_deref(), Some("K1-00000001"));
        let of_sale = MovementKind::Sale(sale_id(1));
        let sold = world.database.movements.rows().iter().filter(|movement| movement.kind == of_sale);
        let sold: Vec<_> = sold.map(|movement| (movement.article, movement.quantity)).collect();
        assert_eq!(sold, [(TEA, Quantity(-3_000))]);
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND - 3_000));
        assert_eq!(world.level(TEA).reserved, Quantity::ZERO);
        assert_eq!(world.expiry_due(sale_id(1)), None);
        assert_eq!(world.balance(LedgerAccount::Drawer(REGISTER)), 453);
        assert_eq!(world.balance(LedgerAccount::Revenue), -420);
        assert_eq!(world.balance(LedgerAccount::Tax), -33);
        assert!(!has_oversold(&world));
    }

    #[test]
    fn the_event_tells_what_was_paid_with() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]);
        let hold = Hold { sale: sale_id(1), payment: payment_id(7), amount_minor: Some(50) };
        let tender = world.run(&hold).unwrap();
        let approved_minor = 50;
        world.run(&Settle { sale: sale_id(1), tender, state: TenderState::Paid, approved_minor }).unwrap();
        pay(&mut world);
        let event = world.database.events.rows().last().unwrap();
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!((event.kind, event.subject.clone()), ("sale.completed", sale_id(1).to_string()));
        assert_eq!(data["total_minor"], 150);
        assert_eq!(data["receipt_number"], "K1-00000001");
        assert_eq!(data["tenders"][0]["payment"], payment_id(7).to_string());
        assert_eq!(data["tenders"][1]["kind"], "cash");
        assert_eq!(data["tenders"][1].get("payment"), None);
    }

    #[test]
    fn a_sale_that_is_not_paid_is_not_completed() {
        let complete = Complete { sale: sale_id(1) };
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]);
        assert_eq!(world.refused(&complete).code(), "sale_not_paid");
        world.run(&Hold { sale: sale_id(1), payment: payment_id(1), amount_minor: None }).unwrap();
        assert_eq!(world.refused(&complete).code(), "payment_in_doubt_or_under_way");
        assert_eq!(World::with_open_sale(&[]).refused(&complete).code(), "sale_empty");
    }

    #[test]
    fn an_expired_sale_sells_what_is_still_there() {
        let mut world = World::with_open_sale(&[line(TEA, TEA_ON_HAND)]).acting_as(Role::System);
        world.advance_ms(RESERVATION_MS);
        world.run(&ExpireReservation { sale: sale_id(1), fence: None }).unwrap();
        pay(&mut world);
        assert_eq!(world.level(TEA).on_hand, Quantity::ZERO);
        assert!(!has_oversold(&world));
    }

    #[test]
    fn an_expired_sale_whose_stock_is_promised_to_another_is_oversold() {
        let mut world = World::with_open_sale(&[line(TEA, TEA_ON_HAND)]).acting_as(Role::System);
        world.advance_ms(RESERVATION_MS);
        world.run(&ExpireReservation { sale: sale_id(1), fence: None }).unwrap();
        world.open_sale(2, &[line(TEA, 1_000)]);
        pay(&mut world);
        assert_eq!(world.level(TEA).on_hand, Quantity::ZERO);
        assert_eq!(world.level(TEA).reserved, Quantity(1_000));
        assert!(has_oversold(&world));
    }

    #[test]
    fn a_sale_of_what_a_count_did_not_find_is_oversold() {
        let mut world = World::with_open_sale(&[line(TEA, 2_000)]);
        adjust(&mut world, -TEA_ON_HAND);
        pay(&mut world);
        assert_eq!(world.level(TEA).on_hand, Quantity(-2_000));
        assert!(has_oversold(&world));
        // A person brings the level up again, in steps.
        adjust(&mut world, 500);
        assert_eq!(world.level(TEA).on_hand, Quantity(-1_500));
    }

    #[test]
    fn a_sale_that_held_what_it_sold_is_not_to_blame_for_others() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]);
        world.open_sale(2, &[line(TEA, TEA_ON_HAND - 1_000)]);
        adjust(&mut world, -1_000);
        pay(&mut world);
        assert!(!has_oversold(&world));
    }
}
