//! The sentences of a story: for whoever stands at the register with the customer, and for whoever is called at night.

use domain::exception::Kind as ExceptionKind;
use domain::locale::Locale;
use domain::money::for_people;
use domain::payment::{Kind, Operation, OperationState, Reason, State, Step, Witness};
use serde_json::Value;
use storage::read::StoredEvent;

use super::{Story, Told, name_of};
use crate::local_time::local_time;

/// What happened, in order.
pub(super) fn told(story: &Story) -> Vec<Told> {
    let told = |event: &StoredEvent| Told {
        at: event.recorded_at,
        kind: event.kind.clone(),
        sentence: happened(story, event),
    };
    story.events.iter().map(told).collect()
}

fn happened(story: &Story, event: &StoredEvent) -> String {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    let amount = |name: &str| amount(story, data[name].as_i64().unwrap_or_default());
    // The last part of an operation's id is its number.
    let operation = || text("operation").rsplit('-').next().unwrap_or_default().to_owned();
    let because = || match text("reason") {
        reason if reason.is_empty() => String::new(),
        reason => format!(" ({reason})"),
    };
    match event.kind.as_str() {
        "payment.created" => created(story, &amount("asked_minor")),
        "payment.in_progress" => "The payment is under way again.".to_owned(),
        "payment.in_doubt" => "No clear answer came: it is not known whether the customer was charged.".to_owned(),
        "payment.needs_person" => "The hub has no further step by itself and waits for a person.".to_owned(),
        "payment.person_asked" => format!("A person was asked about operation {} ({}).", operation(), text("why")),
        "payment.authorized" => format!("{} was promised, not yet taken.", amount("approved_minor")),
        "payment.captured" => format!("{} was taken.", amount("captured_minor")),
        "payment.declined" => format!("It was declined{}. Nothing was charged.", because()),
        "payment.cancelled" => "It was called off. Nothing was charged.".to_owned(),
        "payment.not_sent" => format!("It did not reach the provider{}. Nothing was charged.", because()),
        "payment.reversed" => "The charge was undone. The customer is not charged.".to_owned(),
        "payment.voided" => "The charge was voided. The customer is not charged.".to_owned(),
        "payment.refunded" => format!("All of it was given back: {}.", amount("refunded_minor")),
        "payment.partially_refunded" => format!("A part was given back: {}.", amount("refunded_minor")),
        "payment.approved_late" => format!(
            "The provider approved {} after everybody had been told that nothing was charged.{}",
            amount("at_risk_minor"),
            if data["is_given_back"] == true { " It is given back." } else { " A person decides what becomes of it." },
        ),
        "payment.overridden" => {
            format!("{} said: {}. The reason: {}", text("by"), text("verdict").replace('_', " "), text("reason"))
        }
        kind => asked_or_ended(kind, &operation(), &amount("asked_minor"), &text("by"), &because()),
    }
}

/// `payment.refund_asked` and its like, `payment.refund_declined` and its like; another kind is told by its name.
fn asked_or_ended(kind: &str, operation: &str, amount: &str, by: &str, because: &str) -> String {
    let name = kind.strip_prefix("payment.").unwrap_or(kind);
    let by = if by == "worker" { "the hub itself" } else { by };
    if let Some(what) = name.strip_suffix("_asked") {
        format!("Operation {operation}, {what} of {amount}, was asked for by {by}{because}.")
    } else if let Some(what) = name.strip_suffix("_declined") {
        format!("Operation {operation}, {what}, did not happen{because}.")
    } else {
        format!("{kind}.")
    }
}

fn created(story: &Story, amount: &str) -> String {
    let payment = &story.payment;
    let sale = payment.tender.map(|(sale, _)| format!(" for sale {sale}")).unwrap_or_default();
    format!(
        "Register {} asked {} for {amount}{sale}. The provider knows it as {}-1.",
        payment.register, story.connection.provider, payment.id
    )
}

/// What is known of an operation, and from whom.
pub(super) fn operation(story: &Story, operation: &Operation) -> String {
    let target = operation.target.map(|number| format!(" of operation {number}")).unwrap_or_default();
    let mut text = format!(
        "{}. {}{target} over {}, recorded {}: {}.",
        operation.id.number,
        operation.kind.as_str(),
        amount(story, operation.asked_minor),
        local_time(operation.recorded_at, &story.merchant.zone),
        stands(story, operation),
    );
    if operation.asked_count > 0 {
        let times =
            if operation.asked_count == 1 { "once".to_owned() } else { format!("{} times", operation.asked_count) };
        text.push_str(&format!(" Asked after or repeated {times} so far."));
    }
    if operation.is_contradicted {
        text.push_str(" Another witness said something else: compare it with the provider's portal.");
    }
    text
}

