//! The card number guard against many spellings of the shared test cards, and against what is no card: barcodes, order
//! numbers, telephone numbers. Without the shared folder both say that they were skipped.

use std::process::Command;

use super::looks_like_card_number;
use crate::article::{Barcode, Refusal};

/// Spellings of card numbers that are tried.
const SPELLINGS: u32 = 100_000;
/// Numbers of each kind that are no card's.
const OTHERS: u32 = 100_000;
/// Of so many numbers that are no card's at most one is taken for one.
const ONE_IN: usize = 10_000;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        let place = usize::try_from(self.below(choices.len() as u64)).unwrap();
        choices[place]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap())).collect()
    }
}

fn shared(path: &str) -> Option<std::path::PathBuf> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}

const GAPS: [&str; 18] = [
    "", "", "", "", " ", "-", "  ", " - ", "\u{a0}", "\u{3000}", "\t", "\u{200b}", "\u{2010}", "\u{2212}", "－", "ー",
    "ｰ", "\u{2060}",
];
const HEADS: [&str; 12] =
    ["", "", "card ", "カード番号：", "Visa:", "(", "No.7 ", "\"", ";", "%B", "12/27 ", "お客様のカード"];
const TAILS: [&str; 12] = [
    "",
    "",
    " thanks",
    "です。",
    ")",
    " exp 12/27 cvv 123",
    "=27121010000000000000?",
    "^TEST/CARD^2712101?",
    "\"",
    "/7",
    ", 1,980円",
    "さん",
];

/// A card number as somebody may type or paste it.
fn spelt(pan: &str, dice: &mut Dice) -> String {
    let is_grouped = dice.below(2) == 0;
    let (gap, width) = (dice.of(&GAPS), dice.below(3));
    let mut text = dice.of(&HEADS).to_owned();
    for (place, digit) in pan.chars().enumerate() {
        if place > 0 && is_grouped && place % 4 == 0 {
            text.push_str(gap);
        } else if place > 0 && !is_grouped {
            text.push_str(dice.of(&GAPS));
        }
        let is_wide = width == 2 || (width == 1 && dice.below(2) == 0);
        text.push(if is_wide {
            char::from_u32(u32::from(digit) - u32::from('0') + u32::from('０')).unwrap()
        } else {
            digit
        });
    }
    text + dice.of(&TAILS)
}

#[test]
fn a_card_number_is_found_in_a_hundred_thousand_spellings() {
    let Some(path) = shared("vectors/test_pans.json") else { return };
    let vectors: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cards = vectors["cards"].as_array().unwrap().iter().filter(|card| card["luhn"] == true);
    let pans: Vec<&str> = cards.map(|card| card["pan"].as_str().unwrap()).collect();
    let mut dice = Dice(7);
    for _ in 0..SPELLINGS {
        let text = spelt(dice.of(&pans), &mut dice);
        assert!(looks_like_card_number(&text), "{text}");
        let left = super::redact(&text).unwrap();
        assert!(!looks_like_card_number(&left), "{text} became {left}");
    }
}

/// Counts what is taken for a card number and is none; it has to be rare.
fn assert_rare(what: &str, texts: impl Iterator<Item = String>, is_hit: impl Fn(&str) -> bool) {
    let (mut count, mut hits) = (0_usize, Vec::new());
    for text in texts {
        count += 1;
        if is_hit(&text) {
            hits.push(text);
        }
    }
    println!("{what}: {} of {count} taken for card numbers", hits.len());
    assert!(count > 0 && hits.len() * ONE_IN <= count, "{what}: {:?}", hits.get(..10).unwrap_or(&hits));
}

/// What a barcode field says of a code.
fn is_refused_as_card(code: &str) -> bool {
    Barcode::parse(code) == Err(Refusal::TextLooksLikeCardNumber)
}

fn check_digit(body: &str) -> char {
    let sum: u32 = body.bytes().rev().enumerate().map(|(place, b)| u32::from(b - b'0') * [3, 1][place % 2]).sum();
    char::from_digit((10 - sum % 10) % 10, 10).unwrap()
}

#[test]
fn barcodes_are_not_taken_for_card_numbers() {
    let mut dice = Dice(11);
    let jan = (0..OTHERS).map(|_| {
        let body = format!("{}{}", dice.of(&["45", "49", "50", "40", "30", "37"]), dice.digits(10));
        format!("{body}{}", check_digit(&body))
    });
    assert_rare("JAN and EAN", jan, is_refused_as_card);
    let mut dice = Dice(12);
    let case = (0..OTHERS).map(|_| {
        let body = format!("{}{}", dice.of(&["1", "3", "6"]), dice.digits(12));
        format!("{body}{}", check_digit(&body))
    });
    assert_rare("ITF-14", case, is_refused_as_card);
    let Some(path) = shared("catalogue/off_products.csv.gz") else { return };
    let unpacked = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
    let text = String::from_utf8(unpacked.stdout).unwrap();
    let codes = text.lines().skip(1).filter_map(|line| line.split(',').next());
    let codes = codes.filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()) && !code.is_empty());
    assert_rare("the shared catalogue", codes.map(str::to_owned), is_refused_as_card);
    let Some(path) = shared("vectors/gtin_jan.json") else { return };
    let vectors: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let full = vectors["valid"].as_array().unwrap().iter().map(|case| case["full"].as_str().unwrap().to_owned());
    assert_rare("the shared GTINs", full, is_refused_as_card);
}

#[test]
fn order_numbers_are_not_taken_for_card_numbers() {
    let mut dice = Dice(13);
    let mut day = move || {
        let (month, date) = (dice.below(12) + 1, dice.below(28) + 1);
        (format!("2026{month:02}{date:02}"), dice.digits(8))
    };
    let texts = (0..OTHERS).map(|number| {
        let (day, tail) = day();
        match number % 6 {
            0 => format!("{day}{tail}"),
            1 => format!("order {day}-{}", &tail[..6]),
            2 => format!("SO-2026-{tail}"),
            3 => format!("#{tail}"),
            4 => format!("注文番号 {day}{tail}{}", &tail[..4]),
            _ => format!("T1-{tail} / {day}"),
        }
    });
    assert_rare("order numbers", texts, looks_like_card_number);
}

#[test]
fn telephone_numbers_are_not_taken_for_card_numbers() {
    let mut dice = Dice(14);
    let texts = (0..OTHERS).map(|number| {
        let (area, line, last) = (dice.digits(3), dice.digits(4), dice.digits(4));
        match number % 8 {
            0 => format!("03-{line}-{last}"),
            1 => format!("090-{line}-{last}"),
            2 => format!("+81 90 {line} {last}"),
            3 => format!("+49 1512 {area}{line}"),
            4 => format!("+49151{area}{line}{}", &last[..1]),
            5 => format!("tel. +1 ({area}) {}-{last}", &line[..3]),
            6 => format!("+44 7{area} {line}{}", &last[..2]),
            _ => format!("０３－{line}－{last}（{area}）"),
        }
    });
    assert_rare("telephone numbers", texts, looks_like_card_number);
}
