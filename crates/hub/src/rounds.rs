//! What the hub does by itself: it looks for work, round after round, and sees to each thing by one task at a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::call::Actor;
use domain::id::MerchantId;
use storage::{EngineError, Envelope, Idempotency, Lane};
use tokio::sync::watch;

use crate::app::App;

/// The pause between two looks: somebody waits for the receipt, and a web shop for the stock.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The pause after a look that failed.
pub const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Looks for work of one kind until the hub stops.
pub async fn look_for<F>(app: &App, work: &'static str, look: impl Fn() -> F)
where
    F: Future<Output = Result<(), EngineError>>,
{
    let mut stopping = app.stopping.clone();
    loop {
        let pause = match look().await {
            Ok(()) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, work, "Work could not be looked for; trying again.");
                LOOK_AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
        }
    }
}

/// A command that the hub gives itself.
pub fn own(merchant: MerchantId, actor: &Arc<Actor>, request_id: String, lane: Lane) -> Envelope {
    Envelope { merchant, actor: Arc::clone(actor), request_id, idempotency: Idempotency::None, lane, weight: 0 }
}

/// The things that are being seen to, each by one task.
pub struct AtWork<K: Ord> {
    things: watch::Sender<BTreeSet<K>>,
    max: usize,
}

impl<K: Ord + Copy> AtWork<K> {
    /// Nothing yet, and never more than `max`.
    pub fn new(max: usize) -> Self {
        Self { things: watch::Sender::new(BTreeSet::new()), max }
    }

    /// Begins to see to something, until the guard is dropped; `None` while somebody is at it, or at too many others.
    pub fn enter(&self, thing: K) -> Option<Busy<K>> {
        let has_entered = |things: &mut BTreeSet<K>| things.len() < self.max && things.insert(thing);
        let is_mine = self.things.send_if_modified(has_entered);
        is_mine.then(|| Busy { things: self.things.clone(), thing })
    }

    /// Waits until nothing is under way, but not for longer than this. Whatever is under way then was claimed by a command,
    /// and is found again when its lease is over.
    pub async fn wait_for_rest(&self, longest: Duration) {
        let mut things = self.things.subscribe();
        let _ = tokio::time::timeout(longest, things.wait_for(BTreeSet::is_empty)).await;
    }
}

/// Somebody sees to something, as long as this lives.
pub struct Busy<K: Ord> {
    things: watch::Sender<BTreeSet<K>>,
    thing: K,
}

impl<K: Ord> Drop for Busy<K> {
    fn drop(&mut self) {
        self.things.send_modify(|things| {
            things.remove(&self.thing);
        });
    }
}
