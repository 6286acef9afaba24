//! What the hub reads of operators.

use domain::id::{MerchantId, OperatorId};
use domain::operator::Operator;

use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

impl Reader {
    /// One operator.
    pub async fn find_operator(&self, merchant: MerchantId, id: OperatorId) -> Result<Option<Operator>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// The operator of a code, in its one spelling.
    pub async fn find_operator_by_code(
        &self,
        merchant: MerchantId,
        code: String,
    ) -> Result<Option<Operator>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::Text(code.into())];
        Ok(self.list("WHERE merchant_id = $1 AND code = $2", params).await?.into_iter().next())
    }

    /// The operator of a badge.
    pub async fn find_operator_by_badge(
        &self,
        merchant: MerchantId,
        badge: String,
    ) -> Result<Option<Operator>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::Text(badge.into())];
        Ok(self.list("WHERE merchant_id = $1 AND badge = $2", params).await?.into_iter().next())
    }

    /// A page of the merchant's operators after an id.
    pub async fn list_operators(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Operator>, EngineError> {
        self.page(merchant, after, limit).await
    }
}
