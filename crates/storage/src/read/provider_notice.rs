//! What providers told by themselves.

use domain::id::{MerchantId, PaymentId, ProviderNoticeId};
use domain::provider_notice::{Kind, ProviderNotice};

use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

impl Reader {
    /// A notice of the merchant.
    pub async fn find_provider_notice(
        &self,
        merchant: MerchantId,
        id: ProviderNoticeId,
    ) -> Result<Option<ProviderNotice>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// A page of the merchant's notices in the order they came, all of them or those of a kind or about a payment.
    pub async fn list_provider_notices(
        &self,
        merchant: MerchantId,
        kind: Option<Kind>,
        payment: Option<PaymentId>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ProviderNotice>, EngineError> {
        let wanted = [("kind", kind.map(|kind| Cell::text(kind.as_str()))), ("payment_id", payment.map(Cell::display))];
        self.page_of(merchant, wanted, after, limit).await
    }
}
