//! What the played Alipay tells by itself, to the address that the trade came with: that it was paid, and that money was
//! given back. It wants to hear `success`, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::time::sleep;

use super::ledger::{Status, Trade};
use super::wire::{self, Problem};
use super::{Shared, sign};
use crate::clock::{now_ms, wall_time};
use crate::notify::Letter;
use crate::paypay::Fault;
use crate::rsa::forge;

/// How long after a payment a notification leaves: long enough for the reply to be read first.
const AFTER_REPLY: Duration = Duration::from_millis(20);

impl Shared {
    /// The customer confirms.
    pub fn confirm(self: &Arc<Self>, reference: &str) -> Result<Trade, Problem> {
        let trade = self.ledger().confirm(reference, now_ms())?;
        if trade.paid_at_ms.is_some() {
            self.announce(reference, &trade, None);
        }
        Ok(trade)
    }

    /// Tells of a trade, or of a refund of it, in the background. With no room for it the news is lost, as news can be.
    pub fn announce(self: &Arc<Self>, reference: &str, trade: &Trade, refund: Option<&str>) {
        let (Some(url), Ok(place)) = (trade.notify_url.clone(), Arc::clone(&self.places).try_acquire_owned()) else {
            return;
        };
        let (shared, reference, trade) = (Arc::clone(self), reference.to_owned(), trade.clone());
        let refund = refund.map(str::to_owned);
        tokio::spawn(async move {
            sleep(AFTER_REPLY).await;
            shared.tell(&url, &reference, &trade, refund.as_deref()).await;
            drop(place);
        });
    }

    async fn tell(&self, url: &str, reference: &str, trade: &Trade, refund: Option<&str>) {
        let right = |status| self.letter(reference, trade, status, refund, |text| self.keys.sign(text));
        match Fault::of_amount(trade.amount) {
            Fault::DuplicateNotification => {
                self.poster.deliver_letter(url, &right(trade.status)).await;
                self.poster.deliver_letter(url, &right(trade.status)).await;
            }
            Fault::LateNotification => {
                self.poster.deliver_letter(url, &right(trade.status)).await;
                self.poster.deliver_letter(url, &right(Status::WaitBuyerPay)).await;
            }
            Fault::WrongSignature => {
                let wrong = self.letter(reference, trade, trade.status, refund, forge);
                self.poster.attempt_letter(url, &wrong).await;
                self.poster.deliver_letter(url, &right(trade.status)).await;
            }
            _ => self.poster.deliver_letter(url, &right(trade.status)).await,
        }
    }

    fn letter(
        &self,
        reference: &str,
        trade: &Trade,
        status: Status,
        refund: Option<&str>,
        sign: impl Fn(&str) -> String,
    ) -> Letter {
        let mut fields = wire::news(reference, trade, status, now_ms());
        fields.push(("app_id", self.options.app_id.clone()));
        fields.push(("seller_id", self.options.seller_id.clone()));
        if let Some(refund) = refund {
            fields.push(("gmt_refund", wall_time(now_ms())));
            fields.push(("out_biz_no", refund.to_owned()));
            fields.push(("refund_fee", wire::yuan(trade.refunded())));
        }
        let body = Bytes::from(sign::notification(&fields, sign));
        let content_type = "application/x-www-form-urlencoded; text/html; charset=utf-8";
        Letter { content_type, headers: Vec::new(), body, expected: Some(b"success") }
    }
}
