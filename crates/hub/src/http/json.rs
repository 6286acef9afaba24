//! The forms of values in JSON: quantities and prices as decimal text, instants as RFC 3339 in UTC, the envelope of lists.

use std::fmt;

use domain::decimal;
use domain::money::{QUANTITY_PLACES, Quantity, UNIT_PRICE_PLACES, UnitPrice};
use domain::time::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use storage::Answer;

use super::error::{Kind, Problem};

/// The media type of answers.
pub const JSON: &str = "application/json";
/// Rows of a page where nothing is said.
const LIMIT_DEFAULT: i64 = 50;
/// Most rows of a page: one below what a query gives, so that one more tells whether there is a next page.
const LIMIT_MAX: i64 = storage::read::PAGE_MAX / 2;

/// A body of our own making. Structs of texts and numbers always have a JSON form.
pub fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1_024);
    if let Err(error) = serde_json::to_writer(&mut bytes, value) {
        tracing::error!(%error, "An answer has no JSON form.");
    }
    bytes
}

/// A stored answer with this body.
pub fn answer(status: u16, subject: impl fmt::Display, body: Vec<u8>) -> Answer {
    Answer { status, content_type: JSON.into(), body, subject: subject.to_string() }
}

/// The largest answer that is stored, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// A stored answer with the whole of a record; one that is too large to store is answered `without` its list, and
/// `GET` has it.
pub fn answer_fitting<T: Serialize>(
    status: u16,
    subject: impl fmt::Display,
    whole: T,
    without: impl FnOnce(T) -> T,
) -> Answer {
    let body = to_bytes(&whole);
    let body = if body.len() <= ANSWER_BYTES_MAX { body } else { to_bytes(&without(whole)) };
    answer(status, subject, body)
}

/// Reads a decimal text, or an integer for those who have one.
struct Scaled {
    places: u32,
}

impl Visitor<'_> for Scaled {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a decimal number as text with at most {} decimals, such as \"1\" or \"0.25\"", self.places)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<i64, E> {
        // The words of this error never repeat the text.
        decimal::parse(text, self.places).ok_or_else(|| E::invalid_value(de::Unexpected::Other("text"), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
        let value = 10_i64.checked_pow(self.places).and_then(|scale| value.checked_mul(scale));
        value.ok_or_else(|| E::invalid_value(de::Unexpected::Other("number"), &self))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(E::invalid_value(de::Unexpected::Other("number"), &self)),
        }
    }
}

/// A quantity that a client gives.
#[derive(Debug, Clone, Copy)]
pub struct QuantityIn(pub Quantity);

impl<'de> Deserialize<'de> for QuantityIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scaled { places: QUANTITY_PLACES }).map(|value| Self(Quantity(value)))
    }
}

/// A unit price that a client gives, in minor units.
#[derive(Debug, Clone, Copy)]
pub struct UnitPriceIn(pub UnitPrice);

impl<'de> Deserialize<'de> for UnitPriceIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scaled { places: UNIT_PRICE_PLACES }).map(|value| Self(UnitPrice(value)))
    }
}

/// An instant that a client gives, in RFC 3339 with any offset. What is below a millisecond is cut off.
#[derive(Debug, Clone, Copy)]
pub struct InstantIn(pub Timestamp);

impl<'de> Deserialize<'de> for InstantIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let at = text.parse::<jiff::Timestamp>();
        let at = at.map_err(|_| de::Error::custom("expected an instant such as 2026-04-01T09:30:00Z"))?;
        Ok(Self(Timestamp(at.as_millisecond())))
    }
}

/// What a flag is where nothing is said of it and most want it: for `#[serde(default)]`.
pub const fn yes() -> bool {
    true
}

/// A field that is there, empty or not: `null` empties it, and without it (by `#[serde(default)]`) it stays as it is.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A field that may be left out (by `#[serde(default)]`), but not be null.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An instant as RFC 3339 in UTC, with milliseconds always.
pub fn instant<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    let Ok(timestamp) = jiff::Timestamp::from_millisecond(instant.0) else { return serializer.serialize_none() };
    match digits(Offset::UTC.to_datetime(timestamp)) {
        Some(text) => serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default()),
        None => serializer.serialize_str(&PRINTER.timestamp_to_string(&timestamp)),
    }
}

