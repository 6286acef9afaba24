//! Opening stock: what the old system says is on hand comes in as one receipt, once. The receipt has an external reference that names
//! the location and the article, so that neither a second run nor another hub books it again.

use domain::external_ref::{ExternalId, Kind, Referred, Subject};
use domain::id::{ArticleId, LocationId, MerchantId};
use domain::money::Quantity;
use domain::stock::{Booking, MoveStock, Moved, NewMovement};
use uuid::Uuid;

/// Who knows the receipts by these ids.
const SYSTEM: &str = "catalogue-import";
/// What the ledger says of them.
const REASON: &str = "Opening stock";

/// The reference of the receipt of an article at a location.
pub fn reference(location: LocationId, article: ArticleId) -> Option<ExternalId> {
    ExternalId::parse(SYSTEM, &id(location, article)).ok()
}

/// The receipt, unless something is on hand by then.
pub fn receipt(
    merchant: MerchantId,
    location: LocationId,
    article: ArticleId,
    quantity: Quantity,
) -> Referred<MoveStock> {
    let line = NewMovement { article: article.into(), quantity, expected_on_hand: Some(Quantity::ZERO) };
    let command = MoveStock {
        merchant,
        location,
        kind: Booking::Receipt,
        reason: REASON.to_owned(),
        occurred_at: None,
        lines: vec![line],
    };
    let subject = |moved: &Vec<Moved>| moved.first().map(|first| Subject::Movement(first.movement.id));
    let refs = vec![(SYSTEM.to_owned(), id(location, article))];
    Referred { merchant, command, kind: Kind::Movement, refs, subject }
}

fn id(location: LocationId, article: ArticleId) -> String {
    format!("{}/{}", in_groups(location.uuid()), in_groups(article.uuid()))
}

/// In groups of eight with points between them: the digits of an id that stood together might pass for a card number.
fn in_groups(id: Uuid) -> String {
    let digits = id.simple().to_string();
    let groups: Vec<&str> = (0..4).filter_map(|group| digits.get(group * 8..group * 8 + 8)).collect();
    groups.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_article_at_each_location_has_its_own_reference() {
        let digits = |last: u128| Uuid::from_u128(0x4111_1111_1111_1111_4111_1111_1111_1100 + last);
        let (one, two) = (digits(1), digits(2));
        let at = |location, article| reference(LocationId::from_uuid(location), ArticleId::from_uuid(article)).unwrap();
        assert_eq!(at(one, two).id(), "41111111.11111111.41111111.11111101/41111111.11111111.41111111.11111102");
        assert_ne!(at(one, two), at(two, one));
    }
}
