//! What the export has sold so far, so that what comes back finds its sale: the same article to the same customer at the same
//! price, earlier, with enough of it left. It follows from the file alone, so a replay that is made again finds the same.

use std::collections::HashMap;

use domain::id::SaleId;
use domain::returns::RETURNS_MAX;
use domain::time::Timestamp;

use super::document::{Document, Returned};
use super::line::{EXACT_PLACES, Line};

/// Sold lines that are remembered: a year of a large shop, in some 40 MiB. What comes back of later ones is recorded without
/// its sale.
const SOLD_LINES_MAX: usize = 500_000;
/// Sold lines of one customer and article that are looked at for one that comes back.
const LOOKED_AT_MAX: usize = 1_000;
/// Lines of one return: a command writes its rows and three for each line.
const RETURN_LINES_MAX: usize = 100;

/// What was sold so far.
#[derive(Default)]
pub struct Sold {
    /// Customers and codes by number.
    names: HashMap<Box<str>, u32>,
    sales: Vec<SoldSale>,
    lines: Vec<SoldLine>,
    /// The last line of a customer and an article.
    last: HashMap<(u32, u32), u32>,
    /// Lines that were not remembered.
    pub forgotten: u64,
}

struct SoldSale {
    id: SaleId,
    occurred_at: Timestamp,
    returns: u32,
}

struct SoldLine {
    sale: u32,
    number: u32,
    unit_price: i64,
    quantity: i64,
    left: i64,
    /// The one before of the same customer and article.
    before: Option<u32>,
}

impl Sold {
    /// Remembers the lines of a sale that can be found again: those of a customer who is known.
    pub fn remember(&mut self, id: SaleId, lines: &[Line]) {
        let Some(first) = lines.first() else { return };
        let sale = index(self.sales.len());
        for (number, line) in (1..).zip(lines).filter(|(_, line)| !line.customer.is_empty()) {
            if self.lines.len() >= SOLD_LINES_MAX {
                self.forgotten += 1;
                continue;
            }
            let key = (self.number_of(&line.customer), self.number_of(&line.code));
            let before = self.last.insert(key, index(self.lines.len()));
            let (unit_price, quantity) = (line.unit_price.0, line.quantity.0);
            self.lines.push(SoldLine { sale, number, unit_price, quantity, left: quantity, before });
        }
        self.sales.push(SoldSale { id, occurred_at: first.occurred_at, returns: 0 });
    }

    /// The returns that lines of one invoice are, and the lines whose sale is not found.
    pub fn take_back(&mut self, lines: Vec<Line>) -> (Vec<Document>, Vec<Line>) {
        let mut groups: Vec<(u32, Vec<Returned>)> = Vec::new();
        let mut unreferenced = Vec::new();
        for line in lines {
            let Some(found) = self.find(&line) else {
                unreferenced.push(line);
                continue;
            };
            let (sale, number) = (self.lines[found].sale, self.lines[found].number);
            let has_room = |group: &&mut (u32, Vec<Returned>)| {
                let is_free = group.1.iter().all(|returned| returned.number != number);
                group.0 == sale && is_free && group.1.len() < RETURN_LINES_MAX
            };
            let quantity = line.quantity.0.abs();
            match groups.iter_mut().find(has_room) {
                Some((_, group)) => group.push(Returned { line, number }),
                None if self.sales[sale as usize].returns < RETURNS_MAX => {
                    self.sales[sale as usize].returns += 1;
                    groups.push((sale, vec![Returned { line, number }]));
                }
                None => {
                    unreferenced.push(line);
                    continue;
                }
            }
            self.lines[found].left -= quantity;
        }
        let returns = groups.into_iter().map(|(sale, lines)| {
            let sale = self.sales[sale as usize].id;
            Document::Return { sale, lines }
        });
        (returns.collect(), unreferenced)
    }

    /// The last line before it that it may be of.
    fn find(&self, line: &Line) -> Option<usize> {
        let (customer, code) = (self.names.get(&*line.customer)?, self.names.get(&*line.code)?);
        let quantity = line.quantity.0.abs();
        let mut next = self.last.get(&(*customer, *code)).copied();
        for _ in 0..LOOKED_AT_MAX {
            let found = next? as usize;
            let sold = &self.lines[found];
            let is_earlier = self.sales[sold.sale as usize].occurred_at <= line.occurred_at;
            if is_earlier && sold.unit_price == line.unit_price.0 && sold.gives_back_exactly(quantity) {
                return Some(found);
            }
            next = sold.before;
        }
        None
    }

    fn number_of(&mut self, name: &str) -> u32 {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        let number = index(self.names.len());
        self.names.insert(name.into(), number);
        number
    }
}

