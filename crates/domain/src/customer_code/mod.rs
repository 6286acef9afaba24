//! What a scanned code is, when a customer shows one: whose wallet, or something else that a scanner reads. A code that may be
//! two things is asked about, never charged.
//!
//! The code goes through here and is not kept: all that comes out is the name of a wallet.

mod table;
mod wallet;

pub use table::{Alphabet, PREFIX_CHARS_MAX, Rule, Table};
pub use wallet::{Wallet, wallet_name};

use crate::article::Barcode;
use crate::emv_qr::{SHOP_CODE_HEAD, applications, is_customer_code};
use crate::guard;

/// Longest code: wallets show 16 to 24 digits, EMV codes of customers a few hundred characters.
pub const CUSTOMER_CODE_CHARS_MAX: usize = 512;

/// Something that a code may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// The code of a customer with this wallet.
    Wallet(Wallet),
    /// The barcode of an article, with the right check digit.
    Article,
    /// The code that a shop shows: the customer has scanned nothing yet, or the wrong code was scanned.
    ShopCode,
    /// What passes for the number of a card.
    CardNumber,
}

/// What is known of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognized {
    /// It can only be this.
    Sure(Meaning),
    /// It can be one of these: whoever stands there has to say.
    Ambiguous(Vec<Meaning>),
    /// Nothing that the table knows.
    Unknown,
}

impl Recognized {
    fn of(mut meanings: Vec<Meaning>) -> Self {
        match meanings.len() {
            0 => Self::Unknown,
            1 => meanings.pop().map_or(Self::Unknown, Self::Sure),
            _ => Self::Ambiguous(meanings),
        }
    }
}

/// What a code is, by the rules of a merchant.
pub fn recognize(code: &str, table: &Table) -> Recognized {
    if code.starts_with(SHOP_CODE_HEAD) {
        return Recognized::Sure(Meaning::ShopCode);
    }
    if is_customer_code(code) {
        let operators = applications(code).unwrap_or_default().into_iter().filter_map(|one| one.operator);
        let wallets = operators.flat_map(|operator| table.wallets_of_operator(&operator));
        return Recognized::of(each_once(wallets));
    }
    let mut meanings = each_once(table.wallets_of(code));
    // One in ten of the barcodes on goods passes for an old card number, so that proves nothing against an article.
    if Barcode::is_gtin(code) {
        meanings.push(Meaning::Article);
    } else if guard::looks_like_card_number(code) {
        meanings.push(Meaning::CardNumber);
    }
    Recognized::of(meanings)
}

