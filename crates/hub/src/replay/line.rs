//! One line of an export, read by its map.

use anyhow::{Context, bail};
use domain::article::{NAME_CHARS_MAX, SKU_CHARS_MAX};
use domain::decimal;
use domain::guard;
use domain::money::{QUANTITY_MAX, QUANTITY_PLACES, Quantity, UNIT_PRICE_MAX, UNIT_PRICE_PLACES, UnitPrice};
use domain::time::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::map::{Formats, Map};
use crate::table_file::Row;

/// Longest number of an invoice, in characters: with a position behind it it is an id of another system.
const INVOICE_CHARS_MAX: usize = 80;
/// Longest name of a customer, in characters: it is only compared.
const CUSTOMER_CHARS_MAX: usize = 200;
/// What stands in the place of a text that looks like a card number.
const REMOVED: &str = "[removed]";
/// Line amounts are exact in so many decimals of the minor unit: those of a quantity and of a price together.
pub const EXACT_PLACES: u32 = QUANTITY_PLACES + UNIT_PRICE_PLACES;

/// A line with everything that is read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The line of the file that it begins in.
    pub line: u64,
    /// The number of the invoice.
    pub invoice: String,
    /// 1, 2, 3 … within the invoice.
    pub position: u32,
    /// The code of the article.
    pub code: String,
    /// What the article is called; may be empty.
    pub name: String,
    /// How much, below zero where the export says so.
    pub quantity: Quantity,
    /// The price of one unit.
    pub unit_price: UnitPrice,
    /// When.
    pub occurred_at: Timestamp,
    /// Who bought; empty where nobody knows.
    pub customer: String,
}

impl Line {
    /// What it comes to as the file has it, in units of 10^-[`EXACT_PLACES`] of the minor unit.
    pub fn exact(&self) -> i128 {
        i128::from(self.quantity.0).saturating_mul(i128::from(self.unit_price.0))
    }

    /// The same, rounded once, in minor units.
    pub fn rounded_minor(&self) -> i128 {
        let scale = 10_i128.pow(EXACT_PLACES);
        let exact = self.exact();
        (exact.saturating_mul(2) + exact.signum() * scale) / (2 * scale)
    }
}

/// Reads rows.
pub struct LineReader {
    columns: Places,
    formats: Formats,
    zone: TimeZone,
    /// Decimals of a price in the currency's major unit.
    price_places: u32,
    /// How many names held what looks like a card number.
    pub removed: u64,
}

/// Where the columns stand.
struct Places {
    invoice: usize,
    code: usize,
    description: Option<usize>,
    quantity: usize,
    unit_price: usize,
    time: Vec<usize>,
    customer: Option<usize>,
}

/// What is read of a row before its place within its invoice is known.
pub struct Read {
    /// The number of its invoice, where it can be read.
    pub invoice: Option<String>,
    /// The line, its position still open; or why it cannot be read.
    pub line: Result<Line, String>,
}

impl LineReader {
    /// Finds the columns of the map in the headers of the file.
    pub fn new(map: &Map, headers: &[String]) -> anyhow::Result<Self> {
        let find = |field: &str, name: &str| {
            let mut found = headers.iter().enumerate().filter(|(_, header)| *header == name);
            match (found.next(), found.next()) {
                (Some((place, _)), None) => Ok(place),
                (None, _) => bail!(
                    "The file has no column {name:?}. Its columns are: {}. Put the right name under columns.{field} of the \
                     map; if they look like one long name, file.separator or file.encoding is another.",
                    headers.join(" | "),
                ),
                (Some(_), Some(_)) => bail!("The file has more than one column {name:?}: rename all but one of them."),
            }
        };
        let maybe = |field, name: &Option<String>| name.as_deref().map(|name| find(field, name)).transpose();
        let columns = &map.columns;
        let time = columns.time.names().iter().map(|name| find("time", name)).collect::<anyhow::Result<Vec<_>>>()?;
        if time.is_empty() {
            bail!("columns.time names no column.");
        }
        let columns = Places {
            invoice: find("invoice", &columns.invoice)?,
            code: find("code", &columns.code)?,
            description: maybe("description", &columns.description)?,
            quantity: find("quantity", &columns.quantity)?,
            unit_price: find("unit_price", &columns.unit_price)?,
            time,
            customer: maybe("customer", &columns.customer)?,
        };
        let price_places = u32::from(map.articles.currency.decimals()) + UNIT_PRICE_PLACES;
        Ok(Self { columns, formats: map.formats.clone(), zone: map.zone()?, price_places, removed: 0 })
    }