impl SoldLine {
    /// Whether so much of it may come back, and is worth what the file says: where a part would be rounded, only all of it is.
    fn gives_back_exactly(&self, quantity: i64) -> bool {
        let scale = 10_i128.pow(EXACT_PLACES);
        let is_round = |quantity: i64| (i128::from(quantity) * i128::from(self.unit_price)) % scale == 0;
        let is_all = quantity == self.quantity && self.left == self.quantity;
        (1..=self.left).contains(&quantity) && (is_all || (is_round(quantity) && is_round(self.left)))
    }
}

/// Of no more than half a million.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::replay::line::tests::a_line;

    fn sale(number: u128) -> SaleId {
        SaleId::from_uuid(Uuid::from_u128(number))
    }

    fn back(position: u32, quantity: i64, unit_price: i64) -> Line {
        let line = a_line("C1", position, -quantity, unit_price);
        Line { occurred_at: line.occurred_at.plus_ms(60_000), ..line }
    }

    /// The sale and the numbers of its lines that each return takes from, and how many lines found none.
    fn taken(sold: &mut Sold, lines: Vec<Line>) -> (Vec<(SaleId, Vec<u32>)>, usize) {
        let (returns, unreferenced) = sold.take_back(lines);
        let told = returns.into_iter().map(|document| match document {
            Document::Return { sale, lines } => (sale, lines.iter().map(|line| line.number).collect()),
            other => panic!("{other:?}"),
        });
        (told.collect(), unreferenced.len())
    }

    #[test]
    fn the_last_sale_with_enough_left_takes_it_back() {
        let mut sold = Sold::default();
        sold.remember(sale(1), &[a_line("1", 1, 5_000, 20_000)]);
        sold.remember(sale(2), &[a_line("2", 1, 1_000, 20_000), a_line("2", 2, 1_000, 20_000)]);
        assert_eq!(taken(&mut sold, vec![back(1, 2_000, 20_000)]), (vec![(sale(1), vec![1])], 0));
        let both = vec![back(1, 1_000, 20_000), back(2, 1_000, 20_000)];
        assert_eq!(taken(&mut sold, both), (vec![(sale(2), vec![2, 1])], 0));
        assert_eq!(taken(&mut sold, vec![back(1, 4_000, 20_000)]), (vec![], 1), "three are left");
        assert_eq!(taken(&mut sold, vec![back(1, 3_000, 20_000)]), (vec![(sale(1), vec![1])], 0));
        assert_eq!(taken(&mut sold, vec![back(1, 1_000, 20_000)]), (vec![], 1));
    }

    #[test]
    fn one_line_that_comes_back_twice_is_two_returns() {
        let mut sold = Sold::default();
        sold.remember(sale(1), &[a_line("1", 1, 5_000, 20_000)]);
        let twice = vec![back(1, 1_000, 20_000), back(2, 1_000, 20_000)];
        assert_eq!(taken(&mut sold, twice), (vec![(sale(1), vec![1]), (sale(1), vec![1])], 0));
    }

    #[test]
    fn another_price_customer_article_or_an_earlier_time_finds_no_sale() {
        let mut sold = Sold::default();
        sold.remember(sale(1), &[a_line("1", 1, 5_000, 20_000)]);
        sold.remember(
            sale(2),
            &[Line { customer: String::new(), code: "B".to_owned(), ..a_line("2", 1, 1_000, 20_000) }],
        );
        let one = || back(1, 1_000, 20_000);
        for other in [
            back(1, 1_000, 20_001),
            Line { customer: "Bob".to_owned(), ..one() },
            Line { customer: String::new(), ..one() },
            Line { code: "a".to_owned(), ..one() },
            Line { code: "B".to_owned(), customer: String::new(), ..one() },
            Line { occurred_at: Timestamp(0), ..one() },
        ] {
            assert_eq!(taken(&mut sold, vec![other.clone()]), (vec![], 1), "{other:?}");
        }
    }

    #[test]
    fn what_would_be_rounded_comes_back_whole() {
        let mut sold = Sold::default();
        sold.remember(sale(1), &[a_line("1", 1, 3_000, 5_000)]);
        assert_eq!(taken(&mut sold, vec![back(1, 1_000, 5_000)]), (vec![], 1));
        assert_eq!(taken(&mut sold, vec![back(1, 3_000, 5_000)]), (vec![(sale(1), vec![1])], 0));
    }

    #[test]
    fn a_sale_has_no_more_returns_than_a_sale_may_have() {
        let mut sold = Sold::default();
        sold.remember(sale(1), &[a_line("1", 1, 100_000, 20_000)]);
        for _ in 0..RETURNS_MAX {
            assert_eq!(taken(&mut sold, vec![back(1, 1_000, 20_000)]).1, 0);
        }
        assert_eq!(taken(&mut sold, vec![back(1, 1_000, 20_000)]), (vec![], 1));
    }
}
