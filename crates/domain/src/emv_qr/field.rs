//! A tag of two digits, a length of two digits, and that many characters: what a shop's code is made of, on every level.

use std::fmt::Write;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Refusal;

/// Longest value: its length has two digits.
pub const VALUE_CHARS_MAX: usize = 99;

/// The number of a field, 0 to 99.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(u8);

impl Tag {
    /// The tag with this number, which is below a hundred.
    pub(super) const fn of(number: u8) -> Self {
        Self(number)
    }

    /// The tag of two digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_tag = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_tag { text.parse().ok().map(Self) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected two digits"))
    }
}

/// A field with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Which one.
    pub tag: Tag,
    /// What it says: 1 to [`VALUE_CHARS_MAX`] characters.
    pub value: String,
}

impl Field {
    /// A field.
    pub fn new(tag: u8, value: impl Into<String>) -> Self {
        Self { tag: Tag::of(tag), value: value.into() }
    }
}

/// The fields that a text is made of. The length counts characters, not bytes: all public samples with Japanese or Chinese
/// in them divide so. A tag stands once.
pub(super) fn parse(text: &str) -> Result<Vec<Field>, Refusal> {
    let mut fields: Vec<Field> = Vec::new();
    let mut characters = text.chars();
    loop {
        let head: String = characters.by_ref().take(4).collect();
        if head.is_empty() {
            return Ok(fields);
        }
        let (tag, length) = head.split_at_checked(2).ok_or(Refusal::NotEmv)?;
        let tag = Tag::parse(tag).ok_or(Refusal::NotEmv)?;
        let length = usize::from(Tag::parse(length).ok_or(Refusal::NotEmv)?.number());
        let value: String = characters.by_ref().take(length).collect();
        if value.chars().count() != length {
            return Err(Refusal::NotEmv);
        }
        if fields.iter().any(|known| known.tag == tag) {
            return Err(Refusal::TagTwice);
        }
        fields.push(Field { tag, value });
    }
}

/// The text of fields, in their order.
pub(super) fn write(fields: &[Field]) -> Result<String, Refusal> {
    let mut text = String::new();
    for Field { tag, value } in fields {
        let length = value.chars().count();
        if !(1..=VALUE_CHARS_MAX).contains(&length) || value.chars().any(char::is_control) {
            return Err(Refusal::ValueInvalid { tag: *tag });
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{tag}{length:02}{value}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_row_of_fields_is_refused() {
        for wrong in ["0", "00", "0002", "00020", "000201x", "0002011", "ab0101", "00-101", "日本0101"] {
            assert_eq!(parse(wrong), Err(Refusal::NotEmv), "{wrong}");
        }
        assert_eq!(parse("0002010002"), Err(Refusal::NotEmv));
        assert_eq!(parse("000201000201"), Err(Refusal::TagTwice));
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn a_value_that_has_no_length_cannot_be_written() {
        for value in [String::new(), "x".repeat(100), "a\nb".to_owned()] {
            let refusal = Refusal::ValueInvalid { tag: Tag::of(59) };
            assert_eq!(write(&[Field::new(59, value)]), Err(refusal));
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(values in prop::collection::btree_map(0_u8..100, "[ -~あ-ん一-龠]{1,99}", 0..12)) {
            let fields: Vec<Field> = values.into_iter().map(|(tag, value)| Field::new(tag, value)).collect();
            prop_assert_eq!(parse(&write(&fields).unwrap()).unwrap(), fields);
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,60}") {
            if let Ok(fields) = parse(&text) && fields.iter().all(|field| !field.value.is_empty()) {
                prop_assert_eq!(write(&fields).unwrap(), text);
            }
        }
    }
}
