//! What a played terminal does by itself, and what goes wrong with it.

/// How the customer and the terminal behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Script {
    /// The customer taps and is approved.
    #[default]
    Approve,
    /// The card is declined.
    Decline,
    /// The customer takes a while.
    Slow,
    /// The terminal shows another amount than it was asked for.
    WrongAmount,
    /// Somebody pulls the plug while the terminal waits for the card.
    PlugBeforeCard,
    /// Somebody pulls the plug after the approval, before the terminal could tell.
    PlugAfterApproval,
    /// The line breaks the moment a command comes in.
    PlugAtCommand,
    /// Each result is told twice.
    ResultTwice,
    /// The terminal takes no command.
    NeverAnswer,
    /// The result is told for another command than the one that was asked.
    WrongCommand,
    /// Nobody comes: for a person at the page, and for tests that play the customer.
    Manual,
}

/// The words of the command line, and what they play.
pub const SCRIPTS: [(&str, Script); 11] = [
    ("approve", Script::Approve),
    ("decline", Script::Decline),
    ("slow", Script::Slow),
    ("wrong-amount", Script::WrongAmount),
    ("plug-before-card", Script::PlugBeforeCard),
    ("plug-after-approval", Script::PlugAfterApproval),
    ("plug-at-command", Script::PlugAtCommand),
    ("result-twice", Script::ResultTwice),
    ("never-answer", Script::NeverAnswer),
    ("wrong-command", Script::WrongCommand),
    ("manual", Script::Manual),
];

impl Script {
    /// The script of that name.
    pub fn parse(text: &str) -> Option<Self> {
        SCRIPTS.iter().find(|(name, _)| *name == text).map(|(_, script)| *script)
    }
}

/// What a customer, or somebody at the terminal, does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Holds a good card to it.
    Tap,
    /// Puts a good card into it: a PIN is asked for.
    Insert,
    /// Types a PIN.
    Pin {
        /// Whether it is that of the card.
        is_right: bool,
    },
    /// Shows a card that the bank declines.
    TapDeclined,
    /// Adds a tip, in minor units, before the card.
    Tip(i64),
    /// Presses the red key.
    Cancel,
    /// Asks for a pairing code.
    AskPairingCode,
    /// Breaks the line and leaves the power on; the terminal calls again at once.
    CutLine,
    /// Pulls the plug.
    PullPlug,
    /// Puts it back.
    PutPlugBack,
}
