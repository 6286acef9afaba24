//! Which kinds of events an endpoint wants: all, single ones, or all of a noun.

use serde::{Deserialize, Serialize};

use super::Refusal;

/// Most entries of a list of kinds: more than there are kinds.
pub const KINDS_MAX: usize = 100;
/// Longest entry, in characters: twice the longest kind.
const KIND_CHARS_MAX: usize = 64;
/// What stands for all events of a noun, as in `payment.*`.
const ANY: &str = "*";

/// What an endpoint wants to be told; an empty list stands for everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kinds(Vec<String>);

impl Kinds {
    /// The kinds in a request. A kind that does not exist yet is taken: it may come with a later version.
    pub fn parse(kinds: &[String]) -> Result<Self, Refusal> {
        if kinds.len() > KINDS_MAX || !kinds.iter().all(|kind| is_kind(kind)) {
            return Err(Refusal::KindsInvalid);
        }
        Ok(Self(kinds.to_vec()))
    }

    /// Whether an event of this kind is wanted.
    pub fn accepts(&self, kind: &str) -> bool {
        let noun = kind.split('.').next().unwrap_or_default();
        let is_wanted = |wanted: &String| {
            wanted == kind || wanted.split_once('.').is_some_and(|(head, verb)| head == noun && verb == ANY)
        };
        self.0.is_empty() || self.0.iter().any(is_wanted)
    }
}

fn is_kind(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    text.len() <= KIND_CHARS_MAX
        && text.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && (verb == ANY || is_word(verb)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(kinds: &[&str]) -> Result<Kinds, Refusal> {
        Kinds::parse(&kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_list_wants_what_it_names() {
        for (list, kind, is_wanted) in [
            (&[][..], "sale.completed", true),
            (&["sale.completed"], "sale.completed", true),
            (&["sale.completed"], "sale.opened", false),
            (&["payment.*"], "payment.captured", true),
            (&["payment.*", "sale.voided"], "sale.voided", true),
            (&["pay.*"], "payment.captured", false),
        ] {
            assert_eq!(kinds(list).unwrap().accepts(kind), is_wanted, "{list:?} {kind}");
        }
    }

    #[test]
    fn what_is_no_kind_is_refused() {
        for wrong in ["", "sale", "*", "*.*", "sale.", ".opened", "sale.opened.twice", "Sale.opened", "sale.op*"] {
            assert_eq!(kinds(&[wrong]), Err(Refusal::KindsInvalid), "{wrong}");
        }
        assert_eq!(kinds(&["sale.opened"; KINDS_MAX + 1]), Err(Refusal::KindsInvalid));
    }
}
