//! Builders for the tests of this module.

use proptest::prelude::*;
use uuid::Uuid;

use super::operation::{Approval, Kind, Operation, Outcome, Reason, State, Witness};
use crate::id::{ConnectionId, MerchantId, OperationId, PaymentId};
use crate::time::Timestamp;

/// When every operation of the tests was recorded.
pub const RECORDED_AT: Timestamp = Timestamp(1_700_000_000_000);

/// An operation over 1000 that nobody has spoken about; it targets the first one unless it is a charge.
pub fn an_operation(kind: Kind, number: u32) -> Operation {
    Operation {
        id: OperationId { payment: PaymentId::from_uuid(Uuid::from_u128(1)), number },
        merchant: MerchantId::from_uuid(Uuid::from_u128(2)),
        connection: ConnectionId::from_uuid(Uuid::from_u128(3)),
        kind,
        target: if kind.is_charge() { None } else { Some(1) },
        asked_minor: 1_000,
        state: State::Recorded,
        witness: None,
        is_contradicted: false,
        is_left_to_person: false,
        recorded_at: RECORDED_AT,
        doubt_since: RECORDED_AT,
        asked_count: 0,
        terminal: None,
        slip: None,
        version: 1,
    }
}

impl Operation {
    pub fn in_state(self, state: State) -> Self {
        Self { state, ..self }
    }

    pub fn approved_for(self, approved_minor: i64) -> Self {
        self.in_state(State::Approved(Approval { approved_minor, provider_reference: None, funding: None }))
    }

    pub fn declined(self) -> Self {
        self.in_state(State::Declined(Reason("limit".to_owned())))
    }

    pub fn left_to_person(self) -> Self {
        Self { is_left_to_person: true, ..self }
    }

    pub fn asking_for(self, asked_minor: i64) -> Self {
        Self { asked_minor, ..self }
    }
}

pub fn approved(approved_minor: i64) -> Outcome {
    Outcome::Approved(Approval { approved_minor, provider_reference: None, funding: None })
}

pub fn declined(reason: &str) -> Outcome {
    Outcome::Declined(Reason(reason.to_owned()))
}

pub fn not_sent(reason: &str) -> Outcome {
    Outcome::NotSent(Reason(reason.to_owned()))
}

pub fn witnesses() -> impl Strategy<Value = Witness> {
    prop::sample::select(Witness::ALL.to_vec())
}

/// Few amounts, reasons and references, so that equal and contradicting ones meet often.
pub fn outcomes() -> impl Strategy<Value = Outcome> {
    let text = || prop::sample::select(vec!["a", "b", "c"]);
    let approval = (0..4_i64, prop::option::of(text())).prop_map(|(amount, reference)| {
        Outcome::Approved(Approval {
            approved_minor: amount * 500,
            provider_reference: reference.map(str::to_owned),
            funding: None,
        })
    });
    prop_oneof![
        Just(Outcome::Unknown),
        Just(Outcome::NotFound),
        Just(Outcome::Pending),
        Just(Outcome::Cancelled),
        text().prop_map(declined),
        text().prop_map(not_sent),
        approval,
    ]
}
