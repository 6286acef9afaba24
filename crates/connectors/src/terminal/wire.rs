//! The messages of the terminal channel, version 1, in the words of `docs/protocols/terminal-channel.md`. Each is one JSON
//! object in one text frame, with its name in `type`. Fields that a version does not know are passed over, so that a terminal
//! may be newer than its hub.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a terminal says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromTerminal {
    /// The first word of a connection.
    Hello(Hello),
    /// The signature that the challenge asks for, in base64.
    Proof {
        /// 64 bytes.
        signature: String,
    },
    /// Somebody at the terminal wants to pair it with a register.
    PairingCodeWanted {},
    /// A command was taken; what it is about is said again, before a card is asked for.
    Accepted(Accepted),
    /// A command was not taken: nothing has happened and nothing will.
    Refused {
        /// Of which command.
        id: String,
        /// Why.
        code: String,
    },
    /// Where a command stands.
    Progress {
        /// Which command.
        id: String,
        /// What the terminal does just now.
        step: String,
    },
    /// How a command ended.
    Result(TerminalResult),
    /// What a call-off came to.
    CancelResult {
        /// The id of the call-off.
        id: String,
        /// `cancelled`, `too_late` or `unknown_command`.
        outcome: String,
    },
    /// The answer to an inquiry.
    InquiryResult(InquiryResult),
    /// How the terminal is.
    Status(Status),
    /// The answer to a ping.
    Pong {
        /// The number of the ping.
        number: u64,
    },
    /// The last word of a connection.
    Bye {
        /// Why.
        code: String,
    },
}

/// Who connects.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hello {
    /// The version of the protocol that the terminal speaks.
    pub version: u32,
    /// Its id, as it was given when it was enrolled.
    pub terminal_id: String,
    /// Name and version of its software.
    #[serde(default)]
    pub software: String,
    /// Its clock, in milliseconds since 1970 UTC.
    pub clock_ms: i64,
}

/// A command was taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Accepted {
    /// Of which command.
    pub id: String,
    /// The amount that it will show to the customer, in minor units.
    pub amount_minor: i64,
    /// And its currency.
    pub currency: String,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TerminalResult {
    /// Of which command.
    pub id: String,
    /// `approved`, `declined`, `cancelled` or `not_started`.
    pub outcome: String,
    /// What was approved in all, in minor units, tip and surcharge among it.
    #[serde(default)]
    pub approved_minor: Option<i64>,
    /// What the customer added.
    #[serde(default)]
    pub tip_minor: i64,
    /// What the acquirer added.
    #[serde(default)]
    pub surcharge_minor: i64,
    /// Why it was not approved.
    #[serde(default)]
    pub reason: Option<String>,
    /// The terminal's own number of the transaction, by which it finds it again.
    #[serde(default)]
    pub reference: Option<String>,
    /// What belongs on the customer's receipt.
    #[serde(default)]
    pub slip: BTreeMap<String, serde_json::Value>,
}

/// The answer to an inquiry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InquiryResult {
    /// About which command.
    pub id: String,
    /// `unknown_command`, `in_progress` or `ended`.
    pub state: String,
    /// The kept result, if it has ended.
    #[serde(default)]
    pub result: Option<TerminalResult>,
    /// What a call-off came to, if it was one.
    #[serde(default)]
    pub cancel_outcome: Option<String>,
}

/// How a terminal is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// 0 to 100; none where it hangs on the mains.
    #[serde(default)]
    pub battery_percent: Option<u8>,
    /// Whether it is being charged.
    #[serde(default)]
    pub is_charging: Option<bool>,
    /// What its screen shows, in a word.
    #[serde(default)]
    pub screen: Option<String>,
}

/// What the hub says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToTerminal {
    /// What is to be signed.
    Challenge {
        /// The version that the hub speaks.
        version: u32,
        /// 32 random bytes in base64; for this connection only.
        nonce: String,
        /// The hub's clock, in milliseconds since 1970 UTC.
        at_ms: i64,
    },
    /// The proof was right.
    Welcome {
        /// The number of this connection of the terminal; a later one is greater.
        session: i64,
        /// The hub's clock, in milliseconds since 1970 UTC.
        at_ms: i64,
        /// How far the terminal's clock is before the hub's, where that is worth a word.
        #[serde(skip_serializing_if = "Option::is_none")]
        clock_ahead_ms: Option<i64>,
        /// The register that it is paired with.
        #[serde(skip_serializing_if = "Option::is_none")]
        register_name: Option<String>,
        /// How often the hub sends a ping.
        ping_every_ms: u64,
    },
    /// The connection is not let in; the hub closes it.
    Rejected {
        /// Why.
        code: &'static str,
        /// What to do.
        detail: String,
    },
    /// A code to be shown.
    PairingCode {
        /// What is typed in at the register.
        code: String,
        /// Until when, in milliseconds since 1970 UTC.
        expires_at_ms: i64,
    },
    /// The register that it belongs to from now on.
    Paired {
        /// Its name; none where it belongs to none any more.
        register_name: Option<String>,
    },
    /// Something to do with money.
    Command(Command),
    /// The amount that was said again is right: ask for the card.
    Proceed {
        /// Of which command.
        id: String,
    },
    /// Call a command off if that can still be done.
    Cancel {
        /// The id of the call-off.
        id: String,
        /// What is to be called off.
        target: String,
    },
    /// How did it end?
    Inquiry {
        /// What is asked about.
        id: String,
    },
    /// A result is durable at the hub: it need not be told again.
    ResultKept {
        /// Which.
        id: String,
    },
    /// A result is not believed. It stays in the terminal's journal, and a person looks at it.
    ResultRejected {
        /// Which.
        id: String,
        /// Why.
        code: String,
    },
    /// Are you there?
    Ping {
        /// Counts up.
        number: u64,
    },
    /// The last word of a connection.
    Bye {
        /// Why.
        code: &'static str,
    },
}

/// Something to do with money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// Its id, unique for ever: a terminal does nothing twice under one id.
    pub id: String,
    /// `purchase`, `authorize`, `capture`, `refund` or `void`.
    pub kind: &'static str,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// In which currency, ISO 4217.
    pub currency: String,
    /// What is captured, refunded or voided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// From when on it must not be begun any more, by the hub's clock, in milliseconds since 1970 UTC.
    pub begin_until_ms: i64,
    /// From when on the terminal gives up waiting for the customer.
    pub end_until_ms: i64,
}

/// What a command is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The id of the command that took the money.
    pub id: String,
    /// The terminal's own number of it, if it told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl ToTerminal {
    /// The text of the frame.
    pub fn encode(&self) -> String {
        // None of these types holds what JSON cannot.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl FromTerminal {
    /// The message of a frame; `None` where it is none of this version.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
