//! External references: each stands for a record that is there.

use std::collections::BTreeSet;

use domain::external_ref::{ExternalRef, Kind, Subject};
use domain::id::MerchantId;
use domain::payment::{Operation, Payment};
use domain::returns::Return;
use domain::sale::Sale;
use domain::transfer::Transfer;
use domain::unreferenced_return::UnreferencedReturn;

use super::Report;
use super::source::{Records, Source};
use super::trade::for_each_row;
use crate::error::EngineError;
use crate::record::{MOVEMENT, Stored, movement};

/// Records that references stand for and that were not met yet.
type Wanted = BTreeSet<(MerchantId, Subject)>;

/// Looks for the record of each reference. A table that none stands for is not read.
pub fn subjects(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut wanted = Wanted::new();
    let mut refs = Records::<ExternalRef>::new(source, report)?;
    while let Some(known) = refs.next(source, report)? {
        wanted.insert((known.merchant, known.subject));
    }
    meet::<Sale>(source, report, &mut wanted, Kind::Sale, |one| Subject::Sale(one.id))?;
    meet::<Payment>(source, report, &mut wanted, Kind::Payment, |one| Subject::Payment(one.id))?;
    meet::<Operation>(source, report, &mut wanted, Kind::Refund, |one| Subject::Refund(one.id))?;
    meet::<Return>(source, report, &mut wanted, Kind::Return, |one| Subject::Return(one.id))?;
    meet::<Transfer>(source, report, &mut wanted, Kind::Transfer, |one| Subject::Transfer(one.id))?;
    meet::<UnreferencedReturn>(source, report, &mut wanted, Kind::UnreferencedReturn, |one| {
        Subject::UnreferencedReturn(one.id)
    })?;
    if is_wanted(&wanted, Kind::Movement) {
        for_each_row(&MOVEMENT, source, report, |row| {
            let movement = movement(row)?;
            wanted.remove(&(movement.merchant, Subject::Movement(movement.id)));
            Ok(())
        })?;
    }
    for (_, subject) in wanted {
        report.find(
            "external_ref_subject",
            subject,
            "an external reference stands for it, and it is not there".to_owned(),
        );
    }
    Ok(())
}

fn is_wanted(wanted: &Wanted, kind: Kind) -> bool {
    wanted.iter().any(|(_, subject)| subject.kind() == kind)
}

fn meet<R: Stored>(
    source: &mut dyn Source,
    report: &mut Report,
    wanted: &mut Wanted,
    kind: Kind,
    subject: fn(&R) -> Subject,
) -> Result<(), EngineError> {
    if !is_wanted(wanted, kind) {
        return Ok(());
    }
    let mut records = Records::<R>::new(source, report)?;
    while let Some(record) = records.next(source, report)? {
        wanted.remove(&(record.merchant(), subject(&record)));
    }
    Ok(())
}
