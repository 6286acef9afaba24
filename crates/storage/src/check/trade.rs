//! Stock, sales and payments: what is stored as a sum or a state equals what its parts say.

use std::collections::{BTreeMap, BTreeSet};

use domain::exception::Exception;
use domain::id::{ArticleId, LocationId, MerchantId, PaymentId, RegisterId, SaleId};
use domain::job::Job;
use domain::merchant::ReceiptSeries;
use domain::payment::{Operation, Payment, summarize};
use domain::sale::{Sale, SaleLine, State, Tender, TenderKind, TenderState};
use domain::stock::{Reservation, StockLevel};
use domain::tax::{tax_totals, totals};
use domain::unreferenced_return::UnreferencedReturn;

use super::Report;
use super::promotions::Coupons;
use super::returns::Returns;
use super::source::{Records, Source, Walk};
use crate::engine::Row;
use crate::error::EngineError;
use crate::record::{MOVEMENT, Stored};
use crate::table::{RowReader, Table};

pub(super) fn for_each_row(
    table: &'static Table,
    source: &mut dyn Source,
    report: &mut Report,
    mut each: impl FnMut(Row) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut walk = Walk::new(table);
    while let Some(row) = walk.next(source)? {
        report.rows += 1;
        each(row)?;
    }
    Ok(())
}

/// `on_hand` is the sum of the movements, `reserved` the sum of the held reservations.
pub fn stock(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut moved: BTreeMap<(LocationId, ArticleId), i64> = BTreeMap::new();
    for_each_row(&MOVEMENT, source, report, |row| {
        let mut row = RowReader::new(&MOVEMENT, row);
        let (_id, _merchant) = (row.text()?, row.text()?);
        let key = (row.parse()?, row.parse()?);
        let _kind = row.text()?;
        *moved.entry(key).or_default() += row.int()?;
        Ok(())
    })?;
    let mut held: BTreeMap<(LocationId, ArticleId), i64> = BTreeMap::new();
    for_each_row(Reservation::TABLE, source, report, |row| {
        let reservation = Reservation::read(&mut RowReader::new(Reservation::TABLE, row))?;
        *held.entry((reservation.location, reservation.article)).or_default() += reservation.quantity.0;
        Ok(())
    })?;
    let mut levels = Records::<StockLevel>::new(source, report)?;
    while let Some(level) = levels.next(source, report)? {
        let key = (level.location, level.article);
        let subject = format!("{} {}", level.location, level.article);
        report.expect_equal("stock_on_hand", &subject, &level.on_hand.0, &moved.remove(&key).unwrap_or(0));
        report.expect_equal("stock_reserved", &subject, &level.reserved.0, &held.remove(&key).unwrap_or(0));
    }
    for ((location, article), sum) in moved.into_iter().chain(held).filter(|(_, sum)| *sum != 0) {
        report.find("stock_level_exists", format!("{location} {article}"), format!("no level, recomputed {sum}"));
    }
    Ok(())
}

/// A completed sale is paid to the last minor unit, its lines add up, and its receipt number is its own.
pub fn sales(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut sales = Records::<Sale>::new(source, report)?;
    let mut lines = Records::<SaleLine>::new(source, report)?;
    let mut tenders = Records::<Tender>::new(source, report)?;
    let mut returns = Returns::new(source, report)?;
    let mut receipts = ReceiptNumbers::default();
    let mut coupons = Coupons::default();
    while let Some(sale) = sales.next(source, report)? {
        let lines = lines.children(&sale.id, |line| line.sale, source, report)?;
        let tenders = tenders.children(&sale.id, |tender| tender.sale, source, report)?;
        check_sale(&sale, &lines, &tenders, report);
        // What was sold elsewhere has its number from there.
        if let (Some(number), None) = (&sale.receipt_number, &sale.elsewhere) {
            receipts.note(sale.merchant, sale.register, number, report);
        }
        let is_kept = returns.check(&sale, &lines, &tenders, &mut receipts, source, report)?;
        coupons.note(&sale, is_kept);
    }
    returns.check_credits(report);
    coupons.check(source, report)?;
    let mut unreferenced = Records::<UnreferencedReturn>::new(source, report)?;
    while let Some(one) = unreferenced.next(source, report)? {
        if one.elsewhere.is_none() {
            receipts.note(one.merchant, one.register, &one.receipt_number, report);
        }
    }
    let mut given = receipts.given;
    let mut series = Records::<ReceiptSeries>::new(source, report)?;
    while let Some(series) = series.next(source, report)? {
        let count = given.remove(&series.register).unwrap_or(0);
        report.expect_equal("receipt_number_gapless", series.register, &series.last_number, &count);
    }
    for (register, count) in given {
        report.find("receipt_number_gapless", register, format!("{count} receipts and no series"));
    }
    Ok(())
}

/// The numbers on all receipts, of sales and of returns of both kinds.
#[derive(Default)]
pub(super) struct ReceiptNumbers {
    given: BTreeMap<RegisterId, i64>,
    numbers: BTreeSet<String>,
}

impl ReceiptNumbers {
    pub(super) fn note(&mut self, merchant: MerchantId, register: RegisterId, number: &str, report: &mut Report) {
        *self.given.entry(register).or_default() += 1;
        if !self.numbers.insert(format!("{merchant} {number}")) {
            report.find("receipt_number_unique", merchant, format!("{number} was given twice"));
        }
    }
}

