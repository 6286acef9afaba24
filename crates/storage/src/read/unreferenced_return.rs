//! What the hub reads of goods that came back without their sale.

use domain::id::{MerchantId, UnreferencedReturnId};
use domain::unreferenced_return::UnreferencedReturn;

use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

impl Reader {
    /// One of them.
    pub async fn find_unreferenced_return(
        &self,
        merchant: MerchantId,
        id: UnreferencedReturnId,
    ) -> Result<Option<UnreferencedReturn>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// A page of the merchant's after an id.
    pub async fn list_unreferenced_returns(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<UnreferencedReturn>, EngineError> {
        self.page(merchant, after, limit).await
    }
}
