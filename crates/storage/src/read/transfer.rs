//! What the hub reads of transfers.

use domain::id::{LocationId, MerchantId, TransferId};
use domain::transfer::{Transfer, TransferLine, WholeTransfer};

use super::{query, records};
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

/// Which transfers a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransferFilter {
    /// Those that leave one location.
    pub from: Option<LocationId>,
    /// Those that arrive at one location.
    pub to: Option<LocationId>,
    /// Those in one state, by its word.
    pub state: Option<&'static str>,
    /// Those of which something never came, or those of which nothing is missing.
    pub has_missing: Option<bool>,
}

impl Reader {
    /// A transfer with its lines, by article.
    pub async fn find_transfer(
        &self,
        merchant: MerchantId,
        id: TransferId,
    ) -> Result<Option<WholeTransfer>, EngineError> {
        let params = || vec![Cell::display(id), Cell::display(merchant)];
        let of_transfer = "WHERE transfer_id = $1 AND merchant_id = $2 AND quantity > 0 ORDER BY article_id";
        let queries = vec![
            query::<Transfer>("WHERE id = $1 AND merchant_id = $2", params()),
            query::<TransferLine>(of_transfer, params()),
        ];
        let mut answers = self.run(queries).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let (heads, lines) = (records::<Transfer>(next())?, records(next())?);
        Ok(heads.into_iter().next().map(|transfer| WholeTransfer { transfer, lines }))
    }

    /// A page of the merchant's transfers after an id, without their lines.
    pub async fn list_transfers(
        &self,
        merchant: MerchantId,
        filter: &TransferFilter,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Transfer>, EngineError> {
        let wanted = [
            ("from_location_id", filter.from.map(Cell::display)),
            ("to_location_id", filter.to.map(Cell::display)),
            ("state", filter.state.map(Cell::text)),
            ("(lines_missing > 0)", filter.has_missing.map(Cell::Bool)),
        ];
        self.page_of(merchant, wanted, after, limit).await
    }
}
