//! Words that stand for yes and no, for units, and for taxes.

use std::collections::BTreeMap;

use domain::article::Unit;
use domain::decimal;
use domain::tax::{REDUCED, TaxRate, TaxRules};
use unicode_normalization::UnicodeNormalization;

/// Decimals of a percentage that a basis point can say.
const PERCENT_PLACES: u32 = 2;
/// How Japanese price lists mark the reduced rate.
const REDUCED_MARKS: [&str; 3] = ["軽減税率", "軽減", "軽"];

const YES: [&str; 14] =
    ["y", "yes", "true", "1", "x", "on", "ja", "oui", "si", "sí", "はい", "是", "active", "published"];
const NO: [&str; 18] = [
    "n",
    "no",
    "false",
    "0",
    "-1",
    "off",
    "nein",
    "non",
    "いいえ",
    "否",
    "inactive",
    "draft",
    "proposed",
    "rejected",
    "archived",
    "private",
    "pending",
    "unpublished",
];

/// What units are called beside their own words.
const UNITS: [(&str, Unit); 20] = [
    ("pc", Unit::Piece),
    ("pcs", Unit::Piece),
    ("pieces", Unit::Piece),
    ("ea", Unit::Piece),
    ("each", Unit::Piece),
    ("unit", Unit::Piece),
    ("st", Unit::Piece),
    ("stk", Unit::Piece),
    ("stück", Unit::Piece),
    ("個", Unit::Piece),
    ("本", Unit::Piece),
    ("kgs", Unit::Kilogram),
    ("kilogram", Unit::Kilogram),
    ("gr", Unit::Gram),
    ("gram", Unit::Gram),
    ("meter", Unit::Metre),
    ("metre", Unit::Metre),
    ("liter", Unit::Litre),
    ("litre", Unit::Litre),
    ("ltr", Unit::Litre),
];

/// The text as words are compared: without blanks around it, in small letters, in one spelling.
pub fn folded(text: &str) -> String {
    text.trim().nfkc().collect::<String>().trim().to_lowercase()
}

/// Whether a word says yes or no; `None` for one that says neither.
pub fn is_yes(text: &str) -> Option<bool> {
    let word = folded(text);
    if YES.contains(&word.as_str()) { Some(true) } else { NO.contains(&word.as_str()).then_some(false) }
}

/// The unit that a word stands for, by the map first.
pub fn unit(text: &str, map: &BTreeMap<String, String>) -> Option<Unit> {
    let word = folded(text);
    let mapped = map.iter().find(|(key, _)| folded(key) == word).map(|(_, unit)| unit.as_str());
    if let Some(mapped) = mapped {
        return Unit::parse(mapped);
    }
    Unit::parse(&word).or_else(|| UNITS.iter().find(|(name, _)| *name == word).map(|(_, unit)| *unit))
}

/// What a text says of the tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tax {
    /// A class of the merchant.
    Class {
        /// Its name.
        class: String,
        /// Whether it was written otherwise than by its name or its bare rate.
        is_respelled: bool,
    },
    /// A rate that no class of the merchant has.
    NoClass(TaxRate),
    /// A rate that several classes of the merchant have.
    SeveralClasses(Vec<String>),
    /// Neither a rate nor a class.
    Unreadable,
}

/// What a text says of the tax: by the map, by the name of a class, or by a rate.
pub fn tax(text: &str, map: &BTreeMap<String, String>, rules: &TaxRules) -> Tax {
    let word = folded(text);
    if let Some((_, class)) = map.iter().find(|(key, _)| folded(key) == word) {
        return Tax::Class { class: class.clone(), is_respelled: false };
    }
    if let Some((class, _)) = rules.classes.iter().find(|(class, _)| folded(class) == word) {
        return Tax::Class { class: class.clone(), is_respelled: false };
    }
    let Some(rate) = rate(text) else { return Tax::Unreadable };
    let is_reduced = REDUCED_MARKS.iter().any(|mark| word.contains(mark));
    let classes: Vec<&String> = rules.classes.iter().filter(|(_, of)| **of == rate).map(|(class, _)| class).collect();
    let is_respelled = !word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') || word != text.trim();
    match classes.as_slice() {
        [] => Tax::NoClass(rate),
        [class] => Tax::Class { class: (*class).clone(), is_respelled },
        several if is_reduced && several.iter().any(|class| *class == REDUCED) => {
            Tax::Class { class: REDUCED.to_owned(), is_respelled }
        }
        several => Tax::SeveralClasses(several.iter().map(|class| (*class).clone()).collect()),
    }
}

/// The rate that a text says in percent: `8`, `10％`, `軽8%`, `7,5 %`.
pub fn rate(text: &str) -> Option<TaxRate> {
    let word = folded(text);
    let bare = REDUCED_MARKS.iter().find_map(|mark| word.strip_prefix(mark).or_else(|| word.strip_suffix(mark)));
    let bare = bare.unwrap_or(&word).trim();
    let number = bare.strip_suffix('%').unwrap_or(bare).trim().replace(',', ".");
    // `10.000` is how databases write ten.
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    let points = decimal::parse(number, PERCENT_PLACES)?;
    u32::try_from(points).ok().map(TaxRate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_understood_or_not_at_all() {
        assert_eq!((is_yes("Y"), is_yes(" Ｎｏ "), is_yes("maybe"), is_yes("")), (Some(true), Some(false), None, None));
        let map = BTreeMap::from([("Kiste".to_owned(), "piece".to_owned()), ("Fass".to_owned(), "barrel".to_owned())]);
        assert_eq!(unit("KISTE", &map), Some(Unit::Piece));
        assert_eq!(
            (unit("kg", &map), unit("個", &map), unit("Fass", &map)),
            (Some(Unit::Kilogram), Some(Unit::Piece), None)
        );
    }

    #[test]
    fn a_tax_is_a_class_a_rate_or_nothing() {
        let rules = TaxRules::japan();
        let map = BTreeMap::from([("Food".to_owned(), "reduced".to_owned())]);
        let class = |class: &str, is_respelled| Tax::Class { class: class.to_owned(), is_respelled };
        for (text, said) in [
            ("8", class("reduced", false)),
            ("10.0", class("standard", false)),
            ("10％", class("standard", true)),
            ("軽8%", class("reduced", true)),
            ("Standard", class("standard", false)),
            ("food", class("reduced", false)),
            ("19", Tax::NoClass(TaxRate(1_900))),
            ("abc", Tax::Unreadable),
            ("-8", Tax::Unreadable),
        ] {
            assert_eq!(tax(text, &map, &rules), said, "{text}");
        }
        let mut rules = rules;
        rules.classes.insert("press".to_owned(), TaxRate(800));
        assert_eq!(tax("8", &map, &rules), Tax::SeveralClasses(vec!["press".to_owned(), "reduced".to_owned()]));
        assert_eq!(tax("軽 8%", &map, &rules), class("reduced", true));
        assert_eq!(rate("7,5 %"), Some(TaxRate(750)));
    }
}
