//! Stock level, reservation, movement.

use domain::id::{MovementId, TransferId, UnreferencedReturnId};
use domain::money::Quantity;
use domain::stock::{Behind, LastCount, Movement, MovementKind, Reservation, StockLevel, WriteOffReason};
use domain::time::Timestamp;

use super::{INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::engine::Row;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for StockLevel {
    const TABLE: &'static Table = &table(
        "stock_level",
        2,
        true,
        &[
            ("location_id", TEXT),
            ("article_id", TEXT),
            ("merchant_id", TEXT),
            ("on_hand", INT),
            ("reserved", INT),
            ("reorder_at", INT),
            ("counted_in", TEXT),
            ("counted_at", INT),
            ("backdated", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.location),
            Cell::display(self.article),
            Cell::display(self.merchant),
            Cell::Int(self.on_hand.0),
            Cell::Int(self.reserved.0),
            Cell::option(self.reorder_at, |Quantity(reorder_at)| Cell::Int(reorder_at)),
            Cell::option(self.last_count, |last| Cell::display(last.stocktake)),
            Cell::option(self.last_count, |last| Cell::Int(last.at.0)),
            Cell::Int(self.backdated),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (location, article, merchant) = (row.parse()?, row.parse()?, row.parse()?);
        let (on_hand, reserved) = (Quantity(row.int()?), Quantity(row.int()?));
        let reorder_at = row.int_option()?.map(Quantity);
        let last_count = match (row.parse_option()?, row.int_option()?) {
            (Some(stocktake), Some(at)) => Some(LastCount { stocktake, at: Timestamp(at) }),
            (None, None) => None,
            _ => return row.make_no_sense(),
        };
        let (backdated, version) = (row.int()?, row.int()?);
        Ok(Self { location, article, merchant, on_hand, reserved, reorder_at, last_count, backdated, version })
    }
}

impl Stored for Reservation {
    const TABLE: &'static Table = &table(
        "reservation",
        2,
        false,
        &[
            ("sale_id", TEXT),
            ("article_id", TEXT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("quantity", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.sale),
            Cell::display(self.article),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::Int(self.quantity.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            sale: row.parse()?,
            article: row.parse()?,
            merchant: row.parse()?,
            location: row.parse()?,
            quantity: Quantity(row.int()?),
            version: row.int()?,
        })
    }
}

/// The stock ledger.
pub static MOVEMENT: Table = table(
    "movement",
    1,
    false,
    &[
        ("id", TEXT),
        ("merchant_id", TEXT),
        ("location_id", TEXT),
        ("article_id", TEXT),
        ("kind", TEXT),
        ("quantity", INT),
        ("sale_id", TEXT),
        ("reason", TEXT),
        ("write_off_reason", TEXT),
        ("occurred_at", INT),
        ("stocktake_id", TEXT),
        ("document_id", TEXT),
        ("origin", TEXT),
        ("recorded_at", INT),
    ],
);

/// The cells of a movement.
pub fn movement_cells<'a>(movement: &'a Movement, cells: &mut Vec<Cell<'a>>) {
    let Behind { sale, stocktake, transfer, unreferenced_return, write_off_reason } = movement.kind.behind();
    let document = Cell::option(movement.document, Cell::display);
    let document = unreferenced_return.map_or(document, Cell::display);
    cells.extend([
        Cell::display(movement.id),
        Cell::display(movement.merchant),
        Cell::display(movement.location),
        Cell::display(movement.article),
        Cell::text(movement.kind.as_str()),
        Cell::Int(movement.quantity.0),
        Cell::option(sale, Cell::display),
        Cell::text(&movement.reason),
        Cell::option(write_off_reason, |why| Cell::text(why.as_str())),
        Cell::option(movement.occurred_at, |at| Cell::Int(at.0)),
        Cell::option(stocktake, Cell::display),
        transfer.map_or(document, Cell::display),
        Cell::option(movement.origin.as_deref(), Cell::text),
        Cell::Int(movement.recorded_at.0),
    ]);
}

/// A movement as it was written.
pub fn movement(row: Row) -> Result<Movement, Corrupt> {
    let mut row = RowReader::new(&MOVEMENT, row);
    let (id, merchant, location, article) = (row.parse()?, row.parse()?, row.parse()?, row.parse()?);
    let (kind, quantity, sale, reason) = (row.text()?, Quantity(row.int()?), row.parse_option()?, row.text()?);
    let write_off_reason = row.word_option(WriteOffReason::parse)?;
    let (occurred_at, stocktake) = (row.int_option()?.map(Timestamp), row.parse_option()?);
    let (transfer, unreferenced_return, document) = match row.word_option(Document::parse)? {
        None => (None, None, None),
        Some(Document::Transfer(transfer)) => (Some(transfer), None, None),
        Some(Document::UnreferencedReturn(id)) => (None, Some(id), None),
        Some(Document::Movement(first)) => (None, None, Some(first)),
    };
    let behind = Behind { sale, stocktake, transfer, unreferenced_return, write_off_reason };
    let Some(kind) = MovementKind::parse(&kind, behind) else { return row.make_no_sense() };
    let (origin, recorded_at) = (row.text_option()?, Timestamp(row.int()?));
    Ok(Movement { id, merchant, location, article, kind, quantity, reason, document, occurred_at, origin, recorded_at })
}

/// What a movement was entered with.
enum Document {
    Transfer(TransferId),
    UnreferencedReturn(UnreferencedReturnId),
    /// The first movement of the same request.
    Movement(MovementId),
}

impl Document {
    fn parse(text: &str) -> Option<Self> {
        let transfer = text.parse().map(Self::Transfer);
        let unreferenced = transfer.or_else(|_| text.parse().map(Self::UnreferencedReturn));
        unreferenced.or_else(|_| text.parse().map(Self::Movement)).ok()
    }
}
