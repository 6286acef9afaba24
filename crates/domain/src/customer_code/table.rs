//! The table of codes: how one begins, how long it is, and whose it is.
//!
//! The rows of China, Taiwan and UnionPay are those that the wallets' own documents or their integrators have. The rows of
//! Japan were collected from screens by a blog in 2020 (ri25r.hatenablog.jp); the official list of JPQR's operator codes is
//! not public. A merchant who knows better puts rules of its own in front.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{CUSTOMER_CODE_CHARS_MAX, Wallet};
use crate::emv_qr::OPERATOR_DIGITS;

/// Longest beginning that a rule names.
pub const PREFIX_CHARS_MAX: usize = 32;

/// What a code is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// Digits only.
    #[default]
    Digits,
    /// Digits and letters.
    Alphanumeric,
}

impl Alphabet {
    fn has(self, code: &str) -> bool {
        code.bytes().all(|byte| match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
        })
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Row", into = "Row")]
pub struct Rule {
    prefix: String,
    chars: RangeInclusive<usize>,
    alphabet: Alphabet,
    wallet: Option<Wallet>,
}

/// A rule as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    prefix: String,
    chars_min: usize,
    chars_max: usize,
    #[serde(default)]
    alphabet: Alphabet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wallet: Option<Wallet>,
}

impl TryFrom<Row> for Rule {
    type Error = &'static str;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let Row { prefix, chars_min, chars_max, alphabet, wallet } = row;
        let rule = Self { prefix, chars: chars_min..=chars_max, alphabet, wallet };
        if rule.makes_sense() {
            Ok(rule)
        } else {
            Err("expected a prefix that is shorter than the code, of its characters")
        }
    }
}

impl From<Rule> for Row {
    fn from(rule: Rule) -> Self {
        let Rule { prefix, chars, alphabet, wallet } = rule;
        Self { prefix, chars_min: *chars.start(), chars_max: *chars.end(), alphabet, wallet }
    }
}

impl Rule {
    /// Codes that begin so and have so many characters are of this wallet; without one they are of nobody, and the cashier is
    /// asked. `None` for what no code can be.
    pub fn new(prefix: &str, chars: RangeInclusive<usize>, alphabet: Alphabet, wallet: Option<&str>) -> Option<Self> {
        let wallet = match wallet {
            Some(name) => Some(Wallet::parse(name)?),
            None => None,
        };
        let rule = Self { prefix: prefix.to_owned(), chars, alphabet, wallet };
        rule.makes_sense().then_some(rule)
    }

    fn makes_sense(&self) -> bool {
        let (least, most) = (*self.chars.start(), *self.chars.end());
        (1..=PREFIX_CHARS_MAX).contains(&self.prefix.len())
            && self.alphabet.has(&self.prefix)
            && self.prefix.len() < least
            && least <= most
            && most <= CUSTOMER_CODE_CHARS_MAX
    }

    fn fits(&self, code: &str) -> bool {
        code.starts_with(&self.prefix) && self.chars.contains(&code.len()) && self.alphabet.has(code)
    }

    /// The operator's code, if the rule names so many digits.
    fn operator(&self) -> Option<&str> {
        self.prefix.get(..OPERATOR_DIGITS).filter(|_| self.alphabet == Alphabet::Digits)
    }

    /// The longer its beginning, the better it fits; of two that begin the same, the one that knows the exact length.
    fn precision(&self) -> (usize, bool) {
        (self.prefix.len(), self.chars.start() == self.chars.end())
    }
}

/// The rules of a merchant: its own, and behind them those that everybody has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    own: Vec<Rule>,
}

impl Table {
    /// With rules of its own. Where one of them fits, none of the others is looked at.
    pub const fn of(own: Vec<Rule>) -> Self {
        Self { own }
    }

    /// Whose a code may be, by the rules that fit it best.
    pub(super) fn wallets_of(&self, code: &str) -> Vec<Wallet> {
        self.best(|rule| rule.fits(code))
    }

    /// Whose a code of EMV may be, by the operator's code in it.
    pub(super) fn wallets_of_operator(&self, operator: &str) -> Vec<Wallet> {
        self.best(|rule| rule.operator() == Some(operator))
    }

