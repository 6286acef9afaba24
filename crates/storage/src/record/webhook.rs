//! Webhook endpoint, webhook delivery.

use domain::time::Timestamp;
use domain::webhook_delivery::{self, Reason, WebhookDelivery};
use domain::webhook_endpoint::{self, OldSecret, WebhookEndpoint};

use super::{BOOL, BYTES, INT, Stored, TEXT, json, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for WebhookEndpoint {
    const TABLE: &'static Table = &table(
        "webhook_endpoint",
        1,
        true,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("url", TEXT),
            ("kinds", TEXT),
            ("description", TEXT),
            ("state", TEXT),
            ("is_ordered", BOOL),
            ("cursor_number", INT),
            ("secret", BYTES),
            ("old_secret", BYTES),
            ("old_secret_until", INT),
            ("strain", INT),
            ("paused_until", INT),
            ("created_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let old = self.old_secret.as_ref();
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(&self.url),
            json(&self.kinds),
            Cell::text(&self.description),
            Cell::text(self.state.as_str()),
            Cell::Bool(self.is_ordered),
            Cell::Int(self.cursor),
            Cell::bytes(&self.secret),
            Cell::option(old, |old| Cell::bytes(&old.secret)),
            Cell::option(old, |old| Cell::Int(old.until.0)),
            Cell::Int(i64::from(self.strain)),
            Cell::option(self.paused_until, |at| Cell::Int(at.0)),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, url, kinds, description) =
            (row.parse()?, row.parse()?, row.text()?, row.json()?, row.text()?);
        let (state, is_ordered, cursor) = (row.word(webhook_endpoint::State::parse)?, row.bool()?, row.int()?);
        let secret = row.bytes()?;
        let old_secret = match (row.bytes_option()?, row.int_option()?) {
            (Some(secret), Some(until)) => Some(OldSecret { secret, until: Timestamp(until) }),
            (None, None) => None,
            _ => return row.make_no_sense(),
        };
        Ok(Self {
            id,
            merchant,
            url,
            kinds,
            description,
            state,
            is_ordered,
            cursor,
            secret,
            old_secret,
            strain: row.small()?,
            paused_until: row.int_option()?.map(Timestamp),
            created_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}

impl Stored for WebhookDelivery {
    const TABLE: &'static Table = &table(
        "webhook_delivery",
        1,
        true,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("endpoint_id", TEXT),
            ("number", INT),
            ("event_id", TEXT),
            ("kind", TEXT),
            ("subject", TEXT),
            ("state", TEXT),
            ("due_at", INT),
            ("attempts", INT),
            ("status", INT),
            ("reason", TEXT),
            ("created_at", INT),
            ("updated_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.endpoint),
            Cell::option(self.number, Cell::Int),
            Cell::display(self.event),
            Cell::text(&self.kind),
            Cell::text(&self.subject),
            Cell::text(self.state.as_str()),
            Cell::option(self.state.due_at(), |at| Cell::Int(at.0)),
            Cell::Int(i64::from(self.attempts)),
            Cell::option(self.status, |status| Cell::Int(i64::from(status))),
            Cell::option(self.reason, |reason| Cell::text(reason.as_str())),
            Cell::Int(self.created_at.0),
            Cell::Int(self.updated_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, endpoint, number) = (row.parse()?, row.parse()?, row.parse()?, row.int_option()?);
        let (event, kind, subject) = (row.parse()?, row.text()?, row.text()?);
        let (state, due_at) = (row.text()?, row.int_option()?.map(Timestamp));
        let Some(state) = webhook_delivery::State::parse(&state, due_at) else { return row.make_no_sense() };
        Ok(Self {
            id,
            merchant,
            endpoint,
            number,
            event,
            kind,
            subject,
            state,
            attempts: row.small()?,
            status: row.small_option()?,
            reason: row.word_option(Reason::parse)?,
            created_at: Timestamp(row.int()?),
            updated_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}
