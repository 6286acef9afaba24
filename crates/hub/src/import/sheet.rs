//! A table bound to its map: where each column of the map stands, and how the numbers of the table are written.

use anyhow::bail;
use domain::merchant::Merchant;

use super::map::{Columns, Map, OneOrMore, column_name};
use super::number::{Mark, Style};
use crate::table_file::Row;

/// Where the columns of the map stand.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pub id: Option<usize>,
    pub sku: Option<usize>,
    pub barcodes: Vec<usize>,
    pub plu: Option<usize>,
    pub name: Vec<usize>,
    pub whole_name: Option<usize>,
    pub description: Option<usize>,
    pub price: Vec<usize>,
    pub tax: Vec<usize>,
    pub eat_in_tax: Option<usize>,
    pub unit: Option<usize>,
    pub weighed: Option<usize>,
    pub stock: Vec<usize>,
    pub group: Option<usize>,
    pub parent: Option<usize>,
    pub kind: Option<usize>,
    pub is_active: Option<usize>,
    pub is_stocked: Option<usize>,
    pub options: Vec<OptionPlaces>,
}

/// Where something stands that tells variants apart.
#[derive(Debug, Clone)]
pub struct OptionPlaces {
    /// Its name, where it is the same in each row.
    pub name: Option<String>,
    /// The column of its name.
    pub name_place: Option<usize>,
    /// The column of its value.
    pub value_place: usize,
}

/// A table bound to its map.
#[derive(Debug)]
pub struct Sheet {
    /// Where the columns stand.
    pub places: Places,
    /// What they mean.
    pub map: Map,
    /// How its numbers are written.
    pub style: Style,
    /// Whose articles they become.
    pub merchant: Merchant,
    headers: Vec<String>,
}

impl Sheet {
    /// Binds a map to the first row of a table. Of a map that a person has written each column has to be there.
    pub fn bind(
        headers: &[String],
        map: Map,
        is_own_map: bool,
        merchant: Merchant,
        location: Option<&str>,
    ) -> anyhow::Result<Self> {
        let binding = Binding { headers, is_own_map, currency: merchant.currency, location };
        let places = binding.places(&map.columns)?;
        if places.name.is_empty() {
            bail!("The file has no column for the name. Say with --map which one it is.");
        }
        if places.price.is_empty() && map.defaults.price.is_none() {
            let columns: Vec<String> = map.columns.price.0.iter().map(|name| binding.written(name)).collect();
            bail!(
                "The file has no price in {}: there is no column {}. Say with --map which one it is.",
                merchant.currency,
                columns.join(" or ")
            );
        }
        require_same(&map, &merchant)?;
        let style = Style { mark: map.decimal, currency: merchant.currency };
        Ok(Self { places, map, style, merchant, headers: headers.to_vec() })
    }

    /// Finds out from the rows what stands before the decimals of their numbers, unless the map says it.
    pub fn learn<'a>(&mut self, rows: impl Iterator<Item = &'a Row>) {
        if self.style.mark.is_some() {
            return;
        }
        let (mut points, mut commas) = (false, false);
        let places: Vec<usize> = self.places.price.iter().chain(&self.places.stock).copied().collect();
        for field in rows.flat_map(|row| places.iter().filter_map(|place| row.fields.get(*place))) {
            match self.style.evidence(field) {
                Some(Mark::Point) => points = true,
                Some(Mark::Comma) => commas = true,
                None => {}
            }
        }
        self.style.mark = match (points, commas) {
            (true, false) => Some(Mark::Point),
            (false, true) => Some(Mark::Comma),
            // None of them tells, or they tell different things: then each is read by itself, where it leaves no doubt.
            (false, false) | (true, true) => None,
        };
    }

    /// The name of a column.
    pub fn header(&self, place: usize) -> Option<&str> {
        self.headers.get(place).map(String::as_str)
    }

    /// Whether the table says anything of tax.
    pub fn has_tax(&self) -> bool {
        !self.places.tax.is_empty() || self.places.eat_in_tax.is_some()
    }

    /// The columns of which nothing is taken.
    pub fn unused(&self) -> Vec<&str> {
        let places = &self.places;
        let single = [
            places.id,
            places.sku,
            places.plu,
            places.whole_name,
            places.description,
            places.eat_in_tax,
            places.unit,
            places.weighed,
            places.group,
            places.parent,
            places.kind,
            places.is_active,
            places.is_stocked,
        ];
        let lists = [&places.barcodes, &places.name, &places.price, &places.tax, &places.stock];
        let mut used: Vec<usize> = single.into_iter().flatten().chain(lists.into_iter().flatten().copied()).collect();
        for option in &places.options {
            used.extend(option.name_place.into_iter().chain([option.value_place]));
        }
        let all = self.headers.iter().enumerate();
        all.filter(|(place, _)| !used.contains(place)).map(|(_, header)| header.as_str()).collect()
    }
}

