//! Which layout a table has: told by its first row. The one of which most is there is taken, and where two are as good as each other
//! the person is asked.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::form::Forms;
use super::map::Map;
use super::word::folded;
use crate::table_file::TableFile;

const KNOWN: &str = include_str!("layouts.toml");
/// How much of a layout's columns has to be there, in percent: versions of one program differ by some.
const PERCENT_MIN: usize = 75;

/// A layout that is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Its name for the command line.
    pub name: String,
    /// Whose it is.
    pub title: String,
    /// What the table is, where it is no catalogue.
    #[serde(default)]
    pub holds: Option<String>,
    /// The columns by which it is known.
    pub headers: Vec<String>,
    /// What they mean.
    #[serde(default)]
    pub map: Option<Map>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    layout: Vec<Layout>,
}

/// The layouts that are known.
pub fn known() -> anyhow::Result<Vec<Layout>> {
    Ok(toml::from_str::<Known>(KNOWN).context("The layouts of this version cannot be understood")?.layout)
}

/// How a layout fits a first row.
#[derive(Debug, Clone)]
struct Fit {
    layout: Layout,
    found: BTreeSet<String>,
    percent: usize,
}

/// A table with what its columns mean.
pub struct Opened {
    /// The table, behind its first row.
    pub table: TableFile,
    /// What its columns mean.
    pub map: Map,
    /// The name of its layout, or that it has a map.
    pub layout: String,
    /// How this was found out, for people.
    pub why: String,
    /// Whether a person has written the map: then each column that it names has to be there.
    pub is_own_map: bool,
}

/// How a person wants a table read.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// By this map.
    pub map: Option<Map>,
    /// By the layout of this name.
    pub layout: Option<String>,
    /// In this encoding.
    pub encoding: Option<String>,
}

/// Opens a table and finds out what its columns mean.
pub fn open(path: &Path, wish: &Wish) -> anyhow::Result<Opened> {
    let encoding = wish.map.as_ref().and_then(|map| map.encoding.as_deref()).or(wish.encoding.as_deref());
    match &wish.map {
        Some(map) => open_mapped(path, map, &Forms::of(encoding, map.separator)?),
        None => open_known(path, wish.layout.as_deref(), &Forms::of(encoding, None)?),
    }
}

fn open_mapped(path: &Path, map: &Map, forms: &Forms) -> anyhow::Result<Opened> {
    let names: BTreeSet<String> = map.columns.names().map(folded).collect();
    let found = |headers: &[String]| headers.iter().filter(|header| names.contains(&folded(header))).count();
    // Where nothing is found, what is missing is told beside all that there is.
    let table = forms.best(path, found)?.map_or_else(|| forms.widest(path), Ok)?;
    let (layout, why) = ("map".to_owned(), "the map that was given".to_owned());
    Ok(Opened { table, map: map.clone(), layout, why, is_own_map: true })
}

fn open_known(path: &Path, name: Option<&str>, forms: &Forms) -> anyhow::Result<Opened> {
    let mut layouts = known()?;
    if let Some(name) = name {
        let names: Vec<String> = layouts.iter().map(|layout| layout.name.clone()).collect();
        layouts.retain(|layout| layout.name == name);
        if layouts.is_empty() {
            bail!("There is no layout `{name}`. Take one of {}.", names.join(", "));
        }
    }
    let found = |headers: &[String]| fits(headers, &layouts, name.is_some()).first().map_or(0, |fit| fit.found.len());
    let Some(table) = forms.best(path, found)? else { bail!("{}", unknown(path, &forms.widest(path)?)) };
    let fit = chosen(fits(table.headers(), &layouts, name.is_some()), path)?;
    let Layout { title, name, holds, headers, map } = fit.layout;
    let (there, all) = (fit.found.len(), headers.len());
    let Some(map) = map else {
        let holds = holds.unwrap_or_else(|| "something else".to_owned());
        bail!("The file {} holds {holds} ({title}), and no catalogue.", path.display());
    };
    let why = format!("{name}: {title}; {there} of its {all} columns are there");
    Ok(Opened { table, map, layout: name, why, is_own_map: false })
}

/// The layouts that fit a first row, the best first.
fn fits(headers: &[String], layouts: &[Layout], is_named: bool) -> Vec<Fit> {
    let there: BTreeSet<String> = headers.iter().map(|header| folded(header)).collect();
    let fit = |layout: &Layout| {
        let wanted: BTreeSet<String> = layout.headers.iter().map(|header| folded(header)).collect();
        let found: BTreeSet<String> = wanted.intersection(&there).cloned().collect();
        let percent = found.len() * 100 / wanted.len().max(1);
        let is_enough = percent >= PERCENT_MIN || (is_named && !found.is_empty());
        is_enough.then(|| Fit { layout: layout.clone(), found, percent })
    };
    let mut fits: Vec<Fit> = layouts.iter().filter_map(fit).collect();
    fits.sort_by_key(|fit| std::cmp::Reverse((fit.percent, fit.found.len())));
    fits
}

