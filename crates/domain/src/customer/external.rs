//! What other systems call a customer: the web shop, the accounts, an older program. Each id is a row of its own, so that a
//! unique constraint keeps two customers from having the same one; the row stays when the id is taken off, without it.

use std::fmt;

use super::Refusal;
use crate::external_ref;
use crate::id::{CustomerId, MerchantId};
use crate::work::UnitOfWork;

/// Most ids of one customer: a few systems, some of which knew it twice.
pub const EXTERNAL_IDS_MAX: usize = 10;

/// An id that another system has for a customer. It is not one of [`crate::external_ref`], which stay for good: it may be a
/// mail address, so it never prints itself, and goes with an erasure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalId {
    /// Which system, in the merchant's words: small letters, digits, `_`, `.` and `-`.
    pub system: String,
    /// Its id there.
    pub id: String,
}

/// A place for an external id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIdSlot {
    /// Whose id.
    pub customer: CustomerId,
    /// 1, 2, 3 … within the customer.
    pub number: u32,
    /// Whose customer.
    pub merchant: MerchantId,
    /// The id; `None` once it was taken off.
    pub held: Option<ExternalId>,
    /// Row version.
    pub version: i64,
}

impl ExternalId {
    /// By the rules of all external ids, in the words of customers.
    fn checked(&self) -> Result<Self, Refusal> {
        let checked = external_ref::ExternalId::parse(&self.system, &self.id).map_err(|refusal| match refusal {
            external_ref::Refusal::TextLooksLikeCardNumber => Refusal::TextLooksLikeCardNumber,
            _ => Refusal::ExternalIdInvalid,
        })?;
        Ok(Self { system: checked.system().to_owned(), id: checked.id().to_owned() })
    }
}

/// An id elsewhere may be a mail address.
impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalId({}, ***)", self.system)
    }
}

/// The ids of a customer as they stand.
pub(super) fn held(work: &UnitOfWork, merchant: MerchantId, customer: CustomerId) -> Vec<ExternalId> {
    slots(work, merchant, customer).filter_map(|slot| slot.held.clone()).collect()
}

fn slots(work: &UnitOfWork, merchant: MerchantId, customer: CustomerId) -> impl Iterator<Item = &ExternalIdSlot> {
    work.external_ids.range(merchant, (customer, 0)..=(customer, u32::MAX))
}

/// Gives a customer exactly the ids `wanted`, each once. What it has already keeps its place, so that no row passes
/// through another one's id on the way.
pub(super) fn put(
    work: &mut UnitOfWork,
    merchant: MerchantId,
    customer: CustomerId,
    wanted: &[ExternalId],
) -> Result<(), Refusal> {
    let mut checked: Vec<ExternalId> = Vec::new();
    for id in wanted {
        let id = id.checked()?;
        if !checked.contains(&id) {
            checked.push(id);
        }
    }
    if checked.len() > EXTERNAL_IDS_MAX {
        return Err(Refusal::TooManyExternalIds);
    }
    let stand: Vec<ExternalIdSlot> = slots(work, merchant, customer).cloned().collect();
    let has = |id: &ExternalId| stand.iter().any(|slot| slot.held.as_ref() == Some(id));
    let mut new = checked.iter().filter(|id| !has(id)).cloned();
    for slot in &stand {
        let stays = slot.held.as_ref().is_some_and(|id| checked.contains(id));
        let next = if stays { slot.held.clone() } else { new.next() };
        if next != slot.held {
            work.external_ids.replace(ExternalIdSlot { held: next, ..slot.clone() });
        }
    }
    let last = stand.last().map_or(0, |slot| slot.number);
    for (number, id) in (last.saturating_add(1)..).zip(new) {
        work.external_ids.insert(ExternalIdSlot { customer, number, merchant, held: Some(id), version: 1 });
    }
    Ok(())
}
