//! A receipt as rows on paper, from the top. Text and printer commands are made from the same rows, so that what is shown is
//! what is printed.

use super::paper::{Columns, Glyphs, Paper};
use super::words::{self, Words};
use super::{GivenBack, Kind, Line, Paid, Receipt, ReturnOf};
use crate::locale::Locale;
use crate::money::{Quantity, for_people, unit_price_for_people};
use crate::sale::Consumption;
use crate::tax::PriceMode;

/// Rows of the box that a revenue stamp is stuck into: a stamp is about two centimetres high.
const STAMP_ROWS: usize = 4;
/// Columns of that box, its sides included.
const STAMP_COLUMNS: usize = 14;

/// What stands in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row {
    /// A text of at most as many columns as there are.
    Text(Size, String),
    /// A QR code of this text, in the middle.
    Qr(String),
}

/// How a row's characters are drawn. Their width stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Plain,
    Bold,
    /// Bold and twice as high.
    Tall,
}

/// The rows of a receipt.
pub(super) fn rows(receipt: &Receipt, locale: Locale, columns: Columns, glyphs: Glyphs) -> Vec<Row> {
    let paper = Paper { columns, glyphs };
    let mut page = Page { receipt, locale, words: Words::of(locale), paper, rows: Vec::new() };
    page.head();
    page.title();
    page.lines();
    page.totals();
    page.paid();
    if let Some(origin) = &receipt.returned {
        page.given_back(origin);
    }
    page.foot();
    page.rows
}

/// The rows that are being put.
struct Page<'a> {
    receipt: &'a Receipt,
    locale: Locale,
    words: &'static Words,
    paper: Paper,
    rows: Vec<Row>,
}

