//! What the hub reads of the mPOS gateway API: who is let in by a number, the order behind an id, what is to be told, and what
//! a day amounts to.

use domain::id::{MerchantId, MposEndpointId};
use domain::mpos::{MposClose, MposEndpoint, MposOrder};
use domain::payment::Operation;
use domain::time::Timestamp;

use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;
use crate::record::Stored;
use crate::table::RowReader;

/// What the day of an endpoint amounts to, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MposDay {
    /// Purchases and captures that were approved.
    pub sales: i64,
    /// What they come to.
    pub sales_minor: i64,
    /// Refunds, and voids of what was taken, that were approved.
    pub reversals: i64,
    /// What they come to.
    pub reversals_minor: i64,
}

/// Approved operations of an endpoint's orders that were asked for between two instants. A void of a promise gives no money
/// back.
const DAY: &str = "SELECT o.kind, COUNT(*), CAST(SUM(o.approved_minor) AS BIGINT) FROM mpos_order m
    JOIN operation o ON o.payment_id = m.payment_id
    WHERE m.endpoint_id = $1 AND m.merchant_id = $2 AND o.state = 'approved' AND o.recorded_at > $3 AND o.recorded_at <= $4
    AND (o.kind IN ('purchase', 'capture', 'refund')
        OR (o.kind = 'void' AND EXISTS (SELECT 1 FROM operation c WHERE c.payment_id = o.payment_id
            AND c.kind IN ('purchase', 'capture') AND c.state = 'approved')))
    GROUP BY o.kind ORDER BY o.kind";

impl Reader {
    /// One endpoint.
    pub async fn find_mpos_endpoint(
        &self,
        merchant: MerchantId,
        id: MposEndpointId,
    ) -> Result<Option<MposEndpoint>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// The endpoint behind a number, of any merchant: it says whose key a request has to be signed with.
    pub async fn find_mpos_endpoint_by_number(&self, number: i64) -> Result<Option<MposEndpoint>, EngineError> {
        Ok(self.list("WHERE number = $1", vec![Cell::Int(number)]).await?.into_iter().next())
    }

    /// The endpoints of a group, of any merchant.
    pub async fn list_mpos_endpoints_of_group(&self, group: i64, limit: i64) -> Result<Vec<MposEndpoint>, EngineError> {
        self.list("WHERE group_number = $1 ORDER BY id LIMIT $2", vec![Cell::Int(group), Cell::Int(limit)]).await
    }

    /// A page of the merchant's endpoints after an id.
    pub async fn list_mpos_endpoints(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<MposEndpoint>, EngineError> {
        self.page(merchant, after, limit).await
    }

    /// How many endpoints the merchant has.
    pub async fn count_mpos_endpoints(&self, merchant: MerchantId) -> Result<i64, EngineError> {
        self.count("SELECT COUNT(*) FROM mpos_endpoint WHERE merchant_id = $1", vec![Cell::display(merchant)]).await
    }

    /// The order of an endpoint under the id of the software that asked.
    pub async fn find_mpos_order(
        &self,
        endpoint: MposEndpointId,
        client_order_id: &str,
    ) -> Result<Option<MposOrder>, EngineError> {
        let params = vec![Cell::display(endpoint), Cell::Text(client_order_id.to_owned().into())];
        Ok(self.list("WHERE endpoint_id = $1 AND client_order_id = $2", params).await?.into_iter().next())
    }

    /// The orders of all merchants of which something may have to be told at `now`.
    pub async fn list_due_mpos_orders(&self, now: Timestamp, limit: i64) -> Result<Vec<MposOrder>, EngineError> {
        let params = vec![Cell::Int(now.0), Cell::Int(limit)];
        self.list("WHERE due_at <= $1 ORDER BY due_at, endpoint_id, client_order_id LIMIT $2", params).await
    }

    /// What lies between two closes of an endpoint.
    pub async fn mpos_day(&self, close: &MposClose) -> Result<MposDay, EngineError> {
        let since = close.since.map_or(0, |at| at.0);
        let params = vec![
            Cell::display(close.endpoint),
            Cell::display(close.merchant),
            Cell::Int(since),
            Cell::Int(close.closed_at.0),
        ];
        let mut day = MposDay::default();
        for row in self.query(DAY, params).await? {
            let mut row = RowReader::new(Operation::TABLE, row);
            let (kind, count, minor) = (row.text()?, row.int()?, row.int()?);
            let (counted, summed) = match kind.as_str() {
                "purchase" | "capture" => (&mut day.sales, &mut day.sales_minor),
                _ => (&mut day.reversals, &mut day.reversals_minor),
            };
            *counted += count;
            *summed += minor;
        }
        Ok(day)
    }
}
