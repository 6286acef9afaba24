//! Sees to print jobs: sends what waits for printers in the network, and ends what nobody acknowledged in time. Each step is an
//! ordinary command; of two hubs that see the same job one gets the claim.

use domain::command::Command;
use domain::id::PrinterId;
use domain::print_job::{ClaimPrint, ExpirePrint, PrintJob, RecordPrint, State, Told, Trouble};
use domain::printer::Way;
use storage::{Answer, EngineError, Failure, Lane};

use super::{document, sender};
use crate::app::App;
use crate::rounds::{self, Busy, LOOK_AGAIN};

/// Jobs of one look. The rest is found when these are done.
const JOBS_MAX: i64 = 128;

/// Prints until the hub stops.
pub async fn run(app: App) {
    rounds::look_for(&app, "print jobs", || look(&app)).await;
}

async fn look(app: &App) -> Result<(), EngineError> {
    let now = app.reader.now(app.clock.now()).await?;
    for job in app.reader.list_due_print_jobs(now, JOBS_MAX).await? {
        if app.is_stopping() {
            return Ok(());
        }
        let is_over = matches!(job.state, State::Sending { .. }) || job.stale_at() <= now;
        let Some(guard) = app.printing.at_work.enter(job.printer) else { continue };
        tokio::spawn(see_to(app.clone(), job, is_over, guard));
    }
    Ok(())
}

async fn see_to(app: App, job: PrintJob, is_over: bool, guard: Busy<PrinterId>) {
    let done = if is_over { expire(&app, &job).await } else { print(&app, &job).await };
    if let Err(failure) = done {
        // A claim that is not recorded becomes a doubt when its time is over, and is never repeated.
        tracing::warn!(print_job.id = %job.id, %failure, "A print job was not seen to; it comes again.");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    drop(guard);
}

async fn expire(app: &App, job: &PrintJob) -> Result<(), Failure> {
    run_command(app, job, ExpirePrint { job: job.id }).await.map(drop)
}

async fn print(app: &App, job: &PrintJob) -> Result<(), Failure> {
    let claim = ClaimPrint { printer: job.printer, jobs: vec![job.id] };
    let Some(Some(claimed)) = run_command(app, job, claim).await? else { return Ok(()) };
    let told = send(app, &claimed).await;
    metrics::counter!("tillbridge_print_attempts_total", "told" => word(told)).increment(1);
    let record = RecordPrint { job: claimed.id, attempt: claimed.attempts, told };
    run_command(app, job, record).await.map(drop)
}

async fn send(app: &App, job: &PrintJob) -> Told {
    let Ok(Some(printer)) = app.reader.find_printer(job.merchant, job.printer).await else {
        return Told::Nothing(Trouble::NotReached);
    };
    let Way::Network { host, port } = &printer.way else { return Told::Nothing(Trouble::NotReached) };
    let Ok(bytes) = document::bytes(app, job).await else { return Told::Nothing(Trouble::NoDocument) };
    sender::send(&app.printing.addresses, host, *port, &bytes).await
}

const fn word(told: Told) -> &'static str {
    match told {
        Told::Printed => "printed",
        Told::Sent => "sent",
        Told::Nothing(_) => "nothing",
        Told::Unsure(_) => "unsure",
    }
}

/// Runs a command; `None` where the rules refused it, because somebody else was faster.
async fn run_command<C>(app: &App, job: &PrintJob, command: C) -> Result<Option<C::Reply>, Failure>
where
    C: Command + Send + 'static,
    C::Reply: Send + 'static,
{
    let request_id = format!("printing-{}", job.id);
    let envelope = rounds::own(job.merchant, &app.printing.actor, request_id, Lane::Interactive);
    let committed = app.committer.submit(envelope, command, |_| Answer::default()).await?;
    Ok(committed.reply.and_then(Result::ok))
}
