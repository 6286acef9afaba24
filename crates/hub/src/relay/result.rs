//! Records what a terminal tells by itself: it says a result until the hub has said that it keeps it, and the hub says so after
//! the commit.

use std::sync::Arc;

use connectors::terminal::{TerminalResult, ToTerminal, read_cancel, read_result};
use domain::id::OperationId;
use domain::payment::{Operation, Outcome, Payment, RecordOutcome, RecordResult, Slip, Witness, keys_for_outcome};
use storage::{Answer, Lane};

use super::line::Line;
use super::worker::is_over;
use crate::app::App;
use crate::provider::start_all;
use crate::rounds;

/// Why a result is not believed: the terminal keeps it, and a person compares it.
const NOT_FOUND: &str = "operation_not_found";
/// Its parts do not add up, or its words are new.
const NOT_UNDERSTOOD: &str = "result_not_understood";

/// Records a result.
pub async fn result(app: App, line: Arc<Line>, result: TerminalResult) {
    let Some((payment, operation)) = find(&app, &line, &result.id).await else { return };
    let (outcome, slip) = read_result(&operation, &result);
    if outcome == Outcome::Unknown {
        tracing::error!(operation.id = %operation.id, terminal.id = %line.terminal, "A terminal's result cannot be understood.");
        line.say(ToTerminal::ResultRejected { id: result.id, code: NOT_UNDERSTOOD.to_owned() });
        return;
    }
    record(&app, &line, &payment, &operation, outcome, slip).await;
}

/// Records what a call-off came to.
pub async fn cancel(app: App, line: Arc<Line>, id: String, word: String) {
    // A call-off that is none of an operation stopped a command before a card was asked for: the command tells by itself.
    if id.parse::<OperationId>().is_err() {
        line.say(ToTerminal::ResultKept { id });
        return;
    }
    let Some((payment, operation)) = find(&app, &line, &id).await else { return };
    record(&app, &line, &payment, &operation, read_cancel(&word), None).await;
}

async fn find(app: &App, line: &Line, id: &str) -> Option<(Payment, Operation)> {
    let Ok(wanted) = id.parse::<OperationId>() else {
        line.say(ToTerminal::ResultRejected { id: id.to_owned(), code: NOT_FOUND.to_owned() });
        return None;
    };
    // A database that does not answer is no answer: the terminal tells it again.
    let found = app.reader.find_payment(line.merchant, wanted.payment).await.ok()?;
    let operation = found.and_then(|whole| {
        let operation = whole.operations.into_iter().find(|operation| operation.id == wanted);
        operation
            .filter(|operation| operation.terminal == Some(line.terminal))
            .map(|operation| (whole.payment, operation))
    });
    if operation.is_none() {
        tracing::error!(terminal.id = %line.terminal, operation.id = %wanted, "A terminal tells of what it was not asked for.");
        line.say(ToTerminal::ResultRejected { id: id.to_owned(), code: NOT_FOUND.to_owned() });
    }
    operation
}

async fn record(
    app: &App,
    line: &Line,
    payment: &Payment,
    operation: &Operation,
    outcome: Outcome,
    slip: Option<Box<Slip>>,
) {
    let id = operation.id;
    if is_over(&outcome) {
        line.release(id);
        app.lines.wake.notify_one();
    }
    let told = RecordOutcome {
        operation: id,
        witness: Witness::Notification,
        outcome,
        presented: None,
        asked_at: operation.recorded_at,
        is_unreachable: false,
        fence: None,
        hint: keys_for_outcome(payment),
    };
    let command = RecordResult { terminal: Some(line.terminal), told, slip };
    let request_id = format!("terminal-{id}");
    let envelope = rounds::own(line.merchant, &app.lines.actor, request_id, Lane::Interactive);
    match app.committer.submit(envelope, command, |_| Answer::default()).await.map(|committed| committed.reply) {
        Ok(Some(Ok(moved))) => {
            line.say(ToTerminal::ResultKept { id: id.to_string() });
            start_all(app, moved.tasks);
        }
        Ok(Some(Err(refusal))) => {
            tracing::error!(operation.id = %id, terminal.id = %line.terminal, %refusal, "A terminal's result was refused.");
            line.say(ToTerminal::ResultRejected { id: id.to_string(), code: refusal.code().to_owned() });
        }
        Ok(None) => {}
        Err(failure) => {
            tracing::warn!(operation.id = %id, %failure, "A terminal's result was not recorded; the terminal tells it again.");
        }
    }
}
