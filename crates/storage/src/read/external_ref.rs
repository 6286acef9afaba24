//! What the hub reads of external references: what an id of another system stands for, and under which ids other systems know
//! a record.

use domain::external_ref::{ExternalId, ExternalRef, Kind, Subject};
use domain::id::{MerchantId, MovementId};
use domain::stock::Movement;
use domain::time::Timestamp;

use super::stock::first_id;
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;
use crate::record::{MOVEMENT, movement};
use crate::sql::columns;

/// References of one record that are read: more than anybody gives it, and a page all the same.
pub const REFS_READ_MAX: i64 = 200;

/// Those that are read with a record, by its id and merchant.
pub(super) const READ_WITH: &str =
    "WHERE read_with = $1 AND merchant_id = $2 ORDER BY system, external_id, kind LIMIT 200";

impl Reader {
    /// What an id of another system stands for: one record of each kind at most.
    pub async fn list_external_subjects(
        &self,
        merchant: MerchantId,
        external: &ExternalId,
    ) -> Result<Vec<ExternalRef>, EngineError> {
        self.list("WHERE merchant_id = $1 AND system = $2 AND external_id = $3 ORDER BY kind", of(merchant, external))
            .await
    }

    /// The record of one kind that an id of another system stands for.
    pub async fn find_external_subject(
        &self,
        merchant: MerchantId,
        external: &ExternalId,
        kind: Kind,
    ) -> Result<Option<Subject>, EngineError> {
        let mut params = of(merchant, external);
        params.push(Cell::text(kind.as_str()));
        let tail = "WHERE merchant_id = $1 AND system = $2 AND external_id = $3 AND kind = $4";
        let found: Vec<ExternalRef> = self.list(tail, params).await?;
        Ok(found.into_iter().next().map(|found| found.subject))
    }

    /// Under which ids other systems know a record, and what is read with it.
    pub async fn list_external_refs(
        &self,
        merchant: MerchantId,
        record: &str,
    ) -> Result<Vec<ExternalRef>, EngineError> {
        self.list(READ_WITH, vec![Cell::Text(record.to_owned().into()), Cell::display(merchant)]).await
    }

    /// The same of several records, a page of them at most.
    pub async fn list_external_refs_of(
        &self,
        merchant: MerchantId,
        records: &[String],
    ) -> Result<Vec<ExternalRef>, EngineError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (2..records.len() + 2).map(|place| format!("${place}")).collect();
        let tail = format!(
            "WHERE merchant_id = $1 AND read_with IN ({}) ORDER BY system, external_id, kind",
            places.join(", ")
        );
        let records = records.iter().map(|record| Cell::Text(record.clone().into()));
        self.list(&tail, std::iter::once(Cell::display(merchant)).chain(records).collect()).await
    }

    /// What was booked by hand in one request, by its first movement, in the order of its lines. They were recorded at one
    /// instant, which stands in their ids.
    pub async fn list_document(&self, merchant: MerchantId, first: MovementId) -> Result<Vec<Movement>, EngineError> {
        let recorded_at = Timestamp(i64::try_from(first.uuid().as_u128() >> 80).unwrap_or_default());
        let columns = columns(&MOVEMENT);
        let sql = format!(
            "SELECT {columns} FROM movement WHERE merchant_id = $1 AND kind <> 'sale' AND id >= $2 AND id < $3 \
             AND document_id = $2 ORDER BY id"
        );
        let after = first_id(recorded_at.plus_ms(1));
        let params = vec![Cell::display(merchant), Cell::display(first), Cell::display(after)];
        Ok(self.query(sql, params).await?.into_iter().map(movement).collect::<Result<_, _>>()?)
    }
}

fn of(merchant: MerchantId, external: &ExternalId) -> Vec<Cell<'static>> {
    let text = |text: &str| Cell::Text(text.to_owned().into());
    vec![Cell::display(merchant), text(external.system()), text(external.id())]
}