/// The digits of an instant of the years that have four of them, put where they belong: an answer has several instants, and
/// a printer for all forms takes longer over each than all else of it.
fn digits(at: DateTime) -> Option<[u8; 24]> {
    let year = u16::try_from(at.year()).ok()?;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |from: usize, to: usize, mut value: u16| {
        for digit in text[from..to].iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, year);
    let rest = [(5, at.month()), (8, at.day()), (11, at.hour()), (14, at.minute()), (17, at.second())];
    for (from, value) in rest {
        put(from, from + 2, u16::try_from(value).ok()?);
    }
    put(20, 23, u16::try_from(at.millisecond()).ok()?);
    Some(text)
}

/// An instant that may not have come.
pub fn instant_option<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => instant(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// One sentence for the cashier.
#[derive(Serialize)]
pub struct Message {
    /// In English.
    pub en: &'static str,
    /// In Japanese.
    pub ja: &'static str,
}

/// One page of a list.
#[derive(Serialize)]
pub struct List<T> {
    object: &'static str,
    data: Vec<T>,
    next_cursor: Option<String>,
}

/// Which page of a list is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows on it.
    limit: Option<i64>,
}

impl Page {
    /// A page after `cursor`.
    pub const fn new(cursor: Option<String>, limit: Option<i64>) -> Self {
        Self { cursor, limit }
    }

    /// The id after which the page begins. A cursor is such an id, so that nobody can ask for anything else.
    pub fn after<T: std::str::FromStr>(&self) -> Result<&str, Problem> {
        let Some(cursor) = &self.cursor else { return Ok("") };
        if cursor.parse::<T>().is_ok() {
            return Ok(cursor);
        }
        Err(Problem::new(Kind::QueryInvalid, "The parameter `cursor` is not the `next_cursor` of a page of this list."))
    }

    /// Rows on it.
    pub fn limit(&self) -> Result<i64, Problem> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if (1..=LIMIT_MAX).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::new(Kind::QueryInvalid, format!("The parameter `limit` is 1 to {LIMIT_MAX}.")))
    }
}

/// A page of `limit` rows; `rows` has one more if there is a next page.
pub fn list<'a, R, T>(
    rows: &'a [R],
    limit: i64,
    cursor: impl Fn(&'a R) -> String,
    shape: impl Fn(&'a R) -> T,
) -> List<T> {
    let shown = rows.get(..usize::try_from(limit).unwrap_or(usize::MAX)).unwrap_or(rows);
    let next_cursor = shown.last().filter(|_| shown.len() < rows.len()).map(cursor);
    List { object: "list", data: shown.iter().map(shape).collect(), next_cursor }
}

/// A page whose next one begins after `next_cursor`.
pub fn page<T>(data: Vec<T>, next_cursor: Option<String>) -> List<T> {
    List { object: "list", data, next_cursor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_taken_and_floats_are_not() {
        assert_eq!(serde_json::from_str::<QuantityIn>("2").unwrap().0, Quantity(2_000));
        assert_eq!(serde_json::from_str::<UnitPriceIn>("\"150.25\"").unwrap().0, UnitPrice(1_502_500));
        for wrong in ["1.0", "1e2", "9223372036854775807", "18446744073709551615", "null", "true", "\"x\""] {
            assert!(serde_json::from_str::<QuantityIn>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn instants_have_milliseconds() {
        #[derive(Serialize)]
        struct At(#[serde(serialize_with = "instant")] Timestamp);
        for (ms, text) in [
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
            (253_402_207_199_999, "9999-12-30T21:59:59.999Z"),
        ] {
            assert_eq!(serde_json::to_string(&At(Timestamp(ms))).unwrap(), format!("\"{text}\""));
        }
    }
}
