//! What the demo shop sells, and what its customers put on the counter.

use super::api::Article;

/// An article of the demo shop. Prices are in yen and contain the tax.
pub struct Goods {
    /// Its code.
    pub sku: &'static str,
    /// Its name, Japanese and English.
    pub name: &'static str,
    /// In yen, of a piece or a kilogram.
    pub price: &'static str,
    /// `reduced` is 8 % (food and drink to take away), `standard` 10 %.
    pub tax_class: &'static str,
    /// It is weighed: sold in grams.
    pub is_weighed: bool,
}

const fn piece(sku: &'static str, name: &'static str, price: &'static str, tax_class: &'static str) -> Goods {
    Goods { sku, name, price, tax_class, is_weighed: false }
}

/// All but the last are there in plenty.
pub const GOODS: [Goods; 12] = [
    piece("4900000000011", "おにぎり 鮭 / Salmon onigiri", "160", "reduced"),
    piece("4900000000028", "おにぎり 梅 / Plum onigiri", "150", "reduced"),
    piece("4900000000035", "幕の内弁当 / Makunouchi bento", "620", "reduced"),
    piece("4900000000042", "緑茶 500ml / Green tea", "148", "reduced"),
    piece("4900000000059", "食パン / Loaf of bread", "218", "reduced"),
    Goods {
        sku: "2100000000018",
        name: "コーヒー豆 (kg) / Coffee beans, by weight",
        price: "3280",
        tax_class: "reduced",
        is_weighed: true,
    },
    piece("4900000000066", "缶ビール 350ml / Can of beer", "228", "standard"),
    piece("4900000000073", "ノート A5 / Notebook", "330", "standard"),
    piece("4900000000080", "ボールペン / Ballpoint pen", "165", "standard"),
    piece("4900000000097", "折りたたみ傘 / Folding umbrella", "1980", "standard"),
    piece("4900000000103", "タオル / Towel", "880", "standard"),
    piece("4900000000110", "限定マグカップ / Limited mug", "1650", "standard"),
];

/// The place of the article of which there are few.
pub const RARE: usize = GOODS.len() - 1;
/// How many there are of it.
pub const RARE_PIECES: i64 = 3;

/// Goods on the counter.
pub struct Cart {
    /// Place in [`GOODS`] and quantity in thousandths.
    pub lines: Vec<(usize, i64)>,
}

impl Cart {
    /// A cart of one line of whole pieces.
    pub fn of(place: usize, pieces: i64) -> Self {
        Self { lines: vec![(place, pieces * 1_000)] }
    }

    /// What the customer with this number takes: one to three articles, the same in every run.
    pub fn of_customer(number: u64) -> Self {
        let mut dice = Dice(number);
        let count = 1 + dice.below(3);
        let start = dice.below(RARE as u64);
        // Three is prime to the number of articles: no article is taken twice.
        let places = (0..count).map(|step| ((start + step * 3) % RARE as u64) as usize);
        let lines = places.map(|place| {
            let thousandths =
                if GOODS[place].is_weighed { 100 + 50 * dice.below(9) } else { 1_000 * (1 + dice.below(2)) };
            (place, thousandths as i64)
        });
        Self { lines: lines.collect() }
    }

    /// What it costs, computed as a register would: each line rounded half up to the yen.
    pub fn total_minor(&self, articles: &[Article]) -> i64 {
        self.lines.iter().map(|(place, thousandths)| (articles[*place].price_minor * thousandths + 500) / 1_000).sum()
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
