//! What the hub reads of webhooks: which endpoints there is anything to do for, what is due to one, and the pages that a
//! merchant looks at.

use domain::id::{EventId, MerchantId, WebhookDeliveryId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook_delivery::WebhookDelivery;
use domain::webhook_endpoint::{State, WebhookEndpoint};

use super::PAGE_MAX;
use crate::cell::Cell;
use crate::engine::Row;
use crate::error::EngineError;
use crate::reader::Reader;
use crate::record::Stored;
use crate::table::RowReader;

/// An endpoint that there is something to do for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointWork {
    /// Which endpoint.
    pub id: WebhookEndpointId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Whether there are events after its cursor.
    pub is_behind: bool,
    /// Whether deliveries of it are due and nobody has the turn.
    pub has_due: bool,
}

/// A delivery that is due, with what its event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    /// The delivery.
    pub delivery: WebhookDelivery,
    /// The event's data, JSON, an object; a test event has none.
    pub data: Option<String>,
    /// When the event was recorded.
    pub recorded_at: Option<Timestamp>,
}

/// Which deliveries a page has.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Those to one endpoint.
    pub endpoint: Option<WebhookEndpointId>,
    /// Those in one state.
    pub state: Option<&'static str>,
    /// Those of one event.
    pub event: Option<EventId>,
}

/// Endpoints of one look: four times as many as a hub sees to at once. The rest is found when some of these are done.
const ENDPOINTS_MAX: i64 = 2_048;

/// Endpoints that may be sent to. A deleted one is seen to until nothing is on its way to it.
const WORK: &str = "WITH work AS (
    SELECT e.id, e.merchant_id,
        e.state = 'active' AND e.cursor_number < COALESCE(
            (SELECT c.event_number FROM merchant_counter c WHERE c.merchant_id = e.merchant_id), 0) AS is_behind,
        (e.state = 'deleted' OR e.paused_until IS NULL OR e.paused_until <= $1)
            AND EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.endpoint_id = e.id AND d.due_at <= $1)
            AND NOT EXISTS (SELECT 1 FROM job j
                WHERE j.kind = 'deliver_webhooks' AND j.subject = e.id AND j.due_at > $1) AS has_due
    FROM webhook_endpoint e WHERE e.state IN ('active', 'deleted'))
    SELECT id, merchant_id, is_behind, has_due FROM work WHERE is_behind OR has_due ORDER BY id LIMIT $2";

/// The due deliveries of one endpoint, the oldest first.
const DUE: &str = "FROM webhook_delivery d LEFT JOIN event e ON e.merchant_id = d.merchant_id AND e.number = d.number
    WHERE d.endpoint_id = $1 AND d.due_at <= $2";

/// Nothing of the same subject that came before is still on its way.
const IS_NEXT_OF_ITS_SUBJECT: &str = "AND NOT EXISTS (SELECT 1 FROM webhook_delivery b
    WHERE b.endpoint_id = d.endpoint_id AND b.subject = d.subject AND b.due_at IS NOT NULL AND b.number < d.number)";

impl Reader {
    /// The endpoints of all merchants that there is anything to do for at `now`, as far as they fit into one look.
    pub async fn list_webhook_work(&self, now: Timestamp) -> Result<Vec<EndpointWork>, EngineError> {
        let rows = self.query(WORK, vec![Cell::Int(now.0), Cell::Int(ENDPOINTS_MAX)]).await?;
        rows.into_iter().map(endpoint_work).collect()
    }

    /// What is due to an endpoint at `now`, the oldest first; where it is `is_ordered`, of each subject the first.
    pub async fn list_due_deliveries(
        &self,
        endpoint: &WebhookEndpoint,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<DueDelivery>, EngineError> {
        let columns: Vec<String> = WebhookDelivery::TABLE.columns.iter().map(|(name, _)| format!("d.{name}")).collect();
        let order = if endpoint.is_ordered { IS_NEXT_OF_ITS_SUBJECT } else { "" };
        let columns = columns.join(", ");
        let sql =
            format!("SELECT {columns}, e.data, e.recorded_at {DUE} {order} ORDER BY d.due_at, d.number, d.id LIMIT $3");
        let params = vec![Cell::display(endpoint.id), Cell::Int(now.0), Cell::Int(limit.clamp(1, PAGE_MAX))];
        self.query(sql, params).await?.into_iter().map(due_delivery).collect()
    }

    /// How many deliveries wait for an endpoint, counted up to `max`.
    pub async fn count_pending_deliveries(&self, endpoint: WebhookEndpointId, max: i64) -> Result<i64, EngineError> {
        let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM webhook_delivery \
                   WHERE endpoint_id = $1 AND due_at IS NOT NULL LIMIT $2) AS pending";
        self.count(sql, vec![Cell::display(endpoint), Cell::Int(max)]).await
    }

