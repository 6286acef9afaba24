//! A return that was made and given back elsewhere, recorded as it happened.

use super::create::{check_reason, next_id, pick, take_lines, worth_of};
use super::history::History;
use super::refund::post;
use super::{NewReturnLine, Refund, RefundKind, Refusal, Return, ReturnLine};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::elsewhere::{Recorded, Told, Traded};
use crate::external_ref::{Kind, Subject};
use crate::id::{ArticleId, LocationId, MerchantId, RegisterId, ReturnId, SaleId};
use crate::journal::{LedgerAccount, recorded_refund_postings, return_postings};
use crate::metadata::Metadata;
use crate::money::Currency;
use crate::operator::require_register_at;
use crate::points;
use crate::sale::{Sale, State, find_sale};
use crate::work::{Key, Stop, UnitOfWork};

/// Records a return from elsewhere of a sale that is known here. Told again it changes nothing.
#[derive(Debug, Clone)]
pub struct RecordReturn {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where the goods came back.
    pub location: LocationId,
    /// The register that it counts for; nothing leaves its drawer.
    pub register: RegisterId,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What was sold.
    pub sale: SaleId,
    /// What is told of it.
    pub told: Told,
    /// What came back.
    pub lines: Vec<NewReturnLine>,
    /// Of which articles, so that the shelf can be named before the sale is read: returns of one sale keep their order.
    pub articles: Vec<ArticleId>,
    /// Why, if it is told.
    pub reason: String,
}

impl Command for RecordReturn {
    type Reply = Recorded;

    fn name(&self) -> &'static str {
        "return.record"
    }

    fn keys(&self) -> Vec<Key> {
        let accounts = [LedgerAccount::Recorded, LedgerAccount::Clearing, LedgerAccount::Revenue, LedgerAccount::Tax];
        let balances = accounts.map(|account| Key::Balance(self.merchant, account, self.currency));
        let own = [
            Key::Merchant(self.merchant),
            Key::Location(self.location),
            Key::Register(self.register),
            Key::Sale(self.sale),
            Key::Returns(self.sale),
        ];
        let shelf = self.articles.iter().flat_map(|id| [Key::Article(*id), Key::StockLevel(self.location, *id)]);
        own.into_iter().chain(self.told.keys(self.merchant)).chain(balances).chain(shelf).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Recorded, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        check_reason(&self.reason)?;
        work.require(self.keys())?;
        if let Some(known) = self.told.find_known(work, call, Kind::Return)? {
            return Told::again(known, self.is_recorded_as(work, call, known));
        }
        let sale = find_sale(work, call.merchant, self.sale)?.clone();
        if sale.state != State::Completed {
            return Err(Refusal::SaleNotCompleted { state: sale.state }.into());
        }
        require_register_at(work, call, self.register, self.location)?;
        let before = History::of(work, &sale);
        let id = next_id(&before, self.sale)?;
        let lines = pick(&self.lines, call.merchant, id, &before)?;
        self.require_rest(work, &sale, &lines)?;
        let totals = worth_of(&before, &lines)?;
        let origin = self.origin(call, id, &sale, totals.gross_minor, totals.tax_minor);
        work.returns.insert(origin.clone());
        self.tell(work, call, &origin);
        points::take_back(work, call, &sale, &origin, before.total_minor())?;
        take_lines(work, call, self.location, lines, Some(&self.told))?;
        post(work, call, &origin, return_postings(totals.net_minor, totals.tax_minor))?;
        give_back(work, call, &origin)?;
        Ok(self.told.refer(work, call, Subject::Return(id)))
    }
}

impl RecordReturn {
    /// Whether what is known is a return of this sale with these lines.
    fn is_recorded_as(&self, work: &UnitOfWork, call: &Call<'_>, known: Subject) -> bool {
        let Subject::Return(id) = known else { return false };
        let lines = work.return_lines.range(call.merchant, (id, 0)..=(id, u32::MAX));
        let mut told: Vec<_> = self.lines.iter().map(|line| (line.number, line.quantity)).collect();
        told.sort_unstable();
        id.sale == self.sale && lines.map(|line| (line.number, line.quantity)).eq(told)
    }

    /// What is known to be needed once the sale is loaded: the shelf, and the points of the buyer.
    fn require_rest(&self, work: &UnitOfWork, sale: &Sale, lines: &[ReturnLine]) -> Result<(), Stop<command::Refusal>> {
        let shelf = lines.iter().filter(|line| line.is_restocked).map(|line| line.article);
        let shelf = shelf.flat_map(|article| [Key::Article(article), Key::StockLevel(self.location, article)]);
        work.require(shelf.chain(points::points_key(sale)))
    }

    fn origin(&self, call: &Call<'_>, id: ReturnId, sale: &Sale, total_minor: i64, tax_minor: i64) -> Return {
        Return {
            id,
            merchant: call.merchant,
            location: self.location,
            register: self.register,
            shift: None,
            currency: sale.currency,
            total_minor,
            tax_minor,
            receipt_number: self.told.number.clone(),
            reason: self.reason.clone(),
            created_at: self.told.occurred_at,
            metadata: Metadata::default(),
            elsewhere: Some(self.told.elsewhere(call.now)),
            version: 1,
        }
    }

