//! The map of an export: what its columns are called, how its numbers and times are written, and which of its lines are
//! returns, write-offs or nothing to record. Another export needs another map, and no code.

use std::path::Path;

use anyhow::{Context, bail};
use domain::article::Unit;
use domain::external_ref::ExternalId;
use domain::money::Currency;
use encoding_rs::Encoding;
use jiff::tz::TimeZone;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::rule::Rule;
use crate::business_day;
use crate::table_file::{self, Form};

/// Bytes of a map, at most: a page or two of text, and the codes of what is not stocked.
const MAP_BYTES_MAX: u64 = 256 * 1024;
/// Rules of a map, at most: each is tried for each line.
const RULES_MAX: usize = 50;
/// Ways to write a time, at most: each is tried for each line.
const TIMES_MAX: usize = 10;

/// A map as it stands in its file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// What the system is called that the export comes from: with it and the number of an invoice a line is known for ever.
    pub source: String,
    #[serde(default)]
    file: FileForm,
    /// The names of the columns.
    pub columns: Columns,
    /// How numbers and times are written.
    pub formats: Formats,
    /// What the articles are.
    pub articles: Articles,
    /// What lines are, the first rule that fits; without one a line is a sale.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
    /// A hash of what it means, whatever its comments say and its source is called.
    #[serde(skip)]
    pub hash: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileForm {
    encoding: String,
    separator: String,
}

impl Default for FileForm {
    fn default() -> Self {
        Self { encoding: "utf-8".to_owned(), separator: ",".to_owned() }
    }
}

/// The names of the columns, as they stand in the first row of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The number of the invoice or receipt.
    pub invoice: String,
    /// The code of the article.
    pub code: String,
    /// What the article is called.
    pub description: Option<String>,
    /// How much.
    pub quantity: String,
    /// The price of one unit, in the currency's major unit.
    pub unit_price: String,
    /// When: one column, or several that are read together.
    pub time: OneOrMany,
    /// Who bought.
    pub customer: Option<String>,
}

/// A name, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// All names.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// How numbers and times are written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Formats {
    /// The forms of times, in the words of `strftime`.
    pub times: Vec<String>,
    /// The IANA name of the zone that they are of, where they do not say.
    zone: String,
    /// What stands before the decimals.
    #[serde(default = "point")]
    pub decimal_mark: char,
    /// What stands between thousands, if anything does.
    pub grouping_mark: Option<char>,
}

const fn point() -> char {
    '.'
}

/// What the articles are that the export names and the catalogue does not have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Articles {
    /// The currency of all prices.
    pub currency: Currency,
    /// Their tax class.
    pub tax_class: String,
    /// What they are counted in.
    #[serde(default = "piece")]
    unit: String,
    /// The codes of services and fees: nothing of them lies on a shelf.
    #[serde(default)]
    pub not_stocked: Vec<String>,
}

fn piece() -> String {
    Unit::Piece.as_str().to_owned()
}

impl Map {
    /// Reads a map, or says what is wrong with it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let bytes = std::fs::metadata(path).with_context(|| format!("The map {name} cannot be read"))?.len();
        if bytes > MAP_BYTES_MAX {
            bail!("The map {name} has more than {MAP_BYTES_MAX} bytes: it may be the export itself.");
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("The map {name} cannot be read"))?;
        Self::parse(&text).with_context(|| format!("The map {name} does not hold"))
    }

    /// The map of a text.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut map: Self = toml::from_str(text)?;
        map.hash = hash(text)?;
        map.form()?;
        map.zone()?;
        map.unit()?;
        check_source(&map.source)?;
        let Formats { times, decimal_mark, grouping_mark, .. } = &map.formats;
        if times.is_empty() || times.len() > TIMES_MAX {
            bail!("formats.times has 1 to {TIMES_MAX} forms, for example \"%Y-%m-%d %H:%M:%S\".");
        }
        if grouping_mark == &Some(*decimal_mark) {
            bail!("formats.decimal_mark and formats.grouping_mark are the same: one of them is wrong.");
        }
        if map.rules.len() > RULES_MAX {
            bail!("A map has at most {RULES_MAX} rules.");
        }
        for (number, rule) in (1..).zip(&map.rules) {
            rule.check(number, number == map.rules.len())?;
        }
        Ok(map)
    }

    /// How the file is written.
    pub fn form(&self) -> anyhow::Result<Form> {
        let FileForm { encoding: name, separator } = &self.file;
        let encoding: &'static Encoding = table_file::encoding(name).with_context(|| {
            format!("file.encoding: {name:?} is no encoding. Give for example \"utf-8\", \"cp932\" or \"gbk\"")
        })?;
        let separator = match separator.as_bytes() {
            [byte] if *byte < 0x40 && !byte.is_ascii_alphanumeric() && *byte != b'"' => *byte,
            _ => bail!("file.separator is one character, for example \",\", \";\" or \"\\t\"."),
        };
        Ok(Form { encoding, separator })
    }

    /// The zone of its times.
    pub fn zone(&self) -> anyhow::Result<TimeZone> {
        business_day::zone(&self.formats.zone).context("formats.zone")
    }

    /// What its articles are counted in.
    pub fn unit(&self) -> anyhow::Result<Unit> {
        let text = &self.articles.unit;
        Unit::parse(text).with_context(|| format!("articles.unit: {text:?} is none of piece, kg, g, m and l"))
    }
}

