//! Payment and operation.

use domain::id::OperationId;
use domain::money::Currency;
use domain::payment::{
    Approval, Funding, Kind, Operation, OperationState, Payment, PresentedCode, Reason, State, Witness,
};
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT, json, metadata, metadata_cell, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Payment {
    const TABLE: &'static Table = &table(
        "payment",
        1,
        true,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("register_id", TEXT),
            ("sale_id", TEXT),
            ("tender_id", TEXT),
            ("connection_id", TEXT),
            ("currency", TEXT),
            ("asked_minor", INT),
            ("approved_minor", INT),
            ("captured_minor", INT),
            ("refunded_minor", INT),
            ("state", TEXT),
            ("is_closed_uncharged", BOOL),
            ("operation_count", INT),
            ("reference", TEXT),
            ("is_scanned", BOOL),
            ("presented_code", TEXT),
            ("presented_code_id", TEXT),
            ("presented_until", INT),
            ("created_at", INT),
            ("updated_at", INT),
            ("metadata", TEXT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let (sale, tender) = self.tender.unzip();
        let code = self.presented_code.as_ref();
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::display(self.register),
            Cell::option(sale, Cell::display),
            Cell::option(tender, Cell::display),
            Cell::display(self.connection),
            Cell::display(self.currency),
            Cell::Int(self.asked_minor),
            Cell::Int(self.approved_minor),
            Cell::Int(self.captured_minor),
            Cell::Int(self.refunded_minor),
            Cell::text(self.state.as_str()),
            Cell::Bool(self.is_closed_uncharged),
            Cell::Int(i64::from(self.operation_count)),
            Cell::text(&self.reference),
            Cell::Bool(self.is_scanned),
            Cell::option(code, |code| Cell::text(&code.text)),
            Cell::option(code, |code| Cell::text(&code.provider_code_id)),
            Cell::option(code.and_then(|code| code.expires_at), |at| Cell::Int(at.0)),
            Cell::Int(self.created_at.0),
            Cell::Int(self.updated_at.0),
            metadata_cell(&self.metadata),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, location, register) = (row.parse()?, row.parse()?, row.parse()?, row.parse()?);
        let tender = match (row.parse_option()?, row.parse_option()?) {
            (Some(sale), Some(tender)) => Some((sale, tender)),
            (None, None) => None,
            _ => return row.make_no_sense(),
        };
        Ok(Self {
            id,
            merchant,
            location,
            register,
            tender,
            connection: row.parse()?,
            currency: row.word(Currency::parse)?,
            asked_minor: row.int()?,
            approved_minor: row.int()?,
            captured_minor: row.int()?,
            refunded_minor: row.int()?,
            state: row.word(State::parse)?,
            is_closed_uncharged: row.bool()?,
            operation_count: row.small()?,
            reference: row.text()?,
            is_scanned: row.bool()?,
            presented_code: read_code(row)?,
            created_at: Timestamp(row.int()?),
            updated_at: Timestamp(row.int()?),
            metadata: metadata(row)?,
            version: row.int()?,
        })
    }
}

fn read_code(row: &mut RowReader) -> Result<Option<PresentedCode>, Corrupt> {
    let (text, id, until) = (row.text_option()?, row.text_option()?, row.int_option()?);
    match (text, id, until) {
        (Some(text), Some(provider_code_id), until) => {
            Ok(Some(PresentedCode { text, provider_code_id, expires_at: until.map(Timestamp) }))
        }
        (None, None, None) => Ok(None),
        _ => row.make_no_sense(),
    }
}

