//! What the hub reads of the stock ledger. It is walked backwards by the ids of its movements, which grow with the time at
//! which they were recorded: an index by article would be paid for by every sale.

use domain::id::{ArticleId, LocationId, MerchantId, MovementId};
use domain::stock::Movement;
use domain::time::Timestamp;
use uuid::Uuid;

use super::{PAGE_MAX, conditions};
use crate::cell::Cell;
use crate::engine::Row;
use crate::error::EngineError;
use crate::reader::Reader;
use crate::record::{MOVEMENT, movement};
use crate::sql::columns;

/// Movements that are looked at for one page: some tens of milliseconds. A page may be short or empty, and yet not the last.
pub const LOOKED_AT_MAX: i64 = 20_000;

/// Which movements a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MovementFilter {
    /// Those at one location.
    pub location: Option<LocationId>,
    /// Those of one article.
    pub article: Option<ArticleId>,
    /// Those of one kind, by its word.
    pub kind: Option<&'static str>,
    /// Those that were recorded at this instant or later.
    pub from: Option<Timestamp>,
    /// Those that were recorded before this instant.
    pub until: Option<Timestamp>,
}

/// A page of movements, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movements {
    /// The movements, at most as many as were asked for.
    pub found: Vec<Movement>,
    /// The movement before which the next page begins; none on the last page.
    pub next: Option<MovementId>,
}

impl Reader {
    /// A page of at most `limit` movements that were recorded before the movement `before`, the newest first.
    pub async fn list_movements(
        &self,
        merchant: MerchantId,
        filter: &MovementFilter,
        before: Option<MovementId>,
        limit: i64,
    ) -> Result<Movements, EngineError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let until = filter.until.map(first_id);
        let upper = [before, until].into_iter().flatten().min();
        // Beyond every id: the words of ids end with hexadecimal digits.
        let upper = upper.map_or(Cell::text("mov_g"), Cell::display);
        let lower = first_id(filter.from.unwrap_or_default());
        let by_kind = match filter.kind {
            // The words of the small index, so that it is taken.
            Some(kind) if kind != "sale" => "AND kind <> 'sale'",
            _ => "",
        };
        let window = format!("merchant_id = $1 AND id < $2 AND id >= $3 {by_kind}");
        let floor = format!(
            "SELECT MIN(id), COUNT(*) FROM \
             (SELECT id FROM movement WHERE {window} ORDER BY id DESC LIMIT {LOOKED_AT_MAX}) AS looked_at"
        );
        let params = vec![Cell::display(merchant), upper.clone(), Cell::display(lower)];
        let (floor, is_end) = looked_at(self.query(floor, params).await?)?;
        let Some(floor) = floor else { return Ok(Movements { found: Vec::new(), next: None }) };
        let mut params = vec![Cell::display(merchant), upper, Cell::display(floor)];
        let wanted = [
            ("location_id", filter.location.map(Cell::display)),
            ("article_id", filter.article.map(Cell::display)),
            ("kind", filter.kind.map(Cell::text)),
        ];
        let conditions = conditions(wanted, &mut params);
        params.push(Cell::Int(limit + 1));
        let columns = columns(&MOVEMENT);
        let page = format!(
            "SELECT {columns} FROM movement WHERE {window}{conditions} ORDER BY id DESC LIMIT ${}",
            params.len()
        );
        let rows = self.query(page, params).await?;
        let mut found = rows.into_iter().map(movement).collect::<Result<Vec<_>, _>>()?;
        let has_more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = if has_more { found.last().map(|last| last.id) } else { (!is_end).then_some(floor) };
        Ok(Movements { found, next })
    }
}

/// The smallest id that a movement of an instant may have.
pub(super) fn first_id(Timestamp(ms): Timestamp) -> MovementId {
    MovementId::from_uuid(Uuid::from_u128((ms.max(0) as u128) << 80))
}

/// The oldest movement that is looked at, and whether there is none before it.
fn looked_at(rows: Vec<Row>) -> Result<(Option<MovementId>, bool), EngineError> {
    match rows.into_iter().next().as_deref() {
        Some([Cell::Text(id), Cell::Int(count)]) => {
            let id = id.parse().map_err(|_| EngineError::Engine("a movement has no id".to_owned()))?;
            Ok((Some(id), *count < LOOKED_AT_MAX))
        }
        _ => Ok((None, true)),
    }
}
