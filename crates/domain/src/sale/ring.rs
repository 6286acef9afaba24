//! A whole sale in one go: rung, paid in cash and completed, decided in one round.

use super::complete::close;
use super::coupon::count_all;
use super::read::stocked_quantities;
use super::return_credit::spend;
use super::tender::{add_cash, is_free};
use super::{NewSale, Refusal, Sale, Standing, standing};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{ReturnId, SaleId};
use crate::journal::LedgerAccount;
use crate::money::Currency;
use crate::returns::{credit_keys, find_return};
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// A tender that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewTender {
    /// Coins and notes.
    Cash {
        /// How much of the sale is paid, in minor units; all that is due where it is left out.
        amount_minor: Option<i64>,
        /// What the customer hands over, in minor units.
        given_minor: i64,
    },
    /// What a return still owes.
    ReturnCredit {
        /// Which return.
        origin: ReturnId,
        /// How much of the sale is paid, in minor units; as much as is due and owed where it is left out.
        amount_minor: Option<i64>,
    },
}

/// The returns that pay among tenders that are asked for.
pub(crate) fn credits<'a>(tenders: impl IntoIterator<Item = &'a NewTender>) -> impl Iterator<Item = ReturnId> {
    tenders.into_iter().filter_map(|tender| match tender {
        NewTender::ReturnCredit { origin, .. } => Some(*origin),
        NewTender::Cash { .. } => None,
    })
}

/// Goes on only if the merchant has the returns that are to pay.
pub(crate) fn require_credits<'a>(
    work: &UnitOfWork,
    call: &Call<'_>,
    tenders: impl IntoIterator<Item = &'a NewTender>,
) -> Result<(), Stop<command::Refusal>> {
    credits(tenders).try_for_each(|origin| find_return(work, call, origin).map(drop))
}

impl NewTender {
    /// Pays its part of the sale; nothing where there is nothing to pay and nobody asks to.
    fn pay(self, work: &mut UnitOfWork, call: &mut Call<'_>, sale: &Sale) -> Result<(), Stop<command::Refusal>> {
        let (Self::Cash { amount_minor, .. } | Self::ReturnCredit { amount_minor, .. }) = self;
        if is_free(sale, amount_minor) {
            return Ok(());
        }
        match self {
            Self::Cash { amount_minor, given_minor } => {
                add_cash(work, call, sale, amount_minor, given_minor)?;
            }
            Self::ReturnCredit { origin, amount_minor } => {
                spend(work, call, sale, origin, amount_minor)?;
            }
        }
        Ok(())
    }
}

/// Rings a sale that is paid on the spot. Nothing is promised in between, so it leaves no reservation and no job.
#[derive(Debug, Clone)]
pub struct RingSale {
    /// The id that the register drew, so that a repeated request doubles nothing.
    pub id: SaleId,
    /// The currency of all amounts: the merchant's, given so that the balances can be named at once.
    pub currency: Currency,
    /// What it is asked to be.
    pub sale: NewSale,
    /// How it is paid, in order; together they cover the total.
    pub tenders: Vec<NewTender>,
}

impl Command for RingSale {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.ring"
    }

    fn keys(&self) -> Vec<Key> {
        let register = self.sale.register;
        let accounts = [LedgerAccount::Drawer(register), LedgerAccount::Revenue, LedgerAccount::Tax];
        let balances = accounts.map(|account| Key::Balance(self.sale.merchant, account, self.currency));
        let counters = [Key::Sale(self.id), Key::ReceiptSeries(register)].into_iter().chain(balances);
        let clearing = Key::Balance(self.sale.merchant, LedgerAccount::Clearing, self.currency);
        let tenders =
            credits(&self.tenders).flat_map(|origin| credit_keys(origin).into_iter().chain([clearing.clone()]));
        // Named without knowing whether there are points: that is decided in this round.
        self.sale.keys().chain(counters).chain(tenders).chain(self.sale.customer.map(Key::Points)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        require_credits(work, call, &self.tenders)?;
        let sale = price_on_the_spot(work, call, self.id, &self.sale)?;
        if sale.currency != self.currency {
            return Err(Refusal::CurrencyMismatch { expected: sale.currency }.into());
        }
        ring(work, call, &sale, self.tenders.iter().copied())
    }
}

