//! A manager takes goods back whose sale nobody knows.

use serde::Serialize;

use super::{LINES_MAX, Refusal, UnreferencedLine, UnreferencedReturn};
use crate::article::ArticleRef;
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::guard;
use crate::id::{ArticleId, LocationId, MerchantId, RegisterId, UnreferencedReturnId};
use crate::journal::{JournalEntry, LedgerAccount, unreferenced_return_postings};
use crate::merchant::Merchant;
use crate::money::{Currency, Overflow, Quantity, UNIT_PRICE_MAX, UnitPrice, line_amount};
use crate::operator::require_register_at;
use crate::payment::REASON_CHARS_MAX;
use crate::sale::{self, Consumption, next_receipt_number};
use crate::shift::current_shift;
use crate::stock;
use crate::tax::totals;
use crate::work::{Key, Stop, UnitOfWork};

/// What comes back.
#[derive(Debug, Clone)]
pub struct NewUnreferencedLine {
    /// What.
    pub article: ArticleRef,
    /// How much.
    pub quantity: Quantity,
    /// What one unit is taken for; the article's price of now where it is left out.
    pub unit_price: Option<UnitPrice>,
    /// Why that is more than the article costs now.
    pub price_reason: String,
    /// Whether it goes back on the shelf.
    pub is_restocked: bool,
}

/// Takes goods back without their sale, and gives their worth out of the drawer.
#[derive(Debug, Clone)]
pub struct CreateUnreferencedReturn {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where the register stands; what is restocked lies there from now on.
    pub location: LocationId,
    /// The register that takes the goods and gives the cash.
    pub register: RegisterId,
    /// The merchant's currency, so that the books can be named.
    pub currency: Currency,
    /// What comes back, 1 to [`LINES_MAX`].
    pub lines: Vec<NewUnreferencedLine>,
    /// Why without a sale.
    pub reason: String,
}

impl Command for CreateUnreferencedReturn {
    type Reply = UnreferencedReturn;

    fn name(&self) -> &'static str {
        "unreferenced_return.create"
    }

    fn keys(&self) -> Vec<Key> {
        let places = [Key::Merchant(self.merchant), Key::Location(self.location), Key::Register(self.register)];
        let articles = self.lines.iter().take(LINES_MAX).filter_map(|line| line.article.key(self.merchant));
        places.into_iter().chain(articles).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<UnreferencedReturn, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        self.check()?;
        let merchant = work.merchants.find(call.merchant, &self.merchant).cloned();
        let merchant = merchant.ok_or_else(|| not_found("merchant", self.merchant))?;
        if merchant.currency != self.currency {
            return Err(sale::Refusal::CurrencyMismatch { expected: merchant.currency }.into());
        }
        require_register_at(work, call, self.register, self.location)?;
        let articles = self.lines.iter().map(|line| line.article.find(work, call.merchant));
        let articles = articles.collect::<Result<Vec<_>, _>>()?;
        work.require(articles.iter().map(|id| Key::Article(*id)))?;
        let mut lines = Vec::with_capacity(self.lines.len());
        for (new, article) in self.lines.iter().zip(articles) {
            lines.push(self.price(work, call, &merchant, new, article)?);
        }
        work.require(self.counter_keys(&lines))?;
        let origin = self.origin(work, call, &merchant, lines)?;
        self.book(work, call, &origin)?;
        tell(work, call, &origin);
        work.unreferenced_returns.insert(origin.clone());
        Ok(origin)
    }
}

impl CreateUnreferencedReturn {
    /// The counters, which come into being when they are named: not before all that belongs to them is known to be there.
    fn counter_keys(&self, lines: &[UnreferencedLine]) -> Vec<Key> {
        let accounts = [LedgerAccount::Drawer(self.register), LedgerAccount::Revenue, LedgerAccount::Tax];
        let books = accounts.map(|account| Key::Balance(self.merchant, account, self.currency));
        let shelf = lines.iter().filter(|line| line.is_restocked);
        let shelf = shelf.map(|line| Key::StockLevel(self.location, line.article));
        books.into_iter().chain([Key::ReceiptSeries(self.register)]).chain(shelf).collect()
    }

    fn check(&self) -> Result<(), Refusal> {
        if !(1..=LINES_MAX).contains(&self.lines.len()) {
            return Err(Refusal::LineCountOutOfRange);
        }
        if self.reason.trim().is_empty() {
            return Err(Refusal::ReasonInvalid);
        }
        for text in self.lines.iter().map(|line| &line.price_reason).chain([&self.reason]) {
            if text.chars().count() > REASON_CHARS_MAX {
                return Err(Refusal::ReasonInvalid);
            }
            if guard::looks_like_card_number(text) {
                return Err(Refusal::TextLooksLikeCardNumber);
            }
        }
        Ok(())
    }

