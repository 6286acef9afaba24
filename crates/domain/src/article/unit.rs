//! What an article is counted or measured in.

use serde::Serialize;

use crate::money::Quantity;

/// The unit of an article's quantities, and of its price. It is chosen when the article is made: what is on the shelf is
/// counted in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// One thing.
    #[default]
    #[serde(rename = "piece")]
    Piece,
    /// A kilogram.
    #[serde(rename = "kg")]
    Kilogram,
    /// A gram.
    #[serde(rename = "g")]
    Gram,
    /// A metre.
    #[serde(rename = "m")]
    Metre,
    /// A litre.
    #[serde(rename = "l")]
    Litre,
}

impl Unit {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Piece => "piece",
            Self::Kilogram => "kg",
            Self::Gram => "g",
            Self::Metre => "m",
            Self::Litre => "l",
        }
    }

    /// The unit of that name.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Piece, Self::Kilogram, Self::Gram, Self::Metre, Self::Litre];
        all.into_iter().find(|unit| unit.as_str() == text)
    }

    /// Whether there can be so much: what is counted by the piece is whole.
    pub fn can_have(self, quantity: Quantity) -> bool {
        self != Self::Piece || quantity.is_whole()
    }
}
