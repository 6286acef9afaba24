//! What tells the story of one payment to a person: the payment whoever's it is, the job that cares for it, and the events
//! about it.

use domain::exception::Exception;
use domain::id::{ExceptionId, MerchantId, PaymentId};
use domain::job::{Job, JobId};
use domain::payment::Payment;
use domain::time::Timestamp;

use super::{PAGE_MAX, StoredEvent, WholePayment, stored_event};
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

/// The most events that are told of one record: a payment of a hundred operations has some hundred.
const EVENTS_MAX: i64 = 500;
/// How much earlier than the record's own beginning events are looked for: two hubs may commit in another order than that of
/// their batches' times.
const SLACK_MS: i64 = 60_000;

impl Reader {
    /// A payment with its operations by its id alone: the operator of the installation asks, not a merchant.
    pub async fn find_payment_of_any(&self, id: PaymentId) -> Result<Option<WholePayment>, EngineError> {
        let payments: Vec<Payment> = self.list("WHERE id = $1", vec![Cell::display(id)]).await?;
        match payments.first() {
            Some(payment) => self.find_payment(payment.merchant, id).await,
            None => Ok(None),
        }
    }

    /// An exception by its id alone.
    pub async fn find_exception_of_any(&self, id: ExceptionId) -> Result<Option<Exception>, EngineError> {
        Ok(self.list("WHERE id = $1", vec![Cell::display(id)]).await?.into_iter().next())
    }

    /// The exceptions of all merchants that were opened last, open and resolved.
    pub async fn list_last_exceptions(&self, limit: i64) -> Result<Vec<Exception>, EngineError> {
        self.list("ORDER BY opened_at DESC, id LIMIT $1", vec![Cell::Int(limit.clamp(1, PAGE_MAX))]).await
    }

    /// A job, at rest or due.
    pub async fn find_job(&self, id: &JobId) -> Result<Option<Job>, EngineError> {
        let params = vec![Cell::text(id.kind.as_str()), Cell::Text(id.subject.clone().into())];
        Ok(self.list("WHERE kind = $1 AND subject = $2", params).await?.into_iter().next())
    }

    /// The events about a record that were recorded between two instants, in order. The first is found by halves, because
    /// there is no index over subjects: each event would pay for it, and few are asked for again.
    pub async fn list_events_about(
        &self,
        merchant: MerchantId,
        subject: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<StoredEvent>, EngineError> {
        let before = self.last_event_before(merchant, from.plus_ms(-SLACK_MS)).await?;
        let end = self.last_event_before(merchant, to.plus_ms(SLACK_MS)).await?;
        let rows = self
            .query(
                "SELECT number, id, kind, subject, data, recorded_at FROM event \
                 WHERE merchant_id = $1 AND number > $2 AND number <= $3 AND subject = $4 ORDER BY number LIMIT $5",
                vec![
                    Cell::display(merchant),
                    Cell::Int(before),
                    Cell::Int(end),
                    Cell::Text(subject.to_owned().into()),
                    Cell::Int(EVENTS_MAX),
                ],
            )
            .await?;
        rows.into_iter().map(stored_event).collect()
    }

    /// The number of the last event that was recorded before an instant; 0 where there is none.
    async fn last_event_before(&self, merchant: MerchantId, at: Timestamp) -> Result<i64, EngineError> {
        let (mut before, mut after) = (0, self.last_event_number(merchant).await? + 1);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            let found = self.list_events(merchant, middle - 1, 1).await?;
            match found.first() {
                Some(event) if event.recorded_at < at => before = middle,
                Some(_) | None => after = middle,
            }
        }
        Ok(before)
    }
}
