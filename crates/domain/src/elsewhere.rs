//! Facts from elsewhere: what happened before this hub knew of it, as another system tells it. They are accepted and flagged,
//! never refused because of stock or of money that this hub has not seen, and they never ask anybody for money. Each is known by
//! the id that the other system gave it, so that what is told twice is recorded once, for ever.

use serde::Serialize;

use crate::article::{check_name, check_unit_price};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::external_ref::{ExternalId, ExternalRef, Kind, Refusal, Subject};
use crate::id::{ArticleId, LocationId, MerchantId, RegisterId, SaleId};
use crate::money::{Currency, Quantity, UnitPrice};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// That a record is a fact from elsewhere. When it happened stands where other records of its kind say when they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The system that told it.
    pub origin: String,
    /// When this hub learned of it.
    pub recorded_at: Timestamp,
}

/// What another system tells of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Under which id it knows the fact.
    pub external: ExternalId,
    /// What stands on the paper: the number of the receipt or invoice there.
    pub number: String,
    /// When it happened.
    pub occurred_at: Timestamp,
}

/// A line of goods that another system tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldLine {
    /// What.
    pub article: ArticleId,
    /// What it was called there.
    pub name: String,
    /// How much.
    pub quantity: Quantity,
    /// What one unit cost there.
    pub unit_price: UnitPrice,
}

/// Where goods changed hands elsewhere, and over how much.
pub(crate) struct Traded {
    /// The sale that a return is of.
    pub sale: Option<SaleId>,
    /// Where.
    pub location: LocationId,
    /// At which register.
    pub register: RegisterId,
    /// The currency of its amounts.
    pub currency: Currency,
    /// Over how much, tax included, in minor units.
    pub total_minor: i64,
    /// The tax of it, in minor units.
    pub tax_minor: i64,
}

/// What the event of a recorded fact says.
#[derive(Serialize)]
pub(crate) struct RecordedFact<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sale: Option<SaleId>,
    origin: &'a str,
    external_id: &'a str,
    occurred_at: Timestamp,
    receipt_number: &'a str,
    location: LocationId,
    register: RegisterId,
    currency: Currency,
    total_minor: i64,
    tax_minor: i64,
}

/// What a fact was recorded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The record.
    pub subject: Subject,
    /// Whether it was made now; what was told before changes nothing.
    pub is_new: bool,
}

/// Another system, with the one map by which its exports are read here: by another map the same lines would mean something
/// else, and be recorded a second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whose facts it tells.
    pub merchant: MerchantId,
    /// What it is called.
    pub name: String,
    /// A hash of what its map means.
    pub map_hash: String,
    /// When it was first heard.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// Says by which map the exports of a system are read, before anything of them is recorded.
#[derive(Debug, Clone)]
pub struct OpenOrigin {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// What the system is called.
    pub name: String,
    /// A hash of what the map means.
    pub map_hash: String,
}

impl Command for OpenOrigin {
    type Reply = ();

    fn name(&self) -> &'static str {
        "origin.open"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Origin(self.merchant, self.name.clone())]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<(), Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        let Self { merchant, name, map_hash } = self.clone();
        work.merchants.find(call.merchant, &merchant).ok_or_else(|| not_found("merchant", merchant))?;
        match work.origins.find(merchant, &(merchant, name.clone())) {
            Some(known) if known.map_hash == map_hash => Ok(()),
            Some(_) => Err(Refusal::OriginHasOtherMap { origin: name }.into()),
            None => {
                work.origins.insert(Origin { merchant, name, map_hash, created_at: call.now, version: 1 });
                Ok(())
            }
        }
    }
}

/// As what facts are recorded: what is told under an id is one of them for ever.
const KINDS: [Kind; 4] = [Kind::Sale, Kind::Return, Kind::UnreferencedReturn, Kind::Movement];

impl Told {
    /// What says whether the fact is known, as whatever.
    pub fn keys(&self, merchant: MerchantId) -> impl Iterator<Item = Key> {
        KINDS.into_iter().map(move |kind| Key::ExternalRef(merchant, self.external.clone(), kind))
    }

    /// How the record of it is flagged.
    pub fn elsewhere(&self, now: Timestamp) -> Elsewhere {
        Elsewhere { origin: self.external.system().to_owned(), recorded_at: now }
    }

    /// What the event of its record says.
    pub(crate) fn fact(&self, traded: Traded) -> RecordedFact<'_> {
        let Traded { sale, location, register, currency, total_minor, tax_minor } = traded;
        RecordedFact {
            sale,
            origin: self.external.system(),
            external_id: self.external.id(),
            occurred_at: self.occurred_at,
            receipt_number: &self.number,
            location,
            register,
            currency,
            total_minor,
            tax_minor,
        }
    }

    /// The record of it, if it was told before. What has not happened yet is no fact.
    pub(crate) fn find_known(
        &self,
        work: &UnitOfWork,
        call: &Call<'_>,
        kind: Kind,
    ) -> Result<Option<Subject>, Stop<command::Refusal>> {
        work.require(self.keys(call.merchant))?;
        if !(0..=call.now.0).contains(&self.occurred_at.0) {
            return Err(Refusal::OccurredAtOutOfRange.into());
        }
        let find = |kind| work.external_refs.find(call.merchant, &(call.merchant, self.external.clone(), kind));
        match KINDS.into_iter().find_map(find).map(|known| known.subject) {
            Some(subject) if subject.kind() != kind => Err(Refusal::RecordedOtherwise { subject }.into()),
            known => Ok(known),
        }
    }

    /// Remembers as what it was recorded. The event of the record tells it: there is none of its own.
    pub(crate) fn refer(&self, work: &mut UnitOfWork, call: &Call<'_>, subject: Subject) -> Recorded {
        let (merchant, external, created_at) = (call.merchant, self.external.clone(), call.now);
        work.external_refs.insert(ExternalRef { merchant, external, subject, created_at, version: 1 });
        Recorded { subject, is_new: true }
    }

    /// What was told before, if it was told the same then.
    pub(crate) fn again(subject: Subject, is_same: bool) -> Result<Recorded, Stop<command::Refusal>> {
        if is_same {
            Ok(Recorded { subject, is_new: false })
        } else {
            Err(Refusal::RecordedOtherwise { subject }.into())
        }
    }
}

impl ToldLine {
    /// Goes on only if its text and its price can be kept.
    pub(crate) fn check(&self) -> Result<(), Stop<command::Refusal>> {
        check_name(&self.name)?;
        check_unit_price(self.unit_price)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MERCHANT, OTHER_MERCHANT, World};

    #[test]
    fn the_exports_of_a_system_are_read_by_one_map() {
        let mut world = World::new();
        let open = |name: &str, map_hash: &str| OpenOrigin {
            merchant: MERCHANT,
            name: name.to_owned(),
            map_hash: map_hash.to_owned(),
        };
        world.run(&open("old-till", "a")).unwrap();
        world.run(&open("old-till", "a")).unwrap();
        world.run(&open("other-till", "b")).unwrap();
        assert_eq!(world.refused(&open("old-till", "b")).code(), "origin_has_other_map");
        assert_eq!(world.database.origins.iter().count(), 2);
        let theirs = OpenOrigin { merchant: OTHER_MERCHANT, ..open("old-till", "a") };
        assert_eq!(world.refused(&theirs).code(), "merchant_not_found");
        assert_eq!(world.acting_as(Role::Cashier).refused(&open("x", "a")).code(), "role_too_low");
    }
}