    /// One line, worth what the article costs now or what the manager says.
    fn price(
        &self,
        work: &UnitOfWork,
        call: &Call<'_>,
        merchant: &Merchant,
        new: &NewUnreferencedLine,
        id: ArticleId,
    ) -> Result<UnreferencedLine, Stop<command::Refusal>> {
        let article = work.articles.find(call.merchant, &id).ok_or_else(|| not_found("article", id))?;
        sale::check_goods(article, self.currency, new.quantity)?;
        let today = article.price_at(self.location, call.now);
        let unit_price = new.unit_price.unwrap_or(today);
        if !(0..=UNIT_PRICE_MAX).contains(&unit_price.0) {
            return Err(Refusal::PriceOutOfRange.into());
        }
        if unit_price > today && new.price_reason.trim().is_empty() {
            return Err(Refusal::PriceNeedsReason { article: id, today }.into());
        }
        let tax_rate = merchant.tax.rate(article.tax_class_when(Consumption::TakeAway));
        Ok(UnreferencedLine {
            article: id,
            name: article.name.clone(),
            quantity: new.quantity,
            unit_price,
            price_reason: new.price_reason.clone(),
            tax_rate: tax_rate.ok_or(sale::Refusal::TaxClassUnknown { article: id })?,
            amount_minor: line_amount(new.quantity, unit_price).map_err(Refusal::from)?,
            is_restocked: new.is_restocked && article.is_stocked,
        })
    }

    fn origin(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        merchant: &Merchant,
        lines: Vec<UnreferencedLine>,
    ) -> Result<UnreferencedReturn, Stop<command::Refusal>> {
        let mut origin = UnreferencedReturn {
            id: UnreferencedReturnId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            location: self.location,
            register: self.register,
            shift: current_shift(work, call.merchant, self.register)?,
            operator: call.operator(),
            currency: self.currency,
            tax_terms: merchant.tax.terms(),
            lines,
            total_minor: 0,
            tax_minor: 0,
            receipt_number: next_receipt_number(work, call.merchant, self.register)?,
            reason: self.reason.clone(),
            created_at: call.now,
            elsewhere: None,
            version: 1,
        };
        let totals = origin.taxes().and_then(|taxes| totals(&taxes)).map_err(Refusal::from)?;
        (origin.total_minor, origin.tax_minor) = (totals.gross_minor, totals.tax_minor);
        Ok(origin)
    }

    /// The shelf has the goods, and the drawer has the money no longer.
    fn book(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        origin: &UnreferencedReturn,
    ) -> Result<(), Stop<command::Refusal>> {
        for line in origin.lines.iter().filter(|line| line.is_restocked) {
            stock::take_back_unreferenced(work, call, origin.id, (self.location, line.article), line.quantity, None)?;
        }
        let net_minor = origin.total_minor.saturating_sub(origin.tax_minor);
        let postings = unreferenced_return_postings(LedgerAccount::Drawer(self.register), net_minor, origin.tax_minor);
        if postings.is_empty() {
            return Ok(());
        }
        let entry = JournalEntry::new(call, origin.id, origin.currency, postings);
        work.post(entry)
            .map_err(|stop| stop.map(|Overflow| command::Refusal::UnreferencedReturn(Refusal::AmountOutOfRange)))
    }
}

fn tell(work: &mut UnitOfWork, call: &mut Call<'_>, origin: &UnreferencedReturn) {
    let lines = origin.lines.iter().map(|line| LineFact {
        article: line.article,
        quantity: line.quantity,
        unit_price: line.unit_price,
        is_restocked: line.is_restocked,
    });
    let UnreferencedReturn { location, register, currency, total_minor, tax_minor, receipt_number, .. } = origin;
    let made = Made {
        receipt_number,
        location: *location,
        register: *register,
        currency: *currency,
        total_minor: *total_minor,
        tax_minor: *tax_minor,
        lines: lines.collect(),
    };
    work.emit(call, "return.unreferenced", origin.id, &made);
}

#[derive(Serialize)]
struct Made<'a> {
    receipt_number: &'a str,
    location: LocationId,
    register: RegisterId,
    currency: Currency,
    total_minor: i64,
    tax_minor: i64,
    lines: Vec<LineFact>,
}

#[derive(Serialize)]
struct LineFact {
    article: ArticleId,
    quantity: Quantity,
    unit_price: UnitPrice,
    is_restocked: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stock::MovementKind;
    use crate::testing::{BAG, LOCATION, MERCHANT, OTHER_LOCATION, REGISTER, RICE, TEA, TEA_ON_HAND, World};

    fn back(article: ArticleId, quantity: i64) -> NewUnreferencedLine {
        let (unit_price, price_reason) = (None, String::new());
        let (article, quantity) = (article.into(), Quantity(quantity));
        NewUnreferencedLine { article, quantity, unit_price, price_reason, is_restocked: true }
    }

