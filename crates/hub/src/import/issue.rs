//! What is to be said of a line: why it is refused, what of it is left out, and what somebody should look at.

use domain::command;
use domain::guard;

/// Characters of a field that are repeated to a person: enough to find it.
const QUOTED_CHARS_MAX: usize = 60;

/// What follows from an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The line is not taken.
    Refused,
    /// The line is taken without this part.
    LeftOut,
    /// The line is taken.
    Noted,
}

/// The classes of issues. Their codes stand in reports, and in docs/guides/import.md with their remedies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The row is not written in the encoding of the file.
    LineUndecodable,
    /// There is no name.
    NameMissing,
    /// There is nothing that could be the sku.
    SkuMissing,
    /// A spreadsheet has rounded the sku.
    SkuRounded,
    /// Another line of the file has the sku and says other things.
    SkuTwice,
    /// A spreadsheet has rounded the barcode.
    BarcodeRounded,
    /// A spreadsheet has made a decimal of the barcode.
    BarcodeDecimal,
    /// A spreadsheet has cut off the zeros in front of the barcode.
    BarcodeZerosLost,
    /// Another line of the file has the barcode.
    BarcodeTwice,
    /// Another article has the barcode.
    BarcodeTaken,
    /// There is no number of the scale, or the pattern has no room for it.
    PluUnreadable,
    /// There is no price.
    PriceMissing,
    /// The price is no number.
    PriceUnreadable,
    /// The price may be read in two ways.
    PriceAmbiguous,
    /// The price is below zero.
    PriceNegative,
    /// The price is in another currency than the merchant's.
    PriceOtherCurrency,
    /// There is no tax, and none was given for such lines.
    TaxMissing,
    /// What stands for the tax says nothing.
    TaxUnreadable,
    /// No class of the merchant has the rate, or the name.
    TaxClassUnknown,
    /// Several classes of the merchant have the rate.
    TaxClassAmbiguous,
    /// The unit is not known.
    UnitUnknown,
    /// The article that is there is counted in another unit.
    UnitDiffers,
    /// What says yes or no says neither.
    YesNoUnreadable,
    /// The line names something that it is a variant of, and that is not there.
    WholeMissing,
    /// A rule of the hub says no.
    Rule(Rule),
    /// The stock is no number.
    StockUnreadable,
    /// The stock is below zero.
    StockNegative,
    /// There is a fraction of a piece.
    StockNotWhole,
    /// The article's stock is not counted.
    StockNotCounted,
    /// Something else is on hand already.
    StockOnHand,
    /// A rule of the hub about stock says no.
    StockRule(Rule),
    /// The description is too long, or has what steers a printer.
    DescriptionLeftOut,
    /// The line stands in the file before, word for word.
    LineTwice,
    /// There is no barcode.
    BarcodeMissing,
    /// The barcode is for use inside a shop.
    BarcodeInStore,
    /// A code was written in full-width or other characters.
    CodeRespelled,
    /// The price was written with a sign, with thousands apart or in full-width digits.
    PriceRespelled,
    /// The price has a fraction of the currency's smallest coin.
    PriceFraction,
    /// The tax was written with words around it.
    TaxRespelled,
    /// Blanks stood around the name.
    NamePadded,
    /// The sku is in small letters where the others are in capitals.
    SkuCaseUnusual,
    /// Two skus differ by case only.
    SkuCaseTwin,
    /// There is no sku; another code stands for it.
    SkuDerived,
}

/// A rule of the hub that says no, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    code: String,
    words: String,
}

impl Rule {
    /// The rule behind a refusal.
    pub fn of(refusal: &command::Refusal) -> Self {
        Self { code: refusal.code(), words: refusal.to_string() }
    }
}

