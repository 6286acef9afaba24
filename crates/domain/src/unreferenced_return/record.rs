//! Goods that came back elsewhere, and nobody knows with which sale: recorded as it happened, at the price that was given.

use super::{LINES_MAX, Refusal, UnreferencedLine, UnreferencedReturn};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::elsewhere::{Recorded, Told, ToldLine, Traded};
use crate::external_ref::{Kind, Subject};
use crate::id::{LocationId, MerchantId, RegisterId, UnreferencedReturnId};
use crate::journal::{JournalEntry, LedgerAccount, unreferenced_return_postings};
use crate::merchant::Merchant;
use crate::money::{Currency, Overflow, line_amount};
use crate::operator::require_register_at;
use crate::sale;
use crate::stock;
use crate::tax::{TaxTerms, totals};
use crate::work::{Key, Stop, UnitOfWork};

/// Records goods that came back elsewhere without their sale. Told again it changes nothing.
#[derive(Debug, Clone)]
pub struct RecordUnreferencedReturn {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where the goods came back: those that are counted lie on the shelf from then on.
    pub location: LocationId,
    /// The register that it counts for; nothing leaves its drawer.
    pub register: RegisterId,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What is told of it.
    pub told: Told,
    /// What came back, 1 to [`LINES_MAX`].
    pub lines: Vec<ToldLine>,
    /// Why no sale is known.
    pub reason: String,
}

impl Command for RecordUnreferencedReturn {
    type Reply = Recorded;

    fn name(&self) -> &'static str {
        "unreferenced_return.record"
    }

    fn keys(&self) -> Vec<Key> {
        let places = [Key::Merchant(self.merchant), Key::Location(self.location), Key::Register(self.register)];
        let accounts = [LedgerAccount::Recorded, LedgerAccount::Revenue, LedgerAccount::Tax];
        let balances = accounts.map(|account| Key::Balance(self.merchant, account, self.currency));
        let of_line = |line: &ToldLine| [Key::Article(line.article), Key::StockLevel(self.location, line.article)];
        let of_lines = self.lines.iter().take(LINES_MAX).flat_map(of_line);
        places.into_iter().chain(self.told.keys(self.merchant)).chain(balances).chain(of_lines).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Recorded, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        if let Some(known) = self.told.find_known(work, call, Kind::UnreferencedReturn)? {
            return Told::again(known, true);
        }
        if !(1..=LINES_MAX).contains(&self.lines.len()) {
            return Err(Refusal::LineCountOutOfRange.into());
        }
        let merchant = work.merchants.find(call.merchant, &self.merchant);
        let merchant = merchant.ok_or_else(|| not_found("merchant", self.merchant))?;
        if merchant.currency != self.currency {
            return Err(sale::Refusal::CurrencyMismatch { expected: merchant.currency }.into());
        }
        require_register_at(work, call, self.register, self.location)?;
        let lines = self.lines.iter().map(|line| price_line(work, merchant, line)).collect::<Result<_, _>>()?;
        let origin = self.origin(call, merchant.tax.terms(), lines)?;
        self.book(work, call, &origin)?;
        self.tell(work, call, &origin);
        work.unreferenced_returns.insert(origin.clone());
        Ok(self.told.refer(work, call, Subject::UnreferencedReturn(origin.id)))
    }
}

fn price_line(
    work: &UnitOfWork,
    merchant: &Merchant,
    line: &ToldLine,
) -> Result<UnreferencedLine, Stop<command::Refusal>> {
    line.check()?;
    let ToldLine { article: id, quantity, unit_price, .. } = *line;
    let article = work.articles.find(merchant.id, &id).ok_or_else(|| not_found("article", id))?;
    sale::check_goods(article, merchant.currency, quantity)?;
    let tax_rate = merchant.tax.rate(&article.tax_class).ok_or(sale::Refusal::TaxClassUnknown { article: id })?;
    Ok(UnreferencedLine {
        article: id,
        name: line.name.clone(),
        quantity,
        unit_price,
        price_reason: String::new(),
        tax_rate,
        amount_minor: line_amount(quantity, unit_price).map_err(Refusal::from)?,
        is_restocked: article.is_stocked,
    })
}

impl RecordUnreferencedReturn {
    fn origin(
        &self,
        call: &mut Call<'_>,
        tax_terms: TaxTerms,
        lines: Vec<UnreferencedLine>,
    ) -> Result<UnreferencedReturn, Stop<command::Refusal>> {
        let mut origin = UnreferencedReturn {
            id: UnreferencedReturnId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            location: self.location,
            register: self.register,
            shift: None,
            operator: None,
            currency: self.currency,
            tax_terms,
            lines,
            total_minor: 0,
            tax_minor: 0,
            receipt_number: self.told.number.clone(),
            reason: self.reason.clone(),
            created_at: self.told.occurred_at,
            elsewhere: Some(self.told.elsewhere(call.now)),
            version: 1,
        };
        let totals = origin.taxes().and_then(|taxes| totals(&taxes)).map_err(Refusal::from)?;
        (origin.total_minor, origin.tax_minor) = (totals.gross_minor, totals.tax_minor);
        Ok(origin)
    }

