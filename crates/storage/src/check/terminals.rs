//! Terminals: a terminal and the place beside its register name each other, and the history of each is whole and ends where
//! the terminal stands.

use std::collections::BTreeMap;

use domain::id::{MerchantId, RegisterId, TerminalId};
use domain::terminal::{Entry, Fact, Pairing, State, Terminal};

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// Compares terminals with their history and with the places beside the registers.
pub fn terminals(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut paired: BTreeMap<TerminalId, (MerchantId, RegisterId)> = BTreeMap::new();
    let mut heads = Records::<Terminal>::new(source, report)?;
    let mut entries = Records::<Entry>::new(source, report)?;
    while let Some(head) = heads.next(source, report)? {
        let entries = entries.children(&head.id, |entry| entry.terminal, source, report)?;
        check_history(&head, &entries, report);
        if let Some(pairing) = head.pairing {
            paired.insert(head.id, (head.merchant, pairing.register));
        }
    }
    let mut places = Records::<Pairing>::new(source, report)?;
    while let Some(place) = places.next(source, report)? {
        let Some(terminal) = place.terminal else { continue };
        let named = paired.remove(&terminal);
        report.expect_equal("pairing_is_mutual", terminal, &Some((place.merchant, place.register)), &named);
    }
    for (terminal, (_, register)) in paired {
        report.find(
            "pairing_is_mutual",
            terminal,
            format!("says it is paired with {register}, whose place has another"),
        );
    }
    Ok(())
}

fn check_history(head: &Terminal, entries: &[Entry], report: &mut Report) {
    let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    report.expect_equal("terminal_entry_count", head.id, &head.entry_count, &count);
    let mut register = None;
    for (number, entry) in (1..).zip(entries) {
        report.expect_equal(
            "terminal_entry_follows",
            head.id,
            &(entry.number, entry.merchant),
            &(number, head.merchant),
        );
        match entry.fact {
            Fact::Paired(with) => register = Some(with),
            Fact::Unpaired(..) => register = None,
            Fact::Enrolled | Fact::Retired => {}
        }
    }
    report.expect_equal("terminal_history_ends_here", head.id, &head.pairing.map(|paired| paired.register), &register);
    let is_retired = entries.last().is_some_and(|entry| entry.fact == Fact::Retired);
    report.expect_equal("terminal_retired", head.id, &matches!(head.state, State::Retired { .. }), &is_retired);
}
