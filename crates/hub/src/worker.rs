//! The hub's own work: jobs whose time has come. Each is claimed, answered and followed up by ordinary commands, so two
//! hubs on one database share the work and none is done by both. A payment's own sender is faster; this is what is behind it.

use std::sync::Arc;

use domain::call::{Actor, Role};
use domain::job;
use domain::payment::Settle;
use domain::sale::ExpireReservation;
use domain::webhook_delivery::EndTurn;
use storage::read::DueJob;
use storage::{Answer, Failure, Lane};

use crate::app::App;
use crate::closing;
use crate::provider::start_all;
use crate::rounds;

/// Jobs taken at one look: the rest stays for the next, or for another hub.
const JOBS_MAX: i64 = 128;

/// Does jobs until the hub stops.
pub async fn run(app: App) {
    let actor = Arc::new(Actor::new("worker", Role::System));
    rounds::look_for(&app, "jobs", || look(&app, &actor)).await;
}

async fn look(app: &App, actor: &Arc<Actor>) -> Result<(), storage::EngineError> {
    let now = app.reader.now(app.clock.now()).await?;
    let due = app.reader.list_due_jobs(now, JOBS_MAX).await?;
    let work = due.into_iter().map(|job| do_job(app, actor, job));
    for outcome in futures::future::join_all(work).await {
        if let Err(failure) = outcome {
            tracing::warn!(%failure, "A job was not done; it comes again.");
        }
    }
    Ok(())
}

async fn do_job(app: &App, actor: &Arc<Actor>, job: DueJob) -> Result<(), Failure> {
    let envelope = rounds::own(job.merchant, actor, format!("job-{}", job.id.subject), Lane::Interactive);
    let unreadable = || Failure::Internal(format!("the job's subject {} is not an id", job.id.subject));
    match job.id.kind {
        job::Kind::Settle => {
            let payment = job.id.subject.parse().map_err(|_| unreadable())?;
            let command = Settle { payment, expected_due: true };
            let committed = app.committer.submit(envelope, command, |_| Answer::default()).await?;
            if let Some(Ok(moved)) = committed.reply {
                start_all(app, moved.tasks);
            }
        }
        job::Kind::ExpireReservation => {
            let sale = job.id.subject.parse().map_err(|_| unreadable())?;
            let command = ExpireReservation { sale, fence: None };
            app.committer.submit(envelope, command, |_| Answer::default()).await?;
        }
        job::Kind::CloseStocktake => {
            let stocktake = job.id.subject.parse().map_err(|_| unreadable())?;
            closing::step(app, actor, job.merchant, stocktake).await?;
        }
        job::Kind::DeliverWebhooks => {
            // The lease of a hub that died: what it left is found by the next look at the webhooks.
            let endpoint = job.id.subject.parse().map_err(|_| unreadable())?;
            let command = EndTurn { endpoint, fence: None };
            app.committer.submit(envelope, command, |_| Answer::default()).await?;
        }
    }
    Ok(())
}