/// A map that is being bound.
struct Binding<'a> {
    headers: &'a [String],
    is_own_map: bool,
    currency: domain::money::Currency,
    location: Option<&'a str>,
}

impl Binding<'_> {
    fn written(&self, name: &str) -> String {
        column_name(name, self.currency, self.location)
    }

    fn place(&self, name: &str) -> anyhow::Result<Option<usize>> {
        let written = self.written(name);
        let folded = super::word::folded(&written);
        let place = self.headers.iter().position(|header| super::word::folded(header) == folded);
        if place.is_none() && self.is_own_map {
            bail!("The map names a column `{written}`, and the file has none. It has: {}", self.headers.join(", "));
        }
        Ok(place)
    }

    fn one(&self, name: Option<&String>) -> anyhow::Result<Option<usize>> {
        name.map_or(Ok(None), |name| self.place(name))
    }

    fn all(&self, names: &OneOrMore) -> anyhow::Result<Vec<usize>> {
        let places: Result<Vec<_>, _> = names.0.iter().map(|name| self.place(name)).collect();
        Ok(places?.into_iter().flatten().collect())
    }

    fn places(&self, columns: &Columns) -> anyhow::Result<Places> {
        let mut options = Vec::new();
        for option in &columns.options {
            let Some(value_place) = self.place(&option.value_column)? else { continue };
            let name_place = self.one(option.name_column.as_ref())?;
            options.push(OptionPlaces { name: option.name.clone(), name_place, value_place });
        }
        Ok(Places {
            id: self.one(columns.id.as_ref())?,
            sku: self.one(columns.sku.as_ref())?,
            barcodes: self.all(&columns.barcodes)?,
            plu: self.one(columns.plu.as_ref())?,
            name: self.all(&columns.name)?,
            whole_name: self.one(columns.whole_name.as_ref())?,
            description: self.one(columns.description.as_ref())?,
            price: self.all(&columns.price)?,
            tax: self.all(&columns.tax)?,
            eat_in_tax: self.one(columns.eat_in_tax.as_ref())?,
            unit: self.one(columns.unit.as_ref())?,
            weighed: self.one(columns.weighed.as_ref())?,
            stock: self.all(&columns.stock)?,
            group: self.one(columns.group.as_ref())?,
            parent: self.one(columns.parent.as_ref())?,
            kind: self.one(columns.kind.as_ref())?,
            is_active: self.one(columns.is_active.as_ref())?,
            is_stocked: self.one(columns.is_stocked.as_ref())?,
            options,
        })
    }
}

/// Prices are taken as they are: what would have to be computed is a decision for a person.
fn require_same(map: &Map, merchant: &Merchant) -> anyhow::Result<()> {
    if let Some(currency) = map.currency
        && currency != merchant.currency
    {
        bail!("The prices of the file are in {currency}, those of {} in {}.", merchant.name, merchant.currency);
    }
    if let Some(mode) = map.prices
        && mode != merchant.tax.price_mode
    {
        bail!(
            "The prices of the file are {}, those of {} are {}. Export them the other way, or change the merchant's rules.",
            mode.as_str(),
            merchant.name,
            merchant.tax.price_mode.as_str()
        );
    }
    Ok(())
}
