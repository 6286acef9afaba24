//! What customers have of points, and how they came to it.

use domain::points::{EntryKind, PointsBalance, PointsEntry};
use domain::time::Timestamp;

use super::{INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for PointsBalance {
    const TABLE: &'static Table = &table(
        "points_balance",
        1,
        true,
        &[("customer_id", TEXT), ("merchant_id", TEXT), ("points", INT), ("entry_count", INT), ("version", INT)],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.customer),
            Cell::display(self.merchant),
            Cell::Int(self.points),
            Cell::Int(i64::from(self.entry_count)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            customer: row.parse()?,
            merchant: row.parse()?,
            points: row.int()?,
            entry_count: row.small()?,
            version: row.int()?,
        })
    }
}

impl Stored for PointsEntry {
    const TABLE: &'static Table = &Table {
        name: "points_entry",
        key_len: 2,
        is_locked: false,
        unique: &[("points_entry_sale", &["sale_id"]), ("points_entry_return", &["return_id"])],
        columns: &[
            ("customer_id", TEXT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("kind", TEXT),
            ("sale_id", TEXT),
            ("return_id", TEXT),
            ("points", INT),
            ("not_recovered", INT),
            ("balance", INT),
            ("reason", TEXT),
            ("changed_by", TEXT),
            ("recorded_at", INT),
            ("version", INT),
        ],
    };

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.customer),
            Cell::Int(i64::from(self.number)),
            Cell::display(self.merchant),
            Cell::text(self.kind.as_str()),
            Cell::option(self.kind.sale(), Cell::display),
            Cell::option(self.kind.origin(), Cell::display),
            Cell::Int(self.points),
            Cell::Int(self.kind.not_recovered()),
            Cell::Int(self.balance),
            Cell::text(self.kind.reason()),
            Cell::text(&self.by),
            Cell::Int(self.recorded_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (customer, number, merchant) = (row.parse()?, row.small()?, row.parse()?);
        let (kind, sale, origin) = (row.text()?, row.parse_option()?, row.parse_option()?);
        let (points, not_recovered, balance, reason) = (row.int()?, row.int()?, row.int()?, row.text()?);
        let kind = match (kind.as_str(), sale, origin, not_recovered, reason) {
            ("earned", Some(sale), None, 0, reason) if reason.is_empty() => EntryKind::Earned { sale },
            ("taken_back", None, Some(origin), not_recovered @ 0.., reason) if reason.is_empty() => {
                EntryKind::TakenBack { origin, not_recovered }
            }
            ("redeemed", None, None, 0, reason) => EntryKind::Redeemed { reason },
            ("adjusted", None, None, 0, reason) => EntryKind::Adjusted { reason },
            _ => return row.make_no_sense(),
        };
        let (by, recorded_at) = (row.text()?, Timestamp(row.int()?));
        Ok(Self { customer, number, merchant, kind, points, balance, by, recorded_at, version: row.int()? })
    }
}
