//! What a POS vendor notes on records of ours for itself: a few keys with texts. The hub keeps and shows it, and reads
//! nothing into it. A record without any costs nothing for it.

mod change;
mod noted;
mod refusal;
mod subject;

pub use change::{ChangeMetadata, Changes, Metadated};
pub use noted::Noted;
pub use refusal::Refusal;
pub use subject::Subject;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::guard;

/// Most keys of a record: what a vendor needs to find its own way, not a second database.
pub const KEYS_MAX: usize = 20;
/// Longest key, in characters.
pub const KEY_CHARS_MAX: usize = 40;
/// Longest value, in characters: a few sentences, or a URL.
pub const VALUE_CHARS_MAX: usize = 500;

/// Most bytes of all keys and values together: an answer that is kept has room for them. What is written in ASCII never
/// comes to more.
pub const BYTES_MAX: usize = KEYS_MAX * (KEY_CHARS_MAX + VALUE_CHARS_MAX);

/// The notes on a record, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a record shows them: not at all where there are none.
    pub fn shown(&self) -> Option<&Self> {
        Some(self).filter(|some| !some.is_empty())
    }

    /// The metadata with these changes: a text sets a key, nothing takes it off.
    pub fn with(&self, changes: &Changes) -> Result<Self, Refusal> {
        let mut keys = match changes {
            Changes::Clear => BTreeMap::new(),
            Changes::Each(_) => self.0.clone(),
        };
        if let Changes::Each(changes) = changes {
            for (key, value) in changes {
                check_key(key)?;
                match value {
                    Some(value) => {
                        check_value(value)?;
                        keys.insert(key.clone(), value.clone());
                    }
                    None => drop(keys.remove(key)),
                }
            }
        }
        if keys.len() > KEYS_MAX {
            return Err(Refusal::TooManyKeys);
        }
        let bytes =
            keys.iter().fold(0_usize, |sum, (key, value)| sum.saturating_add(key.len()).saturating_add(value.len()));
        if bytes > BYTES_MAX { Err(Refusal::TooLarge) } else { Ok(Self(keys)) }
    }
}

fn check_key(key: &str) -> Result<(), Refusal> {
    let is_fit = !key.trim().is_empty() && key.chars().count() <= KEY_CHARS_MAX && !key.chars().any(char::is_control);
    if !is_fit {
        return Err(Refusal::KeyInvalid);
    }
    if guard::looks_like_card_number(key) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

fn check_value(value: &str) -> Result<(), Refusal> {
    if value.chars().count() > VALUE_CHARS_MAX {
        return Err(Refusal::ValueInvalid);
    }
    if guard::looks_like_card_number(value) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: &[(&str, &str)]) -> Changes {
        Changes::Each(keys.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect())
    }

    #[test]
    fn keys_are_set_changed_and_taken_off() {
        let first = Metadata::default().with(&set(&[("table", "4"), ("waiter", "Aiko")])).unwrap();
        assert_eq!(serde_json::to_string(&first).unwrap(), r#"{"table":"4","waiter":"Aiko"}"#);
        let off = Changes::Each([("waiter".to_owned(), None), ("nothing".to_owned(), None)].into());
        let second = first.with(&off).unwrap().with(&set(&[("table", "5")])).unwrap();
        assert_eq!(serde_json::to_string(&second).unwrap(), r#"{"table":"5"}"#);
        assert!(second.with(&Changes::Clear).unwrap().is_empty());
        assert_eq!(second.with(&set(&[])).unwrap(), second);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (long_key, long_value) = ("k".repeat(KEY_CHARS_MAX + 1), "v".repeat(VALUE_CHARS_MAX + 1));
        for (changes, refusal) in [
            (set(&[("", "x")]), Refusal::KeyInvalid),
            (set(&[("  ", "x")]), Refusal::KeyInvalid),
            (set(&[("a\nb", "x")]), Refusal::KeyInvalid),
            (set(&[(&long_key, "x")]), Refusal::KeyInvalid),
            (set(&[("k", &long_value)]), Refusal::ValueInvalid),
            (set(&[("k", "card 4111 1111 1111 1111")]), Refusal::TextLooksLikeCardNumber),
            (set(&[("4111111111111111", "k")]), Refusal::TextLooksLikeCardNumber),
        ] {
            assert_eq!(Metadata::default().with(&changes), Err(refusal));
        }
        let fits = set(&[(&long_key[1..], &long_value[1..])]);
        assert!(Metadata::default().with(&fits).is_ok());
        let many =
            |count: usize| Changes::Each((0..count).map(|key| (format!("k{key}"), Some(String::new()))).collect());
        let full = Metadata::default().with(&many(KEYS_MAX)).unwrap();
        assert_eq!(full.with(&set(&[("one more", "")])), Err(Refusal::TooManyKeys));
        assert_eq!(Metadata::default().with(&many(KEYS_MAX + 1)), Err(Refusal::TooManyKeys));
        let wide = |c: &str| {
            let value = Some(c.repeat(VALUE_CHARS_MAX));
            Changes::Each((0..KEYS_MAX).map(|key| (format!("k{key}"), value.clone())).collect())
        };
        assert!(Metadata::default().with(&wide("v")).is_ok());
        assert_eq!(Metadata::default().with(&wide("茶")), Err(Refusal::TooLarge));
    }
}
