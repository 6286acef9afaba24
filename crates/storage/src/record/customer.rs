//! Customer, and what other systems call it.

use domain::customer::{Consent, Customer, ErasureReason, ExternalId, ExternalIdSlot, Person, State};
use domain::locale::Locale;
use domain::metadata::Metadata;
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT, metadata, metadata_cell, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Customer {
    const TABLE: &'static Table = &table(
        "customer",
        1,
        false,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("name", TEXT),
            ("email", TEXT),
            ("phone", TEXT),
            ("language", TEXT),
            ("is_marketing_allowed", BOOL),
            ("consent_at", INT),
            ("consent_source", TEXT),
            ("note", TEXT),
            ("erased_at", INT),
            ("erasure_reason", TEXT),
            ("created_at", INT),
            ("metadata", TEXT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let (person, erased) = match &self.state {
            State::Known(person) => (Some(person), None),
            State::Erased { at, reason } => (None, Some((*at, *reason))),
        };
        let consent = person.and_then(|person| person.marketing.as_ref());
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::option(person.and_then(|person| person.name.as_deref()), Cell::text),
            Cell::option(person.and_then(|person| person.email.as_deref()), Cell::text),
            Cell::option(person.and_then(|person| person.phone.as_deref()), Cell::text),
            Cell::option(person.and_then(|person| person.language), |language| Cell::text(language.as_str())),
            Cell::option(consent, |consent| Cell::Bool(consent.is_given)),
            Cell::option(consent, |consent| Cell::Int(consent.at.0)),
            Cell::option(consent, |consent| Cell::text(&consent.source)),
            Cell::text(person.map_or("", |person| &person.note)),
            Cell::option(erased, |(at, _)| Cell::Int(at.0)),
            Cell::option(erased, |(_, reason)| Cell::text(reason.as_str())),
            Cell::Int(self.created_at.0),
            person.map_or(Cell::Null, |person| metadata_cell(&person.metadata)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant) = (row.parse()?, row.parse()?);
        let mut person = person(row)?;
        let erased = (row.int_option()?.map(Timestamp), row.word_option(ErasureReason::parse)?);
        let created_at = Timestamp(row.int()?);
        person.metadata = metadata(row)?;
        let state = match erased {
            (None, None) => State::Known(person),
            (Some(at), Some(reason)) if person == Person::default() => State::Erased { at, reason },
            // What is erased has nothing left that tells of somebody.
            _ => return row.make_no_sense(),
        };
        Ok(Self { id, merchant, state, created_at, version: row.int()? })
    }
}

fn person(row: &mut RowReader) -> Result<Person, Corrupt> {
    let (name, email, phone) = (row.text_option()?, row.text_option()?, row.text_option()?);
    let language = row.word_option(Locale::parse)?;
    let marketing = match (row.bool_option()?, row.int_option()?, row.text_option()?) {
        (None, None, None) => None,
        (Some(is_given), Some(at), Some(source)) => Some(Consent { is_given, at: Timestamp(at), source }),
        _ => return row.make_no_sense(),
    };
    Ok(Person { name, email, phone, language, marketing, note: row.text()?, metadata: Metadata::default() })
}

impl Stored for ExternalIdSlot {
    const TABLE: &'static Table = &Table {
        name: "customer_external_id",
        key_len: 2,
        is_locked: false,
        unique: &[("customer_external_id_held", &["merchant_id", "system", "external_id"])],
        columns: &[
            ("customer_id", TEXT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("system", TEXT),
            ("external_id", TEXT),
            ("version", INT),
        ],
    };

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let held = self.held.as_ref();
        cells.extend([
            Cell::display(self.customer),
            Cell::Int(i64::from(self.number)),
            Cell::display(self.merchant),
            Cell::option(held, |held| Cell::text(&held.system)),
            Cell::option(held, |held| Cell::text(&held.id)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (customer, number, merchant) = (row.parse()?, row.small()?, row.parse()?);
        let held = match (row.text_option()?, row.text_option()?) {
            (None, None) => None,
            (Some(system), Some(id)) => Some(ExternalId { system, id }),
            _ => return row.make_no_sense(),
        };
        Ok(Self { customer, number, merchant, held, version: row.int()? })
    }
}
