//! Goods that come back and nobody knows with which sale: no receipt, another system, too long ago. A manager takes them, says
//! why, and gives the money out of the drawer; what they are worth is a price of today and not what was paid, which nobody
//! knows. It never counts against what may come back of a sale.

mod create;
mod record;
mod refusal;

pub use create::{CreateUnreferencedReturn, NewUnreferencedLine};
pub use record::RecordUnreferencedReturn;
pub use refusal::Refusal;

use serde::{Deserialize, Serialize};

use crate::elsewhere::Elsewhere;
use crate::id::{ArticleId, LocationId, MerchantId, OperatorId, RegisterId, UnreferencedReturnId};
use crate::money::{Currency, Overflow, Quantity, UnitPrice};
use crate::tax::{TaxRate, TaxTerms, TaxTotal, tax_totals};
use crate::time::Timestamp;

/// Most lines of one: what one customer carries; its row holds them all.
pub const LINES_MAX: usize = 100;

/// Goods that came back without their sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreferencedReturn {
    /// Its id.
    pub id: UnreferencedReturnId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where the goods came back.
    pub location: LocationId,
    /// The register that took them and gave the cash.
    pub register: RegisterId,
    /// The number of that register's shift.
    pub shift: Option<u32>,
    /// Who was signed in there.
    pub operator: Option<OperatorId>,
    /// The currency of all its amounts: the merchant's.
    pub currency: Currency,
    /// How its amounts become tax: the merchant's terms of that moment.
    pub tax_terms: TaxTerms,
    /// What came back.
    pub lines: Vec<UnreferencedLine>,
    /// What was given back, tax included, in minor units.
    pub total_minor: i64,
    /// The tax of it, in minor units.
    pub tax_minor: i64,
    /// Its number in the series of the register's receipts.
    pub receipt_number: String,
    /// Why there is no sale, and why the goods were taken all the same; guarded against card numbers.
    pub reason: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// That it was made elsewhere: then no drawer has given anything for it.
    pub elsewhere: Option<Elsewhere>,
    /// Row version.
    pub version: i64,
}

/// One article that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreferencedLine {
    /// What.
    pub article: ArticleId,
    /// Its name at that moment.
    pub name: String,
    /// How much.
    pub quantity: Quantity,
    /// What one unit was taken for.
    pub unit_price: UnitPrice,
    /// Why that is above the article's price of that moment; empty where it is not.
    pub price_reason: String,
    /// Tax rate of the line: that of goods to take away.
    pub tax_rate: TaxRate,
    /// What the line comes to as priced, in minor units.
    pub amount_minor: i64,
    /// It went back on the shelf; what is spoilt or not counted did not.
    pub is_restocked: bool,
}

impl UnreferencedReturn {
    /// What each tax rate amounts to.
    pub fn taxes(&self) -> Result<Vec<TaxTotal>, Overflow> {
        let amounts: Vec<_> = self.lines.iter().map(|line| (line.tax_rate, line.amount_minor)).collect();
        tax_totals(&amounts, self.tax_terms)
    }
}
