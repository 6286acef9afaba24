//! Money, prices and quantities: integers only, each with its unit in the name, each rounded in one place.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decimal;
use crate::locale::Locale;

/// Largest magnitude of an amount, in minor units: ten trillion dollars, a quadrillion yen. It stays below 2^53, so
/// that a register's browser reads every amount exactly, and nine thousand of them fit into the `i64` of a balance.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000_000;

/// Largest magnitude of a quantity on a line, in thousandths of a unit: 10^9 units, more than any shop holds of one
/// article.
pub const QUANTITY_MAX: i64 = 1_000_000_000_000;

/// Largest magnitude of a unit price, in ten-thousandths of the minor unit: 10^11 minor units, a billion dollars. Below
/// 2^53 for the same reason as amounts.
pub const UNIT_PRICE_MAX: i64 = 1_000_000_000_000_000;

/// Decimals of a quantity of units.
pub const QUANTITY_PLACES: u32 = 3;

/// Decimals of a unit price in minor units.
pub const UNIT_PRICE_PLACES: u32 = 4;

/// One minor unit of money for one unit of an article: thousandths times ten-thousandths.
const LINE_SCALE: i128 = 10_000_000;

/// Active ISO 4217 codes in order, each with its count of decimals and its number. Codes without a minor unit, such as
/// gold, are absent: nothing can be priced in them.
const ACTIVE: &[u8] = b"\
    AED2784 AFN2971 ALL2008 AMD2051 AOA2973 ARS2032 AUD2036 AWG2533 AZN2944 BAM2977 BBD2052 BDT2050 BHD3048 \
    BIF0108 BMD2060 BND2096 BOB2068 BOV2984 BRL2986 BSD2044 BTN2064 BWP2072 BYN2933 BZD2084 CAD2124 CDF2976 \
    CHE2947 CHF2756 CHW2948 CLF4990 CLP0152 CNY2156 COP2170 COU2970 CRC2188 CUP2192 CVE2132 CZK2203 DJF0262 \
    DKK2208 DOP2214 DZD2012 EGP2818 ERN2232 ETB2230 EUR2978 FJD2242 FKP2238 GBP2826 GEL2981 GHS2936 GIP2292 \
    GMD2270 GNF0324 GTQ2320 GYD2328 HKD2344 HNL2340 HTG2332 HUF2348 IDR2360 ILS2376 INR2356 IQD3368 IRR2364 \
    ISK0352 JMD2388 JOD3400 JPY0392 KES2404 KGS2417 KHR2116 KMF0174 KPW2408 KRW0410 KWD3414 KYD2136 KZT2398 \
    LAK2418 LBP2422 LKR2144 LRD2430 LSL2426 LYD3434 MAD2504 MDL2498 MGA2969 MKD2807 MMK2104 MNT2496 MOP2446 \
    MRU2929 MUR2480 MVR2462 MWK2454 MXN2484 MXV2979 MYR2458 MZN2943 NAD2516 NGN2566 NIO2558 NOK2578 NPR2524 \
    NZD2554 OMR3512 PAB2590 PEN2604 PGK2598 PHP2608 PKR2586 PLN2985 PYG0600 QAR2634 RON2946 RSD2941 RUB2643 \
    RWF0646 SAR2682 SBD2090 SCR2690 SDG2938 SEK2752 SGD2702 SHP2654 SLE2925 SOS2706 SRD2968 SSP2728 STN2930 \
    SVC2222 SYP2760 SZL2748 THB2764 TJS2972 TMT2934 TND3788 TOP2776 TRY2949 TTD2780 TWD2901 TZS2834 UAH2980 \
    UGX0800 USD2840 USN2997 UYI0940 UYU2858 UYW4927 UZS2860 VED2926 VES2928 VND0704 VUV0548 WST2882 XAD2396 \
    XAF0950 XCD2951 XCG2532 XOF0952 XPF0953 YER2886 ZAR2710 ZMW2967 ZWG2924 ";

/// A currency: an active ISO 4217 code that has a minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

impl Currency {
    /// Japanese yen.
    pub const JPY: Self = Self { code: *b"JPY", decimals: 0 };