/// The best, if no other is as good and says something of columns that the best says nothing of.
fn chosen(fits: Vec<Fit>, path: &Path) -> anyhow::Result<Fit> {
    let mut fits = fits.into_iter();
    let best = fits.next().context("no layout fits")?;
    let is_rival = |other: &Fit| other.percent >= best.percent && !other.found.is_subset(&best.found);
    let rivals: Vec<String> = fits.filter(is_rival).map(|fit| fit.layout.name).collect();
    if rivals.is_empty() {
        return Ok(best);
    }
    bail!(
        "The columns of {} are those of {} and of {}. Say which it is with --layout.",
        path.display(),
        best.layout.name,
        rivals.join(" and of ")
    )
}

fn unknown(path: &Path, table: &TableFile) -> String {
    let (path, headers) = (path.display(), table.headers().join(", "));
    format!(
        "The layout of {path} is not known. Say with --map what its columns mean (docs/guides/import.md). They are: {headers}"
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use encoding_rs::SHIFT_JIS;

    use super::*;

    fn a_file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn opened(bytes: &[u8], wish: &Wish) -> Result<Opened, String> {
        open(a_file(bytes).path(), wish).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn each_layout_is_known_by_its_own_first_row() {
        let layouts = known().unwrap();
        assert!(layouts.len() >= 21, "{}", layouts.len());
        for layout in &layouts {
            assert_eq!(layout.map.is_some(), layout.holds.is_none(), "{}", layout.name);
            let fit = chosen(fits(&layout.headers, &layouts, false), Path::new("x.csv")).unwrap();
            assert_eq!((fit.layout.name, fit.percent), (layout.name.clone(), 100));
        }
    }

    #[test]
    fn the_shared_headers_are_recognised() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/legacy/headers.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: the shared headers are not here");
            return;
        };
        let shared: serde_json::Value = serde_json::from_str(&text).unwrap();
        let shared = shared["layouts"].as_object().unwrap();
        let layouts = known().unwrap();
        for (name, headers) in shared {
            let headers: Vec<String> = serde_json::from_value(headers.clone()).unwrap();
            let fit = chosen(fits(&headers, &layouts, false), Path::new("x.csv")).unwrap();
            let wanted = name.trim_end_matches("_prefix").trim_end_matches("_long");
            assert_eq!((fit.layout.name.as_str(), fit.percent), (wanted, 100));
        }
        assert_eq!(shared.len(), 16);
    }

    #[test]
    fn encoding_and_separator_are_found_by_the_first_row() {
        let text = "商品コード;JANコード;商品名;部門;売価;原価;税率;在庫数\nA;;茶;食品;1;1;8;1\n";
        let (bytes, _, _) = SHIFT_JIS.encode(text);
        let mut opened = opened(&bytes, &Wish::default()).unwrap();
        assert!(opened.why.starts_with("japanese_items: "), "{}", opened.why);
        assert_eq!(opened.table.next_row().unwrap().unwrap().unwrap().fields[2], "茶");
    }

    #[test]
    fn what_is_no_catalogue_or_unknown_is_told() {
        let settlement = b"balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,description,automatic_payout_id,\
            automatic_payout_effective_at_utc,customer_id,customer_name,shipping_address_state,charge_id,payment_intent_id,\
            charge_created_utc,payment_method_type,card_brand,card_funding\n";
        let error = opened(settlement, &Wish::default()).err().unwrap();
        assert!(error.contains("holds a settlement"), "{error}");
        let error = opened(b"Art,Bez,VK\n1,x,2\n", &Wish::default()).err().unwrap();
        assert!(error.contains("--map") && error.contains("Art, Bez, VK"), "{error}");
        let wish = Wish { layout: Some("nonsense".to_owned()), ..Wish::default() };
        let error = opened(b"Name,Price\n", &wish).err().unwrap();
        assert!(error.contains("There is no layout `nonsense`"), "{error}");
    }

    #[test]
    fn two_layouts_that_fit_as_well_are_asked_about() {
        let both =
            b"Name,Price,Tax rate,Takeaway tax,Item Name,SKU,Barcode,Department,Category,On Hand,Weighed (Y/N)\n";
        let error = opened(both, &Wish::default()).err().unwrap();
        assert!(error.contains("--layout") && error.contains("menu_with_two_taxes"), "{error}");
        let wish = Wish { layout: Some("generic_erp".to_owned()), ..Wish::default() };
        assert!(opened(both, &wish).unwrap().why.starts_with("generic_erp: "));
    }

    #[test]
    fn a_map_finds_the_separator_that_makes_columns() {
        let map = Map::parse("[columns]\nname = 'Bez'\nprice = 'VK'").unwrap();
        let wish = Wish { map: Some(map), ..Wish::default() };
        assert_eq!(opened(b"Bez;VK\nx;1,5\n", &wish).unwrap().table.headers(), ["Bez", "VK"]);
    }
}