impl Page<'_> {
    /// Whose shop it is, and where.
    fn head(&mut self) {
        let receipt = self.receipt;
        self.center(Size::Tall, &receipt.merchant);
        self.center(Size::Plain, &receipt.place.name);
        receipt.place.address.iter().for_each(|line| self.center(Size::Plain, line));
        if let Some(phone) = &receipt.place.phone {
            self.center(Size::Plain, &format!("{} {phone}", self.words.phone));
        }
        if let Some(name) = &receipt.legal_name {
            self.center(Size::Plain, name);
        }
        if let Some(number) = &receipt.registration_number {
            self.center(Size::Plain, &format!("{} {number}", self.words.registration_number));
        }
        self.rule();
    }

    /// What it is, of which sale, and to whom it is made out.
    fn title(&mut self) {
        let (receipt, words) = (self.receipt, self.words);
        self.center(Size::Tall, words.title(&receipt.kind));
        if receipt.is_qualified_invoice() {
            self.center(Size::Plain, words.invoice(&receipt.kind));
        }
        if receipt.is_copy {
            self.center(Size::Bold, &format!("*** {} ***", words.copy));
        }
        if let Kind::Formal { addressee, proviso } = &receipt.kind {
            self.formal(addressee.as_deref(), proviso.as_deref());
        }
        self.empty();
        self.left(Size::Plain, &words::date_and_time(self.locale, receipt.happened_at()));
        self.pair(Size::Plain, words.receipt_number, &receipt.receipt_number);
        self.pair(Size::Plain, words.register, &receipt.register);
        if let Some(origin) = &receipt.returned {
            self.pair(Size::Plain, words.sale_receipt_number, &origin.sale_receipt_number);
            self.pair(Size::Plain, words.sold, &words::date_and_time(self.locale, receipt.sold_at));
        }
        if receipt.consumption == Consumption::EatIn {
            self.left(Size::Plain, words.eat_in);
        }
        if receipt.issued_at != receipt.happened_at() {
            self.pair(Size::Plain, words.issued, &words::date_and_time(self.locale, receipt.issued_at));
        }
        self.rule();
    }

    fn formal(&mut self, addressee: Option<&str>, proviso: Option<&str>) {
        self.empty();
        self.left(Size::Bold, &words::addressee(self.locale, addressee));
        self.empty();
        let sum = words::closed_sum(self.locale, &self.amount(self.receipt.total.gross_minor));
        self.center(Size::Tall, &sum);
        self.empty();
        self.left(Size::Plain, &words::proviso(self.locale, proviso));
        self.left(Size::Plain, self.words.received);
    }

    fn lines(&mut self) {
        self.receipt.lines.iter().for_each(|line| self.line(line));
        self.rule();
    }

    /// One piece stands in one row; more say what one costs.
    fn line(&mut self, line: &Line) {
        let mark = if line.is_reduced { self.words.reduced_mark } else { "" };
        let (name, amount) = (format!("{}{mark}", line.name), self.amount(line.amount_minor));
        if line.quantity == Quantity::ONE {
            self.pair(Size::Plain, &name, &amount);
        } else {
            let unit_price = unit_price_for_people(line.unit_price, self.receipt.currency, self.locale);
            let each = if line.is_at_unit_price() { format!(" x {unit_price}") } else { String::new() };
            self.left(Size::Plain, &name);
            self.pair(Size::Plain, &format!("  {}{each}", line.quantity), &amount);
        }
        for discount in &line.discounts {
            let name = words::discount(self.locale, discount);
            self.pair(Size::Plain, &format!("  {name}"), &self.amount(discount.amount_minor.saturating_neg()));
        }
    }

    /// What it comes to, and what each rate comes to with its tax.
    fn totals(&mut self) {
        let (receipt, words) = (self.receipt, self.words);
        if receipt.discount_minor() > 0 {
            self.pair(Size::Plain, words.before_discounts, &self.amount(receipt.before_discounts_minor()));
            self.pair(Size::Plain, words.discounts, &self.amount(receipt.discount_minor().saturating_neg()));
        }
        if receipt.price_mode == PriceMode::Exclusive {
            self.pair(Size::Plain, words.subtotal, &self.amount(receipt.total.net_minor));
            self.rates();
        }
        self.pair(Size::Tall, words.total_of(&receipt.kind), &self.amount(receipt.total.gross_minor));
        if receipt.price_mode == PriceMode::Inclusive {
            self.rates();
        }
        self.rule();
    }

    fn rates(&mut self) {
        let (receipt, tax) = (self.receipt, self.words.tax(self.receipt.price_mode));
        for rate in &receipt.rates {
            let name = words::at_rate(self.locale, rate.rate, receipt.is_reduced(rate.rate));
            self.pair(Size::Plain, &format!("  {name}"), &self.amount(rate.base_minor));
            self.pair(Size::Plain, &format!("    {tax}"), &self.amount(rate.tax_minor));
        }
    }

    fn paid(&mut self) {
        let words = self.words;
        for paid in &self.receipt.paid {
            match paid {
                Paid::Cash { amount_minor, given_minor, change_minor } => {
                    self.pair(Size::Plain, words.cash, &self.amount(*amount_minor));
                    self.pair(Size::Plain, &format!("  {}", words.given), &self.amount(*given_minor));
                    self.pair(Size::Bold, &format!("  {}", words.change), &self.amount(*change_minor));
                }
                Paid::Elsewhere { amount_minor } => {
                    self.pair(Size::Plain, words.elsewhere, &self.amount(*amount_minor));
                }
                Paid::Electronic { amount_minor, provider, reference } => {
                    let name = provider.as_ref().map(|provider| format!(" {provider}")).unwrap_or_default();
                    self.pair(Size::Plain, &format!("{}{name}", words.electronic), &self.amount(*amount_minor));
                    if let Some(reference) = reference {
                        self.left(Size::Plain, &format!("  {} {reference}", words.reference));
                    }
                }
                Paid::ReturnCredit { amount_minor, receipt_number } => {
                    self.pair(Size::Plain, words.return_credit, &self.amount(*amount_minor));
                    if let Some(number) = receipt_number {
                        self.left(Size::Plain, &format!("  {} {number}", words.return_receipt_number));
                    }
                }
            }
        }
        if !self.receipt.paid.is_empty() {
            self.rule();
        }
    }

    /// How the money went back, and what of it has not.
    fn given_back(&mut self, origin: &ReturnOf) {
        let words = self.words;
        for part in &origin.given_back {
            match part {
                GivenBack::Cash { amount_minor } => {
                    self.pair(Size::Bold, words.cash_back, &self.amount(*amount_minor));
                }
                GivenBack::Elsewhere { amount_minor } => {
                    self.pair(Size::Bold, words.elsewhere, &self.amount(*amount_minor));
                }
                GivenBack::Electronic { amount_minor, provider, reference, is_pending } => {
                    let name = provider.as_ref().map(|provider| format!(" {provider}")).unwrap_or_default();
                    self.pair(Size::Bold, &format!("{}{name}", words.electronic_back), &self.amount(*amount_minor));
                    if let Some(reference) = reference {
                        self.left(Size::Plain, &format!("  {} {reference}", words.reference));
                    }
                    if *is_pending {
                        self.left(Size::Plain, &format!("  ({})", words.under_way));
                    }
                }
                GivenBack::ReturnCredit { amount_minor, receipt_number } => {
                    self.pair(Size::Bold, words.credited, &self.amount(*amount_minor));
                    if let Some(number) = receipt_number {
                        self.left(Size::Plain, &format!("  {} {number}", words.exchange_receipt_number));
                    }
                }
            }
        }
        if origin.due_minor > 0 {
            self.pair(Size::Bold, words.still_owed, &self.amount(origin.due_minor));
        }
        self.rule();
    }

    /// The legend of the mark, room for a stamp, and the way back to the sale.
    fn foot(&mut self) {
        if self.receipt.has_reduced() {
            self.left(Size::Plain, self.words.reduced_legend);
        }
        if self.receipt.needs_stamp {
            self.stamp();
        }
        let sale = self.receipt.sale.to_string();
        self.empty();
        self.rows.push(Row::Qr(sale.clone()));
        // In two halves nobody reads it; the receipt number finds the sale too.
        if sale.len() <= self.paper.columns.count() {
            self.center(Size::Plain, &sale);
        }
        self.center(Size::Plain, self.words.thanks);
    }

    fn stamp(&mut self) {
        let inside = STAMP_COLUMNS.saturating_sub(2);
        let edge = format!("+{}+", "-".repeat(inside));
        let word = self.paper.glyphs.clean(self.words.stamp);
        let left = inside.saturating_sub(self.paper.glyphs.width(&word)) / 2;
        let right = inside.saturating_sub(self.paper.glyphs.width(&word)).saturating_sub(left);
        let named = format!("|{}{word}{}|", " ".repeat(left), " ".repeat(right));
        let empty = format!("|{}|", " ".repeat(inside));
        let middle = STAMP_ROWS / 2;
        let sides = (0..STAMP_ROWS).map(|row| if row == middle { named.clone() } else { empty.clone() });
        self.empty();
        for row in std::iter::once(edge.clone()).chain(sides).chain([edge]) {
            self.pair(Size::Plain, "", &row);
        }
    }

    fn amount(&self, amount_minor: i64) -> String {
        for_people(amount_minor, self.receipt.currency, self.locale)
    }

    fn put(&mut self, size: Size, rows: Vec<String>) {
        self.rows.extend(rows.into_iter().map(|row| Row::Text(size, row)));
    }

    fn left(&mut self, size: Size, text: &str) {
        let rows = self.paper.wrap(text);
        self.put(size, rows);
    }

    fn center(&mut self, size: Size, text: &str) {
        let rows = self.paper.center(text);
        self.put(size, rows);
    }

    fn pair(&mut self, size: Size, name: &str, amount: &str) {
        let rows = self.paper.pair(name, amount);
        self.put(size, rows);
    }

    fn rule(&mut self) {
        let rule = self.paper.rule();
        self.put(Size::Plain, vec![rule]);
    }

    fn empty(&mut self) {
        self.put(Size::Plain, vec![String::new()]);
    }
}
