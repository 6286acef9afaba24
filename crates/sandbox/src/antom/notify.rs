//! What the played Antom tells by itself (notifyPayment), to the address that the payment came with: how it ended. It wants to
//! hear a result of its own form. A cancel and a refund are told to nobody here.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::Value;
use tokio::time::sleep;

use super::ledger::Payment;
use super::wire::{self, Problem};
use super::{Shared, sign};
use crate::clock::{china_time, now_ms};
use crate::notify::Letter;
use crate::paypay::Fault;
use crate::rsa::forge;

/// How long after a payment a notification leaves: long enough for the reply to be read first.
const AFTER_REPLY: Duration = Duration::from_millis(20);
/// What a receiver answers.
const TAKEN: &[u8] = br#"{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}"#;

impl Shared {
    /// The customer decides.
    pub fn decide(self: &Arc<Self>, reference: &str, is_confirmed: bool) -> Result<Payment, Problem> {
        let payment = self.ledger().decide(reference, is_confirmed)?;
        self.announce(reference, &payment);
        Ok(payment)
    }

    /// Tells of a payment in the background. With no room for it the news is lost, as news can be.
    pub fn announce(self: &Arc<Self>, reference: &str, payment: &Payment) {
        let (Some(url), Ok(place)) = (payment.notify_url.clone(), Arc::clone(&self.places).try_acquire_owned()) else {
            return;
        };
        let (shared, reference, payment) = (Arc::clone(self), reference.to_owned(), payment.clone());
        tokio::spawn(async move {
            sleep(AFTER_REPLY).await;
            shared.tell(&url, &reference, &payment).await;
            drop(place);
        });
    }

    async fn tell(&self, url: &str, reference: &str, payment: &Payment) {
        let news = wire::news(reference, payment, false);
        let right = self.letter(url, &news, |text| self.keys.sign(text));
        match Fault::of_amount(payment.amount) {
            Fault::DuplicateNotification => {
                self.poster.deliver_letter(url, &right).await;
                self.poster.deliver_letter(url, &right).await;
            }
            Fault::LateNotification => {
                self.poster.deliver_letter(url, &right).await;
                let older = wire::news(reference, payment, true);
                self.poster.deliver_letter(url, &self.letter(url, &older, |text| self.keys.sign(text))).await;
            }
            Fault::WrongSignature => {
                self.poster.attempt_letter(url, &self.letter(url, &news, forge)).await;
                self.poster.deliver_letter(url, &right).await;
            }
            _ => self.poster.deliver_letter(url, &right).await,
        }
    }

    /// A notification is signed over the path of the receiver.
    pub fn letter(&self, url: &str, news: &Value, sign: impl Fn(&str) -> String) -> Letter {
        let (body, time, client_id) = (news.to_string(), china_time(now_ms()), self.options.client_id.clone());
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = after_scheme.find('/').map_or("/", |at| &after_scheme[at..]);
        let signature = sign::header(path, &client_id, &time, &body, sign);
        let headers = vec![("client-id", client_id), ("request-time", time), ("signature", signature)];
        let content_type = "application/json; charset=UTF-8";
        Letter { content_type, headers, body: Bytes::from(body), expected: Some(TAKEN) }
    }
}
