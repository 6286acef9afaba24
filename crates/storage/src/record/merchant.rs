//! Merchant, location, register, connection, receipt series.

use domain::call::Role;
use domain::customer::CustomerRules;
use domain::merchant::{
    ApiKey, Connection, Contact, Credentials, Issuer, Location, Merchant, OldCredentials, ReceiptSeries, Register,
    RegistrationNumber,
};
use domain::money::Currency;
use domain::points::PointsRule;
use domain::time::Timestamp;

use super::{BOOL, BYTES, INT, Stored, TEXT, json, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Merchant {
    const TABLE: &'static Table = &table(
        "merchant",
        1,
        false,
        &[
            ("id", TEXT),
            ("name", TEXT),
            ("currency", TEXT),
            ("zone", TEXT),
            ("tax_rules", TEXT),
            ("created_at", INT),
            ("legal_name", TEXT),
            ("registration_number", TEXT),
            ("is_sole_proprietor", BOOL),
            ("discount_limit", INT),
            ("calling_code", INT),
            ("minor_per_point", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let Issuer { legal_name, registration_number, is_sole_proprietor } = &self.issuer;
        cells.extend([
            Cell::display(self.id),
            Cell::text(&self.name),
            Cell::display(self.currency),
            Cell::text(&self.zone),
            json(&self.tax),
            Cell::Int(self.created_at.0),
            Cell::option(legal_name.as_deref(), Cell::text),
            Cell::option(registration_number.as_ref(), |number| Cell::text(number.as_str())),
            Cell::Bool(*is_sole_proprietor),
            Cell::Int(i64::from(self.discount_limit)),
            Cell::option(self.customers.calling_code, |code| Cell::Int(i64::from(code))),
            Cell::option(self.customers.points, |rule| Cell::Int(rule.minor_per_point())),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: row.parse()?,
            name: row.text()?,
            currency: row.word(Currency::parse)?,
            zone: row.text()?,
            tax: row.json()?,
            created_at: Timestamp(row.int()?),
            issuer: issuer(row)?,
            discount_limit: row.small()?,
            customers: CustomerRules { calling_code: row.small_option()?, points: points_rule(row)? },
            version: row.int()?,
        })
    }
}

/// The rule of points in the next cell, if there is one.
pub(super) fn points_rule(row: &mut RowReader) -> Result<Option<PointsRule>, Corrupt> {
    match row.int_option()?.map(PointsRule::parse) {
        None => Ok(None),
        Some(Ok(rule)) => Ok(Some(rule)),
        Some(Err(_)) => row.make_no_sense(),
    }
}

fn issuer(row: &mut RowReader) -> Result<Issuer, Corrupt> {
    let legal_name = row.text_option()?;
    let registration_number = match row.text_option()?.map(|text| RegistrationNumber::parse(&text)) {
        None => None,
        Some(Some(number)) => Some(number),
        Some(None) => return row.make_no_sense(),
    };
    Ok(Issuer { legal_name, registration_number, is_sole_proprietor: row.bool()? })
}

impl Stored for Location {
    const TABLE: &'static Table = &table(
        "location",
        1,
        false,
        &[("id", TEXT), ("merchant_id", TEXT), ("name", TEXT), ("address", TEXT), ("phone", TEXT), ("version", INT)],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(&self.name),
            Cell::Text(self.contact.address.join("\n").into()),
            Cell::option(self.contact.phone.as_deref(), Cell::text),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, name) = (row.parse()?, row.parse()?, row.text()?);
        // No line of an address has a line break in it.
        let address = row.text()?.lines().map(str::to_owned).collect();
        Ok(Self { id, merchant, name, contact: Contact { address, phone: row.text_option()? }, version: row.int()? })
    }
}

impl Stored for Register {
    const TABLE: &'static Table = &Table {
        name: "register",
        key_len: 1,
        is_locked: false,
        unique: &[("register_name", &["merchant_id", "name"])],
        columns: &[("id", TEXT), ("merchant_id", TEXT), ("location_id", TEXT), ("name", TEXT), ("version", INT)],
    };

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::text(&self.name),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: row.parse()?,
            merchant: row.parse()?,
            location: row.parse()?,
            name: row.text()?,
            version: row.int()?,
        })
    }
}

impl Stored for Connection {
    const TABLE: &'static Table = &table(
        "connection",
        1,
        false,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("provider", TEXT),
            ("settings", TEXT),
            ("profile", TEXT),
            ("credentials", BYTES),
            ("credentials_number", INT),
            ("old_credentials", BYTES),
            ("old_credentials_until", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let known = self.credentials.as_ref();
        let old = known.and_then(|known| known.old.as_ref());
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(&self.provider),
            json(&self.settings),
            json(&self.profile),
            Cell::option(known, |known| Cell::bytes(&known.sealed)),
            Cell::option(known, |known| Cell::Int(known.number)),
            Cell::option(old, |old| Cell::bytes(&old.sealed)),
            Cell::option(old, |old| Cell::Int(old.until.0)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: row.parse()?,
            merchant: row.parse()?,
            provider: row.text()?,
            settings: row.json()?,
            profile: row.json()?,
            credentials: read_credentials(row)?,
            version: row.int()?,
        })
    }
}

fn read_credentials(row: &mut RowReader) -> Result<Option<Credentials>, Corrupt> {
    let (sealed, number) = (row.bytes_option()?, row.int_option()?);
    let old = match (row.bytes_option()?, row.int_option()?) {
        (Some(sealed), Some(until)) => Some(OldCredentials { sealed, until: Timestamp(until) }),
        (None, None) => None,
        _ => return row.make_no_sense(),
    };
    match (sealed, number, old) {
        (Some(sealed), Some(number), old) => Ok(Some(Credentials { sealed, number, old })),
        (None, None, None) => Ok(None),
        _ => row.make_no_sense(),
    }
}

impl Stored for ReceiptSeries {
    const TABLE: &'static Table = &table(
        "receipt_series",
        1,
        true,
        &[
            ("register_id", TEXT),
            ("merchant_id", TEXT),
            ("last_number", INT),
            ("shift_count", INT),
            ("is_shift_open", BOOL),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.register),
            Cell::display(self.merchant),
            Cell::Int(self.last_number),
            Cell::Int(i64::from(self.shift_count)),
            Cell::Bool(self.is_shift_open),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            register: row.parse()?,
            merchant: row.parse()?,
            last_number: row.int()?,
            shift_count: row.small()?,
            is_shift_open: row.bool()?,
            version: row.int()?,
        })
    }
}

impl Stored for ApiKey {
    const TABLE: &'static Table = &table(
        "api_key",
        1,
        false,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("role", TEXT),
            ("name", TEXT),
            ("hash", BYTES),
            ("created_at", INT),
            ("revoked_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(self.role.as_str()),
            Cell::text(&self.name),
            Cell::bytes(&self.hash),
            Cell::Int(self.created_at.0),
            Cell::option(self.revoked_at, |at| Cell::Int(at.0)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: row.parse()?,
            merchant: row.parse()?,
            role: row.word(Role::parse)?,
            name: row.text()?,
            hash: row.bytes()?,
            created_at: Timestamp(row.int()?),
            revoked_at: row.int_option()?.map(Timestamp),
            version: row.int()?,
        })
    }
}