    /// Reads a row.
    pub fn read(&mut self, row: &Row) -> Read {
        let invoice = field(row, self.columns.invoice);
        if invoice.is_empty() || invoice.chars().count() > INVOICE_CHARS_MAX || invoice.contains(char::is_control) {
            let why = format!("the number of the invoice is missing, or longer than {INVOICE_CHARS_MAX} characters");
            return Read { invoice: None, line: Err(why) };
        }
        let invoice = invoice.to_owned();
        Read { line: self.line(row, &invoice).map_err(|why| format!("{why:#}")), invoice: Some(invoice) }
    }

    fn line(&mut self, row: &Row, invoice: &str) -> anyhow::Result<Line> {
        if guard::looks_like_card_number(invoice) {
            bail!("the number of the invoice looks like a card number");
        }
        let code = field(row, self.columns.code);
        if code.is_empty() || code.chars().count() > SKU_CHARS_MAX {
            bail!("the code of the article is missing, or longer than {SKU_CHARS_MAX} characters");
        }
        let quantity = self.number(row, self.columns.quantity, QUANTITY_PLACES).context("the quantity")?;
        let unit_price = self.number(row, self.columns.unit_price, self.price_places).context("the price")?;
        if quantity.unsigned_abs() > QUANTITY_MAX.unsigned_abs()
            || unit_price.unsigned_abs() > UNIT_PRICE_MAX.unsigned_abs()
        {
            bail!("the quantity or the price is larger than a shop has");
        }
        let customer = self.columns.customer.map_or("", |place| field(row, place));
        if customer.chars().count() > CUSTOMER_CHARS_MAX {
            bail!("the customer has more than {CUSTOMER_CHARS_MAX} characters");
        }
        Ok(Line {
            line: row.line,
            invoice: invoice.to_owned(),
            position: 0,
            code: code.to_owned(),
            name: self.name(row),
            quantity: Quantity(quantity),
            unit_price: UnitPrice(unit_price),
            occurred_at: self.time(row)?,
            customer: customer.to_owned(),
        })
    }

