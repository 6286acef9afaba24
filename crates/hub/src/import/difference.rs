//! What a line says otherwise than the article that is there.

use domain::article::{Described, UpdateArticle};
use domain::decimal;
use domain::money::{Currency, UNIT_PRICE_PLACES, UnitPrice};

use super::issue::quoted;
use super::line::Goods;

/// What the line says otherwise than the article; of what the line says nothing, nothing changes.
pub fn difference(name: &str, goods: &Goods, known: &Described) -> (Option<UpdateArticle>, Vec<String>) {
    let Described { article: known, details } = known;
    let mut update = UpdateArticle::nothing(known.merchant, known.id);
    update.expected_version = Some(known.version);
    let mut changes = Changes::default();
    update.name = changes.of("name", name, &known.name);
    let price = goods.unit_price.filter(|price| *price != known.unit_price);
    if let Some(price) = price {
        let shown = |price| shown_price(price, known.currency);
        changes.say("price", &shown(known.unit_price), &shown(price));
        update.unit_price = Some(price);
    }
    if let Some(class) = &goods.tax_class {
        update.tax_class = changes.of("tax class", class, &known.tax_class);
    }
    if let Some(eat_in) = goods.eat_in_tax_class.as_ref().filter(|eat_in| **eat_in != known.eat_in_tax_class) {
        let shown = |class: &Option<String>| class.clone().unwrap_or_else(|| "the same".to_owned());
        changes.say("tax class eaten in", &shown(&known.eat_in_tax_class), &shown(eat_in));
        update.eat_in_tax_class = Some(eat_in.clone());
    }
    if let Some(description) = &goods.description
        && *description != details.description
    {
        changes.0.push("description".to_owned());
        update.details.description = Some(description.clone());
    }
    // Codes that the file does not know stay on the article: they were scanned since.
    let added: Vec<_> = goods.barcodes.iter().filter(|barcode| !known.barcodes.contains(barcode)).collect();
    if !added.is_empty() {
        let all = known.barcodes.iter().chain(added.iter().copied());
        update.barcodes = Some(all.map(|barcode| barcode.as_str().to_owned()).collect());
        changes.0.extend(added.iter().map(|barcode| format!("barcode + {barcode}")));
    }
    if let Some(is_active) = goods.is_active.filter(|is_active| *is_active != known.is_active) {
        changes.0.push(if is_active { "may be sold again" } else { "may no more be sold" }.to_owned());
        update.is_active = Some(is_active);
    }
    let update = (!changes.0.is_empty()).then_some(update);
    (update, changes.0)
}

/// What changes, for people.
#[derive(Default)]
struct Changes(Vec<String>);

impl Changes {
    fn say(&mut self, what: &str, before: &str, after: &str) {
        self.0.push(format!("{what} {before} -> {after}"));
    }

    fn of(&mut self, what: &str, wanted: &str, had: &str) -> Option<String> {
        if wanted == had {
            return None;
        }
        self.say(what, &quoted(had), &quoted(wanted));
        Some(wanted.to_owned())
    }
}

/// A price in the major unit, as the file has it.
fn shown_price(UnitPrice(price): UnitPrice, currency: Currency) -> String {
    let decimals = u32::from(currency.decimals());
    decimal::grouped(price, decimals + UNIT_PRICE_PLACES, decimals)
}
