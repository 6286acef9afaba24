//! Callbacks: an HTTP GET with underscored names and a control, once the charge has ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::fault::Fault;
use super::ledger::{Order, Status};
use super::sign::sha1_hex;
use super::wire::major;
use super::{Shared, lock, now_ms};

/// How long after the reply a callback leaves: long enough for the reply to be read first.
const AFTER_REPLY: Duration = Duration::from_millis(20);

impl Shared {
    /// Tells of an order whose charge has ended, in the background. With no room for it the news is lost, as news can be.
    pub(super) fn announce(self: &Arc<Self>, reference: &str, order: &Order) {
        let (Some(url), Ok(place)) = (order.callback_url.clone(), Arc::clone(&self.places).try_acquire_owned()) else {
            return;
        };
        let (shared, reference, order) = (Arc::clone(self), reference.to_owned(), order.clone());
        tokio::spawn(async move {
            sleep(AFTER_REPLY).await;
            shared.tell(&url, &reference, &order).await;
            drop(place);
        });
    }

    /// Looks when the bank is done, and tells of it.
    pub(super) fn announce_later(self: &Arc<Self>, reference: &str, after_ms: u64) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let (shared, reference) = (Arc::clone(self), reference.to_owned());
        tokio::spawn(async move {
            sleep(super::bounded(after_ms)).await;
            let ended = lock(&shared.ledger)
                .find(&reference, "", now_ms())
                .ok()
                .and_then(|(order, has_ended)| has_ended.then(|| order.clone()));
            if let Some(order) = ended {
                shared.announce(&reference, &order);
            }
            drop(place);
        });
    }

    async fn tell(&self, url: &str, reference: &str, order: &Order) {
        let status = order.last().1;
        let news = self.compose(url, reference, order, status, &self.options.control_key);
        match self.options.amounts.fault(order.initial) {
            Fault::DuplicateNotification => {
                self.poster.call(&news).await;
                self.poster.call(&news).await;
            }
            Fault::LateNotification => {
                self.poster.call(&news).await;
                let older = self.compose(url, reference, order, Status::Processing, &self.options.control_key);
                self.poster.call(&older).await;
            }
            Fault::WrongSignature => {
                self.poster.call_once(&self.compose(url, reference, order, status, "another key")).await;
                self.poster.call(&news).await;
            }
            _ => self.poster.call(&news).await,
        }
    }

    fn compose(&self, url: &str, reference: &str, order: &Order, status: Status, key: &str) -> String {
        let (id, status) = (order.id.to_string(), status.as_str());
        let control = sha1_hex(&format!("{status}{id}{reference}{key}"));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("status", status),
            ("merchant_order", reference),
            ("client_orderid", reference),
            ("orderid", &id),
            ("type", order.last().0.as_str()),
            ("amount", &major(order.initial, &order.currency)),
            ("control", &control),
        ]);
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}{}", query.finish())
    }
}
