//! Metadata that is told together with the record that it is put on, in one command and one commit. Where none is told it
//! costs nothing.

use super::change::put;
use super::{Changes, Metadata, Refusal, Subject};
use crate::call::Call;
use crate::command::{self, Command};
use crate::work::{Key, Stop, UnitOfWork};

/// A command that makes a record, and the metadata of it.
#[derive(Debug, Clone)]
pub struct Noted<C: Command> {
    /// What makes the record.
    pub command: C,
    /// What to note on it.
    pub metadata: Changes,
    /// Which record the command has made, and where its answer shows the metadata.
    pub record: fn(&mut C::Reply) -> Option<(Subject, &mut Metadata)>,
}

impl<C: Command> Command for Noted<C> {
    type Reply = C::Reply;

    fn name(&self) -> &'static str {
        self.command.name()
    }

    fn keys(&self) -> Vec<Key> {
        self.command.keys()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<C::Reply, Stop<command::Refusal>> {
        if self.metadata.is_empty() {
            return self.command.decide(work, call);
        }
        let metadata: Result<_, Refusal> = Metadata::default().with(&self.metadata);
        let metadata = metadata?;
        let mut reply = self.command.decide(work, call)?;
        if let Some((subject, shown)) = (self.record)(&mut reply) {
            shown.clone_from(&metadata);
            put(work, call, subject, &metadata);
        }
        Ok(reply)
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        self.command.unique_refusal(constraint)
    }
}