    /// One line of text that fits on a receipt.
    fn name(&mut self, row: &Row) -> String {
        let text = self.columns.description.map_or("", |place| field(row, place));
        if guard::looks_like_card_number(text) {
            self.removed += 1;
            return REMOVED.to_owned();
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(NAME_CHARS_MAX).collect()
    }

    /// A decimal in units of 10^-`places`. Zeros behind the last decimal that counts are nothing.
    fn number(&self, row: &Row, place: usize, places: u32) -> anyhow::Result<i64> {
        let text = field(row, place);
        let Formats { decimal_mark, grouping_mark, .. } = self.formats;
        let plain: String = text.chars().filter(|letter| Some(*letter) != grouping_mark).collect();
        let plain = if decimal_mark == '.' { plain } else { plain.replace('.', "?").replace(decimal_mark, ".") };
        let plain = plain.strip_prefix('+').unwrap_or(&plain);
        let plain = if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.') } else { plain };
        decimal::parse(plain, places).with_context(|| format!("{text:?} is no number with at most {places} decimals"))
    }

    fn time(&self, row: &Row) -> anyhow::Result<Timestamp> {
        let parts: Vec<&str> = self.columns.time.iter().map(|place| field(row, *place)).collect();
        let text = parts.join(" ");
        let read = self.formats.times.iter().find_map(|form| instant(form, &text, &self.zone));
        read.with_context(|| format!("the time {text:?} is not written in a form of formats.times"))
    }
}

/// A field of a row without the blanks around it; a short row has empty ones at its end.
fn field(row: &Row, place: usize) -> &str {
    row.fields.get(place).map_or("", |field| field.trim())
}

/// The instant of a text: with the offset that it says, or by the clocks of the zone; where they were put back, the first.
fn instant(form: &str, text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let time = strtime::parse(form, text).ok()?;
    if let Ok(instant) = time.to_timestamp() {
        return Some(Timestamp(instant.as_millisecond()));
    }
    let civil = time.to_datetime().or_else(|_| time.to_date().map(|date| date.at(0, 0, 0, 0))).ok()?;
    let zoned = zone.to_ambiguous_zoned(civil).compatible().ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::replay::map::tests::MAP;

    /// A line of article A, bought by Ann in 2020.
    pub(in crate::replay) fn a_line(invoice: &str, position: u32, quantity: i64, unit_price: i64) -> Line {
        Line {
            line: u64::from(position) + 1,
            invoice: invoice.to_owned(),
            position,
            code: "A".to_owned(),
            name: "Lamp".to_owned(),
            quantity: Quantity(quantity),
            unit_price: UnitPrice(unit_price),
            occurred_at: Timestamp(1_577_872_800_000),
            customer: "Ann".to_owned(),
        }
    }

    fn a_reader() -> LineReader {
        let headers = ["Date", "Time", "Invoice", "Code", "Text", "Quantity", "Price", "Customer"].map(str::to_owned);
        LineReader::new(&Map::parse(MAP).unwrap(), &headers).unwrap()
    }

    fn row(fields: [&str; 8]) -> Row {
        Row { line: 7, fields: fields.map(str::to_owned).to_vec() }
    }

    const GOOD: [&str; 8] = ["01.07.2020", "12:30", "17", "A1", " A  long\tname ", "1.000", "2,50", "Ann"];

    fn with(place: usize, text: &'static str) -> Row {
        let mut fields = GOOD;
        fields[place] = text;
        row(fields)
    }

    #[test]
    fn a_row_is_read_as_its_map_says() {
        let line = a_reader().read(&row(GOOD)).line.unwrap();
        assert_eq!((line.invoice.as_str(), line.code.as_str(), line.name.as_str()), ("17", "A1", "A long name"));
        assert_eq!((line.quantity, line.unit_price), (Quantity(1_000_000), UnitPrice(2_500_000)));
        // Half past twelve by the clocks of a summer in Berlin.
        assert_eq!(line.occurred_at, Timestamp(1_593_599_400_000));
        assert_eq!((line.line, line.customer.as_str()), (7, "Ann"));
    }

    #[test]
    fn numbers_have_the_marks_of_their_country() {
        let price = |text| a_reader().read(&with(6, text)).line.map(|line| line.unit_price.0);
        assert_eq!(price("0,001"), Ok(1_000));
        assert_eq!(price("1.234,5000000"), Ok(1_234_500_000));
        assert_eq!(price("+3"), Ok(3_000_000));
        assert_eq!(price("-0,5"), Ok(-500_000));
        for wrong in ["", "abc", "1,2,3", "1e3", "0,0000001", "12 €"] {
            assert!(price(wrong).is_err_and(|why| why.contains("the price")), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (place, text, why) in [
            (0, "2020-07-01", "not written in a form"),
            (2, "", "number of the invoice"),
            (2, "4111 1111 1111 1111", "looks like a card number"),
            (3, " ", "code of the article"),
            (5, "two", "the quantity"),
            (5, "9.999.999.999", "larger than a shop has"),
        ] {
            let read = a_reader().read(&with(place, text));
            assert!(read.line.is_err_and(|told| told.contains(why)), "{text}");
        }
        assert_eq!(a_reader().read(&with(3, "")).invoice.as_deref(), Some("17"), "its place is counted all the same");
        let mut reader = a_reader();
        assert_eq!(reader.read(&with(4, "4111 1111 1111 1111")).line.unwrap().name, REMOVED);
        assert_eq!(reader.removed, 1);
    }

    #[test]
    fn a_column_that_is_not_there_is_told_with_those_that_are() {
        let map = Map::parse(MAP).unwrap();
        let error = LineReader::new(&map, &["Date;Time;Invoice".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("\"Date\"") && error.contains("Date;Time;Invoice"), "{error}");
        let twice = ["Date", "Date"].map(str::to_owned);
        assert!(LineReader::new(&map, &twice).err().unwrap().to_string().contains("more than one"));
    }

    #[test]
    fn an_amount_is_rounded_once_half_away_from_zero() {
        for (quantity, price, minor) in
            [(1_000, 1_000, 0), (1_000, 5_000, 1), (-1_000, 5_000, -1), (3_000, 25_000, 8), (1_000, 4_999, 0)]
        {
            let line = a_line("1", 1, quantity, price);
            assert_eq!(line.rounded_minor(), minor, "{quantity} x {price}");
            let magnitude = domain::money::line_amount(Quantity(quantity.abs()), UnitPrice(price)).unwrap();
            assert_eq!(i128::from(magnitude), minor.abs());
        }
    }

    #[test]
    fn a_time_may_be_a_day_or_say_its_offset() {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        assert_eq!(instant("%Y-%m-%d", "2020-01-01", &zone), Some(Timestamp(1_577_804_400_000)));
        assert_eq!(
            instant("%Y-%m-%dT%H:%M:%S%:z", "2020-01-01T00:00:00+00:00", &zone),
            Some(Timestamp(1_577_836_800_000))
        );
        assert_eq!(instant("%Y-%m-%d", "2020-13-01", &zone), None);
    }
}
