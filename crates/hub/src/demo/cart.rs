//! What customers put on the counter.

use super::dice::Dice;
use super::goods::{GREEN_TEA, Goods, ORDINARY};

/// Articles that an ordinary customer takes, at most.
const LINES_MAX: u64 = 4;
/// Pieces of one article that an ordinary customer takes, at most: fewer than the promotion asks for, so that it is given
/// where the day has planned it.
const PIECES_MAX: u64 = 2;
/// The lightest label of the scale, the step from one to the next, and how many steps there are.
const GRAMS: (u64, u64, u64) = (150, 50, 9);

/// "Three for two" on green tea: so many are taken, so many are paid.
pub const TAKE_AND_PAY: (i64, i64) = (3, 2);

/// Goods on the counter.
#[derive(Debug, Clone)]
pub struct Cart {
    /// Place in the list of goods, and quantity in thousandths.
    pub lines: Vec<(usize, i64)>,
}

impl Cart {
    /// Whole pieces of these articles.
    pub fn of(pieces: &[(usize, i64)]) -> Self {
        Self { lines: pieces.iter().map(|(place, pieces)| (*place, pieces * 1_000)).collect() }
    }

    /// What an ordinary customer takes.
    pub fn drawn(goods: &[Goods], mut dice: Dice) -> Self {
        let mut lines: Vec<(usize, i64)> = Vec::new();
        for _ in 0..=dice.below(LINES_MAX) {
            // The less of two throws: what stands first in the list is taken most often.
            let place = dice.below(ORDINARY as u64).min(dice.below(ORDINARY as u64)) as usize;
            let pieces = 1_000 * (1 + dice.below(PIECES_MAX));
            let (lightest, step, steps) = GRAMS;
            let grams = lightest + step * dice.below(steps);
            let thousandths = if goods[place].is_weighed() { grams } else { pieces };
            if lines.iter().all(|(taken, _)| *taken != place) {
                lines.push((place, thousandths as i64));
            }
        }
        Self { lines }
    }

    /// What it costs, computed as a register would: each line rounded half up to the yen, and the promotion taken off.
    pub fn total_minor(&self, goods: &[Goods]) -> i64 {
        let full: i64 = self.lines.iter().map(|(place, thousandths)| goods[*place].amount_minor(*thousandths)).sum();
        full - self.promoted_minor(goods)
    }

    /// What the promotion takes off.
    pub fn promoted_minor(&self, goods: &[Goods]) -> i64 {
        let (take, pay) = TAKE_AND_PAY;
        let teas: i64 =
            self.lines.iter().filter(|(place, _)| *place == GREEN_TEA).map(|(_, quantity)| quantity / 1_000).sum();
        teas / take * (take - pay) * goods[GREEN_TEA].price
    }
}
