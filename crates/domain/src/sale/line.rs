//! Lines that are added to an open sale, or taken off it again.

use serde::Serialize;

use super::complete::complete_if_paid;
use super::draft::price_line;
use super::expire::promise_until;
use super::read::{find_merchant, find_open, stocked_quantities};
use super::reprice::{live_lines, reprice_by_promotions, require_within_limit};
use super::{RESERVATION_MS, Refusal, Sale, SaleLine, Standing, lines_of, standing};
use crate::article::ArticleRef;
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{ArticleId, MerchantId, SaleId};
use crate::money::Quantity;
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// Adds a line at the article's price of now. Renews the promise of stock. If a promotion makes the whole as cheap as what is
/// paid already, the sale is completed.
#[derive(Debug, Clone)]
pub struct AddLine {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// To which sale.
    pub sale: SaleId,
    /// What is sold.
    pub article: ArticleRef,
    /// How much.
    pub quantity: Quantity,
}

impl Command for AddLine {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.add_line"
    }

    fn keys(&self) -> Vec<Key> {
        let expiry = Key::Job(Sale::expiry_job(self.sale));
        let article = self.article.key(self.merchant);
        let head = [Key::Merchant(self.merchant), Key::Promotions(self.merchant), Key::Sale(self.sale), expiry];
        head.into_iter().chain(article).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let mut sale = find_open(work, call.merchant, self.sale)?.clone();
        let rules = &find_merchant(work, call, self.merchant)?.tax;
        let picked = self.article.pick(work, call.merchant, self.quantity)?;
        let article = picked.article;
        work.require([Key::Article(article)])?;
        let line = price_line(work, rules, &mut sale, picked, call.now)?;
        let number = line.number;
        work.sale_lines.insert(line);
        reprice_by_promotions(work, call, &mut sale)?;
        sale.reserved_until = call.now.plus_ms(RESERVATION_MS);
        let data = Changed { number, total_minor: sale.total_minor };
        work.require(level_keys(&sale, article))?;
        stock::reserve(work, call, &sale, article, sold_quantity(work, &sale, article)?)?;
        promise_until(work, &sale);
        work.sales.replace(sale);
        work.emit(call, "sale.line_added", self.sale, &data);
        complete_if_paid(work, call, self.sale)?;
        standing(work, call.merchant, self.sale)
    }
}

/// Takes a line off the sale. If the rest is paid already, the sale is completed.
#[derive(Debug, Clone)]
pub struct RemoveLine {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Off which sale.
    pub sale: SaleId,
    /// The line's number.
    pub number: u32,
}

impl RemoveLine {
    fn find_line<'a>(&self, work: &'a UnitOfWork, call: &Call<'_>) -> Result<&'a SaleLine, Stop<command::Refusal>> {
        let line = work.sale_lines.find(call.merchant, &(self.sale, self.number));
        line.filter(|line| !line.is_removed).ok_or_else(|| not_found("sale_line", self.number))
    }
}

impl Command for RemoveLine {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.remove_line"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Promotions(self.merchant), Key::Sale(self.sale)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let mut sale = find_open(work, call.merchant, self.sale)?.clone();
        let article = self.find_line(work, call)?.article;
        if let Some(line) = work.sale_lines.find_mut(call.merchant, &(self.sale, self.number)) {
            (line.is_removed, line.discount_minor) = (true, 0);
        }
        reprice_by_promotions(work, call, &mut sale)?;
        require_within_limit(call, &sale, &live_lines(work, &sale), find_merchant(work, call, self.merchant)?)?;
        work.require(level_keys(&sale, article))?;
        stock::release(work, &sale, article, sold_quantity(work, &sale, article)?)?;
        let data = Changed { number: self.number, total_minor: sale.total_minor };
        work.sales.replace(sale);
        work.emit(call, "sale.line_removed", self.sale, &data);
        complete_if_paid(work, call, self.sale)?;
        standing(work, call.merchant, self.sale)
    }
}

/// What the sale sells of an article; zero of one whose stock is not counted.
fn sold_quantity(work: &UnitOfWork, sale: &Sale, article: ArticleId) -> Result<Quantity, Refusal> {
    let lines = lines_of(work, sale.merchant, sale.id).filter(|line| line.article == article);
    Ok(stocked_quantities(lines)?.into_values().next().unwrap_or_default())
}