    fn best(&self, fits: impl Fn(&Rule) -> bool) -> Vec<Wallet> {
        let own: Vec<&Rule> = self.own.iter().filter(|rule| fits(rule)).collect();
        if !own.is_empty() {
            return most_precise(&own);
        }
        let everybodys = everybodys();
        most_precise(&everybodys.iter().filter(|rule| fits(rule)).collect::<Vec<_>>())
    }
}

fn most_precise(rules: &[&Rule]) -> Vec<Wallet> {
    let best = rules.iter().map(|rule| rule.precision()).max();
    let rules = rules.iter().filter(|rule| Some(rule.precision()) == best);
    rules.filter_map(|rule| rule.wallet.clone()).collect()
}

/// Beginnings that count up, how many characters at least and at most, and whose.
const EVERYBODYS: [(RangeInclusive<u64>, usize, usize, &str); 14] = [
    // WeChat Pay, "Code payment": 18 digits, 10 to 14 of the mainland, 15 of Hong Kong.
    (10..=15, 18, 18, "wechat"),
    // Alipay, alipay.trade.pay, auth_code: 16 to 24 digits, 25 to 30.
    (25..=30, 16, 24, "alipay"),
    (62..=62, 19, 19, "unionpay"),
    // LINE Pay Taiwan, one-time key.
    (3_813..=3_813, 12, 12, "line_pay_taiwan"),
    (3_813..=3_813, 18, 18, "line_pay_taiwan"),
    (900_001..=900_001, 16, 16, "rakuten_pay"),
    (31_589_900..=31_589_900, 19, 19, "merpay"),
    (31_589_921..=31_589_921, 19, 19, "au_pay"),
    (31_589_931..=31_589_940, 19, 19, "yucho_pay"),
    (31_589_995..=31_589_995, 19, 19, "pring"),
    (90_000_001..=90_000_001, 22, 22, "origami"),
    (90_000_002..=90_000_002, 22, 22, "d_barai"),
    // Closed in 2025; still told apart from the others that begin with ninety.
    (9_000_000_000..=9_000_000_000, 19, 19, "line_pay_japan"),
    (9_000_818_188..=9_000_818_188, 24, 24, "paypay"),
];

/// The same with letters in it.
const EVERYBODYS_LETTERS: [(&str, usize, &str); 2] = [
    // Alipay, face payment: `fp` and 33 characters.
    ("fp", 35, "alipay"),
    // JKOPay (open-doc.jkos.com).
    ("22", 18, "jkopay"),
];

fn everybodys() -> Vec<Rule> {
    let digits = EVERYBODYS.iter().flat_map(|(prefixes, least, most, wallet)| {
        let rule = move |prefix: u64| Rule::new(&prefix.to_string(), *least..=*most, Alphabet::Digits, Some(wallet));
        prefixes.clone().filter_map(rule)
    });
    let letters = EVERYBODYS_LETTERS
        .iter()
        .filter_map(|(prefix, chars, wallet)| Rule::new(prefix, *chars..=*chars, Alphabet::Alphanumeric, Some(wallet)));
    digits.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_makes_sense() {
        let prefixes: usize = EVERYBODYS.iter().map(|(prefixes, ..)| prefixes.clone().count()).sum();
        assert_eq!(everybodys().len(), prefixes + EVERYBODYS_LETTERS.len());
    }

    #[test]
    fn a_rule_is_read_from_the_settings() {
        let text = r#"{"prefix":"7700","chars_min":16,"chars_max":16,"wallet":"paypay"}"#;
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(Some(&rule), Rule::new("7700", 16..=16, Alphabet::Digits, Some("paypay")).as_ref());
        let written = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&written).unwrap(), rule);
        for wrong in [
            r#"{"prefix":"","chars_min":16,"chars_max":16}"#,
            r#"{"prefix":"7x","chars_min":16,"chars_max":16}"#,
            r#"{"prefix":"77","chars_min":2,"chars_max":16}"#,
            r#"{"prefix":"77","chars_min":17,"chars_max":16}"#,
            r#"{"prefix":"77","chars_min":17,"chars_max":1000}"#,
            r#"{"prefix":"77","chars_min":17,"chars_max":17,"wallet":"Pay Pay"}"#,
            r#"{"prefix":"77","chars_min":17,"chars_max":17,"colour":"red"}"#,
        ] {
            assert!(serde_json::from_str::<Rule>(wrong).is_err(), "{wrong}");
        }
    }
}
