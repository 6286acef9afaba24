//! A sale that is left open: its stock is promised until it is paid, voided or forgotten.

use serde::Serialize;

use super::coupon::count_all;
use super::expire::promise_until;
use super::read::stocked_quantities;
use super::{NewSale, RESERVATION_MS, Standing};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{RegisterId, SaleId};
use crate::money::Currency;
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// Opens a sale, with or without its first lines.
#[derive(Debug, Clone)]
pub struct OpenSale {
    /// The id that the register drew, so that a repeated request doubles nothing; without it the hub draws one.
    pub id: Option<SaleId>,
    /// What it is asked to be.
    pub sale: NewSale,
}

impl Command for OpenSale {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.open"
    }

    fn keys(&self) -> Vec<Key> {
        self.sale.keys().chain(self.id.map(Key::Sale)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let id = self.id.unwrap_or_else(|| SaleId::from_uuid(call.next_uuid()));
        open(work, call, id, &self.sale)
    }
}

/// Opens a sale under an id.
pub(crate) fn open(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    id: SaleId,
    new: &NewSale,
) -> Result<Standing, Stop<command::Refusal>> {
    let (mut sale, lines) = new.price(id, work, call)?;
    sale.reserved_until = call.now.plus_ms(RESERVATION_MS);
    for (article, quantity) in stocked_quantities(&lines)? {
        stock::reserve(work, call, &sale, article, quantity)?;
    }
    promise_until(work, &sale);
    let data = Opened { register: sale.register, currency: sale.currency, total_minor: sale.total_minor };
    work.emit(call, "sale.opened", id, &data);
    count_all(work, &sale);
    work.sales.insert(sale.clone());
    lines.iter().for_each(|line| work.sale_lines.insert(line.clone()));
    Ok(Standing::of(sale, lines, Vec::new())?)
}

#[derive(Serialize)]
struct Opened {
    register: RegisterId,
    currency: Currency,
    total_minor: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Quantity;
    use crate::sale::{NewLine, State};
    use crate::testing::{
        BAG, LOCATION, MERCHANT, NOW, OTHER_LOCATION, OTHER_MERCHANT, REGISTER, RICE, TEA, TEA_ON_HAND, World, a_sale,
        line, sale_id,
    };

    fn an_open(lines: &[NewLine]) -> OpenSale {
        OpenSale { id: Some(sale_id(1)), sale: a_sale(lines) }
    }

    #[test]
    fn an_open_sale_holds_its_stock() {
        let mut world = World::new();
        let standing = world.run(&an_open(&[line(TEA, 2_000), line(BAG, 1_000), line(TEA, 1_000)])).unwrap();
        assert_eq!((standing.sale.state, standing.sale.line_count), (State::Open, 3));
        assert_eq!((standing.sale.total_minor, standing.sale.tax_minor, standing.due_minor), (453, 33, 453));
        assert_eq!(world.level(TEA).reserved, Quantity(3_000));
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND));
        assert_eq!(world.expiry_due(sale_id(1)), Some(NOW.plus_ms(RESERVATION_MS)));
        assert_eq!(world.event_kinds(), ["sale.opened"]);
    }

    #[test]
    fn a_sale_may_be_opened_without_lines_and_without_an_id() {
        let mut world = World::new();
        let standing = world.run(&OpenSale { id: None, ..an_open(&[]) }).unwrap();
        assert_eq!(world.standing(standing.sale.id), standing);
        assert_eq!(standing.due_minor, 0);
    }

    #[test]
    fn lines_of_one_article_are_promised_together() {
        let lines = [line(TEA, TEA_ON_HAND), line(TEA, 1_000)];
        let refusal = World::new().refused(&an_open(&lines));
        let available = Quantity(TEA_ON_HAND);
        assert_eq!(refusal, command::Refusal::Stock(stock::Refusal::Insufficient { article: TEA, available }));
    }

    #[test]
    fn a_level_that_does_not_exist_holds_nothing() {
        let refusal = World::new().refused(&an_open(&[line(RICE, 1)]));
        let available = Quantity::ZERO;
        assert_eq!(refusal, command::Refusal::Stock(stock::Refusal::Insufficient { article: RICE, available }));
    }

    #[test]
    fn an_id_is_used_once_by_whomever() {
        let mut world = World::new();
        world.run(&an_open(&[])).unwrap();
        assert_eq!(world.refused(&an_open(&[])).code(), "sale_exists");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let with = |sale: NewSale| OpenSale { sale, ..an_open(&[]) };
        let note = |note: &str| with(NewSale { note: note.to_owned(), ..a_sale(&[]) });
        let unknown = crate::id::ArticleId::from_uuid(uuid::Uuid::nil());
        let nowhere = RegisterId::from_uuid(uuid::Uuid::nil());
        for (code, wrong) in [
            ("note_too_long", note(&"x".repeat(501))),
            ("text_looks_like_card_number", note("4111 1111 1111 1111")),
            ("quantity_out_of_range", an_open(&[line(TEA, 0)])),
            ("quantity_out_of_range", an_open(&[line(TEA, i64::MAX)])),
            ("article_not_found", an_open(&[line(unknown, 1)])),
            ("sale_too_many_lines", an_open(&vec![line(BAG, 1); 501])),
            ("register_elsewhere", with(NewSale { location: OTHER_LOCATION, ..a_sale(&[]) })),
            ("register_not_found", with(NewSale { register: nowhere, ..a_sale(&[]) })),
            ("merchant_not_found", with(NewSale { merchant: OTHER_MERCHANT, ..a_sale(&[]) })),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Viewer).refused(&an_open(&[])).code(), "role_too_low");
        assert_eq!(a_sale(&[]).merchant, MERCHANT);
        assert_eq!(a_sale(&[]).location, LOCATION);
    }

    #[test]
    fn a_sale_is_that_of_who_is_signed_in_at_its_register() {
        let operator = crate::id::OperatorId::from_uuid(uuid::Uuid::from_u128(0x0b));
        let standing = World::new().signed_in(operator, REGISTER).run(&an_open(&[])).unwrap();
        assert_eq!(standing.sale.operator, Some(operator));
        let elsewhere = RegisterId::from_uuid(uuid::Uuid::nil());
        assert_eq!(World::new().signed_in(operator, elsewhere).refused(&an_open(&[])).code(), "operator_elsewhere");
    }

    #[test]
    fn an_article_that_is_off_or_has_lost_its_tax_class_is_not_sold() {
        let mut world = World::new();
        world.change_article(TEA, |tea| tea.is_active = false);
        assert_eq!(world.refused(&an_open(&[line(TEA, 1_000)])).code(), "article_inactive");
        world.change_article(TEA, |tea| {
            tea.is_active = true;
            tea.tax_class = "gone".to_owned();
        });
        assert_eq!(world.refused(&an_open(&[line(TEA, 1_000)])).code(), "tax_class_unknown");
    }
}
