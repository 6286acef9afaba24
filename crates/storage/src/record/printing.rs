//! Printer, print job.

use domain::print_job::{self, Content, DrawerReason, PrintJob, Trouble};
use domain::printer::{Printer, Way};
use domain::receipt::Columns;
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Printer {
    const TABLE: &'static Table = &table(
        "printer",
        1,
        false,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("name", TEXT),
            ("column_count", INT),
            ("kind", TEXT),
            ("host", TEXT),
            ("port", INT),
            ("drawer_register_id", TEXT),
            ("is_active", BOOL),
            ("created_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let (host, port) = match &self.way {
            Way::Network { host, port } => (Cell::text(host), Cell::Int(i64::from(*port))),
            Way::Pull => (Cell::Null, Cell::Null),
        };
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::text(&self.name),
            Cell::Int(i64::try_from(self.columns.count()).unwrap_or_default()),
            Cell::text(self.way.as_str()),
            host,
            port,
            Cell::option(self.drawer_of, Cell::display),
            Cell::Bool(self.is_active),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, location, name) = (row.parse()?, row.parse()?, row.parse()?, row.text()?);
        let Some(columns) = Columns::of(row.small()?) else { return row.make_no_sense() };
        let way = match (row.text()?.as_str(), row.text_option()?, row.small_option()?) {
            ("network", Some(host), Some(port)) => Way::Network { host, port },
            ("pull", None, None) => Way::Pull,
            _ => return row.make_no_sense(),
        };
        Ok(Self {
            id,
            merchant,
            location,
            name,
            columns,
            way,
            drawer_of: row.parse_option()?,
            is_active: row.bool()?,
            created_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}

impl Stored for PrintJob {
    const TABLE: &'static Table = &table(
        "print_job",
        1,
        true,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("printer_id", TEXT),
            ("content", TEXT),
            ("receipt_id", TEXT),
            ("is_copy", BOOL),
            ("register_id", TEXT),
            ("drawer_reason", TEXT),
            ("sale_id", TEXT),
            ("state", TEXT),
            ("due_at", INT),
            ("reason", TEXT),
            ("attempts", INT),
            ("asked_by", TEXT),
            ("created_at", INT),
            ("queued_at", INT),
            ("updated_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::display(self.printer),
            Cell::text(self.content.as_str()),
        ]);
        cells.extend(match self.content {
            Content::Receipt { receipt, is_copy } => {
                [Cell::display(receipt), Cell::Bool(is_copy), Cell::Null, Cell::Null, Cell::Null]
            }
            Content::Drawer { register, reason } => [
                Cell::Null,
                Cell::Bool(false),
                Cell::display(register),
                Cell::text(reason.as_str()),
                Cell::option(reason.sale(), Cell::display),
            ],
        });
        cells.extend([
            Cell::text(self.state.as_str()),
            Cell::option(self.state.due_at(), |at| Cell::Int(at.0)),
            Cell::option(self.state.trouble(), |trouble| Cell::text(trouble.as_str())),
            Cell::Int(i64::from(self.attempts)),
            Cell::text(&self.asked_by),
            Cell::Int(self.created_at.0),
            Cell::Int(self.queued_at.0),
            Cell::Int(self.updated_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, location, printer) = (row.parse()?, row.parse()?, row.parse()?, row.parse()?);
        let Some(content) = read_content(row)? else { return row.make_no_sense() };
        let (state, due_at) = (row.text()?, row.int_option()?.map(Timestamp));
        let trouble = row.word_option(Trouble::parse)?;
        let Some(state) = print_job::State::parse(&state, due_at, trouble) else { return row.make_no_sense() };
        Ok(Self {
            id,
            merchant,
            location,
            printer,
            content,
            state,
            attempts: row.small()?,
            asked_by: row.text()?,
            created_at: Timestamp(row.int()?),
            queued_at: Timestamp(row.int()?),
            updated_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}

fn read_content(row: &mut RowReader) -> Result<Option<Content>, Corrupt> {
    let (content, receipt, is_copy) = (row.text()?, row.parse_option()?, row.bool()?);
    let (register, reason, sale) = (row.parse_option()?, row.text_option()?, row.parse_option()?);
    Ok(match (content.as_str(), receipt, register, reason) {
        ("receipt", Some(receipt), None, None) => Some(Content::Receipt { receipt, is_copy }),
        ("drawer", None, Some(register), Some(reason)) => {
            DrawerReason::parse(&reason, sale).map(|reason| Content::Drawer { register, reason })
        }
        _ => None,
    })
}
