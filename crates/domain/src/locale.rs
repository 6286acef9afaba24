//! The language of what people read. Programs read codes and numbers, which have none.

use serde::{Deserialize, Serialize};

/// A language that receipts are printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// Japanese.
    #[default]
    Ja,
    /// English.
    En,
}

impl Locale {
    /// The word in the database, in the API and in HTML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// The language of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ja, Self::En].into_iter().find(|locale| locale.as_str() == text)
    }
}
