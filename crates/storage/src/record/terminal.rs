//! Terminal, its place beside a register, its history.

use domain::terminal::{
    Device, Entry, Fact, IDENTITY_KEY_BYTES, Invitation, Live, Offer, Paired, Pairing, State, Terminal, Why,
};
use domain::time::Timestamp;

use super::{BYTES, INT, Stored, TEXT, json, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Terminal {
    const TABLE: &'static Table = &Table {
        name: "terminal",
        key_len: 1,
        is_locked: true,
        unique: &[
            ("terminal_enrolment_token", &["enrolment_token"]),
            ("terminal_identity_key", &["identity_key"]),
            ("terminal_pairing_code", &["pairing_code"]),
        ],
        columns: &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("connection_id", TEXT),
            ("name", TEXT),
            ("state", TEXT),
            ("enrolment_token", BYTES),
            ("enrolment_until", INT),
            ("model", TEXT),
            ("serial", TEXT),
            ("firmware", TEXT),
            ("software", TEXT),
            ("identity_key", BYTES),
            ("enrolled_at", INT),
            ("retired_at", INT),
            ("register_id", TEXT),
            ("paired_since", INT),
            ("pairing_code", BYTES),
            ("pairing_code_until", INT),
            ("proved_at", INT),
            ("epoch", INT),
            ("last_seen_at", INT),
            ("entry_count", INT),
            ("created_at", INT),
            ("live", TEXT),
            ("version", INT),
        ],
    };

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::display(self.connection),
            Cell::text(&self.name),
            Cell::text(self.state.as_str()),
        ]);
        write_state(&self.state, cells);
        cells.extend([
            Cell::option(self.pairing, |paired| Cell::display(paired.register)),
            Cell::option(self.pairing, |paired| Cell::Int(paired.since.0)),
            Cell::option(self.offer.as_ref(), |offer| Cell::bytes(&offer.code)),
            Cell::option(self.offer.as_ref(), |offer| Cell::Int(offer.until.0)),
            Cell::option(self.proved_at, |at| Cell::Int(at.0)),
            Cell::Int(i64::from(self.epoch)),
            Cell::option(self.last_seen_at, |at| Cell::Int(at.0)),
            Cell::Int(i64::from(self.entry_count)),
            Cell::Int(self.created_at.0),
            Cell::option((self.live != Live::default()).then_some(&self.live), json),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, location, connection) = (row.parse()?, row.parse()?, row.parse()?, row.parse()?);
        let name = row.text()?;
        let Some(state) = read_state(row)? else { return row.make_no_sense() };
        let pairing = match (row.parse_option()?, row.int_option()?) {
            (Some(register), Some(since)) => Some(Paired { register, since: Timestamp(since) }),
            (None, None) => None,
            _ => return row.make_no_sense(),
        };
        let offer = match (row.bytes_option()?, row.int_option()?) {
            (Some(code), Some(until)) => Some(Offer { code, until: Timestamp(until) }),
            (None, None) => None,
            _ => return row.make_no_sense(),
        };
        Ok(Self {
            id,
            merchant,
            location,
            connection,
            name,
            state,
            pairing,
            offer,
            proved_at: row.int_option()?.map(Timestamp),
            epoch: row.small()?,
            last_seen_at: row.int_option()?.map(Timestamp),
            entry_count: row.small()?,
            created_at: Timestamp(row.int()?),
            live: row.word_option(|text| serde_json::from_str(text).ok())?.unwrap_or_default(),
            version: row.int()?,
        })
    }
}

fn write_state<'a>(state: &'a State, cells: &mut Vec<Cell<'a>>) {
    let (token, until) = match state {
        State::Expected(Invitation { token, until }) => (Cell::bytes(token), Cell::Int(until.0)),
        State::Enrolled(_) | State::Retired { .. } => (Cell::Null, Cell::Null),
    };
    cells.extend([token, until]);
    match state.device() {
        Some(Device { model, serial, firmware, software, identity_key, enrolled_at }) => cells.extend([
            Cell::text(model),
            Cell::text(serial),
            Cell::text(firmware),
            Cell::text(software),
            Cell::bytes(identity_key),
            Cell::Int(enrolled_at.0),
        ]),
        None => cells.extend([Cell::Null, Cell::Null, Cell::Null, Cell::Null, Cell::Null, Cell::Null]),
    }
    cells.push(match state {
        State::Retired { at, .. } => Cell::Int(at.0),
        State::Expected(_) | State::Enrolled(_) => Cell::Null,
    });
}

