//! What the demo shop sells: `goods.csv`, our own work, with codes for use inside a shop, so that they are nobody's.

use anyhow::Context;
use serde::Deserialize;

/// An article of the demo shop. Prices are in yen and contain the tax.
#[derive(Debug, Clone, Deserialize)]
pub struct Goods {
    /// Its code.
    pub sku: String,
    /// What is scanned: a JAN, or how the shop's scale prints labels of it.
    pub barcode: String,
    /// Its name.
    pub name_ja: String,
    /// The same in English.
    pub name_en: String,
    /// `piece`, or `kg` for what is weighed.
    pub unit: String,
    /// In yen, of a piece or a kilogram.
    pub price: i64,
    /// `reduced` is 8 % (food and drink to take away), `standard` 10 %.
    pub tax_class: String,
}

/// Places in the list of what the scenes are about.
pub const ONIGIRI: usize = 0;
pub const GREEN_TEA: usize = 1;
pub const PLUM_ONIGIRI: usize = 5;
pub const LATTE: usize = 7;
pub const ICE_CREAM: usize = 34;
pub const UMBRELLA: usize = 56;
pub const TOWEL: usize = 60;
pub const SAKE: usize = 82;
pub const RED_WINE: usize = 83;
pub const RICE: usize = 91;
/// There are few of it, and its last piece is wanted by two.
pub const RARE: usize = 118;
/// What the one who comes too late takes instead. It costs the same.
pub const SECOND_CHOICE: usize = 119;
/// What ordinary customers choose from: all but these two, the first of them most often.
pub const ORDINARY: usize = RARE;

/// How many of the rare article there are.
pub const RARE_PIECES: i64 = 3;

const LIST: &str = include_str!("goods.csv");

/// All of it.
pub fn all() -> anyhow::Result<Vec<Goods>> {
    let mut table = csv::Reader::from_reader(LIST.as_bytes());
    table.deserialize().collect::<Result<_, _>>().context("The list of the demo's goods cannot be read")
}

impl Goods {
    /// It is sold by weight.
    pub fn is_weighed(&self) -> bool {
        self.unit == "kg"
    }

    /// The code that a scanner reads off this much of it. A label of the scale has the weight in it.
    pub fn scanned(&self, thousandths: i64) -> String {
        if !self.is_weighed() {
            return self.barcode.clone();
        }
        let body = self.barcode.replace('x', "0").replace("WWWW", &format!("{thousandths:04}"));
        let check_digit = check_digit(&body);
        format!("{body}{check_digit}")
    }

    /// Both names.
    pub fn name(&self) -> String {
        format!("{} / {}", self.name_en, self.name_ja)
    }

    /// What this much of it costs: rounded half up to the yen.
    pub const fn amount_minor(&self, thousandths: i64) -> i64 {
        (self.price * thousandths + 500) / 1_000
    }
}

/// The last digit of a JAN: from the right the others weigh 3, 1, 3, 1 …, and all together are a multiple of ten.
fn check_digit(body: &str) -> u32 {
    let digits = body.chars().rev().filter_map(|digit| digit.to_digit(10));
    let sum: u32 = digits.zip([3, 1].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::article::Barcode;

    use super::*;

    #[test]
    fn there_are_120_articles_with_codes_of_their_own() {
        let goods = all().unwrap();
        let names: BTreeSet<&str> = goods.iter().map(|one| one.name_ja.as_str()).collect();
        let codes: BTreeSet<String> = goods
            .iter()
            .map(|one| Barcode::parse(&one.scanned(1_000)).unwrap_or_else(|why| panic!("{one:?}: {why}")).to_string())
            .collect();
        assert_eq!((goods.len(), names.len(), codes.len()), (120, 120, 120));
        assert!(goods.iter().all(|one| ["reduced", "standard"].contains(&one.tax_class.as_str())));
    }

    #[test]
    fn the_scenes_find_their_goods() {
        let goods = all().unwrap();
        let named = [
            (ONIGIRI, "Salmon onigiri"),
            (GREEN_TEA, "Green tea 500 ml"),
            (PLUM_ONIGIRI, "Plum onigiri"),
            (LATTE, "Caffe latte"),
            (ICE_CREAM, "Vanilla ice cream"),
            (UMBRELLA, "Folding umbrella"),
            (TOWEL, "Towel"),
            (SAKE, "Sake 720 ml"),
            (RED_WINE, "Red wine"),
            (RICE, "Rice 2 kg"),
            (RARE, "Limited mug, blue"),
            (SECOND_CHOICE, "Limited mug, white"),
        ];
        for (place, name) in named {
            assert_eq!(goods[place].name_en, name);
        }
        let (rare, second) = (&goods[RARE], &goods[SECOND_CHOICE]);
        assert_eq!((rare.price, &rare.tax_class), (second.price, &second.tax_class));
    }

    #[test]
    fn a_label_of_the_scale_has_the_weight_in_it() {
        let goods = all().unwrap();
        let apples = goods.iter().find(|one| one.is_weighed()).unwrap();
        let label = Barcode::parse(&apples.scanned(350)).unwrap();
        assert!(label.patterns().iter().any(|(pattern, _)| pattern.as_str() == apples.barcode), "{label}");
        assert_eq!(apples.amount_minor(350), 238);
    }
}
