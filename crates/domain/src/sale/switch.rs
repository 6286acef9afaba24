//! An open sale that is eaten here after all, or taken along: its tax changes, its prices do not.

use serde::Serialize;

use super::complete::complete_if_paid;
use super::read::{find_merchant, find_open};
use super::reprice::{check_total, live_lines, set_totals};
use super::{Consumption, Refusal, Sale, SaleLine, Standing, standing};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{MerchantId, SaleId};
use crate::tax::TaxRules;
use crate::work::{Key, Stop, UnitOfWork};

/// Says where the goods of an open sale are eaten. Each line takes the tax class that its article has for it now. If what is
/// to be paid is paid already, the sale is completed.
#[derive(Debug, Clone)]
pub struct SwitchConsumption {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which sale.
    pub sale: SaleId,
    /// Where its goods are eaten.
    pub consumption: Consumption,
}

impl Command for SwitchConsumption {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.switch_consumption"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Sale(self.sale)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let mut sale = find_open(work, call.merchant, self.sale)?.clone();
        if sale.consumption == self.consumption {
            return standing(work, call.merchant, self.sale);
        }
        sale.consumption = self.consumption;
        let mut lines = live_lines(work, &sale);
        work.require(lines.iter().map(|line| Key::Article(line.article)))?;
        let rules = find_merchant(work, call, self.merchant)?.tax.clone();
        for line in &mut lines {
            tax_anew(work, &rules, &sale, line)?;
        }
        set_totals(&mut sale, &lines)?;
        check_total(work, &sale)?;
        put_taxes(work, lines);
        let Sale { consumption, total_minor, tax_minor, .. } = sale;
        work.sales.replace(sale);
        let data = Switched { consumption: consumption.as_str(), total_minor, tax_minor };
        work.emit(call, "sale.consumption_switched", self.sale, &data);
        complete_if_paid(work, call, self.sale)?;
        standing(work, call.merchant, self.sale)
    }
}

fn tax_anew(
    work: &UnitOfWork,
    rules: &TaxRules,
    sale: &Sale,
    line: &mut SaleLine,
) -> Result<(), Stop<command::Refusal>> {
    let article = work.articles.find(sale.merchant, &line.article);
    let article = article.ok_or_else(|| not_found("article", line.article))?;
    article.tax_class_when(sale.consumption).clone_into(&mut line.tax_class);
    let rate = rules.rate(&line.tax_class);
    line.tax_rate = rate.ok_or(Refusal::TaxClassUnknown { article: article.id })?;
    Ok(())
}

/// Writes down the lines whose tax is another than before.
fn put_taxes(work: &mut UnitOfWork, lines: Vec<SaleLine>) {
    for line in lines {
        let stored = work.sale_lines.find(line.merchant, &(line.sale, line.number));
        if stored.is_some_and(|stored| *stored != line) {
            work.sale_lines.replace(line);
        }
    }
}

#[derive(Serialize)]
struct Switched {
    consumption: &'static str,
    total_minor: i64,
    tax_minor: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::sale::{AddCash, AddLine, NewSale, NewTender, RingSale, State};
    use crate::tax::PriceMode;
    use crate::testing::{BAG, MERCHANT, RICE, TEA, World, a_sale, line, sale_id};

    fn switch(consumption: Consumption) -> SwitchConsumption {
        SwitchConsumption { merchant: MERCHANT, sale: sale_id(1), consumption }
    }

    /// Tea and rice are at 8 % to take away and at 10 % eaten here.
    fn a_cafe(price_mode: PriceMode) -> World {
        let mut world = World::new();
        for article in [TEA, RICE] {
            world.change_article(article, |article| article.eat_in_tax_class = Some("standard".to_owned()));
        }
        world.change_article(RICE, |rice| rice.is_stocked = false);
        world.change_tax(TaxRules { price_mode, ..TaxRules::japan() });
        world.open_sale(1, &[line(TEA, 2_000), line(BAG, 1_000)]);
        world
    }

    fn rates(standing: &Standing) -> Vec<(u32, i64, i64)> {
        standing.taxes.iter().map(|total| (total.rate.0, total.gross_minor, total.tax_minor)).collect()
    }

    #[test]
    fn eaten_in_the_price_stays_and_the_tax_is_another() {
        let mut world = a_cafe(PriceMode::Inclusive);
        assert_eq!(rates(&world.standing(sale_id(1))), [(800, 300, 22), (1_000, 3, 0)]);
        let eaten_in = world.run(&switch(Consumption::EatIn)).unwrap();
        assert_eq!((rates(&eaten_in), eaten_in.sale.total_minor), (vec![(1_000, 303, 27)], 303));
        let add = AddLine {
            merchant: MERCHANT,
            sale: sale_id(1),
            article: RICE.into(),
            quantity: crate::money::Quantity(1_000),
        };
        assert_eq!(rates(&world.run(&add).unwrap()), [(1_000, 803, 73)]);
        let taken = world.run(&switch(Consumption::TakeAway)).unwrap();
        assert_eq!(rates(&taken), [(800, 800, 59), (1_000, 3, 0)]);
        assert_eq!(world.run(&switch(Consumption::TakeAway)).unwrap(), taken, "what changes nothing leaves no trace");
        assert_eq!(
            world.event_kinds()[1..],
            ["sale.consumption_switched", "sale.line_added", "sale.consumption_switched",]
        );
    }

    #[test]
    fn where_tax_comes_on_top_what_is_paid_is_not_undercut_and_may_suffice() {
        let mut world = a_cafe(PriceMode::Exclusive);
        // 300 and 24, 3 and 0; eaten in 303 and 30.
        assert_eq!(world.run(&switch(Consumption::EatIn)).unwrap().sale.total_minor, 333);
        let pay = |amount_minor| AddCash {
            merchant: MERCHANT,
            sale: sale_id(1),
            amount_minor: Some(amount_minor),
            given_minor: amount_minor,
        };
        let mut one_too_much = world.clone();
        one_too_much.run(&pay(328)).unwrap();
        assert_eq!(one_too_much.refused(&switch(Consumption::TakeAway)).code(), "sale_total_below_tenders");
        world.run(&pay(327)).unwrap();
        assert_eq!(world.run(&switch(Consumption::TakeAway)).unwrap().sale.state, State::Completed);
        assert_eq!(world.refused(&switch(Consumption::EatIn)).code(), "sale_not_open");
    }

    #[test]
    fn a_sale_is_rung_eaten_in() {
        let mut world = a_cafe(PriceMode::Inclusive);
        let sale = NewSale { consumption: Consumption::EatIn, ..a_sale(&[line(TEA, 1_000)]) };
        let tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 150 }];
        let ring = RingSale { id: sale_id(2), currency: Currency::JPY, sale, tenders };
        assert_eq!(rates(&world.run(&ring).unwrap()), [(1_000, 150, 13)]);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let eat_in = || switch(Consumption::EatIn);
        let mut world = a_cafe(PriceMode::Inclusive);
        world.change_article(TEA, |tea| tea.eat_in_tax_class = Some("gone".to_owned()));
        assert_eq!(world.refused(&eat_in()).code(), "tax_class_unknown");
        assert_eq!(World::new().refused(&eat_in()).code(), "sale_not_found");
        let cafe = || a_cafe(PriceMode::Inclusive);
        assert_eq!(cafe().acting_as(Role::Viewer).refused(&eat_in()).code(), "role_too_low");
        assert_eq!(cafe().of_other_merchant().refused(&eat_in()).code(), "sale_not_found");
    }
}
