//! What the played PayPay tells by itself: of document 004 signed, of the deployed API as an unsigned hint. A cancel and a
//! refund are told to nobody, as it is with the real one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::json;
use tokio::time::sleep;

use super::fault::Fault;
use super::ledger::{Order, Status};
use super::sign::{self, Protocol};
use super::wire::{Problem, payment_id, yen};
use super::{Shared, lock, now};
use crate::clock::instant;

/// The header of document 004.
const SIGNATURE_HEADER: &str = "x-paypay-signature";
/// How long after a payment a notification leaves: long enough for the reply to be read first.
const AFTER_REPLY: Duration = Duration::from_millis(20);

impl Shared {
    /// The customer pays.
    pub fn pay(self: &Arc<Self>, reference: &str) -> Result<Order, Problem> {
        let order = self.ledger().pay(reference, now())?;
        self.announce(reference, &order);
        Ok(order)
    }

    /// The customer calls it off.
    pub fn call_off(self: &Arc<Self>, reference: &str) -> Result<Order, Problem> {
        let order = self.ledger().call_off(reference, now())?;
        self.announce(reference, &order);
        Ok(order)
    }

    /// Tells of a payment in the background. With no room for it the news is lost, as news can be.
    pub fn announce(self: &Arc<Self>, reference: &str, order: &Order) {
        let addresses = lock(&self.addresses).clone();
        let url = match order.protocol {
            Protocol::Opa => addresses.opa,
            Protocol::OAuth => addresses.oauth,
        };
        let (Some(url), Ok(place)) = (url, Arc::clone(&self.places).try_acquire_owned()) else { return };
        let (shared, reference, order) = (Arc::clone(self), reference.to_owned(), order.clone());
        tokio::spawn(async move {
            sleep(AFTER_REPLY).await;
            shared.tell(&url, &reference, &order).await;
            drop(place);
        });
    }

    async fn tell(&self, url: &str, reference: &str, order: &Order) {
        let body = self.compose(reference, order, order.status);
        match Fault::of_amount(order.amount) {
            Fault::DuplicateNotification => {
                self.deliver(url, order.protocol, body.clone()).await;
                self.deliver(url, order.protocol, body).await;
            }
            Fault::LateNotification => {
                self.deliver(url, order.protocol, body).await;
                self.deliver(url, order.protocol, self.compose(reference, order, Status::Created)).await;
            }
            Fault::WrongSignature => {
                let wrong = sign::notification("another secret", &body);
                self.poster.attempt(url, Some((SIGNATURE_HEADER, &wrong)), body.clone()).await;
                self.deliver(url, order.protocol, body).await;
            }
            _ => self.deliver(url, order.protocol, body).await,
        }
    }

    async fn deliver(&self, url: &str, protocol: Protocol, body: Bytes) {
        let signature = sign::notification(&self.options.webhook_secret, &body);
        let signature = (protocol == Protocol::OAuth).then_some((SIGNATURE_HEADER, signature.as_str()));
        self.poster.deliver(url, signature, body).await;
    }

    fn compose(&self, reference: &str, order: &Order, status: Status) -> Bytes {
        let id = order.payment_id.map(payment_id).unwrap_or_default();
        let body = match order.protocol {
            Protocol::OAuth => json!({
                "merchantPaymentId": reference, "paymentId": id, "status": status.as_str(),
                "amount": yen(order.told_amount()), "timestamp": instant(order.accepted_at_s),
            }),
            Protocol::Opa => json!({
                "notification_type": "Transaction", "merchant_id": "MERCHANT-001", "store_id": null, "pos_id": null,
                "order_id": id, "merchant_order_id": reference, "paid_at": instant(order.accepted_at_s),
                "order_amount": order.told_amount().to_string(), "state": status.as_str(),
            }),
        };
        Bytes::from(body.to_string())
    }
}
