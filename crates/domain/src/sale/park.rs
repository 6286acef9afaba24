//! A sale that is set aside with a name, and taken up again at any register of its location: the table that orders once
//! more, the customer who fetches a purse. It belongs to the location, not to who set it aside, so that nobody's going home
//! loses it. What it sells stays promised for a day of business, because the goods lie on the counter or on the table.

use serde::Serialize;

use super::expire::promise_until;
use super::read::{find_open, find_sale, has_pending};
use super::{RESERVATION_MS, Refusal, Sale, Standing, State, TenderState, lines_of, standing, tenders_of};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::guard;
use crate::id::{LocationId, MerchantId, RegisterId, SaleId};
use crate::operator::require_register_at;
use crate::text;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Longest name of a parked sale, in characters: what fits on a button.
pub const PARKED_NAME_CHARS_MAX: usize = 40;

/// How long a parked sale is promised its stock, in milliseconds: a long day of business. What is forgotten for longer does
/// not keep others from buying it.
pub const PARKED_RESERVATION_MS: i64 = 16 * 60 * 60 * 1_000;

/// That a sale was set aside: the last time, if it was more than once. The lock of the sale covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedSale {
    /// Which sale.
    pub sale: SaleId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where it waits.
    pub location: LocationId,
    /// What it is called there, for example "table 4"; guarded against card numbers.
    pub name: String,
    /// Who set it aside: the id of the API key, as a rule.
    pub parked_by: String,
    /// When.
    pub parked_at: Timestamp,
    /// When it was taken up again; `None` while it waits.
    pub taken_up_at: Option<Timestamp>,
    /// Row version.
    pub version: i64,
}

/// Sets an open sale aside. Nothing of it is paid, and no payment of it is under way: money is in one drawer, and a parked
/// sale may be taken up at another.
#[derive(Debug, Clone)]
pub struct ParkSale {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which sale.
    pub sale: SaleId,
    /// What it is called.
    pub name: String,
}

/// Goes on with a parked sale at a register of its location, which it belongs to from then on.
#[derive(Debug, Clone)]
pub struct TakeUpSale {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which sale.
    pub sale: SaleId,
    /// At which register.
    pub register: RegisterId,
}

impl ParkSale {
    /// The name without the blanks around it.
    fn checked_name(&self) -> Result<&str, Refusal> {
        let name = self.name.trim();
        if !text::is_line(name, PARKED_NAME_CHARS_MAX) {
            return Err(Refusal::NameInvalid);
        }
        if guard::looks_like_card_number(name) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(name) }
    }
}

impl Command for ParkSale {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.park"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.merchant, self.sale).into()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let name = self.checked_name()?.to_owned();
        work.require(self.keys())?;
        let mut sale = find_open(work, call.merchant, self.sale)?.clone();
        check_unpaid(work, &sale)?;
        (sale.state, sale.reserved_until) = (State::Parked, call.now.plus_ms(PARKED_RESERVATION_MS));
        promise_until(work, &sale);
        let Sale { merchant, location, register, total_minor, .. } = sale;
        let parked = ParkedSale {
            sale: sale.id,
            merchant,
            location,
            name,
            parked_by: call.actor.name.clone(),
            parked_at: call.now,
            taken_up_at: None,
            version: 1,
        };
        work.emit(call, "sale.parked", sale.id, &Parked { location, register, name: &parked.name, total_minor });
        if work.parked_sales.replace(parked.clone()).is_none() {
            work.parked_sales.insert(parked);
        }
        work.sales.replace(sale);
        standing(work, call.merchant, self.sale)
    }
}

impl Command for TakeUpSale {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.take_up"
    }

    fn keys(&self) -> Vec<Key> {
        [Key::Register(self.register)].into_iter().chain(keys(self.merchant, self.sale)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        work.require(self.keys())?;
        let mut sale = find_sale(work, call.merchant, self.sale)?.clone();
        if sale.state != State::Parked {
            return Err(Refusal::NotParked { state: sale.state }.into());
        }
        require_register_at(work, call, self.register, sale.location)?;
        (sale.state, sale.register, sale.operator) = (State::Open, self.register, call.operator());
        // What ran out meanwhile stays free: the sale is then sold as any whose promise ran out.
        sale.reserved_until = call.now.plus_ms(RESERVATION_MS);
        promise_until(work, &sale);
        if let Some(parked) = work.parked_sales.find_mut(call.merchant, &self.sale) {
            parked.taken_up_at = Some(call.now);
        }
        work.emit(call, "sale.taken_up", sale.id, &TakenUp { location: sale.location, register: sale.register });
        work.sales.replace(sale);
        standing(work, call.merchant, self.sale)
    }
}