fn read_state(row: &mut RowReader) -> Result<Option<State>, Corrupt> {
    let state = row.text()?;
    let invitation = match (row.bytes_option()?, row.int_option()?) {
        (Some(token), Some(until)) => Some(Invitation { token, until: Timestamp(until) }),
        _ => None,
    };
    let device = read_device(row)?;
    let retired_at = row.int_option()?.map(Timestamp);
    Ok(match (state.as_str(), invitation, device, retired_at) {
        ("expected", Some(invitation), None, None) => Some(State::Expected(invitation)),
        ("enrolled", None, Some(device), None) => Some(State::Enrolled(device)),
        ("retired", None, device, Some(at)) => Some(State::Retired { device, at }),
        _ => None,
    })
}

fn read_device(row: &mut RowReader) -> Result<Option<Device>, Corrupt> {
    let (model, serial) = (row.text_option()?, row.text_option()?);
    let (firmware, software) = (row.text_option()?, row.text_option()?);
    let (key, enrolled_at) = (row.bytes_option()?, row.int_option()?.map(Timestamp));
    let (Some(model), Some(serial), Some(firmware), Some(software)) = (model, serial, firmware, software) else {
        return Ok(None);
    };
    let (Some(key), Some(enrolled_at)) = (key, enrolled_at) else { return row.make_no_sense() };
    let Ok(identity_key) = <[u8; IDENTITY_KEY_BYTES]>::try_from(key) else { return row.make_no_sense() };
    Ok(Some(Device { model, serial, firmware, software, identity_key, enrolled_at }))
}

impl Stored for Pairing {
    const TABLE: &'static Table = &table(
        "pairing",
        1,
        true,
        &[
            ("register_id", TEXT),
            ("merchant_id", TEXT),
            ("terminal_id", TEXT),
            ("displaced_terminal_id", TEXT),
            ("displaced_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.register),
            Cell::display(self.merchant),
            Cell::option(self.terminal, Cell::display),
            Cell::option(self.displaced, |(terminal, _)| Cell::display(terminal)),
            Cell::option(self.displaced, |(_, at)| Cell::Int(at.0)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (register, merchant, terminal) = (row.parse()?, row.parse()?, row.parse_option()?);
        let displaced = match (row.parse_option()?, row.int_option()?) {
            (Some(terminal), Some(at)) => Some((terminal, Timestamp(at))),
            (None, None) => None,
            _ => return row.make_no_sense(),
        };
        Ok(Self { register, merchant, terminal, displaced, version: row.int()? })
    }
}

impl Stored for Entry {
    const TABLE: &'static Table = &table(
        "terminal_entry",
        2,
        false,
        &[
            ("terminal_id", TEXT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("fact", TEXT),
            ("register_id", TEXT),
            ("why", TEXT),
            ("done_by", TEXT),
            ("recorded_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.terminal),
            Cell::Int(i64::from(self.number)),
            Cell::display(self.merchant),
            Cell::text(self.fact.as_str()),
            Cell::option(self.fact.register(), Cell::display),
            Cell::option(self.fact.why(), |why| Cell::text(why.as_str())),
            Cell::text(&self.by),
            Cell::Int(self.at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (terminal, number, merchant) = (row.parse()?, row.small()?, row.parse()?);
        let fact = match (row.text()?.as_str(), row.parse_option()?, row.word_option(Why::parse)?) {
            ("enrolled", None, None) => Fact::Enrolled,
            ("paired", Some(register), None) => Fact::Paired(register),
            ("unpaired", Some(register), Some(why)) => Fact::Unpaired(register, why),
            ("retired", None, None) => Fact::Retired,
            _ => return row.make_no_sense(),
        };
        let (by, at) = (row.text()?, Timestamp(row.int()?));
        Ok(Self { terminal, number, merchant, fact, by, at, version: row.int()? })
    }
}
