//! Points that are spent, and points that are put right.

use super::ledger::enter;
use super::{EntryKind, POINTS_MAX, POINTS_REASON_CHARS_MAX, PointsEntry, Refusal};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::customer::find_customer;
use crate::guard;
use crate::id::CustomerId;
use crate::text;
use crate::work::{Key, Stop, UnitOfWork};

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// So many are spent.
    Redeem(i64),
    /// So many more, or fewer, than the books say.
    Adjust(i64),
}

/// Changes the points of a customer by hand.
#[derive(Debug, Clone)]
pub struct ChangePoints {
    /// Whose points.
    pub customer: CustomerId,
    /// What is wanted.
    pub wish: Wish,
    /// What for. It may be left out where points are spent.
    pub reason: String,
}

impl ChangePoints {
    fn checked_reason(&self) -> Result<String, Refusal> {
        let reason = self.reason.trim();
        let may_be_blank = matches!(self.wish, Wish::Redeem(_)) && reason.is_empty();
        if !may_be_blank && !text::is_line(reason, POINTS_REASON_CHARS_MAX) {
            return Err(Refusal::ReasonInvalid);
        }
        if guard::looks_like_card_number(reason) {
            return Err(Refusal::TextLooksLikeCardNumber);
        }
        Ok(reason.to_owned())
    }

    /// The entry and the change that are wanted.
    fn checked(&self) -> Result<(EntryKind, i64), Refusal> {
        let reason = self.checked_reason()?;
        match self.wish {
            Wish::Redeem(points) if (1..=POINTS_MAX).contains(&points) => {
                Ok((EntryKind::Redeemed { reason }, points.saturating_neg()))
            }
            Wish::Adjust(points) if points != 0 && (-POINTS_MAX..=POINTS_MAX).contains(&points) => {
                Ok((EntryKind::Adjusted { reason }, points))
            }
            Wish::Redeem(_) | Wish::Adjust(_) => Err(Refusal::OutOfRange),
        }
    }
}

impl Command for ChangePoints {
    type Reply = PointsEntry;

    fn name(&self) -> &'static str {
        match self.wish {
            Wish::Redeem(_) => "points.redeem",
            Wish::Adjust(_) => "points.adjust",
        }
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Customer(self.customer), Key::Points(self.customer)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<PointsEntry, Stop<command::Refusal>> {
        require_role(call, if matches!(self.wish, Wish::Redeem(_)) { Role::Cashier } else { Role::Manager })?;
        let (kind, points) = self.checked()?;
        find_customer(work, call.merchant, self.customer)?.known()?;
        let balance = work.points_balances.find(call.merchant, &self.customer);
        let there = balance.ok_or_else(|| not_found("customer", self.customer))?.points;
        match there.checked_add(points) {
            None => Err(Refusal::OutOfRange.into()),
            Some(after) if after < 0 => Err(Refusal::Insufficient { points: there }.into()),
            Some(_) => enter(work, call, self.customer, kind, points),
        }
    }
}
