//! The parked sales that wait at the locations of a merchant.

use domain::id::{LocationId, MerchantId};
use domain::sale::{ParkedSale, Sale};

use super::PAGE_MAX;
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;
use crate::record::Stored;
use crate::table::RowReader;

impl Reader {
    /// A page of what waits after the id of a sale, at one location or at all, each with its sale without its parts.
    pub async fn list_parked_sales(
        &self,
        merchant: MerchantId,
        location: Option<LocationId>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(ParkedSale, Sale)>, EngineError> {
        let columns = |alias: &str, table: &crate::table::Table| {
            table.columns.iter().map(|(name, _)| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ")
        };
        let (parked, sale) = (columns("p", ParkedSale::TABLE), columns("s", Sale::TABLE));
        let sql = format!(
            "SELECT {parked}, {sale} FROM parked_sale p JOIN sale s ON s.id = p.sale_id \
             WHERE p.merchant_id = $1 AND p.taken_up_at IS NULL AND p.sale_id > $2 AND (p.location_id = $3 OR $3 = '') \
             ORDER BY p.sale_id LIMIT $4"
        );
        let params = vec![
            Cell::display(merchant),
            Cell::Text(after.to_owned().into()),
            Cell::Text(location.map(|location| location.to_string()).unwrap_or_default().into()),
            Cell::Int(limit.clamp(1, PAGE_MAX)),
        ];
        let rows = self.query(sql, params).await?;
        rows.into_iter()
            .map(|row| {
                let mut row = RowReader::new(ParkedSale::TABLE, row);
                Ok((ParkedSale::read(&mut row)?, Sale::read(&mut row)?))
            })
            .collect()
    }
}