    fn tell(&self, work: &mut UnitOfWork, call: &mut Call<'_>, origin: &Return) {
        let Return { id, location, register, currency, total_minor, tax_minor, .. } = *origin;
        let traded = Traded { sale: Some(id.sale), location, register, currency, total_minor, tax_minor };
        work.emit(call, "return.recorded", id, &self.told.fact(traded));
    }
}

/// All of it was given back there.
fn give_back(work: &mut UnitOfWork, call: &mut Call<'_>, origin: &Return) -> Result<(), Stop<command::Refusal>> {
    if origin.total_minor == 0 {
        return Ok(());
    }
    post(work, call, origin, recorded_refund_postings(origin.total_minor))?;
    let Return { id: origin, merchant, total_minor: amount_minor, created_at, .. } = *origin;
    let kind = RefundKind::Recorded;
    work.refunds.insert(Refund { origin, number: 1, merchant, kind, amount_minor, created_at, version: 1 });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external_ref::ExternalId;
    use crate::money::Quantity;
    use crate::sale::{NewTender, RingSale};
    use crate::testing::{LOCATION, MERCHANT, NOW, REGISTER, TEA, TEA_ON_HAND, World, a_sale, line, sale_id};
    use crate::time::Timestamp;

    const YESTERDAY: Timestamp = NOW.plus_ms(-86_400_000);

    fn a_world() -> World {
        let mut world = World::new();
        let tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 1_000 }];
        let sale = a_sale(&[line(TEA, 3_000), line(TEA, 2_000)]);
        world.run(&RingSale { id: sale_id(1), currency: Currency::JPY, sale, tenders }).unwrap();
        world
    }

    fn a_record(id: &str, lines: &[(u32, i64)]) -> RecordReturn {
        let back = |(number, quantity): &(u32, i64)| NewReturnLine {
            number: *number,
            quantity: Quantity(*quantity),
            is_restocked: true,
        };
        let external = ExternalId::parse("old-till", id).unwrap();
        RecordReturn {
            merchant: MERCHANT,
            location: LOCATION,
            register: REGISTER,
            currency: Currency::JPY,
            sale: sale_id(1),
            told: Told { external, number: id.to_owned(), occurred_at: YESTERDAY },
            lines: lines.iter().map(back).collect(),
            articles: vec![TEA],
            reason: String::new(),
        }
    }

    #[test]
    fn what_came_back_there_was_given_back_there() {
        let mut world = a_world();
        let recorded = world.run(&a_record("C1", &[(2, 1_000), (1, 2_000)])).unwrap();
        let id = ReturnId { sale: sale_id(1), number: 1 };
        assert_eq!((recorded.subject, recorded.is_new, world.rounds), (Subject::Return(id), true, 1));
        let origin = world.database.returns.find(MERCHANT, &id).unwrap();
        assert_eq!((origin.total_minor, origin.created_at, origin.shift), (450, YESTERDAY, None));
        assert_eq!(
            origin.elsewhere.as_ref().map(|told| (told.origin.as_str(), told.recorded_at)),
            Some(("old-till", NOW))
        );
        let refund = world.database.refunds.find(MERCHANT, &(id, 1)).unwrap();
        assert_eq!((refund.kind, refund.amount_minor, refund.created_at), (RefundKind::Recorded, 450, YESTERDAY));
        assert_eq!(world.balance(LedgerAccount::Recorded), -450);
        assert_eq!(world.balance(LedgerAccount::Clearing), 0);
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND - 2_000));
        let moved = world.database.movements.rows().last().unwrap();
        assert_eq!((moved.occurred_at, moved.origin.as_deref()), (Some(YESTERDAY), Some("old-till")));
        assert_eq!(world.event_kinds(), ["sale.completed", "return.recorded"]);
    }

    #[test]
    fn what_is_told_twice_is_recorded_once_and_must_be_the_same() {
        let mut world = a_world();
        let told = a_record("C1", &[(2, 1_000), (1, 1_000)]);
        let first = world.run(&told).unwrap();
        let before = world.level(TEA);
        assert_eq!(world.run(&told), Ok(Recorded { is_new: false, ..first }));
        assert_eq!(world.refused(&a_record("C1", &[(1, 1_000)])).code(), "recorded_otherwise");
        assert_eq!(world.level(TEA), before);
        let second = world.run(&a_record("C2", &[(1, 1_000)])).unwrap();
        assert_eq!(second.subject, Subject::Return(ReturnId { sale: sale_id(1), number: 2 }));
    }

    #[test]
    fn no_more_comes_back_than_was_sold() {
        let mut world = a_world();
        world.run(&a_record("C1", &[(1, 3_000)])).unwrap();
        assert_eq!(world.refused(&a_record("C2", &[(1, 1_000)])).code(), "return_exceeds_sold");
        assert_eq!(world.refused(&a_record("C2", &[(3, 1_000)])).code(), "return_line_unknown");
        let elsewhere = RecordReturn { sale: sale_id(9), ..a_record("C2", &[(1, 1_000)]) };
        assert_eq!(world.refused(&elsewhere).code(), "sale_not_found");
        let future = Told { occurred_at: NOW.plus_ms(1), ..a_record("C2", &[]).told };
        let future = RecordReturn { told: future, ..a_record("C2", &[(2, 1_000)]) };
        assert_eq!(world.refused(&future).code(), "occurred_at_out_of_range");
        assert_eq!(world.acting_as(Role::Cashier).refused(&a_record("C2", &[(2, 1_000)])).code(), "role_too_low");
    }
}
