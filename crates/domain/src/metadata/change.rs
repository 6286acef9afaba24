//! Metadata that is changed later, whatever state its record is in.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Metadata, Subject};
use crate::call::Call;
use crate::command::{self, Command, require_role};
use crate::work::{Key, Stop, UnitOfWork};

/// What is to become of metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// A text sets a key, nothing takes it off; other keys stay as they are.
    Each(BTreeMap<String, Option<String>>),
    /// All keys go.
    Clear,
}

impl Changes {
    /// The metadata of a new record.
    pub fn set(keys: BTreeMap<String, String>) -> Self {
        Self::Each(keys.into_iter().map(|(key, value)| (key, Some(value))).collect())
    }

    /// Whether they change nothing, whatever is there.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Each(changes) if changes.is_empty())
    }
}

/// Changes the metadata of a record. Done again it changes nothing.
#[derive(Debug, Clone)]
pub struct ChangeMetadata {
    /// Of which record.
    pub subject: Subject,
    /// How.
    pub changes: Changes,
}

/// A record with its metadata as a change leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadated {
    /// Which record.
    pub subject: Subject,
    /// All of its metadata.
    pub metadata: Metadata,
}

impl Command for ChangeMetadata {
    type Reply = Metadated;

    fn name(&self) -> &'static str {
        "metadata.change"
    }

    fn keys(&self) -> Vec<Key> {
        self.subject.keys()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Metadated, Stop<command::Refusal>> {
        require_role(call, self.subject.role())?;
        let before = self.subject.find(work, call.merchant)?;
        let metadata = before.with(&self.changes)?;
        if metadata != *before {
            put(work, call, self.subject, &metadata);
        }
        Ok(Metadated { subject: self.subject, metadata })
    }
}

/// Puts metadata on a record and tells of it.
pub(super) fn put(work: &mut UnitOfWork, call: &mut Call<'_>, subject: Subject, metadata: &Metadata) {
    subject.put(work, call.merchant, metadata.clone());
    let told = Some(metadata).filter(|_| !subject.is_personal());
    work.emit(call, "metadata.changed", subject, &Changed { metadata: told });
}

#[derive(Serialize)]
struct Changed<'a> {
    /// Left out where it may tell of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
}
