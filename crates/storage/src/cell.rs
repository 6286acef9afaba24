//! One value of one column, the same for every engine.

use std::borrow::Cow;
use std::fmt::Write;

/// Characters of an id, and of an operation's with a number of three digits.
const ID_CHARS: usize = 40;

/// A value on its way into or out of a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// BOOLEAN.
    Bool(bool),
    /// TEXT.
    Text(Cow<'a, str>),
    /// BYTEA.
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Cell<'a> {
    /// Text that is borrowed.
    pub const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Text of something that prints, an id as a rule.
    pub fn display(value: impl std::fmt::Display) -> Self {
        let mut text = String::with_capacity(ID_CHARS);
        // Writing to a string cannot fail, unless the value itself refuses to print.
        let _ = write!(text, "{value}");
        Self::Text(Cow::Owned(text))
    }

    /// Bytes that are borrowed.
    pub const fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }

    /// `NULL` or what `cell` makes of the value.
    pub fn option<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Null, cell)
    }

    /// The same value without a borrow.
    pub fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Null => Cell::Null,
            Self::Int(value) => Cell::Int(value),
            Self::Bool(value) => Cell::Bool(value),
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Cell::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }
}
