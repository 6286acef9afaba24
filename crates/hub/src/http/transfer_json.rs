//! Transfers in JSON.

use domain::external_ref::{ExternalRef, Subject};
use domain::id::{ArticleId, LocationId, TransferId};
use domain::metadata::Metadata;
use domain::money::Quantity;
use domain::stock::WriteOffReason;
use domain::time::Timestamp;
use domain::transfer::{Fate, State, Transfer, TransferLine, WholeTransfer};
use serde::Serialize;

use super::external_ref::RefOut;
use super::json;

/// A transfer; in a list it stands without its lines.
#[derive(Serialize)]
pub struct Shape<'a> {
    id: TransferId,
    object: &'static str,
    from_location_id: LocationId,
    to_location_id: LocationId,
    state: &'static str,
    note: &'a str,
    line_count: i64,
    in_transit_line_count: i64,
    missing_line_count: i64,
    /// What became of what never came.
    fate: Option<&'static str>,
    write_off_reason: Option<&'static str>,
    reason: &'a str,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    /// Left out in a list, and null where there are too many for an answer that is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Option<Vec<Line>>>,
    /// Only where one transfer is read, and it has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<Vec<RefOut<'a>>>,
    #[serde(serialize_with = "json::instant")]
    opened_at: Timestamp,
    #[serde(serialize_with = "json::instant_option")]
    sent_at: Option<Timestamp>,
    #[serde(serialize_with = "json::instant_option")]
    ended_at: Option<Timestamp>,
    version: i64,
}

impl<'a> Shape<'a> {
    /// The head alone.
    pub fn of_listed(transfer: &'a Transfer) -> Self {
        let Transfer { id, from, to, state, tally, opened_at, version, .. } = *transfer;
        Self {
            id,
            object: "transfer",
            from_location_id: from,
            to_location_id: to,
            state: state.as_str(),
            note: &transfer.note,
            line_count: tally.lines,
            in_transit_line_count: tally.in_transit,
            missing_line_count: tally.missing,
            fate: state.fate().map(Fate::as_str),
            write_off_reason: state.fate().and_then(Fate::write_off_reason).map(WriteOffReason::as_str),
            reason: &transfer.reason,
            metadata: transfer.metadata.shown(),
            lines: None,
            external_refs: None,
            opened_at,
            sent_at: state.sent_at(),
            ended_at: state.ended_at(),
            version,
        }
    }

    /// With its lines.
    pub fn of(whole: &'a WholeTransfer) -> Self {
        let lines = whole.lines.iter().map(|line| Line::of(line, whole.transfer.state));
        Self { lines: Some(Some(lines.collect())), ..Self::of_listed(&whole.transfer) }
    }

    /// With the ids under which other systems know it.
    pub fn known_as(self, refs: &'a [ExternalRef]) -> Self {
        Self { external_refs: RefOut::all(refs, Subject::Transfer(self.id)), ..self }
    }

    /// The same, where its lines are too many.
    pub fn without_lines(self) -> Self {
        Self { lines: Some(None), ..self }
    }
}

/// One article of a transfer.
#[derive(Serialize)]
struct Line {
    article_id: ArticleId,
    quantity: Quantity,
    received: Quantity,
    in_transit: Quantity,
    missing: Quantity,
}

impl Line {
    fn of(line: &TransferLine, state: State) -> Self {
        let TransferLine { article, quantity, received, missing, .. } = *line;
        Self { article_id: article, quantity, received, in_transit: line.in_transit(state), missing }
    }
}
