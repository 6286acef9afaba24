//! References that are told together with what they stand for, in one command and one commit. Where none is told it costs
//! nothing: no key, no row.

use serde::Serialize;

use super::{ExternalId, ExternalRef, Kind, REFS_MAX, Refusal, Subject};
use crate::call::Call;
use crate::command::{self, Command};
use crate::id::MerchantId;
use crate::work::{Key, Stop, UnitOfWork};

/// A command that makes a record, and the ids under which other systems know it.
#[derive(Debug, Clone)]
pub struct Referred<C: Command> {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// What makes the record.
    pub command: C,
    /// Of which kind it is.
    pub kind: Kind,
    /// System and id as they were written, at most [`REFS_MAX`].
    pub refs: Vec<(String, String)>,
    /// Which record the command has made.
    pub subject: fn(&C::Reply) -> Option<Subject>,
}

impl<C: Command> Referred<C> {
    fn external_ids(&self) -> Result<Vec<ExternalId>, Refusal> {
        if self.refs.len() > REFS_MAX {
            return Err(Refusal::TooMany);
        }
        let mut ids = Vec::with_capacity(self.refs.len());
        for (system, id) in &self.refs {
            let id = ExternalId::parse(system, id)?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

impl<C: Command> Command for Referred<C> {
    type Reply = C::Reply;

    fn name(&self) -> &'static str {
        self.command.name()
    }

    fn keys(&self) -> Vec<Key> {
        if self.refs.is_empty() {
            return self.command.keys();
        }
        let ids = self.external_ids().unwrap_or_default();
        let of_refs = ids.into_iter().map(|id| Key::ExternalRef(self.merchant, id, self.kind));
        self.command.keys().into_iter().chain(of_refs).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<C::Reply, Stop<command::Refusal>> {
        if self.refs.is_empty() {
            return self.command.decide(work, call);
        }
        let ids = self.external_ids()?;
        let reply = self.command.decide(work, call)?;
        if let Some(subject) = (self.subject)(&reply) {
            attach(work, call, subject, ids)?;
        }
        Ok(reply)
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        self.command.unique_refusal(constraint)
    }
}

/// Says under which ids other systems know a record.
pub(super) fn attach(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    subject: Subject,
    ids: Vec<ExternalId>,
) -> Result<(), Stop<command::Refusal>> {
    let (merchant, kind) = (call.merchant, subject.kind());
    work.require(ids.iter().map(|id| Key::ExternalRef(merchant, id.clone(), kind)))?;
    let mut added = Vec::new();
    for external in ids {
        match work.external_refs.find(merchant, &(merchant, external.clone(), kind)) {
            Some(known) if known.subject == subject => {}
            Some(known) => return Err(Refusal::Taken { subject: known.subject }.into()),
            None => {
                added.push(external.clone());
                let created_at = call.now;
                work.external_refs.insert(ExternalRef { merchant, external, subject, created_at, version: 1 });
            }
        }
    }
    if !added.is_empty() {
        work.emit(call, "external_ref.added", subject, &Added { kind: kind.as_str(), external_refs: added });
    }
    Ok(())
}

#[derive(Serialize)]
struct Added {
    kind: &'static str,
    external_refs: Vec<ExternalId>,
}
