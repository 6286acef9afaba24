//! A sale that was made and paid elsewhere, recorded as it happened: at its own time, under its own number, at the prices that
//! were paid. It takes from the shelf what it took, also what the books do not have.

use super::complete::post_sale;
use super::draft::check_goods;
use super::read::{find_merchant, stocked_quantities};
use super::reprice::set_totals;
use super::{
    Consumption, Discounts, LINES_MAX, Refusal, Sale, SaleLine, State, Tender, TenderKind, TenderState, lines_of,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::elsewhere::{Recorded, Told, ToldLine, Traded};
use crate::external_ref::{Kind, Subject};
use crate::id::{LocationId, MerchantId, RegisterId, SaleId, TenderId};
use crate::journal::LedgerAccount;
use crate::merchant::Merchant;
use crate::metadata::Metadata;
use crate::money::{Currency, line_amount};
use crate::operator::require_register_at;
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// Records a sale from elsewhere. Told again it changes nothing.
#[derive(Debug, Clone)]
pub struct RecordSale {
    /// The id that it gets, drawn from what it is known by elsewhere: whoever tells of its returns knows it beforehand.
    pub id: SaleId,
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where the goods lay.
    pub location: LocationId,
    /// The register that it counts for. It takes no number of that register's series, and nothing lies in its drawer.
    pub register: RegisterId,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What is told of it.
    pub told: Told,
    /// What was sold, 1 to [`LINES_MAX`].
    pub lines: Vec<ToldLine>,
}

impl Command for RecordSale {
    type Reply = Recorded;

    fn name(&self) -> &'static str {
        "sale.record"
    }

    fn keys(&self) -> Vec<Key> {
        let places = [Key::Merchant(self.merchant), Key::Location(self.location), Key::Register(self.register)];
        let accounts = [LedgerAccount::Recorded, LedgerAccount::Revenue, LedgerAccount::Tax];
        let balances = accounts.map(|account| Key::Balance(self.merchant, account, self.currency));
        let of_line = |line: &ToldLine| [Key::Article(line.article), Key::StockLevel(self.location, line.article)];
        let of_lines = self.lines.iter().take(LINES_MAX as usize).flat_map(of_line);
        places
            .into_iter()
            .chain(self.told.keys(self.merchant))
            .chain([Key::Sale(self.id)])
            .chain(balances)
            .chain(of_lines)
            .collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Recorded, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        if let Some(known) = self.told.find_known(work, call, Kind::Sale)? {
            return Told::again(known, self.is_recorded_as(work, call, known));
        }
        let (sale, lines) = self.price(work, call)?;
        work.sales.insert(sale.clone());
        lines.iter().cloned().for_each(|line| work.sale_lines.insert(line));
        pay(work, call, &sale);
        for (article, quantity) in stocked_quantities(&lines)? {
            // Below zero is no reason to stop: the goods have left long ago.
            stock::sell(work, call, &sale, article, quantity, Some(&self.told))?;
        }
        post_sale(work, call, &sale)?;
        self.tell(work, call, &sale);
        Ok(self.told.refer(work, call, Subject::Sale(sale.id)))
    }
}

impl RecordSale {
    /// Whether what is known is this sale with these lines.
    fn is_recorded_as(&self, work: &UnitOfWork, call: &Call<'_>, known: Subject) -> bool {
        let lines = lines_of(work, call.merchant, self.id);
        let lines: Vec<_> = lines.map(|line| (line.article, line.quantity, line.unit_price)).collect();
        let told = self.lines.iter().map(|line| (line.article, line.quantity, line.unit_price));
        known == Subject::Sale(self.id) && told.eq(lines)
    }

