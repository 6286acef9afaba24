//! How commands of a replay reach the committer: in the bulk lane, so that registers go first.

use std::sync::Arc;

use anyhow::{Context, bail};
use domain::call::{Actor, Role};
use domain::command::{Command, Refusal};
use domain::id::{LocationId, MerchantId, RegisterId};
use domain::money::Currency;
use storage::committer::Receipt;
use storage::{Answer, Envelope, Failure, Handle, Idempotency, Lane};

/// About how many bytes a command brings: a sale of some twenty lines.
const WEIGHT_BYTES: usize = 4 * 1024;

/// Where everything is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Shop {
    /// Whose.
    pub merchant: MerchantId,
    /// Where its goods lie.
    pub location: LocationId,
    /// Whose sales they count as.
    pub register: RegisterId,
    /// The currency of all amounts.
    pub currency: Currency,
}

/// Sends commands.
pub struct Sender {
    /// None where nothing is recorded.
    committer: Option<Handle>,
    actor: Arc<Actor>,
    request_id: String,
    /// Where everything is recorded.
    pub shop: Shop,
}

impl Sender {
    /// A sender to a committer, for a replay of that source; without one nothing is recorded.
    pub fn new(committer: Option<Handle>, shop: Shop, source: &str) -> Self {
        let actor = Arc::new(Actor::new("replay", Role::System));
        Self { committer, actor, request_id: format!("replay {source}"), shop }
    }

    /// Whether nothing is recorded.
    pub const fn is_dry(&self) -> bool {
        self.committer.is_none()
    }

    /// Puts a command in the queue. The queue is this replay's own, and longer than what it has under way at a time.
    pub fn send<C>(&self, command: C) -> anyhow::Result<Receipt<C::Reply>>
    where
        C: Command + Send + 'static,
        C::Reply: Send + 'static,
    {
        let envelope = Envelope {
            merchant: self.shop.merchant,
            actor: Arc::clone(&self.actor),
            request_id: self.request_id.clone(),
            // Each names its own record, or the id that the other system has for it.
            idempotency: Idempotency::None,
            lane: Lane::Bulk,
            weight: WEIGHT_BYTES,
        };
        let committer = self.committer.as_ref().context("Nothing is recorded in a dry run.")?;
        Ok(committer.send(envelope, command, |_| Answer::default())?)
    }

    /// Waits for the answer to a command.
    pub async fn receive<R>(answer: Receipt<R>) -> anyhow::Result<Result<R, Refusal>> {
        match answer.await.unwrap_or(Err(Failure::Stopping)) {
            Ok(committed) => match committed.reply {
                Some(reply) => Ok(reply),
                None => bail!("The database gave no answer of its own."),
            },
            Err(failure) => bail!(
                "{failure}. What is recorded so far stays; run the same command again, and it goes on from there."
            ),
        }
    }
}