/// The level comes into being only beside its location.
fn level_keys(sale: &Sale, article: ArticleId) -> [Key; 2] {
    [Key::Location(sale.location), Key::StockLevel(sale.location, article)]
}

#[derive(Serialize)]
struct Changed {
    number: u32,
    total_minor: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sale::{AddCash, ExpireReservation, State};
    use crate::testing::{BAG, MERCHANT, NOW, OTHER_MERCHANT, TEA, TEA_ON_HAND, World, line, sale_id};

    fn an_add(article: ArticleId, quantity: i64) -> AddLine {
        AddLine { merchant: MERCHANT, sale: sale_id(1), article: article.into(), quantity: Quantity(quantity) }
    }

    fn a_removal(number: u32) -> RemoveLine {
        RemoveLine { merchant: MERCHANT, sale: sale_id(1), number }
    }

    #[test]
    fn a_line_takes_the_price_of_now_and_renews_the_promise() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]);
        world.change_article(TEA, |tea| tea.unit_price.0 = 2_000_000);
        world.advance_ms(60_000);
        let standing = world.run(&an_add(TEA, 1_000)).unwrap();
        assert_eq!((standing.sale.total_minor, standing.sale.version), (350, 2));
        assert_eq!(world.level(TEA).reserved, Quantity(2_000));
        assert_eq!(world.expiry_due(sale_id(1)), Some(NOW.plus_ms(60_000 + RESERVATION_MS)));
        assert_eq!(world.event_kinds(), ["sale.opened", "sale.line_added"]);
    }

    #[test]
    fn a_line_after_expiry_takes_up_the_promise_of_its_article_again() {
        let mut world = World::with_open_sale(&[line(TEA, 2_000)]);
        world.advance_ms(RESERVATION_MS);
        let mut world = world.acting_as(Role::System);
        world.run(&ExpireReservation { sale: sale_id(1), fence: None }).unwrap();
        world.run(&an_add(TEA, 1_000)).unwrap();
        assert_eq!(world.level(TEA).reserved, Quantity(3_000));
    }

    #[test]
    fn a_removed_line_gives_its_stock_back() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000), line(TEA, 2_000), line(BAG, 1_000)]);
        let standing = world.run(&a_removal(2)).unwrap();
        assert_eq!((standing.sale.total_minor, standing.sale.line_count), (153, 3));
        assert_eq!(world.level(TEA).reserved, Quantity(1_000));
        assert_eq!(world.refused(&a_removal(2)).code(), "sale_line_not_found");
        assert_eq!(world.event_kinds(), ["sale.opened", "sale.line_removed"]);
    }

    #[test]
    fn what_is_paid_stays_on_the_sale() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000), line(TEA, 2_000)]);
        world
            .run(&AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: Some(300), given_minor: 300 })
            .unwrap();
        assert_eq!(world.refused(&a_removal(2)).code(), "sale_total_below_tenders");
    }

    #[test]
    fn a_sale_is_completed_when_what_is_left_is_paid() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000), line(TEA, 2_000)]);
        world
            .run(&AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: Some(300), given_minor: 300 })
            .unwrap();
        assert_eq!(world.run(&a_removal(1)).unwrap().sale.state, State::Completed);
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND - 2_000));
        assert_eq!(world.level(TEA).reserved, Quantity::ZERO);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        for (code, wrong) in [
            ("stock_insufficient", an_add(TEA, TEA_ON_HAND)),
            ("quantity_out_of_range", an_add(TEA, -1)),
            ("article_not_found", an_add(ArticleId::from_uuid(uuid::Uuid::nil()), 1)),
            ("sale_not_found", AddLine { sale: sale_id(2), ..an_add(TEA, 1) }),
            ("merchant_not_found", AddLine { merchant: OTHER_MERCHANT, ..an_add(TEA, 1) }),
        ] {
            assert_eq!(World::with_open_sale(&[line(TEA, 1_000)]).refused(&wrong).code(), code);
        }
        let mut world = World::with_open_sale(&vec![line(BAG, 1); 500]);
        assert_eq!(world.refused(&an_add(BAG, 1)).code(), "sale_too_many_lines");
        assert_eq!(world.refused(&a_removal(0)).code(), "sale_line_not_found");
        assert_eq!(world.refused(&a_removal(501)).code(), "sale_line_not_found");
    }
}
