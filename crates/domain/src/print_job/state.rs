//! Where a print job stands, and what went wrong with it.

use super::Content;
use crate::time::Timestamp;

/// Where a print job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing of it has left.
    Queued {
        /// When it is tried next.
        due_at: Timestamp,
    },
    /// Somebody has claimed it: bytes may be on their way.
    Sending {
        /// Until when what came of it has to be said.
        until: Timestamp,
    },
    /// The printer took all of it, and does not say what became of it.
    Sent,
    /// The printer, or the agent beside it, says that it is out.
    Printed,
    /// Nothing came out, and it is not tried again.
    Failed(Trouble),
    /// A part of it, all or nothing came out.
    Unknown(Trouble),
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No connection with the printer.
    NotReached,
    /// The settings of the hub do not let it call that address.
    AddressRefused,
    /// The connection died while bytes were on their way.
    BrokenOff,
    /// Whoever claimed it did not say what came of it.
    NotAcknowledged,
    /// It waited too long.
    TooLate,
    /// The printer is switched off in the hub.
    PrinterInactive,
    /// The agent beside the printer says that it did not print: no paper, the lid is open.
    NotPrinted,
    /// What is to be printed cannot be made.
    NoDocument,
}

impl Trouble {
    const ALL: [Self; 8] = [
        Self::NotReached,
        Self::AddressRefused,
        Self::BrokenOff,
        Self::NotAcknowledged,
        Self::TooLate,
        Self::PrinterInactive,
        Self::NotPrinted,
        Self::NoDocument,
    ];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReached => "not_reached",
            Self::AddressRefused => "address_refused",
            Self::BrokenOff => "broken_off",
            Self::NotAcknowledged => "not_acknowledged",
            Self::TooLate => "too_late",
            Self::PrinterInactive => "printer_inactive",
            Self::NotPrinted => "not_printed",
            Self::NoDocument => "no_document",
        }
    }

    /// The trouble of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.as_str() == text)
    }

    /// Whether another attempt may go better.
    pub(super) const fn is_passing(self) -> bool {
        matches!(self, Self::NotReached | Self::NotPrinted)
    }

    /// What happened and what to do, for the person who is called.
    pub(super) fn advice(self, content: &Content, is_unknown: bool) -> String {
        let happened = match self {
            Self::NotReached => "The printer could not be reached: look whether it is on and in the network.",
            Self::AddressRefused => {
                "The hub may not call the printer's address: add its network to printing.allowed_networks."
            }
            Self::BrokenOff => "The connection with the printer died while it was printing.",
            Self::NotAcknowledged => "Nobody said whether it was printed.",
            Self::TooLate => "It waited too long for its printer.",
            Self::PrinterInactive => "The printer is switched off in the hub.",
            Self::NotPrinted => "The printer did not print: look after paper and lid.",
            Self::NoDocument => "What was to be printed could not be made: report it.",
        };
        let to_do = match (content, is_unknown) {
            (Content::Receipt { .. }, true) => {
                "If it did not come out, print the receipt again: it will say that it is a copy."
            }
            (Content::Receipt { .. }, false) => {
                "Nothing came out. Retry the print job, or show the receipt on a screen."
            }
            (Content::Drawer { .. }, true) => "Look whether the drawer opened.",
            (Content::Drawer { .. }, false) => "The drawer stayed shut. Open it once more, or with its key.",
        };
        format!("{happened} {to_do}")
    }
}

impl State {
    /// The words of all states.
    pub const ALL: [&'static str; 6] = ["queued", "sending", "sent", "printed", "failed", "unknown"];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Sending { .. } => "sending",
            Self::Sent => "sent",
            Self::Printed => "printed",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The state of that name with its time and its trouble. `None` for another name, and where one has what belongs to
    /// another state.
    pub fn parse(name: &str, due_at: Option<Timestamp>, trouble: Option<Trouble>) -> Option<Self> {
        match (name, due_at, trouble) {
            ("queued", Some(due_at), None) => Some(Self::Queued { due_at }),
            ("sending", Some(until), None) => Some(Self::Sending { until }),
            ("sent", None, None) => Some(Self::Sent),
            ("printed", None, None) => Some(Self::Printed),
            ("failed", None, Some(trouble)) => Some(Self::Failed(trouble)),
            ("unknown", None, Some(trouble)) => Some(Self::Unknown(trouble)),
            _ => None,
        }
    }

    /// When somebody has to look at it next; nobody has to once it has ended.
    pub const fn due_at(self) -> Option<Timestamp> {
        match self {
            Self::Queued { due_at: at } | Self::Sending { until: at } => Some(at),
            Self::Sent | Self::Printed | Self::Failed(_) | Self::Unknown(_) => None,
        }
    }

    /// What went wrong.
    pub const fn trouble(self) -> Option<Trouble> {
        match self {
            Self::Failed(trouble) | Self::Unknown(trouble) => Some(trouble),
            Self::Queued { .. } | Self::Sending { .. } | Self::Sent | Self::Printed => None,
        }
    }
}

/// The event that tells of an end.
pub(super) const fn end_event(state: State) -> Option<&'static str> {
    match state {
        State::Queued { .. } | State::Sending { .. } => None,
        State::Sent => Some("print_job.sent"),
        State::Printed => Some("print_job.printed"),
        State::Failed(_) => Some("print_job.failed"),
        State::Unknown(_) => Some("print_job.doubted"),
    }
}