fn keys(merchant: MerchantId, sale: SaleId) -> [Key; 4] {
    [Key::Merchant(merchant), Key::Sale(sale), Key::ParkedSale(sale), Key::Job(Sale::expiry_job(sale))]
}

fn check_unpaid(work: &UnitOfWork, sale: &Sale) -> Result<(), Refusal> {
    if !lines_of(work, sale.merchant, sale.id).any(|line| !line.is_removed) {
        return Err(Refusal::Empty);
    }
    if has_pending(work, sale.merchant, sale.id) {
        return Err(Refusal::PaymentUnderWay);
    }
    let has_paid = tenders_of(work, sale.merchant, sale.id).any(|tender| tender.state == TenderState::Paid);
    if has_paid { Err(Refusal::HasPaidTender) } else { Ok(()) }
}

#[derive(Serialize)]
struct Parked<'a> {
    location: LocationId,
    register: RegisterId,
    name: &'a str,
    total_minor: i64,
}

#[derive(Serialize)]
struct TakenUp {
    location: LocationId,
    register: RegisterId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Quantity;
    use crate::sale::{AddCash, AddLine, ExpireReservation, Expiry, VoidSale};
    use crate::testing::{
        Hold, LOCATION, MERCHANT, OTHER_LOCATION, REGISTER, Settle, TEA, World, line, payment_id, sale_id,
    };

    const OTHER_REGISTER: RegisterId = RegisterId::from_uuid(uuid::Uuid::from_u128(55));

    /// A sale of 300 yen, and a second register beside the first.
    fn world() -> World {
        let mut world = World::with_open_sale(&[line(TEA, 2_000)]);
        put_register(&mut world, LOCATION);
        world
    }

    fn put_register(world: &mut World, location: LocationId) {
        let first = world.database.registers.find(MERCHANT, &REGISTER).unwrap().clone();
        let other = crate::merchant::Register { id: OTHER_REGISTER, location, name: "K2".to_owned(), ..first };
        world.database.registers.put_loaded(other);
    }

    fn park(name: &str) -> ParkSale {
        ParkSale { merchant: MERCHANT, sale: sale_id(1), name: name.to_owned() }
    }

    fn take_up(register: RegisterId) -> TakeUpSale {
        TakeUpSale { merchant: MERCHANT, sale: sale_id(1), register }
    }

