//! Carries a plan out: the same commands as everybody's, through the bulk lane of the committer, so that nobody at a register waits
//! for it. What the hub refuses by then, because somebody else came first, is told of the line.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use domain::article::{CreateArticle, UpdateArticle};
use domain::call::{Actor, Role};
use domain::command::{self, Command};
use domain::external_ref;
use domain::id::{ArticleId, LocationId, MerchantId};
use storage::committer::Receipt;
use storage::{Answer, Envelope, Handle, Idempotency, Lane};

use super::issue::Issue;
use super::opening;
use super::plan::{Entry, Outcome, Steps};

/// Lines that are sent at once: one batch of the committer.
const LINES_AT_ONCE: usize = 256;
/// About how many bytes an article brings.
const ARTICLE_BYTES: usize = 1_024;

/// Carries plans out.
pub struct Carrier<'a> {
    /// Where commands go.
    pub committer: &'a Handle,
    /// Whose articles they are.
    pub merchant: MerchantId,
    /// Where the stock comes in.
    pub location: Option<LocationId>,
    /// Hears how many lines are done.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl Carrier<'_> {
    /// Does what the plan says: first what stands for variants, for they name it.
    pub async fn carry_out(&self, entries: &mut [Entry]) -> anyhow::Result<()> {
        let mut made = BTreeMap::new();
        let names_none = |entry: &Entry| {
            let create = entry.steps.as_ref().and_then(|steps| steps.create.as_ref());
            create.is_none_or(|create| create.variant.is_none())
        };
        let (first, last): (Vec<usize>, Vec<usize>) =
            (0..entries.len()).partition(|place| names_none(&entries[*place]));
        for places in first.chunks(LINES_AT_ONCE).chain(last.chunks(LINES_AT_ONCE)) {
            self.carry_out_some(entries, places, &mut made).await?;
            (self.progress)(places.len() as u64);
        }
        Ok(())
    }

    async fn carry_out_some(
        &self,
        entries: &mut [Entry],
        places: &[usize],
        made: &mut BTreeMap<ArticleId, ArticleId>,
    ) -> anyhow::Result<()> {
        let mut creating = Vec::new();
        for place in places {
            if let Some(create) = entries[*place].steps.as_ref().and_then(|steps| steps.create.clone()) {
                creating.push((*place, self.send(create_with_real_ids(create, made))?));
            }
        }
        for (place, receipt) in creating {
            match answer(receipt).await? {
                Ok(described) => {
                    let planned = entries[place].steps.as_ref().map(|steps| steps.article);
                    made.extend(planned.map(|planned| (planned, described.article.id)));
                }
                Err(refusal) => entries[place].refuse(Issue::of_rule(&refusal, None)),
            }
        }
        self.change_some(entries, places, made).await
    }

    /// Changes what is there by now, and lets its stock come in.
    async fn change_some(
        &self,
        entries: &mut [Entry],
        places: &[usize],
        made: &BTreeMap<ArticleId, ArticleId>,
    ) -> anyhow::Result<()> {
        let (mut updating, mut receiving) = (Vec::new(), Vec::new());
        for place in places {
            let Some(Steps { article, update, stock, .. }) = entries[*place].steps.clone() else { continue };
            let article = real(article, made);
            if let Some(update) = update {
                updating.push((*place, self.send(UpdateArticle { article, ..update })?));
            }
            if let Some((quantity, location)) = stock.zip(self.location) {
                let receipt = opening::receipt(self.merchant, location, article, quantity);
                receiving.push((*place, self.send(receipt)?));
            }
        }
        for (place, receipt) in updating {
            if let Err(refusal) = answer(receipt).await? {
                entries[place].refuse(Issue::of_rule(&refusal, None));
            }
        }
        for (place, receipt) in receiving {
            if let Err(refusal) = answer(receipt).await? {
                leave_stock_out(&mut entries[place], &refusal);
            }
        }
        Ok(())
    }

    fn send<C>(&self, command: C) -> anyhow::Result<Receipt<C::Reply>>
    where
        C: Command + Send + 'static,
        C::Reply: Send + 'static,
    {
        let envelope = Envelope {
            merchant: self.merchant,
            actor: Arc::new(Actor::new("import", Role::System)),
            request_id: String::new(),
            idempotency: Idempotency::None,
            lane: Lane::Bulk,
            weight: ARTICLE_BYTES,
        };
        self.committer.send(envelope, command, |_| Answer::default()).context(AGAIN)
    }
}

/// What to do when the database went away in the middle.
const AGAIN: &str = "The import stopped before its end. What is done stays; run it again, and it goes on from there";

async fn answer<R>(receipt: Receipt<R>) -> anyhow::Result<Result<R, command::Refusal>> {
    let committed = receipt.await.context(AGAIN)?.context(AGAIN)?;
    match committed.reply {
        Some(reply) => Ok(reply),
        None => bail!("The database gave no answer of its own."),
    }
}

fn real(article: ArticleId, made: &BTreeMap<ArticleId, ArticleId>) -> ArticleId {
    made.get(&article).copied().unwrap_or(article)
}

fn create_with_real_ids(mut create: CreateArticle, made: &BTreeMap<ArticleId, ArticleId>) -> CreateArticle {
    if let Some(variant) = &mut create.variant {
        variant.of = real(variant.of, made);
    }
    create
}

fn leave_stock_out(entry: &mut Entry, refusal: &command::Refusal) {
    entry.changes.retain(|change| !change.starts_with(super::plan::OPENING_STOCK));
    let steps = entry.steps.as_mut();
    let is_more = steps.is_some_and(|steps| {
        steps.stock = None;
        steps.create.is_some() || steps.update.is_some()
    });
    if !is_more && entry.outcome == Outcome::Updated {
        entry.outcome = Outcome::Unchanged;
    }
    // Another run, beside this one, has let it come in.
    if !matches!(refusal, command::Refusal::ExternalRef(external_ref::Refusal::Taken { .. })) {
        entry.issues.push(Issue::of_stock_rule(refusal, None));
    }
}
