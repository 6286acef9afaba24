//! What waits for the committer: a command, who sent it, under which idempotency key, and where its answer goes.

use std::borrow::Cow;
use std::sync::Arc;

use domain::call::{Actor, Call};
use domain::command::{Command, Refusal};
use domain::id::MerchantId;
use domain::work::{Key, Stop, UnitOfWork};
use tokio::sync::oneshot;

/// The bytes that a caller is answered with, and is answered with again under the same idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// HTTP status; 0 where nobody outside is answered.
    pub status: u16,
    /// Content type.
    pub content_type: Cow<'static, str>,
    /// The body.
    pub body: Vec<u8>,
    /// The id of the record it is about, for an answer that is still to come.
    pub subject: String,
}

/// What the idempotency key of a command is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Idempotency {
    /// No key: the command is harmless when it is repeated, or names its own record.
    #[default]
    None,
    /// The answer is stored with the effect.
    Answer(Claim),
    /// The effect is stored under the key; its answer follows by [`Idempotency::Settle`].
    AnswerLater(Claim),
    /// Fills in the answer that is still to come under this key of the merchant. If it came meanwhile, that one is given.
    Settle(String),
}

/// An idempotency key with what it was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key, at most 255 characters.
    pub key: String,
    /// A hash over method, path and body.
    pub fingerprint: [u8; 32],
}

/// Which lane a command waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Somebody stands at a register.
    Interactive,
    /// Replay, import, pruning.
    Bulk,
}

/// Who sends a command.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Whose records it may see.
    pub merchant: MerchantId,
    /// Who answers for it.
    pub actor: Arc<Actor>,
    /// Follows the request through job and webhook.
    pub request_id: String,
    /// Its key.
    pub idempotency: Idempotency,
    /// Its lane.
    pub lane: Lane,
    /// About how many bytes it brings.
    pub weight: usize,
}

/// Why a command has no answer of its own. None of these is stored: the caller may repeat.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The queue is full.
    #[error("too many commands wait")]
    Overloaded,
    /// The key was used for other content.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first request under this key is still at work on `subject`.
    #[error("the first request under this key is still at work")]
    InFlight {
        /// The record it made.
        subject: String,
    },
    /// A bug: `decide` panicked, asked for records without end, or wrote what the database does not take.
    #[error("internal: {0}")]
    Internal(String),
    /// The database cannot be reached, or it stayed busy.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The hub is stopping.
    #[error("the hub is stopping")]
    Stopping,
}

/// What a committed command gives back.
#[derive(Debug)]
pub struct Committed<R> {
    /// The bytes.
    pub answer: Answer,
    /// What `decide` said; `None` when the answer is a stored one.
    pub reply: Option<Result<R, Refusal>>,
}

/// A command without its types.
pub(crate) trait Pending: Send {
    fn name(&self) -> &'static str;
    fn keys(&self) -> Vec<Key>;
    fn decide(&mut self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Answer, Stop<Answer>>;
    fn refuse_unique(&mut self, constraint: &str) -> Option<Answer>;
    fn deliver(self: Box<Self>, outcome: Result<(Answer, bool), Failure>);
}

/// A command with the function that turns its reply into bytes.
pub(crate) struct Encoded<C: Command, F> {
    pub command: C,
    pub encode: F,
    pub reply: Option<Result<C::Reply, Refusal>>,
    pub caller: Option<oneshot::Sender<Result<Committed<C::Reply>, Failure>>>,
}

impl<C, F> Pending for Encoded<C, F>
where
    C: Command + Send,
    C::Reply: Send,
    F: Fn(Result<&C::Reply, &Refusal>) -> Answer + Send,
{
    fn name(&self) -> &'static str {
        self.command.name()
    }

    fn keys(&self) -> Vec<Key> {
        self.command.keys()
    }

    fn decide(&mut self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Answer, Stop<Answer>> {
        self.reply = None;
        match self.command.decide(work, call) {
            Ok(reply) => {
                let answer = (self.encode)(Ok(&reply));
                self.reply = Some(Ok(reply));
                Ok(answer)
            }
            Err(Stop::Refused(refusal)) => {
                let answer = (self.encode)(Err(&refusal));
                self.reply = Some(Err(refusal));
                Err(Stop::Refused(answer))
            }
            Err(Stop::Needs(keys)) => Err(Stop::Needs(keys)),
        }
    }

    fn refuse_unique(&mut self, constraint: &str) -> Option<Answer> {
        let refusal = self.command.unique_refusal(constraint)?;
        let answer = (self.encode)(Err(&refusal));
        self.reply = Some(Err(refusal));
        Some(answer)
    }

    fn deliver(self: Box<Self>, outcome: Result<(Answer, bool), Failure>) {
        let this = *self;
        let outcome =
            outcome.map(|(answer, is_stored)| Committed { answer, reply: if is_stored { None } else { this.reply } });
        // A caller that has gone away misses its answer; the idempotency row keeps it.
        if let Some(caller) = this.caller {
            let _ = caller.send(outcome);
        }
    }
}
