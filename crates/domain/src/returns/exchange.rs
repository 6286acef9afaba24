//! Goods come back and others are taken along, in one commit: a return whose worth pays for a sale as far as it reaches.
//! What it does not pay the customer pays; what is left of it goes back to the customer. Both are documents of their own.

use super::credit::credit_keys;
use super::history::standing;
use super::{CreateReturn, Moved};
use crate::call::Call;
use crate::command::{self, Command};
use crate::id::{ReturnId, SaleId};
use crate::journal::LedgerAccount;
use crate::money::Currency;
use crate::sale::{
    self, NewSale, NewTender, Sale, credits, find_sale, open, pay_with_credit, price_on_the_spot, require_credits, ring,
};
use crate::work::{Key, Stop, UnitOfWork};

/// Takes goods back and sells others.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What comes back, and how what is left of its worth goes back.
    pub back: CreateReturn,
    /// The id of the sale that the register drew, so that a repeated request doubles nothing.
    pub id: SaleId,
    /// The currency of all amounts: the merchant's, given so that the balances can be named at once.
    pub currency: Currency,
    /// What is taken along.
    pub sale: NewSale,
    /// How what the return does not pay is paid on the spot. Without them the sale is left open with what is due, and is
    /// completed at once where nothing is.
    pub tenders: Option<Vec<NewTender>>,
}

/// An exchange as it leaves the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// The return, with what the sender has to do.
    pub moved: Moved,
    /// The sale.
    pub sale: sale::Standing,
}

impl Command for Exchange {
    type Reply = Exchanged;

    fn name(&self) -> &'static str {
        "return.exchange"
    }

    /// The records of both, and those of the end of the sale, so that neither has to ask for them.
    fn keys(&self) -> Vec<Key> {
        let (merchant, register) = (self.sale.merchant, self.sale.register);
        let accounts =
            [LedgerAccount::Drawer(register), LedgerAccount::Clearing, LedgerAccount::Revenue, LedgerAccount::Tax];
        let balances = accounts.map(|account| Key::Balance(merchant, account, self.currency));
        let own = [Key::Sale(self.id), Key::Job(Sale::expiry_job(self.id))];
        let points = self.sale.customer.map(Key::Points);
        let credits = credits(self.tenders.iter().flatten()).flat_map(credit_keys);
        self.back
            .keys()
            .into_iter()
            .chain(self.sale.keys())
            .chain(balances)
            .chain(own)
            .chain(points)
            .chain(credits)
            .collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Exchanged, Stop<command::Refusal>> {
        require_credits(work, call, self.tenders.iter().flatten())?;
        let taken = self.back.take(work, call)?;
        let origin = taken.origin.id;
        self.sell(work, call, origin, taken.origin.total_minor > 0)?;
        let tasks = self.back.give_back(work, call, &taken)?;
        let moved = Moved { standing: standing(work, call, origin)?, tasks };
        Ok(Exchanged { moved, sale: sale::standing(work, call.merchant, self.id)? })
    }
}

impl Exchange {
    /// Sells the goods, paid as far as the return is worth something.
    fn sell(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        origin: ReturnId,
        has_worth: bool,
    ) -> Result<(), Stop<command::Refusal>> {
        let credit = NewTender::ReturnCredit { origin, amount_minor: None };
        let credit = Some(credit).filter(|_| has_worth);
        let Some(tenders) = &self.tenders else {
            open(work, call, self.id, &self.sale)?;
            let sale = find_sale(work, call.merchant, self.id)?.clone();
            return match sale.total_minor {
                1.. if has_worth => pay_with_credit(work, call, &sale, origin, None),
                _ => Ok(()),
            };
        };
        let sale = price_on_the_spot(work, call, self.id, &self.sale)?;
        self.check_currency(&sale)?;
        ring(work, call, &sale, credit.into_iter().chain(tenders.iter().copied()))?;
        Ok(())
    }

    fn check_currency(&self, sale: &Sale) -> Result<(), sale::Refusal> {
        if sale.currency == self.currency {
            return Ok(());
        }
        Err(sale::Refusal::CurrencyMismatch { expected: sale.currency })
    }
}