    /// How many endpoints the merchant has.
    pub async fn count_webhook_endpoints(&self, merchant: MerchantId) -> Result<i64, EngineError> {
        let sql = "SELECT COUNT(*) FROM webhook_endpoint WHERE merchant_id = $1 AND state <> 'deleted'";
        self.count(sql, vec![Cell::display(merchant)]).await
    }

    /// One endpoint; a deleted one is not there.
    pub async fn find_webhook_endpoint(
        &self,
        merchant: MerchantId,
        id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>, EngineError> {
        let found: Option<WebhookEndpoint> = self.find(merchant, Cell::display(id)).await?;
        Ok(found.filter(|endpoint| endpoint.state != State::Deleted))
    }

    /// A page of the merchant's endpoints after an id.
    pub async fn list_webhook_endpoints(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<WebhookEndpoint>, EngineError> {
        let params =
            vec![Cell::display(merchant), Cell::Text(after.to_owned().into()), Cell::Int(limit.clamp(1, PAGE_MAX))];
        self.list("WHERE merchant_id = $1 AND id > $2 AND state <> 'deleted' ORDER BY id LIMIT $3", params).await
    }

    /// One delivery.
    pub async fn find_webhook_delivery(
        &self,
        merchant: MerchantId,
        id: WebhookDeliveryId,
    ) -> Result<Option<WebhookDelivery>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// A page of the merchant's deliveries after an id.
    pub async fn list_webhook_deliveries(
        &self,
        merchant: MerchantId,
        filter: &DeliveryFilter,
        after: &str,
        limit: i64,
    ) -> Result<Vec<WebhookDelivery>, EngineError> {
        let wanted = [
            ("endpoint_id", filter.endpoint.map(Cell::display)),
            ("state", filter.state.map(Cell::text)),
            ("event_id", filter.event.map(Cell::display)),
        ];
        self.page_of(merchant, wanted, after, limit).await
    }

    /// The first dead deliveries of one of the merchant's endpoints.
    pub async fn list_dead_deliveries(
        &self,
        merchant: MerchantId,
        endpoint: WebhookEndpointId,
        limit: usize,
    ) -> Result<Vec<WebhookDeliveryId>, EngineError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .query(
                "SELECT id FROM webhook_delivery \
                 WHERE endpoint_id = $1 AND merchant_id = $2 AND state = 'dead' ORDER BY id LIMIT $3",
                vec![Cell::display(endpoint), Cell::display(merchant), Cell::Int(limit)],
            )
            .await?;
        rows.into_iter().map(|row| Ok(RowReader::new(WebhookDelivery::TABLE, row).parse()?)).collect()
    }

    pub(super) async fn count(&self, sql: &'static str, params: Vec<Cell<'static>>) -> Result<i64, EngineError> {
        let rows = self.query(sql, params).await?;
        match rows.into_iter().flatten().next() {
            Some(Cell::Int(count)) => Ok(count),
            _ => Err(EngineError::Engine("a count is no number".to_owned())),
        }
    }
}

fn endpoint_work(row: Row) -> Result<EndpointWork, EngineError> {
    let mut row = RowReader::new(WebhookEndpoint::TABLE, row);
    Ok(EndpointWork { id: row.parse()?, merchant: row.parse()?, is_behind: row.bool()?, has_due: row.bool()? })
}

fn due_delivery(row: Row) -> Result<DueDelivery, EngineError> {
    let mut row = RowReader::new(WebhookDelivery::TABLE, row);
    let delivery = WebhookDelivery::read(&mut row)?;
    let (data, recorded_at) = (row.text_option()?, row.int_option()?.map(Timestamp));
    Ok(DueDelivery { delivery, data, recorded_at })
}
