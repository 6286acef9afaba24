//! What the hub reads of terminals.

use domain::id::{MerchantId, RegisterId, TerminalId};
use domain::payment::Operation;
use domain::terminal::{Entry, Pairing, Terminal};
use domain::time::Timestamp;

use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

impl Reader {
    /// One terminal.
    pub async fn find_terminal(&self, merchant: MerchantId, id: TerminalId) -> Result<Option<Terminal>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// One terminal, whoever owns it: for a device that proves its key.
    pub async fn find_terminal_of_any(&self, id: TerminalId) -> Result<Option<Terminal>, EngineError> {
        Ok(self.list("WHERE id = $1", vec![Cell::display(id)]).await?.into_iter().next())
    }

    /// The terminal that is expected with a token, by the keyed hash of it, whoever owns it.
    pub async fn find_expected_terminal(&self, token: &[u8]) -> Result<Option<Terminal>, EngineError> {
        let params = vec![Cell::Bytes(token.to_vec().into())];
        Ok(self.list("WHERE enrolment_token = $1", params).await?.into_iter().next())
    }

    /// The terminal that shows a pairing code, by the keyed hash of it, whoever owns it.
    pub async fn find_terminal_by_code(&self, code: &[u8]) -> Result<Option<Terminal>, EngineError> {
        let params = vec![Cell::Bytes(code.to_vec().into())];
        Ok(self.list("WHERE pairing_code = $1", params).await?.into_iter().next())
    }

    /// The terminal that is paired with a register.
    pub async fn find_terminal_of_register(
        &self,
        merchant: MerchantId,
        register: RegisterId,
    ) -> Result<Option<Terminal>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(register)];
        let tail = "WHERE merchant_id = $1 AND id = (SELECT terminal_id FROM pairing WHERE register_id = $2)";
        Ok(self.list(tail, params).await?.into_iter().next())
    }

    /// The place of a terminal beside a register, if it ever had one.
    pub async fn find_pairing(
        &self,
        merchant: MerchantId,
        register: RegisterId,
    ) -> Result<Option<Pairing>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(register)];
        Ok(self.list("WHERE merchant_id = $1 AND register_id = $2", params).await?.into_iter().next())
    }

    /// A page of the merchant's terminals after an id.
    pub async fn list_terminals(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Terminal>, EngineError> {
        self.page(merchant, after, limit).await
    }

    /// How many terminals the merchant has, those that were retired left out.
    pub async fn count_terminals(&self, merchant: MerchantId) -> Result<i64, EngineError> {
        let sql = "SELECT COUNT(*) FROM terminal WHERE merchant_id = $1 AND state <> 'retired'";
        self.count(sql, vec![Cell::display(merchant)]).await
    }

    /// A page of a terminal's history after an entry, the oldest first.
    pub async fn list_terminal_entries(
        &self,
        merchant: MerchantId,
        terminal: TerminalId,
        after: u32,
        limit: i64,
    ) -> Result<Vec<Entry>, EngineError> {
        let params =
            vec![Cell::display(merchant), Cell::display(terminal), Cell::Int(i64::from(after)), Cell::Int(limit)];
        let tail = "WHERE merchant_id = $1 AND terminal_id = $2 AND number > $3 ORDER BY number LIMIT $4";
        self.list(tail, params).await
    }

    /// What has no end yet of all that terminals were asked for since then, the latest first: of all merchants, for the hub at
    /// which a terminal hangs.
    pub async fn list_open_at_terminals(&self, since: Timestamp, limit: i64) -> Result<Vec<Operation>, EngineError> {
        let tail = "WHERE terminal_id IS NOT NULL AND state IN ('recorded', 'sent', 'unknown', 'not_found', 'pending') \
                    AND recorded_at >= $1 ORDER BY recorded_at DESC LIMIT $2";
        self.list(tail, vec![Cell::Int(since.0), Cell::Int(limit)]).await
    }
}
