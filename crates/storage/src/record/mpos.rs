//! mPOS endpoint, mPOS order, close of an endpoint's day.

use domain::mpos::{MposClose, MposEndpoint, MposOrder};
use domain::time::Timestamp;

use super::{BOOL, BYTES, INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for MposEndpoint {
    const TABLE: &'static Table = &table(
        "mpos_endpoint",
        1,
        false,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("number", INT),
            ("group_number", INT),
            ("name", TEXT),
            ("login", TEXT),
            ("control_key", BYTES),
            ("location_id", TEXT),
            ("register_id", TEXT),
            ("connection_id", TEXT),
            ("currency", TEXT),
            ("notify_url", TEXT),
            ("is_active", BOOL),
            ("last_closed_at", INT),
            ("created_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::Int(self.number),
            Cell::Int(self.group),
            Cell::text(&self.name),
            Cell::text(&self.login),
            Cell::bytes(&self.control_key),
            Cell::display(self.location),
            Cell::display(self.register),
            Cell::display(self.connection),
            Cell::display(self.currency),
            Cell::option(self.notify_url.as_deref(), Cell::text),
            Cell::Bool(self.is_active),
            Cell::option(self.last_closed_at, |at| Cell::Int(at.0)),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: row.parse()?,
            merchant: row.parse()?,
            number: row.int()?,
            group: row.int()?,
            name: row.text()?,
            login: row.text()?,
            control_key: row.bytes()?,
            location: row.parse()?,
            register: row.parse()?,
            connection: row.parse()?,
            currency: row.word(domain::money::Currency::parse)?,
            notify_url: row.text_option()?,
            is_active: row.bool()?,
            last_closed_at: row.int_option()?.map(Timestamp),
            created_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}

impl Stored for MposOrder {
    const TABLE: &'static Table = &table(
        "mpos_order",
        2,
        true,
        &[
            ("endpoint_id", TEXT),
            ("client_order_id", TEXT),
            ("merchant_id", TEXT),
            ("number", INT),
            ("payment_id", TEXT),
            ("fingerprint", BYTES),
            ("callback_url", TEXT),
            ("notify_url", TEXT),
            ("due_at", INT),
            ("tries", INT),
            ("told", INT),
            ("created_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.endpoint),
            Cell::text(&self.client_order_id),
            Cell::display(self.merchant),
            Cell::Int(self.number),
            Cell::display(self.payment),
            Cell::bytes(&self.fingerprint),
            Cell::option(self.callback_url.as_deref(), Cell::text),
            Cell::option(self.notify_url.as_deref(), Cell::text),
            Cell::option(self.due_at, |at| Cell::Int(at.0)),
            Cell::Int(i64::from(self.tries)),
            Cell::Int(i64::from(self.told)),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            endpoint: row.parse()?,
            client_order_id: row.text()?,
            merchant: row.parse()?,
            number: row.int()?,
            payment: row.parse()?,
            fingerprint: row.bytes()?,
            callback_url: row.text_option()?,
            notify_url: row.text_option()?,
            due_at: row.int_option()?.map(Timestamp),
            tries: row.small()?,
            told: row.small()?,
            created_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}

impl Stored for MposClose {
    const TABLE: &'static Table = &table(
        "mpos_close",
        2,
        false,
        &[
            ("endpoint_id", TEXT),
            ("request_id", TEXT),
            ("merchant_id", TEXT),
            ("since_at", INT),
            ("closed_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.endpoint),
            Cell::text(&self.request_id),
            Cell::display(self.merchant),
            Cell::option(self.since, |at| Cell::Int(at.0)),
            Cell::Int(self.closed_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            endpoint: row.parse()?,
            request_id: row.text()?,
            merchant: row.parse()?,
            since: row.int_option()?.map(Timestamp),
            closed_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}
