//! Events without a gap, and the audit chain over them.

use std::collections::BTreeMap;

use super::Report;
use super::source::{Source, Walk};
use crate::error::EngineError;
use crate::flush::{Link, chain_hash, content_hash};
use crate::record::{AUDIT, EVENT, MERCHANT_COUNTER};
use crate::table::RowReader;

/// The head of a merchant's counters.
struct Head {
    event_number: i64,
    audit_number: i64,
    audit_hash: Vec<u8>,
}

/// One audit row.
struct Audit {
    merchant: String,
    number: i64,
    command: String,
    actor: String,
    request_id: String,
    recorded_at: i64,
    last_event: i64,
    content_hash: Vec<u8>,
    hash: Vec<u8>,
}

/// An event's merchant, number, and the words that the chain binds.
struct Event {
    merchant: String,
    number: i64,
    words: (String, String, String),
}

pub fn events_and_audit(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let heads = heads(source, report)?;
    let (mut audits, mut events) = (Walk::new(&AUDIT), Walk::new(&EVENT));
    let mut event = next_event(&mut events, source, report)?;
    let mut seen: BTreeMap<String, Head> = BTreeMap::new();
    while let Some(row) = audits.next(source)? {
        report.rows += 1;
        let audit = read_audit(RowReader::new(&AUDIT, row))?;
        let head = seen.entry(audit.merchant.clone()).or_insert(Head {
            event_number: 0,
            audit_number: 0,
            audit_hash: Vec::new(),
        });
        report.expect_equal("audit_number_gapless", &audit.merchant, &audit.number, &(head.audit_number + 1));
        // The events that this command made: those up to its last one that no earlier command made.
        let mut own = Vec::new();
        while let Some(next) = event.take_if(|next| next.merchant == audit.merchant && next.number <= audit.last_event)
        {
            report.expect_equal("event_number_gapless", &next.merchant, &next.number, &(head.event_number + 1));
            head.event_number = next.number;
            own.push(next.words);
            event = next_event(&mut events, source, report)?;
        }
        let computed =
            content_hash(own.iter().map(|(kind, subject, data)| (kind.as_str(), subject.as_str(), data.as_str())));
        let subject = format!("{} audit {}", audit.merchant, audit.number);
        report.expect_equal("audit_content", &subject, &audit.content_hash[..], &computed[..]);
        let hash = chain_hash(&Link {
            before: &head.audit_hash,
            number: audit.number,
            command: &audit.command,
            actor: &audit.actor,
            request_id: &audit.request_id,
            recorded_at: audit.recorded_at,
            last_event: audit.last_event,
            content_hash: &audit.content_hash,
        });
        report.expect_equal("audit_chain", &subject, &audit.hash, &hash);
        head.audit_number = audit.number;
        head.audit_hash = audit.hash;
    }
    while let Some(next) = event.take() {
        report.find("event_audited", &next.merchant, format!("event {} belongs to no audited command", next.number));
        event = next_event(&mut events, source, report)?;
    }
    for (merchant, head) in &heads {
        let (event_number, audit_number, audit_hash) = seen
            .get(merchant)
            .map_or((0, 0, &[][..]), |head| (head.event_number, head.audit_number, &head.audit_hash[..]));
        report.expect_equal("event_head", merchant, &head.event_number, &event_number);
        report.expect_equal("audit_head", merchant, &head.audit_number, &audit_number);
        report.expect_equal("audit_head_hash", merchant, &&head.audit_hash[..], &audit_hash);
    }
    for merchant in seen.keys().filter(|merchant| !heads.contains_key(*merchant)) {
        report.find("event_head", merchant, "there is no counter row".to_owned());
    }
    Ok(())
}

fn heads(source: &mut dyn Source, report: &mut Report) -> Result<BTreeMap<String, Head>, EngineError> {
    let mut heads = BTreeMap::new();
    let mut walk = Walk::new(&MERCHANT_COUNTER);
    while let Some(row) = walk.next(source)? {
        report.rows += 1;
        let mut row = RowReader::new(&MERCHANT_COUNTER, row);
        let merchant = row.text()?;
        let head = Head { event_number: row.int()?, audit_number: row.int()?, audit_hash: row.bytes()? };
        heads.insert(merchant, head);
    }
    Ok(heads)
}

fn read_audit(mut row: RowReader) -> Result<Audit, EngineError> {
    Ok(Audit {
        merchant: row.text()?,
        number: row.int()?,
        command: row.text()?,
        actor: row.text()?,
        request_id: row.text()?,
        recorded_at: row.int()?,
        last_event: row.int()?,
        content_hash: row.bytes()?,
        hash: row.bytes()?,
    })
}

fn next_event(walk: &mut Walk, source: &mut dyn Source, report: &mut Report) -> Result<Option<Event>, EngineError> {
    let Some(row) = walk.next(source)? else { return Ok(None) };
    report.rows += 1;
    let mut row = RowReader::new(&EVENT, row);
    let (merchant, number, _id) = (row.text()?, row.int()?, row.text()?);
    Ok(Some(Event { merchant, number, words: (row.text()?, row.text()?, row.text()?) }))
}
