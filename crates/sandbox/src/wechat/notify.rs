//! What the played WeChat Pay tells by itself: that a shown code was paid, and that a refund arrived. Sealed, and signed.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::ledger::{Interface, Order, Refund, Way};
use super::problem::Problem;
use super::sign::Key;
use super::{Shared, clock, now_ms, sign, v3};
use crate::notify::Letter;
use crate::paypay::Fault;

/// How long after what it tells a notification leaves: long enough for the reply to be read first.
const AFTER_REPLY: Duration = Duration::from_millis(20);
/// As old as a notification must not be, and a minute.
const TOO_OLD_S: i64 = 360;
/// Characters of the nonce that seals.
const SEAL_NONCE: usize = 12;

impl Shared {
    /// The customer pays.
    pub fn pay(self: &Arc<Self>, number: &str) -> Result<Order, Problem> {
        let order = self.ledger().pay(number, now_ms())?;
        // What a customer scanned is told of by its answer only.
        if matches!(order.way, Way::Shown { .. }) {
            let told = v3::order_told(&self.options, number, &order);
            self.announce(&order, order.notify_url.as_ref(), "TRANSACTION.SUCCESS", "transaction", told);
        }
        Ok(order)
    }

    /// Money is on its way back.
    pub fn announce_refund(self: &Arc<Self>, number: &str, order: &Order, refund: &Refund) {
        let told = json!({
            "mchid": self.options.mchid, "out_trade_no": number, "out_refund_no": refund.number,
            "transaction_id": order.transaction.map(v3::transaction_id), "refund_id": v3::refund_id(refund.id),
            "refund_status": "SUCCESS", "success_time": clock::written(now_ms()),
            "user_received_account": "支付用户零钱",
            "amount": { "total": order.amount, "refund": refund.amount, "payer_total": order.amount, "payer_refund": refund.amount },
        });
        self.announce(order, refund.notify_url.as_ref(), "REFUND.SUCCESS", "refund", told);
    }

    /// Tells of it in the background. With no room for it the news is lost, as news can be.
    fn announce(self: &Arc<Self>, order: &Order, url: Option<&String>, event: &str, kind: &str, told: Value) {
        let (Some(url), false) = (url.cloned(), order.interface == Interface::V2) else { return };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let (shared, fault, body) = (Arc::clone(self), order.fault(), self.compose(event, kind, &told));
        tokio::spawn(async move {
            sleep(AFTER_REPLY).await;
            shared.tell(&url, fault, body).await;
            drop(place);
        });
    }

    async fn tell(&self, url: &str, fault: Fault, body: Bytes) {
        let at_s = now_ms().div_euclid(1_000);
        match fault {
            Fault::DuplicateNotification => self.deliver(url, self.platform(), at_s, body.clone()).await,
            // It was held up somewhere for too long: what comes late is refused, and sent again under a new signature.
            Fault::LateNotification => {
                let headers = sign::headers(self.platform(), &self.nonce(32), &body, at_s - TOO_OLD_S);
                self.poster.attempt_letter(url, &letter(headers, body.clone())).await;
            }
            Fault::WrongSignature => {
                let mut probe = sign::headers(self.platform(), &self.nonce(32), &body, at_s);
                probe[3].1 = format!("WECHATPAY/SIGNTEST/{}", probe[3].1);
                self.poster.attempt_letter(url, &letter(probe, body.clone())).await;
                // The merchant's own key is none of the platform's.
                let mut stranger = sign::headers(&self.merchant, &self.nonce(32), &body, at_s);
                stranger[2].1.clone_from(&self.platform().serial);
                self.poster.attempt_letter(url, &letter(stranger, body.clone())).await;
            }
            _ => {}
        }
        self.deliver(url, self.platform(), at_s, body).await;
    }

    async fn deliver(&self, url: &str, key: &Key, at_s: i64, body: Bytes) {
        let headers = sign::headers(key, &self.nonce(32), &body, at_s);
        self.poster.deliver_letter(url, &letter(headers, body)).await;
    }

    fn compose(&self, event: &str, kind: &str, told: &Value) -> Bytes {
        let nonce = self.nonce(SEAL_NONCE);
        let body = json!({
            "id": self.nonce(32), "create_time": clock::written(now_ms()), "resource_type": "encrypt-resource",
            "event_type": event, "summary": "played",
            "resource": {
                "original_type": kind, "algorithm": "AEAD_AES_256_GCM", "associated_data": kind, "nonce": nonce,
                "ciphertext": sign::seal(&self.options.apiv3_key, &nonce, kind, &told.to_string()),
            },
        });
        Bytes::from(body.to_string())
    }
}

fn letter(headers: [(&'static str, String); 4], body: Bytes) -> Letter {
    Letter { content_type: "application/json", headers: headers.into(), body, expected: None }
}