/// A hash of the settings without their order, blanks, comments, and source.
fn hash(text: &str) -> anyhow::Result<String> {
    let mut settings: toml::Table = toml::from_str(text)?;
    settings.remove("source");
    let digest = Sha256::digest(toml::to_string(&settings)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Goes on only if a system may be called so.
pub fn check_source(source: &str) -> anyhow::Result<()> {
    match ExternalId::parse(source, "1") {
        Ok(_) => Ok(()),
        Err(refusal) => bail!("source: {refusal}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The map of the tests.
    pub(in crate::replay) const MAP: &str = r#"
        source = "old-till"
        [file]
        separator = ";"
        [columns]
        invoice = "Invoice"
        code = "Code"
        description = "Text"
        quantity = "Quantity"
        unit_price = "Price"
        time = ["Date", "Time"]
        customer = "Customer"
        [formats]
        times = ["%d.%m.%Y %H:%M"]
        zone = "Europe/Berlin"
        decimal_mark = ","
        grouping_mark = "."
        [articles]
        currency = "EUR"
        tax_class = "standard"
        not_stocked = ["POST"]
        [[rule]]
        is = "returned"
        invoice_starts_with = ["C"]
        [[rule]]
        is = "written_off"
        quantity = "negative"
        unit_price = "zero"
        [[rule]]
        is = "refused"
        because = "an adjustment of a debt"
        code = ["B"]
    "#;

    #[test]
    fn a_map_is_read() {
        let map = Map::parse(MAP).unwrap();
        assert_eq!((map.source.as_str(), map.rules.len(), map.unit().unwrap()), ("old-till", 3, Unit::Piece));
        assert_eq!(map.form().unwrap().separator, b';');
        assert_eq!(map.columns.time.names(), ["Date", "Time"]);
    }

    #[test]
    fn what_a_map_means_has_one_hash() {
        let hash = |text: &str| Map::parse(text).unwrap().hash;
        assert_eq!(hash(MAP), hash(&MAP.replace("source = \"old-till\"", "# said\nsource = \"till\"")));
        assert_ne!(hash(MAP), hash(&MAP.replace("\"C\"", "\"D\"")));
    }

    #[test]
    fn the_map_in_the_documents_holds() {
        let map = Map::parse(include_str!("../../../../docs/maps/online-retail.toml")).unwrap();
        assert_eq!((map.source.as_str(), map.articles.currency.as_str()), ("online-retail", "GBP"));
    }

    #[test]
    fn a_wrong_map_is_refused_with_what_to_do() {
        for (right, wrong, why) in [
            ("source = \"old-till\"", "source = \"Old Till\"", "small letters"),
            ("source = \"old-till\"", "", "missing field `source`"),
            ("separator = \";\"", "separator = \"||\"", "file.separator is one character"),
            ("separator = \";\"", "encoding = \"klingon\"", "is no encoding"),
            ("separator = \";\"", "seperator = \";\"", "unknown field `seperator`"),
            ("zone = \"Europe/Berlin\"", "zone = \"Berlin\"", "There is no time zone"),
            ("times = [\"%d.%m.%Y %H:%M\"]", "times = []", "formats.times has 1 to"),
            ("grouping_mark = \".\"", "grouping_mark = \",\"", "are the same"),
            ("currency = \"EUR\"", "currency = \"Euro\"", "ISO 4217"),
            ("tax_class = \"standard\"", "tax_class = \"standard\"\nunit = \"box\"", "none of piece"),
            ("because = \"an adjustment of a debt\"", "", "rule 3"),
            ("code = [\"B\"]", "", "rule 3"),
            ("quantity = \"negative\"\n        unit_price = \"zero\"", "", "rule 2"),
            ("is = \"returned\"", "is = \"brought back\"", "unknown variant"),
            ("invoice_starts_with = [\"C\"]", "invoice_starts_with = []", "rule 1"),
        ] {
            assert!(MAP.contains(right), "{right}");
            let error = Map::parse(&MAP.replacen(right, wrong, 1)).err().map(|error| format!("{error:#}"));
            let is_told = error.as_ref().is_some_and(|error| error.contains(why));
            // The last rule may fit everything that is left, and has to say why it is refused.
            assert_eq!(is_told, !wrong.is_empty() || right != "code = [\"B\"]", "{wrong}: {error:?}");
        }
    }
}
