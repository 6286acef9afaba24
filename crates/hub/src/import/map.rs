//! A map: what the columns of a table mean. The layouts that are known have one each, any other table is given one in a file, in
//! the same words.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use domain::money::Currency;
use domain::tax::PriceMode;
use serde::Deserialize;

use super::number::Mark;

/// Where the name of the merchant's currency stands in the name of a column.
const CURRENCY: &str = "{currency}";
/// Where the name of the location stands in the name of a column.
const LOCATION: &str = "{location}";

/// What the columns of a table mean.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Map {
    /// The encoding of the text; found out where it is left out.
    pub encoding: Option<String>,
    /// What stands between two fields; found out where it is left out.
    pub separator: Option<char>,
    /// What stands before the decimals; found out from the numbers where it is left out.
    pub decimal: Option<Mark>,
    /// The currency of the prices: the merchant's has to be the same.
    pub currency: Option<Currency>,
    /// Whether the prices contain the tax: the merchant's have to be the same.
    pub prices: Option<PriceMode>,
    /// What stands between several codes in one field.
    pub between_codes: Option<String>,
    /// Which column says what.
    pub columns: Columns,
    /// What holds where the table says nothing.
    pub defaults: Defaults,
    /// The tax class that each value of the tax columns stands for.
    pub tax: BTreeMap<String, String>,
    /// The unit that each value of the unit column stands for.
    pub units: BTreeMap<String, String>,
    /// What becomes of goods that are sold by weight.
    pub weighed: Weighed,
    /// Parts of a name that say nothing.
    pub left_out_of_names: Vec<String>,
}

/// Which column says what, each by its name in the first row.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// The number that the other system gives each row.
    pub id: Option<String>,
    /// The merchant's own code.
    pub sku: Option<String>,
    /// The codes on the goods; all of them are taken.
    pub barcodes: OneOrMore,
    /// The number that a scale knows the goods by.
    pub plu: Option<String>,
    /// The parts of the name.
    pub name: OneOrMore,
    /// The name of what the variants are variants of.
    pub whole_name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The price; the first that is filled in.
    pub price: OneOrMore,
    /// The tax; the first that is filled in.
    pub tax: OneOrMore,
    /// The tax where it is eaten in the shop.
    pub eat_in_tax: Option<String>,
    /// What it is counted or measured in.
    pub unit: Option<String>,
    /// Whether it is sold by weight.
    pub weighed: Option<String>,
    /// What is on hand; the first that is filled in.
    pub stock: OneOrMore,
    /// What the variants of one article have in common, and nobody else.
    pub group: Option<String>,
    /// The row of what it is a variant of: its sku, or `id:` and its id.
    pub parent: Option<String>,
    /// Of which kind the row is; `variable` is what the variants are variants of.
    pub kind: Option<String>,
    /// Whether it may be sold.
    pub is_active: Option<String>,
    /// Whether its stock is counted.
    pub is_stocked: Option<String>,
    /// What tells the variants apart.
    pub options: Vec<OptionColumns>,
}

/// One thing that tells variants apart.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionColumns {
    /// Its name, such as `size`, where it is the same in each row.
    #[serde(default)]
    pub name: Option<String>,
    /// The column of its name.
    #[serde(default)]
    pub name_column: Option<String>,
    /// The column of its value.
    pub value_column: String,
}

/// What holds where the table says nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// The tax class.
    pub tax_class: Option<String>,
    /// The price.
    pub price: Option<String>,
    /// The unit.
    pub unit: Option<String>,
}

/// What becomes of goods that are sold by weight.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weighed {
    /// Their unit; kilograms where it is left out.
    pub unit: Option<String>,
    /// The pattern of what the scale prints, with a `#` for each digit of the number that the scale knows the goods by.
    pub barcode: Option<String>,
}

/// One name, or a list of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Written")]
pub struct OneOrMore(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    More(Vec<String>),
}

impl From<Written> for OneOrMore {
    fn from(written: Written) -> Self {
        match written {
            Written::One(name) => Self(vec![name]),
            Written::More(names) => Self(names),
        }
    }
}

impl Map {
    /// The map in a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("The map {} cannot be read", path.display()))?;
        Self::parse(&text).with_context(|| format!("The map {} cannot be understood", path.display()))
    }

    /// The map in a text.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let map: Self = toml::from_str(text)?;
        if map.columns.name.0.is_empty() {
            bail!("[columns] needs `name`: no article is without one");
        }
        if map.columns.price.0.is_empty() && map.defaults.price.is_none() {
            bail!("[columns] needs `price`, or [defaults] one that all articles have");
        }
        Ok(map)
    }
}

impl Columns {
    /// The names of all columns that are named.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let single = [
            &self.id,
            &self.sku,
            &self.plu,
            &self.whole_name,
            &self.description,
            &self.eat_in_tax,
            &self.unit,
            &self.weighed,
            &self.group,
            &self.parent,
            &self.kind,
            &self.is_active,
            &self.is_stocked,
        ];
        let lists = [&self.barcodes, &self.name, &self.price, &self.tax, &self.stock];
        let of_options = self.options.iter().flat_map(|option| option.name_column.iter().chain([&option.value_column]));
        let named = single.into_iter().flatten().chain(lists.into_iter().flat_map(|list| &list.0));
        named.chain(of_options).map(String::as_str)
    }
}

/// The name of a column, with the merchant's currency and the location in their places.
pub fn column_name(name: &str, currency: Currency, location: Option<&str>) -> String {
    name.replace(CURRENCY, currency.as_str()).replace(LOCATION, location.unwrap_or(LOCATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_says_what_columns_mean() {
        let map = Map::parse(
            "separator = ';'\ndecimal = ','\nprices = 'inclusive'\ncurrency = 'EUR'\n\
             [columns]\nname = ['Artikel', 'Zusatz']\nprice = 'VK {currency}'\n\
             options = [{ name = 'size', value_column = 'Groesse' }]\n[tax]\n'A' = 'standard'\n",
        )
        .unwrap();
        assert_eq!(
            (map.separator, map.decimal, map.prices),
            (Some(';'), Some(Mark::Comma), Some(PriceMode::Inclusive))
        );
        assert_eq!(map.columns.name.0, ["Artikel", "Zusatz"]);
        assert_eq!(column_name(&map.columns.price.0[0], Currency::parse("EUR").unwrap(), None), "VK EUR");
        assert_eq!(column_name("Price [{location}]", Currency::JPY, Some("Ginza")), "Price [Ginza]");
    }

    #[test]
    fn a_map_that_says_too_little_or_nothing_is_refused() {
        for (text, why) in [
            ("[columns]\nprice = 'P'", "needs `name`"),
            ("[columns]\nname = 'N'", "needs `price`"),
            ("[columns]\nname = 'N'\nprize = 'P'", "unknown field `prize`"),
            ("decimal = ';'", "expected"),
            ("currency = 'euro'", "ISO 4217"),
        ] {
            let error = format!("{:#}", Map::parse(text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }
}
