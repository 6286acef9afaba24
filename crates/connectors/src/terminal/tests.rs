//! What is said to a terminal, to the letter, and what is made of its answers: `fixtures/answers.json`.

use domain::id::{ConnectionId, MerchantId, OperationId, PaymentId};
use domain::payment::OperationState;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    kind: String,
    message: Value,
    outcome: String,
    #[serde(default)]
    slip: Vec<(String, String)>,
}

fn operation(kind: Kind, number: u32) -> Operation {
    Operation {
        id: OperationId { payment: PaymentId::from_uuid(Uuid::from_u128(1)), number },
        merchant: MerchantId::from_uuid(Uuid::from_u128(2)),
        connection: ConnectionId::from_uuid(Uuid::from_u128(3)),
        kind,
        target: (!kind.is_charge()).then_some(1),
        asked_minor: 1_000,
        state: OperationState::Sent,
        witness: None,
        is_contradicted: false,
        is_left_to_person: false,
        recorded_at: Timestamp(1_000),
        doubt_since: Timestamp(1_000),
        asked_count: 0,
        terminal: None,
        slip: None,
        version: 1,
    }
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Approved(approval) => {
            let reference = approval.provider_reference.as_deref().unwrap_or("none");
            format!("approved {} {reference}", approval.approved_minor)
        }
        Outcome::Declined(reason) => format!("declined {}", reason.0),
        Outcome::NotSent(reason) => format!("not_sent {}", reason.0),
        Outcome::Pending => "pending".to_owned(),
        Outcome::Cancelled => "cancelled".to_owned(),
        Outcome::Unknown => "unknown".to_owned(),
        Outcome::NotFound => "not_found".to_owned(),
    }
}

#[test]
fn answers_mean_what_the_protocol_says() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/answers.json")).unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let kind = Kind::parse(&case.kind).unwrap();
        let asked = operation(kind, if kind.is_charge() { 1 } else { 2 });
        let id = asked.id.to_string();
        let text = case.message.to_string().replace("$id", &id);
        let (outcome, slip) = match FromTerminal::parse(&text) {
            Some(FromTerminal::Result(result)) => read_result(&asked, &result),
            Some(FromTerminal::InquiryResult(answer)) => read_inquiry(&asked, &answer),
            Some(FromTerminal::CancelResult { outcome, .. }) => (read_cancel(&outcome), None),
            Some(FromTerminal::Refused { code, .. }) => (read_refusal(&code), None),
            other => panic!("{}: {other:?}", case.name),
        };
        assert_eq!(words(&outcome), case.outcome, "{}", case.name);
        let kept: Vec<_> = slip.iter().flat_map(|slip| slip.texts()).collect();
        let expected: Vec<_> = case.slip.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(kept, expected, "{}", case.name);
    }
}

#[test]
fn commands_are_said_to_the_letter() {
    let payment = crate::terminal::tests::payment();
    let (charge, now, profile) = (operation(Kind::Purchase, 1), Timestamp(2_000), Profile::terminal());
    let text = |operation: &Operation, target: Option<&Operation>| {
        let message = command(&payment, operation, target, &profile, now).unwrap();
        serde_json::from_str::<Value>(&message.encode()).unwrap()
    };
    let id = charge.id.to_string();
    let expected = json!({
        "type": "command", "id": id, "kind": "purchase", "amount_minor": 1_000, "currency": "JPY",
        "begin_until_ms": 7_000, "end_until_ms": 181_000,
    });
    assert_eq!(text(&charge, None), expected);
    let taken = Operation {
        state: OperationState::Approved(domain::payment::Approval {
            approved_minor: 1_000,
            provider_reference: Some("000017".to_owned()),
            funding: None,
        }),
        ..charge.clone()
    };
    let refund = text(&operation(Kind::Refund, 2), Some(&taken));
    assert_eq!((&refund["kind"], &refund["target"]), (&json!("refund"), &json!({ "id": id, "reference": "000017" })));
    let reversal = operation(Kind::Reversal, 2);
    let expected = json!({ "type": "cancel", "id": reversal.id.to_string(), "target": id });
    assert_eq!(text(&reversal, Some(&charge)), expected);
    assert_eq!(command(&payment, &reversal, None, &profile, now), Err(CannotAsk::NoTarget));
}

#[test]
fn an_echo_is_the_amount_and_the_currency() {
    let (payment, charge) = (payment(), operation(Kind::Purchase, 1));
    let echo =
        |amount_minor, currency: &str| Accepted { id: String::new(), amount_minor, currency: currency.to_owned() };
    assert!(is_echo(&payment, &charge, &echo(1_000, "JPY")));
    assert!(!is_echo(&payment, &charge, &echo(1_001, "JPY")) && !is_echo(&payment, &charge, &echo(1_000, "EUR")));
}

fn payment() -> Payment {
    let uuid = Uuid::from_u128;
    Payment {
        id: PaymentId::from_uuid(uuid(1)),
        merchant: MerchantId::from_uuid(uuid(2)),
        location: domain::id::LocationId::from_uuid(uuid(4)),
        register: domain::id::RegisterId::from_uuid(uuid(5)),
        tender: None,
        connection: ConnectionId::from_uuid(uuid(3)),
        currency: domain::money::Currency::JPY,
        asked_minor: 1_000,
        approved_minor: 0,
        captured_minor: 0,
        refunded_minor: 0,
        state: domain::payment::State::InProgress,
        is_closed_uncharged: false,
        operation_count: 1,
        reference: String::new(),
        is_scanned: false,
        presented_code: None,
        metadata: domain::metadata::Metadata::default(),
        created_at: Timestamp(1_000),
        updated_at: Timestamp(1_000),
        version: 1,
    }
}