    fn a_return(lines: &[NewUnreferencedLine]) -> CreateUnreferencedReturn {
        CreateUnreferencedReturn {
            merchant: MERCHANT,
            location: LOCATION,
            register: REGISTER,
            currency: Currency::JPY,
            lines: lines.to_vec(),
            reason: "the receipt was lost".to_owned(),
        }
    }

    fn priced(yen: i64, why: &str) -> NewUnreferencedLine {
        let (unit_price, price_reason) = (Some(UnitPrice(yen * 10_000)), why.to_owned());
        NewUnreferencedLine { unit_price, price_reason, ..back(TEA, 1_000) }
    }

    #[test]
    fn goods_go_back_on_the_shelf_and_money_out_of_the_drawer() {
        let mut world = World::new();
        world.put_label("4901234567894", RICE);
        let scanned =
            NewUnreferencedLine { article: ArticleRef::Barcode("4901234567894".to_owned()), ..back(RICE, 500) };
        let made = world.run(&a_return(&[back(TEA, 2_000), back(BAG, 1_000), scanned])).unwrap();
        // 300 and 250 with 8 %, 3 with 10 %, all included.
        assert_eq!((made.total_minor, made.tax_minor, made.receipt_number.as_str()), (553, 40, "K1-00000001"));
        assert_eq!(made.lines.iter().map(|line| line.is_restocked).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND + 2_000));
        let balances = [LedgerAccount::Drawer(REGISTER), LedgerAccount::Revenue, LedgerAccount::Tax];
        assert_eq!(balances.map(|account| world.balance(account)), [-553, 513, 40]);
        let moved = world.database.movements.rows().last().unwrap();
        assert_eq!((moved.kind, moved.quantity), (MovementKind::UnreferencedReturn(made.id), Quantity(500)));
        assert_eq!(world.event_kinds(), ["return.unreferenced"]);
        let again = world.run(&a_return(&[back(TEA, 1_000)])).unwrap();
        assert_eq!(again.receipt_number, "K1-00000002", "the series is that of sales and returns");
    }

    #[test]
    fn what_is_spoilt_does_not_go_back_on_the_shelf() {
        let mut world = World::new();
        let spoilt = NewUnreferencedLine { is_restocked: false, ..back(TEA, 1_000) };
        let made = world.run(&a_return(&[spoilt])).unwrap();
        assert_eq!((made.total_minor, world.level(TEA).on_hand), (150, Quantity(TEA_ON_HAND)));
    }

    #[test]
    fn less_than_today_is_said_and_more_is_explained() {
        let mut world = World::new();
        assert_eq!(world.run(&a_return(&[priced(100, "")])).unwrap().total_minor, 100);
        let today = UnitPrice(1_500_000);
        let refusal = Refusal::PriceNeedsReason { article: TEA, today };
        assert_eq!(world.refused(&a_return(&[priced(151, " ")])), command::Refusal::UnreferencedReturn(refusal));
        let made = world.run(&a_return(&[priced(200, "bought before the price fell")])).unwrap();
        assert_eq!((made.total_minor, made.lines[0].price_reason.as_str()), (200, "bought before the price fell"));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let one = || a_return(&[back(TEA, 1_000)]);
        let because = |reason: &str| CreateUnreferencedReturn { reason: reason.to_owned(), ..one() };
        let nowhere = RegisterId::from_uuid(uuid::Uuid::nil());
        let unknown = ArticleId::from_uuid(uuid::Uuid::nil());
        for (code, wrong) in [
            ("unreferenced_return_line_count_out_of_range", a_return(&[])),
            ("unreferenced_return_line_count_out_of_range", a_return(&vec![back(TEA, 1_000); LINES_MAX + 1])),
            ("reason_invalid", because(" ")),
            ("reason_invalid", because(&"x".repeat(501))),
            ("text_looks_like_card_number", because("card 4111 1111 1111 1111")),
            ("text_looks_like_card_number", a_return(&[priced(1, "4111 1111 1111 1111")])),
            ("quantity_out_of_range", a_return(&[back(TEA, 0)])),
            ("quantity_out_of_range", a_return(&[back(TEA, -1_000)])),
            ("quantity_not_whole", a_return(&[back(TEA, 500)])),
            ("unit_price_out_of_range", a_return(&[priced(-1, "")])),
            ("article_not_found", a_return(&[back(unknown, 1_000)])),
            ("register_elsewhere", CreateUnreferencedReturn { location: OTHER_LOCATION, ..one() }),
            ("register_not_found", CreateUnreferencedReturn { register: nowhere, ..one() }),
            ("currency_mismatch", CreateUnreferencedReturn { currency: Currency::parse("USD").unwrap(), ..one() }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&one()).code(), "role_too_low");
        assert_eq!(World::new().of_other_merchant().refused(&one()).code(), "merchant_not_found");
    }
}
