//! What the hub reads of the SmartConnect-compatible API.

use domain::id::{MerchantId, RegisterId, SmartconnectId, TerminalId};
use domain::smartconnect::{Access, PosIdentity, PosRegister, Transaction};

use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

impl Reader {
    /// Whether a merchant lets POS software in that has no key.
    pub async fn find_smartconnect_access(&self, merchant: MerchantId) -> Result<Access, EngineError> {
        let found = self.list("WHERE merchant_id = $1", vec![Cell::display(merchant)]).await?.into_iter().next();
        Ok(found.unwrap_or_else(|| Access::off(merchant)))
    }

    /// The register that goes by three texts, whoever owns it: POS software names no merchant.
    pub async fn find_pos_register(&self, identity: &PosIdentity) -> Result<Option<PosRegister>, EngineError> {
        let PosIdentity { register, business, vendor } = identity;
        let params = [register, business, vendor].map(|text| Cell::Text(text.clone().into())).to_vec();
        let tail = "WHERE pos_register_id = $1 AND business_name = $2 AND vendor_name = $3";
        Ok(self.list(tail, params).await?.into_iter().next())
    }

    /// What a register of ours goes by, if it goes by name.
    pub async fn find_pos_register_of(
        &self,
        merchant: MerchantId,
        register: RegisterId,
    ) -> Result<Option<PosRegister>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(register)];
        Ok(self.list("WHERE merchant_id = $1 AND register_id = $2", params).await?.into_iter().next())
    }

    /// The merchant's registers that go by the same id and vendor, and another business.
    pub async fn list_namesakes(
        &self,
        merchant: MerchantId,
        identity: &PosIdentity,
    ) -> Result<Vec<PosRegister>, EngineError> {
        let PosIdentity { register, business, vendor } = identity;
        let texts = [register, business, vendor].map(|text| Cell::Text(text.clone().into()));
        let params = [Cell::display(merchant)].into_iter().chain(texts).collect();
        let tail = "WHERE merchant_id = $1 AND pos_register_id = $2 AND business_name <> $3 AND vendor_name = $4 \
                    ORDER BY register_id LIMIT 20";
        self.list(tail, params).await
    }

    /// One transaction of a merchant.
    pub async fn find_smartconnect_transaction(
        &self,
        merchant: MerchantId,
        id: SmartconnectId,
    ) -> Result<Option<Transaction>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// One transaction, whoever owns it: for a polling URL, whose token opens it.
    pub async fn find_smartconnect_transaction_of_any(
        &self,
        id: SmartconnectId,
    ) -> Result<Option<Transaction>, EngineError> {
        Ok(self.list("WHERE id = $1", vec![Cell::display(id)]).await?.into_iter().next())
    }

    /// The last transaction of a terminal that moved money.
    pub async fn find_last_transaction(
        &self,
        merchant: MerchantId,
        terminal: TerminalId,
    ) -> Result<Option<Transaction>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(terminal)];
        let tail = "WHERE merchant_id = $1 AND terminal_id = $2 AND operation_id IS NOT NULL ORDER BY id DESC LIMIT 1";
        Ok(self.list(tail, params).await?.into_iter().next())
    }

    /// The transactions of a sale that moved money, the last first.
    pub async fn list_transactions_of_sale(
        &self,
        merchant: MerchantId,
        sale_id: &str,
    ) -> Result<Vec<Transaction>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::Text(sale_id.to_owned().into())];
        let tail = "WHERE merchant_id = $1 AND sale_id = $2 AND operation_id IS NOT NULL ORDER BY id DESC LIMIT 20";
        self.list(tail, params).await
    }
}