    fn pay() -> AddCash {
        AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: None, given_minor: 300 }
    }

    #[test]
    fn a_sale_is_set_aside_and_goes_on_at_another_register() {
        let mut world = world();
        assert_eq!(world.run(&park(" table 4 ")).unwrap().sale.state, State::Parked);
        let parked = world.database.parked_sales.find(MERCHANT, &sale_id(1)).unwrap().clone();
        assert_eq!((parked.name.as_str(), parked.location, parked.taken_up_at), ("table 4", LOCATION, None));
        let taken = world.run(&take_up(OTHER_REGISTER)).unwrap();
        assert_eq!((taken.sale.state, taken.sale.register), (State::Open, OTHER_REGISTER));
        let done = world.run(&pay()).unwrap();
        assert_eq!(done.sale.receipt_number.as_deref(), Some("K2-00000001"));
        assert_eq!(world.balance(crate::journal::LedgerAccount::Drawer(OTHER_REGISTER)), 300);
        assert_eq!(world.event_kinds()[..3], ["sale.opened", "sale.parked", "sale.taken_up"]);
        assert_eq!(
            world.database.events.rows()[1].data,
            format!(r#"{{"location":"{LOCATION}","register":"{REGISTER}","name":"table 4","total_minor":300}}"#)
        );
    }

    #[test]
    fn a_parked_sale_waits_for_whoever_takes_it_up_first() {
        let mut world = world();
        assert_eq!(world.refused(&take_up(REGISTER)).code(), "sale_not_parked");
        world.run(&park("table 4")).unwrap();
        assert_eq!(world.refused(&park("table 5")).code(), "sale_not_open");
        assert_eq!(world.refused(&pay()).code(), "sale_not_open");
        assert_eq!(world.refused(&VoidSale { merchant: MERCHANT, sale: sale_id(1) }).code(), "sale_not_open");
        let hold = Hold { sale: sale_id(1), payment: payment_id(1), amount_minor: None };
        assert_eq!(world.refused(&hold).code(), "sale_not_open");
        world.run(&take_up(REGISTER)).unwrap();
        assert_eq!(world.refused(&take_up(OTHER_REGISTER)).code(), "sale_not_parked");
        // And again, under another name.
        world.run(&park("table 5")).unwrap();
        let parked = world.database.parked_sales.find(MERCHANT, &sale_id(1)).unwrap();
        assert_eq!((parked.name.as_str(), parked.taken_up_at, parked.version), ("table 5", None, 3));
    }

    #[test]
    fn what_is_paid_or_being_paid_is_not_parked() {
        let mut world = world();
        let tender = world.run(&Hold { sale: sale_id(1), payment: payment_id(1), amount_minor: Some(100) }).unwrap();
        assert_eq!(world.refused(&park("x")).code(), "payment_in_doubt_or_under_way");
        let settle = |state| Settle { sale: sale_id(1), tender, state, approved_minor: 100 };
        world.run(&settle(TenderState::Paid)).unwrap();
        assert_eq!(world.refused(&park("x")).code(), "sale_has_paid_tender");
        world.run(&settle(TenderState::Failed)).unwrap();
        world.run(&park("x")).unwrap();
        // Money that comes late for a sale that waits is given back, as for one that is over.
        assert_eq!(world.run(&settle(TenderState::Paid)), Ok(crate::sale::Settled::SaleClosed));
        assert_eq!(world.run(&take_up(REGISTER)).unwrap().due_minor, 300);
    }

    #[test]
    fn the_promise_holds_for_a_day_of_business() {
        let mut world = world();
        world.run(&park("blue coat")).unwrap();
        let expire = ExpireReservation { sale: sale_id(1), fence: None };
        world.advance_ms(PARKED_RESERVATION_MS - 1);
        assert_eq!(world.clone().acting_as(Role::System).run(&expire), Ok(Expiry::Postponed));
        assert_eq!(world.level(TEA).reserved, Quantity(2_000));
        let mut forgotten = world.clone();
        forgotten.advance_ms(1);
        let mut forgotten = forgotten.acting_as(Role::System);
        assert_eq!(forgotten.run(&expire), Ok(Expiry::Released));
        assert_eq!(forgotten.level(TEA).reserved, Quantity::ZERO);
        assert_eq!(forgotten.standing(sale_id(1)).sale.state, State::Parked);
        // It is still there, and sold if it is wanted after all.
        forgotten.run(&take_up(REGISTER)).unwrap();
        assert_eq!(forgotten.run(&pay()).unwrap().sale.state, State::Completed);
        // Taken up in time it is promised as any open sale, and no longer.
        world.run(&take_up(REGISTER)).unwrap();
        let due_at = world.standing(sale_id(1)).sale.reserved_until;
        assert_eq!(world.expiry_due(sale_id(1)), Some(due_at));
        assert_eq!(
            world
                .run(&AddLine { merchant: MERCHANT, sale: sale_id(1), article: TEA.into(), quantity: Quantity(1_000) })
                .unwrap()
                .due_minor,
            450
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        for (name, code) in [
            (" ", "sale_name_invalid"),
            ("a\nb", "sale_name_invalid"),
            (&"x".repeat(41), "sale_name_invalid"),
            ("4111 1111 1111 1111", "text_looks_like_card_number"),
        ] {
            assert_eq!(world().refused(&park(name)).code(), code);
        }
        assert_eq!(World::with_open_sale(&[]).refused(&park("x")).code(), "sale_empty");
        assert_eq!(world().acting_as(Role::Viewer).refused(&park("x")).code(), "role_too_low");
        assert_eq!(world().of_other_merchant().refused(&park("x")).code(), "sale_not_found");
        let mut world = world();
        world.run(&park("x")).unwrap();
        put_register(&mut world, OTHER_LOCATION);
        assert_eq!(world.refused(&take_up(OTHER_REGISTER)).code(), "register_elsewhere");
        let nowhere = RegisterId::from_uuid(uuid::Uuid::nil());
        assert_eq!(world.refused(&take_up(nowhere)).code(), "register_not_found");
        assert_eq!(world.of_other_merchant().refused(&take_up(REGISTER)).code(), "sale_not_found");
    }
}