fn each_once(wallets: impl IntoIterator<Item = Wallet>) -> Vec<Meaning> {
    let mut meanings = Vec::new();
    for meaning in wallets.into_iter().map(Meaning::Wallet) {
        if !meanings.contains(&meaning) {
            meanings.push(meaning);
        }
    }
    meanings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wallet(name: &str) -> Meaning {
        Meaning::Wallet(Wallet::parse(name).unwrap())
    }

    fn sure(name: &str) -> Recognized {
        Recognized::Sure(wallet(name))
    }

    /// So many characters that begin with `head`, and do not pass for a card or a barcode by chance.
    fn a_code(head: &str, chars: usize) -> String {
        let all = (0..10).map(|digit| format!("{head:0<width$}{digit}", width = chars - 1));
        all.into_iter().find(|code| !guard::looks_like_card_number(code) && !Barcode::is_gtin(code)).unwrap()
    }

    #[test]
    fn each_row_of_the_table_has_its_wallet() {
        for (head, chars, name) in [
            ("10", 18, "wechat"),
            ("13", 18, "wechat"),
            ("15", 18, "wechat"),
            ("25", 16, "alipay"),
            ("28", 18, "alipay"),
            ("28", 19, "alipay"),
            ("30", 24, "alipay"),
            ("62", 19, "unionpay"),
            ("3813", 12, "line_pay_taiwan"),
            ("3813", 18, "line_pay_taiwan"),
            ("9000818188", 24, "paypay"),
            ("9000000000", 19, "line_pay_japan"),
            ("900001", 16, "rakuten_pay"),
            ("90000002", 22, "d_barai"),
            ("90000001", 22, "origami"),
            ("31589900", 19, "merpay"),
            ("31589921", 19, "au_pay"),
            ("31589995", 19, "pring"),
            ("31589931", 19, "yucho_pay"),
            ("31589940", 19, "yucho_pay"),
        ] {
            assert_eq!(recognize(&a_code(head, chars), &Table::default()), sure(name), "{head} {chars}");
        }
        let table = Table::default();
        assert_eq!(recognize(&format!("fp{}", "a9".repeat(16) + "b"), &table), sure("alipay"));
        assert_eq!(recognize("22ABCDEFGH12345678", &table), sure("jkopay"));
    }

    #[test]
    fn what_is_no_code_of_a_customer_is_told_apart() {
        let table = Table::default();
        for (code, meaning) in [
            ("4901234567894", Meaning::Article),
            ("49012347", Meaning::Article),
            ("0212345003503", Meaning::Article),
            ("00020101021129300012D156000000000510A93FO3230Q", Meaning::ShopCode),
            ("4111111111111111", Meaning::CardNumber),
        ] {
            assert_eq!(recognize(code, &table), Recognized::Sure(meaning), "{code}");
        }
        for code in ["1", "16", "123456789", "hQVDUFYwMWE=", "hQVKUFFS", "4901234567895", "900081818800000000000000x"] {
            assert_eq!(recognize(code, &table), Recognized::Unknown, "{code}");
        }
    }

    #[test]
    fn what_may_be_two_things_is_asked() {
        let table = Table::default();
        // A Mastercard of the second series, and as long as the shortest codes of Alipay.
        let card =
            (0..10).map(|digit| format!("250000000000000{digit}")).find(|code| guard::looks_like_card_number(code));
        let meanings = vec![wallet("alipay"), Meaning::CardNumber];
        assert_eq!(recognize(&card.unwrap(), &table), Recognized::Ambiguous(meanings));
        let upc = (0..10).map(|digit| format!("38130000000{digit}")).find(|code| Barcode::is_gtin(code)).unwrap();
        let meanings = vec![wallet("line_pay_taiwan"), Meaning::Article];
        assert_eq!(recognize(&upc, &table), Recognized::Ambiguous(meanings));
    }

    #[test]
    fn an_emv_code_is_told_by_its_operator() {
        // The wallet of Japan in the shared vectors: its number begins with 31589900.
        let code = "hQVDUFYwMWEfTwigAAAAZQOSAlcTMViZAHkkKUPUkSEhAAAFEgAADw==";
        assert_eq!(recognize(code, &Table::default()), sure("merpay"));
        let paypay = Rule::new("31589900", 19..=19, Alphabet::Digits, Some("paypay")).unwrap();
        assert_eq!(recognize(code, &Table::of(vec![paypay])), sure("paypay"));
    }

    #[test]
    fn the_merchants_own_rules_go_first() {
        let rule = |prefix: &str, chars, wallet| Rule::new(prefix, chars, Alphabet::Digits, wallet).unwrap();
        let table = Table::of(vec![
            rule("28", 16..=24, Some("paypay")),
            rule("288", 16..=24, Some("merpay")),
            rule("2888", 16..=24, Some("merpay")),
            rule("2888", 20..=20, Some("wechat")),
            rule("62", 19..=19, None),
            rule("77", 10..=10, Some("paypay")),
            rule("77", 10..=10, Some("alipay")),
        ]);
        for (head, chars, expected) in [
            ("280", 18, sure("paypay")),
            ("2880", 18, sure("merpay")),
            ("2888", 18, sure("merpay")),
            ("2888", 20, sure("wechat")),
            ("29", 18, sure("alipay")),
            ("62", 19, Recognized::Unknown),
            ("77", 10, Recognized::Ambiguous(vec![wallet("paypay"), wallet("alipay")])),
        ] {
            assert_eq!(recognize(&a_code(head, chars), &table), expected, "{head} {chars}");
        }
    }

    proptest! {
        #[test]
        fn no_code_is_too_odd_and_a_shops_is_never_charged(code in "[!-~]{1,60}") {
            let table = Table::default();
            recognize(&code, &table);
            let shops = format!("{SHOP_CODE_HEAD}{code}");
            prop_assert_eq!(recognize(&shops, &table), Recognized::Sure(Meaning::ShopCode));
        }

        #[test]
        fn a_wallet_is_sure_only_where_nothing_else_fits(code in "(1[0-5]|2[5-9]|30|62|3813)[0-9]{8,22}") {
            if let Recognized::Sure(Meaning::Wallet(_)) = recognize(&code, &Table::default()) {
                prop_assert!(!Barcode::is_gtin(&code) && !guard::looks_like_card_number(&code));
            }
        }
    }
}
