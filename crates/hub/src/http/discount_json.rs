//! The JSON of what is taken off a sale: as it is asked for, and as it stands.

use domain::id::PromotionId;
use domain::sale::{self, Cause, NewDiscount, Reduction, Target};
use serde::{Deserialize, Serialize};

use super::error::{Kind, Problem};

/// A discount that is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscountIn {
    line_number: Option<u32>,
    basis_points: Option<u32>,
    amount_minor: Option<i64>,
    reason: String,
}

impl DiscountIn {
    /// The discount in the words of the rules.
    pub fn asked(self) -> Result<NewDiscount, Problem> {
        let reduction = match (self.basis_points, self.amount_minor) {
            (Some(points), None) => Reduction::BasisPoints(points),
            (None, Some(amount_minor)) => Reduction::AmountMinor(amount_minor),
            (Some(_), Some(_)) | (None, None) => {
                return Err(Problem::new(
                    Kind::BodyInvalid,
                    "A discount says how much by `basis_points` or by `amount_minor`.",
                ));
            }
        };
        let target = self.line_number.map_or(Target::Sale, Target::Line);
        Ok(NewDiscount { target, reduction, reason: self.reason })
    }
}

/// What is taken off a sale.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Discount<'a> {
    /// By a promotion.
    Promotion { promotion_id: PromotionId, name: &'a str, amount_minor: i64 },
    /// By a person.
    ByHand {
        number: u32,
        line_number: Option<u32>,
        basis_points: Option<u32>,
        asked_minor: Option<i64>,
        reason: &'a str,
        given_by: &'a str,
        amount_minor: i64,
    },
}

impl<'a> Discount<'a> {
    /// All that is taken off; `None` where nothing is.
    pub fn all(discounts: &'a sale::Discounts) -> Option<Vec<Self>> {
        let all: Vec<Self> = discounts.causes().map(Self::of).collect();
        if all.is_empty() { None } else { Some(all) }
    }

    fn of(cause: Cause<'a>) -> Self {
        let amount_minor = cause.amount_minor();
        match cause {
            Cause::Promotion(given) => {
                Self::Promotion { promotion_id: given.promotion, name: &given.name, amount_minor }
            }
            Cause::ByHand(discount) => Self::ByHand {
                number: discount.number,
                line_number: match discount.target {
                    Target::Line(number) => Some(number),
                    Target::Sale => None,
                },
                basis_points: discount.reduction.basis_points(),
                asked_minor: discount.reduction.asked_minor(),
                reason: &discount.reason,
                given_by: &discount.given_by,
                amount_minor,
            },
        }
    }
}

/// What is taken off one line.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LineDiscount<'a> {
    /// By a promotion.
    Promotion { promotion_id: PromotionId, name: &'a str, amount_minor: i64 },
    /// By a person: the number of the sale's discount, and its reason.
    ByHand { number: u32, name: &'a str, amount_minor: i64 },
}

impl<'a> LineDiscount<'a> {
    /// All that is taken off the line of that number; `None` where nothing is.
    pub fn all(discounts: &'a sale::Discounts, number: u32) -> Option<Vec<Self>> {
        let of_line = discounts.of_line(number).map(|(cause, amount_minor)| match cause {
            Cause::Promotion(given) => {
                Self::Promotion { promotion_id: given.promotion, name: &given.name, amount_minor }
            }
            Cause::ByHand(discount) => Self::ByHand { number: discount.number, name: &discount.reason, amount_minor },
        });
        let all: Vec<Self> = of_line.collect();
        if all.is_empty() { None } else { Some(all) }
    }
}