fn stands(story: &Story, operation: &Operation) -> String {
    let who = who(operation.witness);
    match &operation.state {
        OperationState::Recorded => "written down; nothing is known to have left".to_owned(),
        OperationState::Sent => "sent; no answer has come yet".to_owned(),
        OperationState::Unknown if operation.witness == Some(Witness::Reply) => {
            "the provider's reply was lost or could not be understood".to_owned()
        }
        OperationState::Unknown => format!("{who} could not tell how it ended"),
        OperationState::NotFound => format!("{who} did not know it"),
        OperationState::Pending => format!("{who} said that it has not ended yet"),
        OperationState::NotSent(Reason(reason)) => format!("it did not reach the provider ({reason})"),
        OperationState::Cancelled => format!("{who} said that it was called off"),
        OperationState::Declined(Reason(reason)) => format!("{who} said that it was declined ({reason})"),
        OperationState::Approved(approval) if operation.kind == Kind::Reversal && approval.approved_minor == 0 => {
            format!("{who} said that it was done, and named no amount that was undone")
        }
        OperationState::Approved(approval) => {
            let reference = approval.provider_reference.as_ref();
            let reference = reference.map(|reference| format!(", reference {reference}")).unwrap_or_default();
            format!("{who} said that it was approved: {}{reference}", amount(story, approval.approved_minor))
        }
    }
}

const fn who(witness: Option<Witness>) -> &'static str {
    match witness {
        None => "nobody",
        Some(Witness::Reply) => "the provider's reply",
        Some(Witness::Notification) => "the provider's notification",
        Some(Witness::Inquiry) => "the provider, when asked,",
        Some(Witness::Person) => "a person",
        Some(Witness::Settlement) => "the settlement",
    }
}

/// What the hub does next by itself, and when.
pub(super) fn next(story: &Story) -> Vec<String> {
    let Some(due_at) = story.due_at() else {
        return vec!["Nothing: no operation waits for an answer that the hub could get by itself.".to_owned()];
    };
    let zone = &story.merchant.zone;
    let late = if due_at < story.now { "; it is due, a hub that serves does it at once" } else { "" };
    let mut sentences = vec![format!("It looks again at {}{late}.", local_time(due_at, zone))];
    for next in story.next() {
        let until = match next.step {
            Step::Wait { at } => format!(" until {}", local_time(at, zone)),
            _ => String::new(),
        };
        sentences.push(format!("About operation {}: {}{until}.", next.number, name_of(next.step)));
    }
    sentences
}

/// What a person can do.
pub(super) fn for_a_person(story: &Story) -> Vec<String> {
    let (payment, given) = (story.payment.id, &story.given);
    let mut sentences = Vec::new();
    if story.is_in_doubt() {
        sentences.push("Do not charge the customer again while this is open.".to_owned());
        if story.connection.profile.has_inquiry {
            sentences.push(format!("Ask the provider now: tillbridge doubt ask {payment}{given}"));
        }
        sentences.push(look_up(story));
        sentences.push(format!(
            "Then say what you found: tillbridge doubt resolve {payment} --outcome charged --reason '…'{given} (or not_charged). \
             If the provider says later that it was the other way round, the hub puts it right and tells you."
        ));
    }
    for exception in story.open_exceptions().filter(|exception| exception.kind != ExceptionKind::PaymentInDoubt) {
        sentences
            .push(format!("{} Then: tillbridge doubt resolve {} --reason '…'{given}", exception.reason, exception.id));
    }
    if sentences.is_empty() {
        let waits = story.payment.state == State::InProgress;
        let sentence = if waits { "Wait: it is under way." } else { "Nothing: it is settled." };
        sentences.push(sentence.to_owned());
    }
    sentences
}

fn look_up(story: &Story) -> String {
    if story.connection.profile.is_keyed_by_hand {
        return "Look at the terminal's slip or journal, and record the result at the register (POST \
                /v1/payments/{id}/outcome)."
            .to_owned();
    }
    let open = story.operations.iter().filter(|operation| !operation.state.is_definite());
    let references: Vec<String> = open.map(reference).collect();
    format!("Look it up in the portal of {}: {}.", story.connection.provider, references.join(", "))
}

fn reference(operation: &Operation) -> String {
    let what = match operation.kind {
        Kind::Authorize | Kind::Purchase => "the charge",
        Kind::Capture => "the capture",
        Kind::Void => "the void",
        Kind::Refund => "the refund",
        Kind::Reversal => "the reversal",
    };
    format!("{what} is {}", operation.id)
}

fn amount(story: &Story, minor: i64) -> String {
    for_people(minor, story.payment.currency, Locale::En)
}