impl Class {
    /// Its code, what follows from it, and what to do.
    pub fn told(&self) -> (&str, Effect, &str) {
        use Effect::{LeftOut, Noted, Refused};
        match self {
            Self::LineUndecodable => {
                ("line_undecodable", Refused, "Name the encoding with --encoding, or save the file as UTF-8.")
            }
            Self::NameMissing => ("name_missing", Refused, "Fill in the name."),
            Self::SkuMissing => ("sku_missing", Refused, "Give the line a sku or a barcode."),
            Self::SkuRounded => {
                ("sku_rounded", Refused, "Export again with the column formatted as text; its last digits are gone.")
            }
            Self::SkuTwice => ("sku_twice", Refused, "Keep the line that is right, or give one of them another sku."),
            Self::BarcodeRounded => (
                "barcode_rounded",
                Refused,
                "Export again with the column formatted as text, or scan the goods; the last digits are gone.",
            ),
            Self::BarcodeDecimal => {
                ("barcode_decimal", Refused, "Format the column as text and take the decimals off.")
            }
            Self::BarcodeZerosLost => {
                ("barcode_zeros_lost", Refused, "Format the column as text and put the zeros back, or scan the goods.")
            }
            Self::BarcodeTwice => {
                ("barcode_twice", Refused, "Scan both goods; take the code off the line that does not have it.")
            }
            Self::BarcodeTaken => {
                ("barcode_taken", Refused, "Take the code off the other article first, or merge the two.")
            }
            Self::PluUnreadable => (
                "plu_unreadable",
                Refused,
                "Give the number that the scale knows the goods by, in as many digits as the pattern has.",
            ),
            Self::PriceMissing => ("price_missing", Refused, "Fill in the price; 0 is one."),
            Self::PriceUnreadable => (
                "price_unreadable",
                Refused,
                "Write a number, or say with `decimal` in the map what stands before the decimals.",
            ),
            Self::PriceAmbiguous => (
                "price_ambiguous",
                Refused,
                "Say with `decimal` in the map whether a point or a comma stands before the decimals.",
            ),
            Self::PriceNegative => {
                ("price_negative", Refused, "Give a price of 0 or more; what is taken off a sale is a discount.")
            }
            Self::PriceOtherCurrency => ("price_other_currency", Refused, "Give the price in the merchant's currency."),
            Self::TaxMissing => {
                ("tax_missing", Refused, "Fill in the tax, or say with --tax-class which class such lines have.")
            }
            Self::TaxUnreadable => (
                "tax_unreadable",
                Refused,
                "Write a rate in percent or a class, or say in [tax] of the map what the text stands for.",
            ),
            Self::TaxClassUnknown => (
                "tax_class_unknown",
                Refused,
                "Add the class to the merchant's tax rules, or say in [tax] of the map which one it is.",
            ),
            Self::TaxClassAmbiguous => {
                ("tax_class_ambiguous", Refused, "Say in [tax] of the map which of the classes it is.")
            }
            Self::UnitUnknown => {
                ("unit_unknown", Refused, "Take piece, kg, g, m or l, or say in [units] of the map which one it is.")
            }
            Self::UnitDiffers => {
                ("unit_differs", Refused, "The unit of an article never changes: give the goods another sku.")
            }
            Self::YesNoUnreadable => ("yes_no_unreadable", Refused, "Write yes or no."),
            Self::WholeMissing => {
                ("whole_missing", Refused, "Add the line of what it is a variant of, or mend that line.")
            }
            Self::Rule(rule) => (&rule.code, Refused, &rule.words),
            Self::StockUnreadable => {
                ("stock_unreadable", LeftOut, "Write a number, then import again: only the stock is added.")
            }
            Self::StockNegative => {
                ("stock_negative", LeftOut, "Count the goods (docs/guides/stock.md): nobody has less than nothing.")
            }
            Self::StockNotWhole => {
                ("stock_not_whole", LeftOut, "Count the goods in whole pieces, or sell them by weight.")
            }
            Self::StockNotCounted => {
                ("stock_not_counted", LeftOut, "Nothing to do, unless the stock of it should be counted.")
            }
            Self::StockOnHand => (
                "stock_on_hand",
                LeftOut,
                "Count the goods (docs/guides/stock.md) if the books are wrong: the import adds to no stock that is there.",
            ),
            Self::StockRule(rule) => (&rule.code, LeftOut, &rule.words),
            Self::DescriptionLeftOut => {
                ("description_left_out", Noted, "Shorten it, and leave out control characters.")
            }
            Self::LineTwice => ("line_twice", Noted, "Nothing to do: the second line changes nothing."),
            Self::BarcodeMissing => ("barcode_missing", Noted, "Scan the goods if they have a code."),
            Self::BarcodeInStore => (
                "barcode_in_store",
                Noted,
                "If a scale prints it with weight or price, give the pattern instead ([weighed] of the map).",
            ),
            Self::CodeRespelled => ("code_respelled", Noted, "Nothing to do: it was read as plain letters and digits."),
            Self::PriceRespelled => ("price_respelled", Noted, "Nothing to do if it was read rightly."),
            Self::PriceFraction => {
                ("price_fraction", Noted, "Look whether it is in the merchant's currency; the fraction is kept.")
            }
            Self::TaxRespelled => ("tax_respelled", Noted, "Nothing to do if it was read rightly."),
            Self::NamePadded => ("name_padded", Noted, "Nothing to do: the blanks were left out."),
            Self::SkuCaseUnusual => {
                ("sku_case_unusual", Noted, "Look whether it was typed wrongly; the sku is kept as it is.")
            }
            Self::SkuCaseTwin => {
                ("sku_case_twin", Noted, "Look whether they are the same goods, and merge them; both are kept.")
            }
            Self::SkuDerived => (
                "sku_derived",
                Noted,
                "Give the article a sku of your own in the file if you want another; do it before the first import.",
            ),
        }
    }