    /// The currency of a three-letter upper-case code; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        let [_, _, _, decimals, ..] = row_of(code)?;
        Some(Self { code, decimals: decimals.saturating_sub(b'0') })
    }

    /// The currency of the three digits of ISO 4217; `None` for anything else.
    pub fn of_digits(digits: &str) -> Option<Self> {
        let (rows, _) = ACTIVE.as_chunks::<8>();
        let row = rows.iter().find(|row| row.get(4..7) == Some(digits.as_bytes()))?;
        Self::parse(std::str::from_utf8(row.get(..3)?).ok()?)
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        // Only codes of the table get in here, and they are ASCII.
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// How many decimals the major unit has: 0 to 4.
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// The three digits of ISO 4217, by which codes that are scanned name it: `392` is the yen.
    pub fn digits(self) -> &'static str {
        // Every currency came out of the table.
        row_of(self.code).and_then(|row| std::str::from_utf8(row.get(4..7)?).ok()).unwrap_or_default()
    }
}

/// The row of three letters: the letters, the count of decimals, the number, a blank.
fn row_of(code: [u8; 3]) -> Option<&'static [u8; 8]> {
    let (rows, _) = ACTIVE.as_chunks::<8>();
    let place = rows.binary_search_by_key(&code, |[a, b, c, ..]| [*a, *b, *c]).ok()?;
    rows.get(place)
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected an active ISO 4217 code"))
    }
}

/// Thousandths of the article's unit (piece, kg, g, m, l); negative when goods go the other way. In words and in JSON it is
/// the decimal text of units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(pub i64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One piece.
    pub const ONE: Self = Self(1_000);

    /// The sum; `None` past the range of `i64`. [`QUANTITY_MAX`] is a limit of lines, not of stock.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` past the range of `i64`.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Whether it has no fraction of a unit, as pieces must.
    pub const fn is_whole(self) -> bool {
        self.0 % 1000 == 0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal::format(self.0, QUANTITY_PLACES))
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let quantity = decimal::parse(&text, QUANTITY_PLACES).map(Self);
        quantity.ok_or_else(|| serde::de::Error::custom("expected the decimal text of a quantity"))
    }
}

/// Price of one unit in ten-thousandths of the minor unit: a cent a gram and less can be written without loss. In words and
/// in JSON it is the decimal text of minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(pub i64);

impl UnitPrice {
    /// The highest price: [`UNIT_PRICE_MAX`].
    pub const MAX: Self = Self(UNIT_PRICE_MAX);
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal::format(self.0, UNIT_PRICE_PLACES))
    }
}

impl Serialize for UnitPrice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnitPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let price = decimal::parse(&text, UNIT_PRICE_PLACES).map(Self);
        price.ok_or_else(|| serde::de::Error::custom("expected the decimal text of a unit price"))
    }
}

/// A number that is out of its documented range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity, price or amount is out of range")
    }
}

impl std::error::Error for Overflow {}

/// What becomes of a fraction of the minor unit. It acts on the magnitude, so that a return mirrors its sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
    /// To the nearest; a half goes away from zero.
    HalfUp,
}

impl Rounding {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::HalfUp => "half_up",
        }
    }

    /// The rounding of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Down, Self::Up, Self::HalfUp].into_iter().find(|rounding| rounding.as_str() == text)
    }

    /// `dividend / divisor` as an amount in minor units, rounded once. The divisor is positive.
    pub(crate) fn divide(self, dividend: i128, divisor: i128) -> Result<i64, Overflow> {
        let towards_zero = dividend.checked_div(divisor).ok_or(Overflow)?;
        let rest = dividend.checked_rem(divisor).ok_or(Overflow)?.unsigned_abs();
        let is_away = match self {
            Self::Down => false,
            Self::Up => rest != 0,
            Self::HalfUp => rest.saturating_mul(2) >= divisor.unsigned_abs(),
        };
        let step = if is_away { dividend.signum() } else { 0 };
        bounded(towards_zero.saturating_add(step))
    }
}

/// What a line costs in minor units: quantity times unit price, rounded once, half away from zero.
pub fn line_amount(quantity: Quantity, unit_price: UnitPrice) -> Result<i64, Overflow> {
    let is_in_range = quantity.0.unsigned_abs() <= QUANTITY_MAX.unsigned_abs()
        && unit_price.0.unsigned_abs() <= UNIT_PRICE_MAX.unsigned_abs();
    if !is_in_range {
        return Err(Overflow);
    }
    let product = i128::from(quantity.0).checked_mul(i128::from(unit_price.0)).ok_or(Overflow)?;
    Rounding::HalfUp.divide(product, LINE_SCALE)
}

/// The sum of amounts in minor units, at most [`AMOUNT_MINOR_MAX`] in magnitude. Only the end result is held to the
/// limit, so that the order of the amounts does not matter.
pub fn sum_minor(amounts: impl IntoIterator<Item = i64>) -> Result<i64, Overflow> {
    bounded(amounts.into_iter().fold(0, |sum: i128, amount| sum.saturating_add(i128::from(amount))))
}

