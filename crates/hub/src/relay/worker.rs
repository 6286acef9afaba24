//! Finds what payments have for the terminals of this hub, claims it, and asks the terminal. A commit wakes it, of this hub or
//! of another one; without a wake-up it looks by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use connectors::terminal::{ToTerminal, command, is_echo, read_cancel, read_inquiry, read_refusal, read_result};
use domain::id::{MerchantId, OperationId};
use domain::payment::{
    Action, ClaimForTerminal, Kind, Operation, OperationState, Outcome, Reason, RecordOutcome, RecordResult, Settle,
    Slip, Task, Witness, keys_for_outcome,
};
use domain::time::Timestamp;
use storage::{Answer, EngineError, Lane};
use tokio::time::{Instant, timeout};

use super::line::{Heard, Line};
use super::pairing;
use crate::app::App;
use crate::provider::{Waiter, perform, start_all};
use crate::rounds::{self, Busy, LOOK_AGAIN};

/// How often it looks where nothing wakes it: within the second that every wait of a hub ends in.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The least pause between two looks: what comes meanwhile is seen by the next one.
const LOOK_PAUSE: Duration = Duration::from_millis(2);
/// How often terminals are told of their registers where somebody may have moved them.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// Operations of one look. The rest is found when these are done.
const OPERATIONS_MAX: i64 = 4_096;
/// What is older is not looked for: a person has it by then, and a terminal that comes back tells its results by itself.
const LOOK_BACK_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long a terminal may take to accept a command or to answer a question: it is a matter of milliseconds. Below the time for
/// an answer in the profile of terminals, so that a command that is accepted late is still recorded under its claim.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(3);
/// The pause between two questions about one operation by the hub of its terminal.
const ASK_PAUSE: Duration = Duration::from_secs(1);
/// The same once a person was told.
const ASK_PAUSE_LEFT: Duration = Duration::from_secs(60);
/// How much longer than the customer's time a money command may block its terminal.
const BUSY_MARGIN_MS: i64 = 10_000;