impl Stored for Operation {
    const TABLE: &'static Table = &table(
        "operation",
        2,
        false,
        &[
            ("payment_id", TEXT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("connection_id", TEXT),
            ("kind", TEXT),
            ("target", INT),
            ("asked_minor", INT),
            ("state", TEXT),
            ("reason", TEXT),
            ("approved_minor", INT),
            ("provider_reference", TEXT),
            ("paid_by_customer_minor", INT),
            ("paid_by_provider_minor", INT),
            ("receivable_minor", INT),
            ("witness", TEXT),
            ("is_contradicted", BOOL),
            ("is_left_to_person", BOOL),
            ("recorded_at", INT),
            ("doubt_since", INT),
            ("asked_count", INT),
            ("terminal_id", TEXT),
            ("slip", TEXT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let (reason, approval) = match &self.state {
            OperationState::NotSent(reason) | OperationState::Declined(reason) => (Some(reason.0.as_str()), None),
            OperationState::Approved(approval) => (None, Some(approval)),
            OperationState::Recorded
            | OperationState::Sent
            | OperationState::Unknown
            | OperationState::NotFound
            | OperationState::Pending
            | OperationState::Cancelled => (None, None),
        };
        let provider_reference = approval.and_then(|approval| approval.provider_reference.as_deref());
        let funding = approval.and_then(|approval| approval.funding);
        cells.extend([
            Cell::display(self.id.payment),
            Cell::Int(i64::from(self.id.number)),
            Cell::display(self.merchant),
            Cell::display(self.connection),
            Cell::text(self.kind.as_str()),
            Cell::option(self.target, |target| Cell::Int(i64::from(target))),
            Cell::Int(self.asked_minor),
            Cell::text(self.state.as_str()),
            Cell::option(reason, Cell::text),
            Cell::option(approval, |approval| Cell::Int(approval.approved_minor)),
            Cell::option(provider_reference, Cell::text),
            Cell::option(funding, |funding| Cell::Int(funding.paid_by_customer_minor)),
            Cell::option(funding, |funding| Cell::Int(funding.paid_by_provider_minor)),
            Cell::option(funding, |funding| Cell::Int(funding.receivable_minor)),
            Cell::option(self.witness, |witness| Cell::text(witness.as_str())),
            Cell::Bool(self.is_contradicted),
            Cell::Bool(self.is_left_to_person),
            Cell::Int(self.recorded_at.0),
            Cell::Int(self.doubt_since.0),
            Cell::Int(i64::from(self.asked_count)),
            Cell::option(self.terminal, Cell::display),
            Cell::option(self.slip.as_deref(), json),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let id = OperationId { payment: row.parse()?, number: row.small()? };
        let (merchant, connection) = (row.parse()?, row.parse()?);
        let kind = row.word(Kind::parse)?;
        let target = row.int_option()?.and_then(|target| u32::try_from(target).ok());
        let asked_minor = row.int()?;
        let word = row.text()?;
        let reason = row.text_option()?.map(Reason);
        let approved_minor = row.int_option()?;
        let provider_reference = row.text_option()?;
        let funding = read_funding(row)?;
        let state = match (word.as_str(), reason, approved_minor) {
            ("recorded", None, None) => OperationState::Recorded,
            ("sent", None, None) => OperationState::Sent,
            ("unknown", None, None) => OperationState::Unknown,
            ("not_found", None, None) => OperationState::NotFound,
            ("pending", None, None) => OperationState::Pending,
            ("cancelled", None, None) => OperationState::Cancelled,
            ("not_sent", Some(reason), None) => OperationState::NotSent(reason),
            ("declined", Some(reason), None) => OperationState::Declined(reason),
            ("approved", None, Some(approved_minor)) => {
                OperationState::Approved(Approval { approved_minor, provider_reference, funding })
            }
            _ => return row.make_no_sense(),
        };
        let witness = match row.text_option()? {
            None => None,
            Some(word) => match Witness::parse(&word) {
                Some(witness) => Some(witness),
                None => return row.make_no_sense(),
            },
        };
        Ok(Self {
            id,
            merchant,
            connection,
            kind,
            target,
            asked_minor,
            state,
            witness,
            is_contradicted: row.bool()?,
            is_left_to_person: row.bool()?,
            recorded_at: Timestamp(row.int()?),
            doubt_since: Timestamp(row.int()?),
            asked_count: row.small()?,
            terminal: row.parse_option()?,
            slip: row.word_option(|text| serde_json::from_str(text).ok())?.map(Box::new),
            version: row.int()?,
        })
    }
}

fn read_funding(row: &mut RowReader) -> Result<Option<Funding>, Corrupt> {
    match (row.int_option()?, row.int_option()?, row.int_option()?) {
        (Some(paid_by_customer_minor), Some(paid_by_provider_minor), Some(receivable_minor)) => {
            Ok(Some(Funding { paid_by_customer_minor, paid_by_provider_minor, receivable_minor }))
        }
        (None, None, None) => Ok(None),
        _ => row.make_no_sense(),
    }
}