fn bounded(amount: i128) -> Result<i64, Overflow> {
    let amount = i64::try_from(amount).map_err(|_| Overflow)?;
    if amount.unsigned_abs() <= AMOUNT_MINOR_MAX.unsigned_abs() { Ok(amount) } else { Err(Overflow) }
}

/// An amount as a decimal number in the major unit, with a point and without separators: 1999 GBP is `19.99`.
pub fn format_minor(amount: i64, currency: Currency) -> String {
    decimal::fixed(amount, u32::from(currency.decimals()))
}

/// An amount as people write it. Yen have a sign, `¥1,980` and `1,980円`; other currencies have their code, so that no
/// dollar is taken for another one: `BHD 1.234`, in Japanese `1.234 BHD`.
pub fn for_people(amount: i64, currency: Currency, locale: Locale) -> String {
    let decimals = u32::from(currency.decimals());
    with_currency(&decimal::grouped(amount, decimals, decimals), currency, locale)
}

/// A unit price as people write it, with all the decimals it has.
pub fn unit_price_for_people(unit_price: UnitPrice, currency: Currency, locale: Locale) -> String {
    let decimals = u32::from(currency.decimals());
    let places = decimals.saturating_add(UNIT_PRICE_PLACES);
    with_currency(&decimal::grouped(unit_price.0, places, decimals), currency, locale)
}

