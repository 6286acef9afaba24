//! The points of customers, as the checker keeps them: what the ledger says is summed up here, and what sales and returns
//! should have made of it is worked out from their rows alone.

use std::collections::BTreeMap;

use domain::sale::State as SaleState;
use storage::Row;

use crate::mirror::{Checked, Deal, Mirror, id_of, int, must, sale_text, text};

/// What a customer has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purse {
    pub stored: i64,
    pub count: i64,
    /// The sum of the entries, and how many there are.
    pub sum: i64,
    pub entries: i64,
}

/// What the ledger says of a sale: earned, and for each of its returns taken back, with what was not there any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earned {
    pub points: i64,
    pub by: Option<u128>,
    pub taken: BTreeMap<u32, i64>,
}

impl Mirror {
    pub fn apply_purse(&mut self, row: &Row) {
        let purse = self.purses.entry(id_of(text(row, 0))).or_default();
        (purse.stored, purse.count) = (int(row, 2), int(row, 3));
    }

    /// Takes in an entry; gives the sale that it is about.
    pub fn apply_points(&mut self, row: &Row) -> Result<Option<u128>, crate::mirror::Finding> {
        let (customer, kind, points) = (id_of(text(row, 0)), text(row, 3), int(row, 6));
        let purse = self.purses.entry(customer).or_default();
        purse.sum += points;
        purse.entries += 1;
        let origin = if kind == "taken_back" { text(row, 5) } else { text(row, 4) };
        if origin.is_empty() {
            return Ok(None);
        }
        let earned = self.earned.entry(id_of(origin)).or_default();
        let is_first = match origin.rsplit_once('-') {
            Some((_, number)) => earned.taken.insert(number.parse().unwrap_or(0), int(row, 7) - points).is_none(),
            None => {
                earned.points = points;
                earned.by.replace(customer).is_none()
            }
        };
        must!(is_first, "I6 points move once", sale_text(id_of(origin)), "{kind} a second time: {origin}");
        Ok(Some(id_of(origin)))
    }

    pub fn check_purse(&self, customer: u128) -> Checked {
        let Some(purse) = self.purses.get(&customer) else { return Ok(()) };
        let is_sum = (purse.stored, purse.count) == (purse.sum, purse.entries);
        must!(is_sum, "I6 points are the sum of their entries", format!("cus_{customer:032x}"), "{purse:?}");
        must!(purse.stored >= 0, "I6 points are never below zero", format!("cus_{customer:032x}"), "{purse:?}");
        Ok(())
    }

    /// A completed sale earned by the rule it was made under, and its returns took back what goes with them.
    pub fn check_earned(&self, sale: u128, deal: &Deal) -> Checked {
        let told = self.earned.get(&sale).cloned().unwrap_or_default();
        let (customer, step) = deal.buyer;
        let is_earning = deal.state == SaleState::Completed && customer != 0 && step > 0;
        let earned = if is_earning { deal.total / step } else { 0 };
        let by = (earned > 0).then_some(customer);
        must!(
            (told.points, told.by) == (earned, by),
            "I6 a sale earns its points",
            sale_text(sale),
            "{told:?} {deal:?}"
        );
        let mut left = deal.total;
        for (number, back) in &deal.backs {
            let kept = |left: i64| if deal.total == 0 { 0 } else { earned * left / deal.total };
            let share = kept(left) - kept(left - back.total);
            left -= back.total;
            let taken = told.taken.get(number).copied().unwrap_or(0);
            must!(taken == share, "I6 a return takes back its points", sale_text(sale), "{number}: {told:?} {deal:?}");
        }
        Ok(())
    }
}
