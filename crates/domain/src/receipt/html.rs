//! A receipt as a page by itself: no script, no font, no picture from elsewhere. It is read on a telephone by day and night,
//! and prints on paper of 80 mm.

use super::words::{self, Words};
use super::{GivenBack, Kind, Line, Paid, Receipt, ReturnOf};
use crate::locale::Locale;
use crate::money::{Quantity, for_people, unit_price_for_people};
use crate::qr;
use crate::sale::Consumption;
use crate::tax::PriceMode;
use crate::text::{escape_html, printable};

const STYLE: &str = include_str!("receipt.css");

/// The receipt as a page.
pub fn html(receipt: &Receipt, locale: Locale) -> String {
    let words = Words::of(locale);
    let mut page = Page { receipt, locale, words, html: String::new() };
    page.head();
    page.shop();
    page.title();
    page.facts();
    page.lines();
    page.totals();
    page.paid();
    if let Some(origin) = &receipt.returned {
        page.given_back(origin);
    }
    page.notes();
    page.foot();
    page.html
}

/// A text of the shop's, harmless to a printer and in markup.
fn escaped(text: &str) -> String {
    escape_html(&printable(text))
}

/// The page that is being written.
struct Page<'a> {
    receipt: &'a Receipt,
    locale: Locale,
    words: &'static Words,
    html: String,
}