fn with_currency(number: &str, currency: Currency, locale: Locale) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    match (locale, currency) {
        (Locale::Ja, Currency::JPY) => format!("{sign}{number}円"),
        (Locale::En, Currency::JPY) => format!("{sign}¥{number}"),
        (Locale::Ja, _) => format!("{sign}{number} {currency}"),
        (Locale::En, _) => format!("{sign}{currency} {number}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_currency_table_is_whole_and_in_order() {
        let (rows, rest) = ACTIVE.as_chunks::<8>();
        assert!(rest.is_empty());
        assert!(rows.is_sorted());
        for row in rows {
            let code = std::str::from_utf8(&row[..3]).unwrap();
            assert!(row[3..7].iter().all(u8::is_ascii_digit) && row[7] == b' ', "{code}");
            assert_eq!(Currency::parse(code).unwrap().as_str(), code);
        }
    }

    #[test]
    fn a_currency_is_an_active_code_with_a_minor_unit() {
        assert_eq!(Currency::parse("JPY"), Some(Currency::JPY));
        for (code, decimals) in [("EUR", 2), ("KWD", 3), ("CLF", 4), ("KRW", 0), ("AED", 2), ("ZWG", 2)] {
            assert_eq!(Currency::parse(code).unwrap().decimals(), decimals, "{code}");
        }
        for wrong in ["XAU", "XXX", "DEM", "jpy", "JP", "JPYX", "", "円"] {
            assert_eq!(Currency::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_shared_table_of_currencies_is_ours() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/iso4217_active.csv");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: {path} is not here");
            return;
        };
        let mut priced = 0;
        for row in text.lines().skip(1) {
            let cells: Vec<&str> = row.splitn(4, ',').collect();
            let decimals = Currency::parse(cells[0]).map(Currency::decimals);
            // Gold and its like have no minor unit.
            assert_eq!(decimals, cells[2].parse().ok(), "{row}");
            let digits = Currency::parse(cells[0]).map(Currency::digits);
            assert!(digits.is_none_or(|digits| digits == cells[1]), "{row}");
            assert_eq!(Currency::of_digits(cells[1]), Currency::parse(cells[0]), "{row}");
            priced += usize::from(decimals.is_some());
        }
        assert_eq!(priced, ACTIVE.as_chunks::<8>().0.len());
    }

    #[test]
    fn a_currency_is_a_string_in_json() {
        assert_eq!(serde_json::to_string(&Currency::JPY).unwrap(), "\"JPY\"");
        assert_eq!(serde_json::from_str::<Currency>("\"JPY\"").unwrap(), Currency::JPY);
        assert!(serde_json::from_str::<Currency>("\"XXX\"").is_err());
        assert_eq!(format!("{:>5}", Currency::JPY), "  JPY");
    }

    #[test]
    fn amounts_are_written_with_the_decimals_of_their_currency() {
        for (amount, code, text) in [
            (1980, "JPY", "1980"),
            (-1980, "JPY", "-1980"),
            (0, "JPY", "0"),
            (1999, "GBP", "19.99"),
            (-5, "GBP", "-0.05"),
            (0, "GBP", "0.00"),
            (1234, "KWD", "1.234"),
            (-1, "KWD", "-0.001"),
            (1, "CLF", "0.0001"),
            (i64::MIN, "GBP", "-92233720368547758.08"),
        ] {
            assert_eq!(format_minor(amount, Currency::parse(code).unwrap()), text);
        }
    }

    #[test]
    fn people_read_amounts_in_their_language() {
        let bhd = Currency::parse("BHD").unwrap();
        for (amount, currency, ja, en) in [
            (1_980, Currency::JPY, "1,980円", "¥1,980"),
            (-1_980, Currency::JPY, "-1,980円", "-¥1,980"),
            (1_234_500, bhd, "1,234.500 BHD", "BHD 1,234.500"),
            (-5, bhd, "-0.005 BHD", "-BHD 0.005"),
        ] {
            assert_eq!(for_people(amount, currency, Locale::Ja), ja);
            assert_eq!(for_people(amount, currency, Locale::En), en);
        }
        assert_eq!(unit_price_for_people(UnitPrice(1_502_500), Currency::JPY, Locale::En), "¥150.25");
        assert_eq!(unit_price_for_people(UnitPrice(12_345_000), bhd, Locale::En), "BHD 1.2345");
        assert_eq!(unit_price_for_people(UnitPrice(12_000_000), bhd, Locale::Ja), "1.200 BHD");
    }

    #[test]
    fn a_line_is_rounded_once_half_away_from_zero() {
        for (quantity, unit_price, amount) in [
            (1_000, 1_980_000, 198),
            (3_000, 1_050_000, 315),
            (500, 10_000, 1),
            (499, 10_000, 0),
            (-500, 10_000, -1),
            (-499, 10_000, 0),
            (1_500, 10_000, 2),
            (253, 12_345, 0),
            (1_253, 1_234_500, 155),
            (0, UNIT_PRICE_MAX, 0),
        ] {
            assert_eq!(line_amount(Quantity(quantity), UnitPrice(unit_price)), Ok(amount), "{quantity} x {unit_price}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert_eq!(line_amount(Quantity(QUANTITY_MAX), UnitPrice(10_000_000_000)), Ok(AMOUNT_MINOR_MAX));
        assert_eq!(line_amount(Quantity(QUANTITY_MAX), UnitPrice(10_000_000_001)), Err(Overflow));
        assert_eq!(line_amount(Quantity(QUANTITY_MAX + 1), UnitPrice(0)), Err(Overflow));
        assert_eq!(line_amount(Quantity(i64::MIN), UnitPrice(1)), Err(Overflow));
        assert_eq!(line_amount(Quantity(1), UnitPrice(UNIT_PRICE_MAX + 1)), Err(Overflow));
        assert_eq!(sum_minor([AMOUNT_MINOR_MAX, 1]), Err(Overflow));
        assert_eq!(sum_minor([-AMOUNT_MINOR_MAX, -1]), Err(Overflow));
        assert_eq!(sum_minor([i64::MAX, i64::MAX, -i64::MAX, -i64::MAX]), Ok(0));
        assert_eq!(sum_minor([]), Ok(0));
    }

    #[test]
    fn a_quantity_knows_whether_it_is_whole() {
        assert!(Quantity(-2_000).is_whole() && Quantity::ZERO.is_whole() && !Quantity(1_001).is_whole());
        assert_eq!(Quantity(1).checked_add(Quantity(i64::MAX)), None);
        assert_eq!(Quantity(1).checked_sub(Quantity(3)), Some(Quantity(-2)));
    }

    proptest! {
        #[test]
        fn a_line_and_its_return_cancel_out(quantity in -QUANTITY_MAX..=QUANTITY_MAX, price in 0..10_000_000_000_i64) {
            let sold = line_amount(Quantity(quantity), UnitPrice(price)).unwrap();
            prop_assert_eq!(line_amount(Quantity(-quantity), UnitPrice(price)), Ok(-sold));
        }

        #[test]
        fn a_line_is_at_most_half_a_minor_unit_off(quantity in 0..=QUANTITY_MAX, price in 0..10_000_000_000_i64) {
            let amount = line_amount(Quantity(quantity), UnitPrice(price)).unwrap();
            let off = i128::from(quantity) * i128::from(price) - i128::from(amount) * LINE_SCALE;
            prop_assert!(off.abs() * 2 <= LINE_SCALE);
        }
    }
}