    fn price(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<(Sale, Vec<SaleLine>), Stop<command::Refusal>> {
        if work.sales.is_taken(&self.id) {
            return Err(Refusal::Exists.into());
        }
        if self.lines.is_empty() {
            return Err(Refusal::Empty.into());
        }
        if self.lines.len() > LINES_MAX as usize {
            return Err(Refusal::TooManyLines.into());
        }
        let merchant = find_merchant(work, call, self.merchant)?;
        require_register_at(work, call, self.register, self.location)?;
        let numbered = (1..).zip(&self.lines);
        let lines = numbered.map(|(number, line)| self.price_line(work, merchant, number, line));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        let mut sale = self.sale(merchant, call);
        if sale.currency != self.currency {
            return Err(Refusal::CurrencyMismatch { expected: sale.currency }.into());
        }
        set_totals(&mut sale, &lines)?;
        Ok((sale, lines))
    }

    fn sale(&self, merchant: &Merchant, call: &Call<'_>) -> Sale {
        let occurred_at = self.told.occurred_at;
        Sale {
            id: self.id,
            merchant: merchant.id,
            location: self.location,
            register: self.register,
            operator: None,
            buyer: None,
            shift: None,
            currency: merchant.currency,
            tax_terms: merchant.tax.terms(),
            consumption: Consumption::TakeAway,
            state: State::Completed,
            total_minor: 0,
            tax_minor: 0,
            discounts: Discounts::default(),
            line_count: u32::try_from(self.lines.len()).unwrap_or(LINES_MAX),
            receipt_number: Some(self.told.number.clone()),
            note: String::new(),
            opened_at: occurred_at,
            closed_at: Some(occurred_at),
            metadata: Metadata::default(),
            elsewhere: Some(self.told.elsewhere(call.now)),
            reserved_until: occurred_at,
            version: 1,
        }
    }

    fn price_line(
        &self,
        work: &UnitOfWork,
        merchant: &Merchant,
        number: u32,
        line: &ToldLine,
    ) -> Result<SaleLine, Stop<command::Refusal>> {
        line.check()?;
        let ToldLine { article: id, quantity, unit_price, .. } = *line;
        let article = work.articles.find(merchant.id, &id).ok_or_else(|| not_found("article", id))?;
        check_goods(article, merchant.currency, quantity)?;
        let tax_rate = merchant.tax.rate(&article.tax_class).ok_or(Refusal::TaxClassUnknown { article: id })?;
        Ok(SaleLine {
            sale: self.id,
            number,
            merchant: merchant.id,
            article: id,
            name: line.name.clone(),
            quantity,
            unit_price,
            tax_class: article.tax_class.clone(),
            tax_rate,
            amount_minor: line_amount(quantity, unit_price).map_err(Refusal::from)?,
            discount_minor: 0,
            is_stocked: article.is_stocked,
            is_removed: false,
            version: 1,
        })
    }

    fn tell(&self, work: &mut UnitOfWork, call: &mut Call<'_>, sale: &Sale) {
        let Sale { location, register, currency, total_minor, tax_minor, .. } = *sale;
        let traded = Traded { sale: None, location, register, currency, total_minor, tax_minor };
        work.emit(call, "sale.recorded", sale.id, &self.told.fact(traded));
    }
}

/// It was paid elsewhere, to the last minor unit; what was free has no tender.
fn pay(work: &mut UnitOfWork, call: &mut Call<'_>, sale: &Sale) {
    if sale.total_minor == 0 {
        return;
    }
    let id = TenderId::from_uuid(call.next_uuid());
    let Sale { id: sale, merchant, total_minor: amount_minor, .. } = *sale;
    let (kind, state) = (TenderKind::Recorded, TenderState::Paid);
    work.tenders.insert(Tender { sale, id, merchant, kind, amount_minor, state, version: 1 });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external_ref::ExternalId;
    use crate::id::ArticleId;
    use crate::money::{Quantity, UnitPrice};
    use crate::stock::MovementKind;
    use crate::testing::{
        BAG, LOCATION, MERCHANT, NOW, OTHER_LOCATION, REGISTER, RICE, TEA, TEA_ON_HAND, World, sale_id,
    };
    use crate::time::Timestamp;

    const DAYS_AGO: Timestamp = NOW.plus_ms(-400 * 86_400_000);

    fn told_line(article: ArticleId, quantity: i64, unit_price: i64) -> ToldLine {
        let (quantity, unit_price) = (Quantity(quantity), UnitPrice(unit_price));
        ToldLine { article, name: "As it was called".to_owned(), quantity, unit_price }
    }

    fn a_record(lines: &[ToldLine]) -> RecordSale {
        let external = ExternalId::parse("old-till", "536365").unwrap();
        RecordSale {
            id: sale_id(7),
            merchant: MERCHANT,
            location: LOCATION,
            register: REGISTER,
            currency: Currency::JPY,
            told: Told { external, number: "536365".to_owned(), occurred_at: DAYS_AGO },
            lines: lines.to_vec(),
        }
    }

    #[test]
    fn a_sale_is_recorded_as_it_was_made_there() {
        let mut world = World::new();
        let lines = [told_line(TEA, 2_000, 1_234_567), told_line(BAG, 1_000, 30_000), told_line(TEA, 1_000, 0)];
        let recorded = world.run(&a_record(&lines)).unwrap();
        assert_eq!((recorded.subject, recorded.is_new, world.rounds), (Subject::Sale(sale_id(7)), true, 1));
        let standing = world.standing(sale_id(7));
        let sale = standing.sale;
        assert_eq!((sale.state, sale.total_minor, standing.due_minor, sale.shift), (State::Completed, 250, 0, None));
        assert_eq!((sale.opened_at, sale.closed_at), (DAYS_AGO, Some(DAYS_AGO)));
        let elsewhere = sale.elsewhere.unwrap();
        assert_eq!((elsewhere.origin.as_str(), elsewhere.recorded_at), ("old-till", NOW));
        assert_eq!(sale.receipt_number.as_deref(), Some("536365"));
        assert_eq!(standing.lines[0].name, "As it was called");
        assert_eq!(standing.tenders[0].kind, TenderKind::Recorded);
        assert_eq!(world.balance(LedgerAccount::Recorded), 250);
        assert_eq!(world.database.receipt_series.iter().count(), 0);
        let moved = world.database.movements.rows().last().unwrap();
        assert_eq!((moved.kind, moved.quantity), (MovementKind::Sale(sale_id(7)), Quantity(-3_000)));
        assert_eq!((moved.occurred_at, moved.origin.as_deref()), (Some(DAYS_AGO), Some("old-till")));
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND - 3_000));
        assert_eq!(world.event_kinds(), ["sale.recorded"]);
    }

    #[test]
    fn what_is_told_twice_is_recorded_once_and_must_be_the_same() {
        let mut world = World::new();
        let told = a_record(&[told_line(TEA, 1_000, 10_000)]);
        world.run(&told).unwrap();
        let before = (world.standing(sale_id(7)), world.level(TEA), world.event_kinds().len());
        assert_eq!(world.run(&told), Ok(Recorded { subject: Subject::Sale(sale_id(7)), is_new: false }));
        for other in [told_line(TEA, 1_001, 10_000), told_line(TEA, 1_000, 10_001), told_line(BAG, 1_000, 10_000)] {
            assert_eq!(world.refused(&a_record(&[other])).code(), "recorded_otherwise");
        }
        assert_eq!((world.standing(sale_id(7)), world.level(TEA), world.event_kinds().len()), before);
    }

    #[test]
    fn the_shelf_may_go_below_zero_and_a_free_sale_has_no_tender() {
        let mut world = World::new();
        world.run(&a_record(&[told_line(TEA, TEA_ON_HAND + 5_000, 0)])).unwrap();
        assert_eq!(world.level(TEA).on_hand, Quantity(-5_000));
        assert_eq!(world.standing(sale_id(7)).tenders.len(), 0);
        assert!(world.database.journal_entries.rows().is_empty());
        assert_eq!(world.database.exceptions.iter().count(), 0);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let one = || a_record(&[told_line(TEA, 1_000, 10_000)]);
        let at = |at| RecordSale { told: Told { occurred_at: at, ..one().told }, ..one() };
        let named = |name: &str| a_record(&[ToldLine { name: name.to_owned(), ..told_line(TEA, 1_000, 1) }]);
        let unknown = ArticleId::from_uuid(uuid::Uuid::nil());
        for (code, wrong) in [
            ("sale_empty", a_record(&[])),
            ("sale_too_many_lines", a_record(&vec![told_line(TEA, 1_000, 1); LINES_MAX as usize + 1])),
            ("quantity_out_of_range", a_record(&[told_line(TEA, 0, 1)])),
            ("quantity_not_whole", a_record(&[told_line(TEA, 500, 1)])),
            ("unit_price_out_of_range", a_record(&[told_line(RICE, 500, -1)])),
            ("article_name_invalid", named("")),
            ("text_looks_like_card_number", named("4111 1111 1111 1111")),
            ("article_not_found", a_record(&[told_line(unknown, 1_000, 1)])),
            ("occurred_at_out_of_range", at(NOW.plus_ms(1))),
            ("occurred_at_out_of_range", at(Timestamp(-1))),
            ("register_elsewhere", RecordSale { location: OTHER_LOCATION, ..one() }),
            ("currency_mismatch", RecordSale { currency: Currency::parse("USD").unwrap(), ..one() }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&one()).code(), "role_too_low");
        let mut world = World::with_open_sale(&[]);
        assert_eq!(world.refused(&RecordSale { id: sale_id(1), ..one() }).code(), "sale_exists");
    }
}