fn check_sale(sale: &Sale, lines: &[SaleLine], tenders: &[Tender], report: &mut Report) {
    let lines: Vec<&SaleLine> = lines.iter().filter(|line| !line.is_removed).collect();
    check_discounts(sale, &lines, report);
    let amounts: Vec<_> = lines.iter().map(|line| (line.tax_rate, line.discounted_minor())).collect();
    let computed = tax_totals(&amounts, sale.tax_terms).and_then(|rates| totals(&rates));
    let stored = Ok((sale.total_minor, sale.tax_minor));
    report.expect_equal("sale_total", sale.id, &stored, &computed.map(|all| (all.gross_minor, all.tax_minor)));
    for tender in tenders {
        if let TenderKind::Cash { given_minor, change_minor } = tender.kind {
            report.expect_equal("cash_change", sale.id, &change_minor, &(given_minor - tender.amount_minor));
        }
    }
    if sale.state == State::Completed {
        let paid: i64 =
            tenders.iter().filter(|tender| tender.state == TenderState::Paid).map(|tender| tender.amount_minor).sum();
        report.expect_equal("sale_is_paid", sale.id, &sale.total_minor, &paid);
        check_recorded(sale, tenders, report);
        if sale.receipt_number.is_none() {
            report.find("sale_has_receipt", sale.id, "completed without a receipt number".to_owned());
        }
        if tenders.iter().any(|tender| tender.state == TenderState::Pending) {
            report.find("sale_is_paid", sale.id, "completed with a pending tender".to_owned());
        }
    }
}

/// What was sold elsewhere was paid there, and what was sold here was not.
fn check_recorded(sale: &Sale, tenders: &[Tender], report: &mut Report) {
    let paid = tenders.iter().filter(|tender| tender.state == TenderState::Paid);
    let is_paid_elsewhere = |tender: &Tender| tender.kind == TenderKind::Recorded;
    if paid.into_iter().any(|tender| is_paid_elsewhere(tender) != sale.elsewhere.is_some()) {
        report.find("sale_paid_where_made", sale.id, format!("made elsewhere: {}", sale.elsewhere.is_some()));
    }
}

/// Each discount comes to what it does over the lines, and each line keeps what its shares come to.
fn check_discounts(sale: &Sale, lines: &[&SaleLine], report: &mut Report) {
    report.expect_equal(
        "sale_discounts",
        sale.id,
        &Ok(sale.discounts.clone()),
        &sale.discounts.over(lines.iter().copied()),
    );
    for line in lines {
        let subject = format!("{} line {}", sale.id, line.number);
        let shares: i64 = sale.discounts.of_line(line.number).map(|(_, amount_minor)| amount_minor).sum();
        report.expect_equal("line_discount", &subject, &line.discount_minor, &shares);
        if !(0..=line.amount_minor).contains(&line.discount_minor) {
            report.find("line_discount", subject, format!("{} off {}", line.discount_minor, line.amount_minor));
        }
    }
}

/// A payment's amounts and state are the function of its operations, and refunded <= captured <= approved.
pub fn payments(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut payments = Records::<Payment>::new(source, report)?;
    let mut operations = Records::<Operation>::new(source, report)?;
    while let Some(payment) = payments.next(source, report)? {
        let operations = operations.children(&payment.id, |operation| operation.id.payment, source, report)?;
        let summary = summarize(&operations.iter().collect::<Vec<_>>());
        report.expect_equal("payment_state", payment.id, &payment.state, &summary.state);
        report.expect_equal("payment_approved", payment.id, &payment.approved_minor, &summary.approved_minor);
        report.expect_equal("payment_captured", payment.id, &payment.captured_minor, &summary.captured_minor);
        report.expect_equal("payment_refunded", payment.id, &payment.refunded_minor, &summary.refunded_minor);
        report.expect_equal("payment_operations", payment.id, &payment.operation_count, &(operations.len() as u32));
        if payment.refunded_minor > payment.captured_minor || payment.captured_minor > payment.approved_minor {
            report.find(
                "payment_amounts",
                payment.id,
                format!(
                    "refunded {}, captured {}, approved {}",
                    payment.refunded_minor, payment.captured_minor, payment.approved_minor
                ),
            );
        }
    }
    Ok(())
}

/// A payment that is not final has a job that will move it, or an open exception that names a person.
pub fn attention(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut cared_for: BTreeSet<String> = BTreeSet::new();
    for_each_row(Job::TABLE, source, report, |row| {
        let job = Job::read(&mut RowReader::new(Job::TABLE, row))?;
        if job.due_at.is_some() {
            cared_for.insert(job.id.subject);
        }
        Ok(())
    })?;
    for_each_row(Exception::TABLE, source, report, |row| {
        let exception = Exception::read(&mut RowReader::new(Exception::TABLE, row))?;
        if exception.resolved_at.is_none() {
            cared_for.insert(exception.subject);
        }
        Ok(())
    })?;
    let mut payments = Records::<Payment>::new(source, report)?;
    while let Some(payment) = payments.next(source, report)? {
        if !payment.state.is_final() && !cared_for.contains(&payment.id.to_string()) {
            report.find("payment_is_cared_for", payment.id, "not final, no job due and no open exception".to_owned());
        }
    }
    let mut tenders = Records::<Tender>::new(source, report)?;
    let mut pending: BTreeMap<PaymentId, SaleId> = BTreeMap::new();
    while let Some(tender) = tenders.next(source, report)? {
        if let (TenderKind::Electronic { payment }, TenderState::Pending) = (tender.kind, tender.state) {
            pending.insert(payment, tender.sale);
        }
    }
    let mut payments = Records::<Payment>::new(source, report)?;
    while let Some(payment) = payments.next(source, report)? {
        if let Some(sale) = pending.get(&payment.id)
            && (payment.tender.is_none_or(|(owner, _)| owner != *sale))
        {
            report.find(
                "tender_has_payment",
                sale,
                format!("its tender names {}, which pays something else", payment.id),
            );
        }
    }
    Ok(())
}
