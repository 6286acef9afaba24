//! The names of wallets.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::locale::Locale;

/// Longest name, in characters: those of connectors are shorter.
const NAME_CHARS_MAX: usize = 32;

/// A wallet, by its name: that of the connector that takes its codes, where there is one of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wallet(String);

impl Wallet {
    /// A name of lower-case letters, digits and underscores; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = (1..=NAME_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        is_name.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Wallet {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("expected 1 to 32 lower-case letters, digits and underscores")
    }
}

impl From<Wallet> for String {
    fn from(wallet: Wallet) -> Self {
        wallet.0
    }
}

/// What people call the wallets that the table knows: name, English, Japanese.
const NAMES: [(&str, &str, &str); 14] = [
    ("paypay", "PayPay", "PayPay"),
    ("wechat", "WeChat Pay", "WeChat Pay"),
    ("alipay", "Alipay", "Alipay"),
    ("unionpay", "UnionPay", "銀聯"),
    ("jkopay", "JKOPay", "街口支付"),
    ("line_pay_taiwan", "LINE Pay Taiwan", "LINE Pay（台湾）"),
    ("line_pay_japan", "LINE Pay Japan", "LINE Pay"),
    ("rakuten_pay", "Rakuten Pay", "楽天ペイ"),
    ("d_barai", "d Barai", "d払い"),
    ("origami", "Origami Pay", "Origami Pay"),
    ("merpay", "Merpay", "メルペイ"),
    ("au_pay", "au PAY", "au PAY"),
    ("pring", "pring", "pring"),
    ("yucho_pay", "Yucho Pay", "ゆうちょPay"),
];

/// What people call a wallet; its own name where nobody has said.
pub fn wallet_name(wallet: &Wallet, locale: Locale) -> &str {
    let known = NAMES.iter().find(|(name, ..)| *name == wallet.as_str());
    known.map_or(wallet.as_str(), |(_, en, ja)| if locale == Locale::Ja { ja } else { en })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_has_a_name_for_people() {
        let name = |text: &str, locale| wallet_name(&Wallet::parse(text).unwrap(), locale).to_owned();
        assert_eq!(
            (name("merpay", Locale::En), name("merpay", Locale::Ja)),
            ("Merpay".to_owned(), "メルペイ".to_owned())
        );
        assert_eq!(name("house_card", Locale::En), "house_card");
        for wrong in ["", "PayPay", "pay pay", "ペイ", &"x".repeat(33)] {
            assert_eq!(Wallet::parse(wrong), None, "{wrong}");
        }
    }
}