    /// What follows from it.
    pub fn effect(&self) -> Effect {
        self.told().1
    }

    /// Its code.
    pub fn code(&self) -> &str {
        self.told().0
    }
}

/// Something that is to be said of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Of which class it is.
    pub class: Class,
    /// The column it is about.
    pub column: Option<String>,
    /// What is there.
    pub what: String,
}

impl Issue {
    /// An issue about a column.
    pub fn new(class: Class, column: Option<&str>, what: impl Into<String>) -> Self {
        Self { class, column: column.map(str::to_owned), what: what.into() }
    }

    /// An issue about what stands in a column.
    pub fn quoting(class: Class, column: Option<&str>, text: &str) -> Self {
        Self::new(class, column, format!("`{}`", quoted(text)))
    }

    /// What a rule of the hub says of a line.
    pub fn of_rule(refusal: &command::Refusal, column: Option<&str>) -> Self {
        Self::new(Class::Rule(Rule::of(refusal)), column, "")
    }

    /// What a rule of the hub says of its stock.
    pub fn of_stock_rule(refusal: &command::Refusal, column: Option<&str>) -> Self {
        Self::new(Class::StockRule(Rule::of(refusal)), column, "")
    }
}

/// A text as it may be repeated: its beginning, without card numbers and control characters.
pub fn quoted(text: &str) -> String {
    let text = guard::redact(text).unwrap_or_else(|| text.to_owned());
    let text = domain::text::printable(&text);
    let shown: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_every_code() {
        let guide = include_str!("../../../../docs/guides/import.md");
        let (_, codes) = include_str!("issue.rs").split_once("match self {").unwrap();
        let (codes, _) = codes.split_once("/// What follows from it.").unwrap();
        let codes: Vec<&str> =
            codes.split('"').filter(|text| text.contains('_') && !text.contains([' ', '\n'])).collect();
        assert!(codes.len() >= 38, "{codes:?}");
        for code in codes {
            assert!(guide.contains(&format!("`{code}`")), "docs/guides/import.md lacks {code}");
        }
    }

    #[test]
    fn what_is_repeated_is_short_and_harmless() {
        assert_eq!(quoted("4.90123E+12"), "4.90123E+12");
        assert_eq!(quoted("pay 4111 1111 1111 1111"), "pay [removed]");
        assert_eq!(quoted("a\u{1b}p"), "a p");
        assert_eq!(quoted(&"x".repeat(100)), format!("{}…", "x".repeat(QUOTED_CHARS_MAX)));
    }
}