/// Relays until the hub stops.
pub async fn run(app: App) {
    let mut commits = app.committer.commits();
    let mut told = Touched { merchants: BTreeSet::new(), since: Instant::now() };
    let mut stopping = app.stopping.clone();
    loop {
        if let Err(error) = look(&app).await {
            tracing::warn!(%error, "What payments have for terminals could not be looked for; trying again.");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        tell_registers(&app, &mut told).await;
        tokio::time::sleep(LOOK_PAUSE).await;
        let woken = async {
            // A listener that lagged behind looks at once.
            while let Ok(touched) = commits.recv().await {
                let served = app.lines.served(&touched);
                if !served.is_empty() {
                    return served;
                }
            }
            BTreeSet::new()
        };
        tokio::select! {
            served = woken => told.merchants.extend(served),
            () = app.lines.wake.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
        }
    }
}

/// The merchants of which something was committed since their terminals were told of their registers.
struct Touched {
    merchants: BTreeSet<MerchantId>,
    since: Instant,
}

/// Terminals that wait for a register hear of it at once; that somebody moved one is told a little later.
async fn tell_registers(app: &App, touched: &mut Touched) {
    let is_time = touched.since.elapsed() >= TELL_EVERY;
    for line in app.lines.of(&touched.merchants) {
        if is_time || line.live().is_offering {
            pairing::tell(app, &line).await;
        }
    }
    if is_time {
        *touched = Touched { merchants: BTreeSet::new(), since: Instant::now() };
    }
}

async fn look(app: &App) -> Result<(), EngineError> {
    if app.lines.count() == 0 {
        return Ok(());
    }
    let now = app.reader.now(app.clock.now()).await?;
    let open = app.reader.list_open_at_terminals(now.plus_ms(-LOOK_BACK_MS), OPERATIONS_MAX).await?;
    for operation in open {
        let Some(line) = operation.terminal.and_then(|terminal| app.lines.find(terminal)) else { continue };
        if app.is_stopping() || line.is_ending() {
            continue;
        }
        let Some(guard) = app.lines.at_work.enter(operation.id) else { continue };
        match operation.state {
            OperationState::Recorded
                if operation.kind == Kind::Reversal || line.take(operation.id, longest(&operation)) =>
            {
                tokio::spawn(claim(app.clone(), line, operation, guard));
            }
            // It is under way here, and will tell.
            OperationState::Pending if line.is_at(operation.id) => {}
            OperationState::Recorded => {}
            _ => {
                tokio::spawn(ask(app.clone(), operation, guard));
            }
        }
    }
    Ok(())
}

/// How long an operation may keep its terminal.
fn longest(operation: &Operation) -> Duration {
    let horizon_ms = domain::payment::Profile::terminal().poll_horizon_ms;
    let ms = if operation.kind.is_charge() { horizon_ms + BUSY_MARGIN_MS } else { BUSY_MARGIN_MS };
    Duration::from_millis(ms.unsigned_abs())
}

/// Claims an operation for its terminal, and asks the terminal for it.
async fn claim(app: App, line: Arc<Line>, operation: Operation, guard: Busy<OperationId>) {
    let claim = ClaimForTerminal { payment: operation.id.payment, terminal: line.terminal, epoch: line.epoch };
    let request_id = format!("terminal-{}", operation.id);
    let envelope = rounds::own(line.merchant, &app.lines.actor, request_id.clone(), Lane::Interactive);
    let committed = app.committer.submit(envelope, claim, |_| Answer::default()).await;
    let moved = match committed.map(|committed| committed.reply) {
        Ok(Some(Ok(moved))) => moved,
        Ok(Some(Err(refusal))) => {
            // The terminal has a newer connection: this one is asked for nothing any more.
            tracing::info!(terminal.id = %line.terminal, %refusal, "A connection of a terminal claims nothing more.");
            line.close("replaced");
            return;
        }
        Ok(None) => return line.release(operation.id),
        Err(failure) => {
            tracing::warn!(operation.id = %operation.id, %failure, "An operation was not claimed; it comes again.");
            line.release(operation.id);
            return tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let mut has_begun = false;
    for task in moved.tasks {
        has_begun |= task.operation.id == operation.id;
        let waiter = Waiter::nobody(request_id.clone());
        if let Err(failure) = perform(app.clone(), task, waiter).await {
            tracing::warn!(operation.id = %operation.id, %failure, "What a terminal said was not recorded; it is asked again.");
        }
    }
    if !has_begun {
        line.release(operation.id);
    }
    drop(guard);
}

/// Has the next step of an operation in doubt taken here, where its terminal can be asked.
async fn ask(app: App, operation: Operation, guard: Busy<OperationId>) {
    let command = Settle { payment: operation.id.payment, expected_due: false };
    let request_id = format!("terminal-{}", operation.id);
    let envelope = rounds::own(operation.merchant, &app.lines.actor, request_id, Lane::Interactive);
    match app.committer.submit(envelope, command, |_| Answer::default()).await {
        Ok(committed) => {
            if let Some(Ok(moved)) = committed.reply {
                start_all(&app, moved.tasks);
            }
        }
        Err(failure) => {
            tracing::warn!(operation.id = %operation.id, %failure, "A terminal was not asked; it is asked again.")
        }
    }
    // What is left to a person is asked after, but nobody waits for it at a register any more.
    tokio::time::sleep(if operation.is_left_to_person { ASK_PAUSE_LEFT } else { ASK_PAUSE }).await;
    drop(guard);
}

/// What came of asking a terminal.
struct Told {
    outcome: Outcome,
    slip: Option<Box<Slip>>,
    is_unreachable: bool,
}

impl Told {
    const fn of(outcome: Outcome) -> Self {
        Self { outcome, slip: None, is_unreachable: false }
    }
}

/// Asks the terminal of a task, if it hangs on this hub, and gives what came of it in the form in which it is recorded.
pub async fn carry_out(app: &App, task: &Task, now: Timestamp) -> RecordResult {
    let line = task.operation.terminal.and_then(|terminal| app.lines.find(terminal));
    let Told { outcome, slip, is_unreachable } = match (&line, task.what) {
        (None, Action::Send) => Told { is_unreachable: true, ..Told::of(nothing_left(task)) },
        (None, Action::Inquire) => {
            Told { is_unreachable: !hangs_elsewhere(app, task).await, ..Told::of(Outcome::Unknown) }
        }
        (Some(line), Action::Send) => send(line, task, now).await,
        (Some(line), Action::Inquire) => inquire(line, task).await,
    };
    if let Some(line) = &line
        && is_over(&outcome)
    {
        line.release(task.operation.id);
        app.lines.wake.notify_one();
    }
    let witness = match task.what {
        Action::Send => Witness::Reply,
        Action::Inquire => Witness::Inquiry,
    };
    let told = RecordOutcome {
        operation: task.operation.id,
        witness,
        outcome,
        presented: None,
        asked_at: task.handed_out_at,
        is_unreachable,
        fence: Some(task.fence),
        hint: keys_for_outcome(&task.payment),
    };
    // A task for a terminal names it: that is what made it one.
    RecordResult { terminal: task.operation.terminal, told, slip }
}

/// Whether an outcome ends what the terminal was doing.
pub(super) const fn is_over(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Approved(_) | Outcome::Declined(_) | Outcome::Cancelled | Outcome::NotSent(_) | Outcome::NotFound => {
            true
        }
        Outcome::Pending | Outcome::Unknown => false,
    }
}

/// The outcome when not a byte has left for the terminal. A repeat that got nowhere says nothing about the first.
fn nothing_left(task: &Task) -> Outcome {
    let is_first = matches!(task.operation.state, OperationState::Recorded | OperationState::Sent);
    if is_first && task.operation.asked_count == 0 {
        Outcome::NotSent(Reason("terminal_not_reached".to_owned()))
    } else {
        Outcome::Unknown
    }
}

/// Whether another hub has the terminal, as far as it told: then it is that hub's to ask.
async fn hangs_elsewhere(app: &App, task: &Task) -> bool {
    let Some(terminal) = task.operation.terminal else { return false };
    let found = app.reader.find_terminal(task.payment.merchant, terminal).await;
    found.is_ok_and(|found| found.is_some_and(|found| found.live.is_online))
}

async fn send(line: &Line, task: &Task, now: Timestamp) -> Told {
    let (operation, payment) = (&task.operation, &task.payment);
    let asked = command(payment, operation, task.target.as_ref(), &task.connection.profile, now);
    let Ok(asked) = asked else { return Told::of(nothing_left(task)) };
    let answer = line.expect(operation.id.to_string());
    let began = Instant::now();
    if !line.say(asked) {
        return Told::of(nothing_left(task));
    }
    let Ok(Ok(heard)) = timeout(ACCEPT_TIMEOUT, answer).await else { return Told::of(Outcome::Unknown) };
    line.note_latency(began.elapsed());
    match heard {
        Heard::Accepted(accepted) if is_echo(payment, operation, &accepted) => {
            // From here on the customer may pay.
            line.say(ToTerminal::Proceed { id: accepted.id });
            Told::of(Outcome::Pending)
        }
        Heard::Accepted(accepted) => {
            tracing::error!(
                operation.id = %operation.id, terminal.id = %line.terminal, asked_minor = operation.asked_minor,
                shown_minor = accepted.amount_minor, "A terminal would have shown another amount. It was stopped before a card was asked for."
            );
            line.say(ToTerminal::Cancel { id: format!("{}-echo", operation.id), target: operation.id.to_string() });
            Told::of(Outcome::NotSent(Reason("terminal_amount_wrong".to_owned())))
        }
        Heard::Refused(code) => Told::of(read_refusal(&code)),
        Heard::Result(result) => {
            let (outcome, slip) = read_result(operation, &result);
            Told { slip, ..Told::of(outcome) }
        }
        Heard::Cancel(word) if operation.kind == Kind::Reversal => Told::of(read_cancel(&word)),
        Heard::Cancel(_) | Heard::Inquiry(_) => Told::of(Outcome::Unknown),
    }
}

async fn inquire(line: &Line, task: &Task) -> Told {
    let id = task.operation.id.to_string();
    let answer = line.expect(id.clone());
    if !line.say(ToTerminal::Inquiry { id }) {
        return Told { is_unreachable: true, ..Told::of(Outcome::Unknown) };
    }
    match timeout(ACCEPT_TIMEOUT, answer).await {
        Ok(Ok(Heard::Inquiry(answer))) => {
            let (outcome, slip) = read_inquiry(&task.operation, &answer);
            Told { slip, ..Told::of(outcome) }
        }
        Ok(Ok(Heard::Result(result))) => {
            let (outcome, slip) = read_result(&task.operation, &result);
            Told { slip, ..Told::of(outcome) }
        }
        Ok(Ok(Heard::Cancel(word))) if task.operation.kind == Kind::Reversal => Told::of(read_cancel(&word)),
        Ok(Ok(_)) => Told::of(Outcome::Unknown),
        Ok(Err(_)) | Err(_) => Told { is_unreachable: true, ..Told::of(Outcome::Unknown) },
    }
}