    /// The shelf has the goods, and the other system has given the money.
    fn book(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        origin: &UnreferencedReturn,
    ) -> Result<(), Stop<command::Refusal>> {
        for line in origin.lines.iter().filter(|line| line.is_restocked) {
            let place = (self.location, line.article);
            stock::take_back_unreferenced(work, call, origin.id, place, line.quantity, Some(&self.told))?;
        }
        let net_minor = origin.total_minor.saturating_sub(origin.tax_minor);
        let postings = unreferenced_return_postings(LedgerAccount::Recorded, net_minor, origin.tax_minor);
        if postings.is_empty() {
            return Ok(());
        }
        let entry = JournalEntry::new(call, origin.id, origin.currency, postings);
        work.post(entry)
            .map_err(|stop| stop.map(|Overflow| command::Refusal::UnreferencedReturn(Refusal::AmountOutOfRange)))
    }

    fn tell(&self, work: &mut UnitOfWork, call: &mut Call<'_>, origin: &UnreferencedReturn) {
        let UnreferencedReturn { id, location, register, currency, total_minor, tax_minor, .. } = *origin;
        let traded = Traded { sale: None, location, register, currency, total_minor, tax_minor };
        work.emit(call, "return.unreferenced_recorded", id, &self.told.fact(traded));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external_ref::ExternalId;
    use crate::id::ArticleId;
    use crate::money::{Quantity, UnitPrice};
    use crate::stock::MovementKind;
    use crate::testing::{BAG, LOCATION, MERCHANT, NOW, OTHER_LOCATION, REGISTER, TEA, TEA_ON_HAND, World};
    use crate::time::Timestamp;

    const YEARS_AGO: Timestamp = NOW.plus_ms(-1_000 * 86_400_000);

    fn back(article: ArticleId, quantity: i64, yen: i64) -> ToldLine {
        let (quantity, unit_price) = (Quantity(quantity), UnitPrice(yen * 10_000));
        ToldLine { article, name: "Lamp".to_owned(), quantity, unit_price }
    }

    fn a_record(lines: &[ToldLine]) -> RecordUnreferencedReturn {
        let external = ExternalId::parse("old-till", "C9").unwrap();
        RecordUnreferencedReturn {
            merchant: MERCHANT,
            location: LOCATION,
            register: REGISTER,
            currency: Currency::JPY,
            told: Told { external, number: "C9".to_owned(), occurred_at: YEARS_AGO },
            lines: lines.to_vec(),
            reason: "no sale is known".to_owned(),
        }
    }

    #[test]
    fn goods_are_on_the_shelf_and_no_drawer_gave_for_them() {
        let mut world = World::new();
        let told = a_record(&[back(TEA, 2_000, 999), back(BAG, 1_000, 2)]);
        let recorded = world.run(&told).unwrap();
        let Subject::UnreferencedReturn(id) = recorded.subject else { panic!("{recorded:?}") };
        let origin = world.database.unreferenced_returns.find(MERCHANT, &id).unwrap();
        assert_eq!((origin.total_minor, origin.created_at, origin.shift), (2_000, YEARS_AGO, None));
        assert!(origin.elsewhere.as_ref().is_some_and(|told| told.origin == "old-till"));
        assert_eq!(world.balance(LedgerAccount::Recorded), -2_000);
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND + 2_000));
        let moved = world.database.movements.rows().last().unwrap();
        assert_eq!((moved.kind, moved.occurred_at), (MovementKind::UnreferencedReturn(id), Some(YEARS_AGO)));
        assert_eq!(world.event_kinds(), ["return.unreferenced_recorded"]);
        assert_eq!(world.run(&told), Ok(Recorded { is_new: false, ..recorded }));
        assert_eq!(world.database.unreferenced_returns.iter().count(), 1);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let one = || a_record(&[back(TEA, 1_000, 1)]);
        for (code, wrong) in [
            ("unreferenced_return_line_count_out_of_range", a_record(&[])),
            ("quantity_not_whole", a_record(&[back(TEA, 1, 1)])),
            ("unit_price_out_of_range", a_record(&[back(TEA, 1_000, -1)])),
            ("article_not_found", a_record(&[back(ArticleId::from_uuid(uuid::Uuid::nil()), 1_000, 1)])),
            ("register_elsewhere", RecordUnreferencedReturn { location: OTHER_LOCATION, ..one() }),
            ("currency_mismatch", RecordUnreferencedReturn { currency: Currency::parse("USD").unwrap(), ..one() }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&one()).code(), "role_too_low");
    }
}