impl Page<'_> {
    fn head(&mut self) {
        let (language, number) = (self.locale.as_str(), escaped(&self.receipt.receipt_number));
        let title = self.words.title(&self.receipt.kind);
        self.put(&format!(
            "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} {number}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        ));
    }

    fn shop(&mut self) {
        let receipt = self.receipt;
        self.put("<header>\n");
        self.element("h1", "", &receipt.merchant);
        self.element("p", "place", &receipt.place.name);
        if !receipt.place.address.is_empty() || receipt.place.phone.is_some() {
            let phone = receipt.place.phone.as_ref().map(|phone| format!("{} {phone}", self.words.phone));
            let lines: Vec<String> = receipt.place.address.iter().chain(&phone).map(|line| escaped(line)).collect();
            self.put(&format!("<address>{}</address>\n", lines.join("<br>")));
        }
        if let Some(name) = &receipt.legal_name {
            self.element("p", "legal", name);
        }
        if let Some(number) = &receipt.registration_number {
            self.element("p", "", &format!("{} {number}", self.words.registration_number));
        }
        self.put("</header>\n");
    }

    fn title(&mut self) {
        self.put("<section class=\"title\">\n");
        self.element("h2", "", self.words.title(&self.receipt.kind));
        if self.receipt.is_qualified_invoice() {
            self.element("p", "", self.words.invoice(&self.receipt.kind));
        }
        if self.receipt.is_copy {
            self.element("p", "copy", self.words.copy);
        }
        self.put("</section>\n");
        if let Kind::Formal { addressee, proviso } = &self.receipt.kind {
            let sum = words::closed_sum(self.locale, &self.amount(self.receipt.total.gross_minor));
            self.put("<section class=\"formal\">\n");
            self.element("p", "to", &words::addressee(self.locale, addressee.as_deref()));
            self.element("p", "sum", &sum);
            self.element("p", "", &words::proviso(self.locale, proviso.as_deref()));
            self.element("p", "", self.words.received);
            self.put("</section>\n");
        }
    }

    fn facts(&mut self) {
        let (receipt, words) = (self.receipt, self.words);
        self.put("<dl>\n");
        self.fact(words.date, &words::date_and_time(self.locale, receipt.happened_at()));
        self.fact(words.receipt_number, &receipt.receipt_number);
        self.fact(words.register, &receipt.register);
        if let Some(origin) = &receipt.returned {
            self.fact(words.sale_receipt_number, &origin.sale_receipt_number);
            self.fact(words.sold, &words::date_and_time(self.locale, receipt.sold_at));
        }
        if receipt.issued_at != receipt.happened_at() {
            self.fact(words.issued, &words::date_and_time(self.locale, receipt.issued_at));
        }
        self.put("</dl>\n");
        if receipt.consumption == Consumption::EatIn {
            self.element("p", "", words.eat_in);
        }
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.put(&format!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(value)));
    }

    fn lines(&mut self) {
        let caption = if self.receipt.returned.is_some() { self.words.returned_lines } else { self.words.lines };
        self.table("", caption);
        self.receipt.lines.iter().for_each(|line| self.line(line));
        self.put("</table>\n");
    }

    fn line(&mut self, line: &Line) {
        let mark = if line.is_reduced { self.words.reduced_mark } else { "" };
        let (name, amount) = (escaped(&format!("{}{mark}", line.name)), self.amount(line.amount_minor));
        let each = if line.quantity == Quantity::ONE {
            String::new()
        } else {
            let unit_price = unit_price_for_people(line.unit_price, self.receipt.currency, self.locale);
            let price = if line.is_at_unit_price() { format!(" × {unit_price}") } else { String::new() };
            format!("<small>{}{price}</small>", line.quantity)
        };
        self.put(&format!("<tr><th scope=\"row\">{name}{each}</th><td>{amount}</td></tr>\n"));
        for discount in &line.discounts {
            let name = words::discount(self.locale, discount);
            self.row("detail discount", &name, discount.amount_minor.saturating_neg());
        }
    }

    fn totals(&mut self) {
        let (receipt, words) = (self.receipt, self.words);
        let total = words.total_of(&receipt.kind);
        self.table("sums", total);
        if receipt.discount_minor() > 0 {
            self.row("", words.before_discounts, receipt.before_discounts_minor());
            self.row("", words.discounts, receipt.discount_minor().saturating_neg());
        }
        if receipt.price_mode == PriceMode::Exclusive {
            self.row("", words.subtotal, receipt.total.net_minor);
            self.rates();
        }
        self.row("total", total, receipt.total.gross_minor);
        if receipt.price_mode == PriceMode::Inclusive {
            self.rates();
        }
        self.put("</table>\n");
    }

    fn rates(&mut self) {
        let (receipt, tax) = (self.receipt, self.words.tax(self.receipt.price_mode));
        for rate in &receipt.rates {
            let name = words::at_rate(self.locale, rate.rate, receipt.is_reduced(rate.rate));
            self.row("detail", &name, rate.base_minor);
            self.row("detail tax", tax, rate.tax_minor);
        }
    }

    fn paid(&mut self) {
        let words = self.words;
        if self.receipt.paid.is_empty() {
            return;
        }
        self.table("", words.paid);
        for paid in &self.receipt.paid {
            match paid {
                Paid::Cash { amount_minor, given_minor, change_minor } => {
                    self.row("", words.cash, *amount_minor);
                    self.row("detail", words.given, *given_minor);
                    self.row("detail change", words.change, *change_minor);
                }
                Paid::Elsewhere { amount_minor } => self.row("", words.elsewhere, *amount_minor),
                Paid::Electronic { amount_minor, provider, reference } => {
                    let name = provider.as_ref().map(|provider| format!(" {provider}")).unwrap_or_default();
                    let reference = reference.as_ref().map(|reference| format!("{} {reference}", words.reference));
                    self.noted("", &format!("{}{name}", words.electronic), reference, *amount_minor);
                }
                Paid::ReturnCredit { amount_minor, receipt_number } => {
                    let number = receipt_number.as_ref();
                    let number = number.map(|number| format!("{} {number}", words.return_receipt_number));
                    self.noted("", words.return_credit, number, *amount_minor);
                }
            }
        }
        self.put("</table>\n");
    }

    fn given_back(&mut self, origin: &ReturnOf) {
        let words = self.words;
        self.table("", words.given_back);
        for part in &origin.given_back {
            match part {
                GivenBack::Cash { amount_minor } => self.row("change", words.cash, *amount_minor),
                GivenBack::Elsewhere { amount_minor } => self.row("change", words.elsewhere, *amount_minor),
                GivenBack::Electronic { amount_minor, provider, reference, is_pending } => {
                    let name = provider.as_ref().map(|provider| format!(" {provider}")).unwrap_or_default();
                    let reference = reference.as_ref().map(|reference| format!("{} {reference}", words.reference));
                    let notes = reference.into_iter().chain(is_pending.then(|| words.under_way.to_owned()));
                    self.noted("change", &format!("{}{name}", words.electronic), notes, *amount_minor);
                }
                GivenBack::ReturnCredit { amount_minor, receipt_number } => {
                    let number = receipt_number.as_ref();
                    let number = number.map(|number| format!("{} {number}", words.exchange_receipt_number));
                    self.noted("change", words.credited, number, *amount_minor);
                }
            }
        }
        if origin.due_minor > 0 {
            self.row("change", words.still_owed, origin.due_minor);
        }
        self.put("</table>\n");
    }

    fn notes(&mut self) {
        if self.receipt.has_reduced() {
            self.element("p", "legend", self.words.reduced_legend);
        }
        if self.receipt.needs_stamp {
            self.element("p", "stamp", self.words.stamp);
        }
    }

    fn foot(&mut self) {
        let sale = self.receipt.sale.to_string();
        self.put("<footer>\n");
        if let Some(svg) = qr::svg(&sale, &escaped(self.words.qr)) {
            self.put(&svg);
        }
        self.element("code", "", &sale);
        self.element("p", "", self.words.thanks);
        self.put("</footer>\n</main>\n</body>\n</html>\n");
    }

    fn table(&mut self, class: &str, caption: &str) {
        let (class, caption) = (class_attribute(class), escaped(caption));
        self.put(&format!("<table{class}>\n<caption>{caption}</caption>\n"));
    }

    fn row(&mut self, class: &str, name: &str, amount_minor: i64) {
        let (class, name, amount) = (class_attribute(class), escaped(name), self.amount(amount_minor));
        self.put(&format!("<tr{class}><th scope=\"row\">{name}</th><td>{amount}</td></tr>\n"));
    }

    /// A row whose name has notes below it.
    fn noted(&mut self, class: &str, name: &str, notes: impl IntoIterator<Item = String>, amount_minor: i64) {
        let notes: String = notes.into_iter().map(|note| format!("<small>{}</small>", escaped(&note))).collect();
        let (class, name, amount) = (class_attribute(class), escaped(name), self.amount(amount_minor));
        self.put(&format!("<tr{class}><th scope=\"row\">{name}{notes}</th><td>{amount}</td></tr>\n"));
    }

    /// An element with nothing but a text in it.
    fn element(&mut self, tag: &str, class: &str, text: &str) {
        let (class, text) = (class_attribute(class), escaped(text));
        self.put(&format!("<{tag}{class}>{text}</{tag}>\n"));
    }

    fn amount(&self, amount_minor: i64) -> String {
        escaped(&for_people(amount_minor, self.receipt.currency, self.locale))
    }

    fn put(&mut self, html: &str) {
        self.html.push_str(html);
    }
}

fn class_attribute(class: &str) -> String {
    if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") }
}