/// The sale with its lines, priced and put down, if the goods are there.
pub(crate) fn price_on_the_spot(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    id: SaleId,
    new: &NewSale,
) -> Result<Sale, Stop<command::Refusal>> {
    let (sale, lines) = new.price(id, work, call)?;
    for (article, quantity) in stocked_quantities(&lines)? {
        stock::require_available(work, &sale, article, quantity)?;
    }
    count_all(work, &sale);
    work.sales.insert(sale.clone());
    lines.into_iter().for_each(|line| work.sale_lines.insert(line));
    Ok(sale)
}

/// Pays a sale that was priced on the spot, and completes it.
pub(crate) fn ring(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: &Sale,
    tenders: impl IntoIterator<Item = NewTender>,
) -> Result<Standing, Stop<command::Refusal>> {
    for tender in tenders {
        tender.pay(work, call, sale)?;
    }
    close(work, call, sale.id)?;
    standing(work, call.merchant, sale.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::ArticleRef;
    use crate::id::ArticleId;
    use crate::money::Quantity;
    use crate::sale::{NewLine, State};
    use crate::tax::{PriceMode, TaxRules};
    use crate::testing::{BAG, REGISTER, TEA, TEA_ON_HAND, World, a_sale, line, sale_id};

    fn cash(amount_minor: Option<i64>, given_minor: i64) -> NewTender {
        NewTender::Cash { amount_minor, given_minor }
    }

    fn a_ring(lines: &[NewLine], tenders: &[NewTender]) -> RingSale {
        RingSale { id: sale_id(1), currency: Currency::JPY, sale: a_sale(lines), tenders: tenders.to_vec() }
    }

    #[test]
    fn a_sale_is_rung_in_one_round() {
        let mut world = World::new();
        let ring = a_ring(&[line(TEA, 2_000), line(BAG, 1_000)], &[cash(Some(3), 3), cash(None, 1_000)]);
        let standing = world.run(&ring).unwrap();
        assert_eq!(world.rounds, 1);
        assert_eq!((standing.sale.state, standing.sale.total_minor, standing.due_minor), (State::Completed, 303, 0));
        assert_eq!(standing.sale.version, 1);
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND - 2_000));
        assert_eq!(world.balance(LedgerAccount::Drawer(REGISTER)), 303);
        assert_eq!(world.database.reservations.iter().count(), 0);
        assert_eq!(world.expiry_due(sale_id(1)), None);
        assert_eq!(world.event_kinds(), ["sale.completed"]);
    }

    #[test]
    fn a_line_may_name_its_article_by_a_barcode() {
        let mut world = World::new();
        world.put_label("4901234567894", TEA);
        let scanned = |text: &str| NewLine { article: ArticleRef::Barcode(text.to_owned()), quantity: Quantity(1_000) };
        let lines = [scanned("4901234567894"), scanned("04901234567894"), line(BAG, 1_000)];
        let standing = world.run(&a_ring(&lines, &[cash(None, 303)])).unwrap();
        assert_eq!(world.rounds, 2);
        let articles: Vec<_> = standing.lines.iter().map(|line| line.article).collect();
        assert_eq!(articles, [TEA, TEA, BAG]);
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND - 2_000));
        for (text, code) in
            [("49012347", "barcode_unknown"), ("4901234567895", "barcode_check_digit_wrong"), ("", "barcode_invalid")]
        {
            let ring = RingSale { id: sale_id(2), ..a_ring(&[scanned(text)], &[cash(None, 150)]) };
            assert_eq!(world.refused(&ring).code(), code);
        }
    }

    #[test]
    fn receipt_numbers_follow_each_other_without_a_gap() {
        let mut world = World::new();
        for number in 1..=3 {
            let ring = RingSale { id: sale_id(number), ..a_ring(&[line(BAG, 1_000)], &[cash(None, 3)]) };
            let sale = world.run(&ring).unwrap().sale;
            assert_eq!(sale.receipt_number, Some(format!("K1-{number:08}")));
            assert_eq!(world.refused(&ring).code(), "sale_exists");
        }
    }

    #[test]
    fn a_free_sale_is_completed_without_a_tender() {
        let mut world = World::new();
        world.change_article(BAG, |bag| bag.unit_price.0 = 0);
        let standing = world.run(&a_ring(&[line(BAG, 1_000)], &[])).unwrap();
        assert_eq!((standing.sale.state, standing.tenders.len()), (State::Completed, 0));
        let again = RingSale { id: sale_id(2), ..a_ring(&[line(BAG, 1_000)], &[cash(None, 0)]) };
        assert_eq!(world.run(&again).unwrap().tenders.len(), 0);
        assert!(world.database.journal_entries.rows().is_empty());
    }

    #[test]
    fn tax_is_rounded_once_per_rate_and_comes_on_top_of_exclusive_prices() {
        let mut world = World::new();
        world.change_article(BAG, |bag| bag.unit_price.0 = 1_050_000);
        world.change_tax(TaxRules { price_mode: PriceMode::Exclusive, ..TaxRules::japan() });
        let standing = world.run(&a_ring(&vec![line(BAG, 1_000); 3], &[cash(None, 346)])).unwrap();
        // 31 once, not 10 three times.
        assert_eq!((standing.sale.tax_minor, standing.sale.total_minor), (31, 346));
        assert_eq!(world.balance(LedgerAccount::Revenue), -315);
    }

    #[test]
    fn what_was_sold_keeps_its_tax_when_the_rules_change() {
        let mut world = World::new();
        world.run(&a_ring(&[line(TEA, 1_000)], &[cash(None, 150)])).unwrap();
        let before = world.standing(sale_id(1));
        world.change_tax(TaxRules { price_mode: PriceMode::Exclusive, ..TaxRules::japan() });
        assert_eq!(world.standing(sale_id(1)), before);
        let later = RingSale { id: sale_id(2), ..a_ring(&[line(TEA, 1_000)], &[cash(None, 162)]) };
        assert_eq!(world.run(&later).unwrap().taxes[0].tax_minor, 12);
    }

    #[test]
    fn a_level_that_was_read_of_an_article_that_is_not_counted_stays_as_it_is() {
        let mut world = World::new();
        world.run(&a_ring(&[line(BAG, 1_000)], &[cash(None, 3)])).unwrap();
        assert!(world.database.movements.rows().iter().all(|movement| movement.article != BAG));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let (tea, exact) = (|| line(TEA, 1_000), cash(None, 150));
        let usd = Currency::parse("USD").unwrap();
        let unknown = ArticleId::from_uuid(uuid::Uuid::nil());
        for (code, wrong) in [
            ("sale_not_paid", a_ring(&[tea()], &[])),
            ("sale_not_paid", a_ring(&[tea()], &[cash(Some(149), 149)])),
            ("sale_nothing_due", a_ring(&[tea()], &[exact, exact])),
            ("cash_too_little", a_ring(&[tea()], &[cash(None, 149)])),
            ("tender_exceeds_due", a_ring(&[tea()], &[cash(Some(151), 151)])),
            ("sale_empty", a_ring(&[], &[])),
            ("stock_insufficient", a_ring(&[line(TEA, TEA_ON_HAND), tea()], &[exact])),
            ("article_not_found", a_ring(&[line(unknown, 1)], &[exact])),
            ("currency_mismatch", RingSale { currency: usd, ..a_ring(&[tea()], &[exact]) }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Viewer).refused(&a_ring(&[tea()], &[exact])).code(), "role_too_low");
        assert_eq!(World::new().of_other_merchant().refused(&a_ring(&[tea()], &[exact])).code(), "merchant_not_found");
    }
}
