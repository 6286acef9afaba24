//! Where a merchant's events end now: the place from which somebody listens who wants only what is new.

use domain::id::MerchantId;

use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

impl Reader {
    /// The number of the merchant's last event; 0 before the first.
    pub async fn last_event_number(&self, merchant: MerchantId) -> Result<i64, EngineError> {
        let sql = "SELECT number FROM event WHERE merchant_id = $1 ORDER BY number DESC LIMIT 1";
        let rows = self.query(sql, vec![Cell::display(merchant)]).await?;
        let number =
            rows.into_iter().flatten().find_map(|cell| if let Cell::Int(number) = cell { Some(number) } else { None });
        Ok(number.unwrap_or(0))
    }
}
