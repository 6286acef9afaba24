//! External references: under which id another system knows a record of ours. Of each kind of record one at most has the same
//! id of the same system, so that whoever knows the other id finds the one record that is meant, and what was imported once
//! is not imported again under another.

mod add;
mod refer;
mod refusal;

pub use add::AddExternalRef;
pub use refer::Referred;
pub use refusal::Refusal;

use std::fmt;

use serde::Serialize;

use crate::guard;
use crate::id::{MerchantId, MovementId, OperationId, PaymentId, ReturnId, SaleId, TransferId, UnreferencedReturnId};
use crate::text;
use crate::time::Timestamp;

/// References that a record may be given when it is made: its shop, its web shop, its books, with room to spare.
pub const REFS_MAX: usize = 10;
/// Longest name of a system, in characters.
pub const SYSTEM_CHARS_MAX: usize = 40;
/// Longest id of another system, in characters: a UUID, or a URN around it.
pub const ID_CHARS_MAX: usize = 100;

/// An id of another system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ExternalId {
    system: String,
    id: String,
}

impl ExternalId {
    /// What a client wrote: the system is a word of small letters, digits, dots, hyphens and underscores, which has one spelling;
    /// the id is one line, kept as it is but for blanks around it.
    pub fn parse(system: &str, id: &str) -> Result<Self, Refusal> {
        let (system, id) = (system.trim(), id.trim());
        let is_in_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if !(1..=SYSTEM_CHARS_MAX).contains(&system.len()) || !system.bytes().all(is_in_word) {
            return Err(Refusal::SystemInvalid);
        }
        if !text::is_line(id, ID_CHARS_MAX) {
            return Err(Refusal::IdInvalid);
        }
        if [system, id].into_iter().any(guard::looks_like_card_number) {
            return Err(Refusal::TextLooksLikeCardNumber);
        }
        Ok(Self::stored(system.to_owned(), id.to_owned()))
    }

    /// The id as it stands in the database: it was checked when it was written.
    pub const fn stored(system: String, id: String) -> Self {
        Self { system, id }
    }

    /// Whose id it is.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What an external reference stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A sale.
    Sale(SaleId),
    /// A payment.
    Payment(PaymentId),
    /// A refund of a payment.
    Refund(OperationId),
    /// A return of a sale.
    Return(ReturnId),
    /// What was booked by hand in one request, by its first movement.
    Movement(MovementId),
    /// A transfer.
    Transfer(TransferId),
    /// Goods that came back without their sale.
    UnreferencedReturn(UnreferencedReturnId),
}

/// The kinds of records that have external references.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A sale.
    Sale,
    /// A payment.
    Payment,
    /// A refund of a payment.
    Refund,
    /// A return of a sale.
    Return,
    /// A stock movement.
    Movement,
    /// A transfer.
    Transfer,
    /// Goods that came back without their sale.
    UnreferencedReturn,
}

impl Kind {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Return => "return",
            Self::Movement => "stock_movement",
            Self::Transfer => "transfer",
            Self::UnreferencedReturn => "unreferenced_return",
        }
    }
}

impl Subject {
    /// The record that an id names; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let sale = text.parse().map(Self::Sale);
        let payment = sale.or_else(|_| text.parse().map(Self::Payment));
        let refund = payment.or_else(|_| text.parse().map(Self::Refund));
        let origin = refund.or_else(|_| text.parse().map(Self::Return));
        let movement = origin.or_else(|_| text.parse().map(Self::Movement));
        let transfer = movement.or_else(|_| text.parse().map(Self::Transfer));
        transfer.or_else(|_| text.parse().map(Self::UnreferencedReturn)).ok()
    }

    /// Of which kind it is.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Sale(_) => Kind::Sale,
            Self::Payment(_) => Kind::Payment,
            Self::Refund(_) => Kind::Refund,
            Self::Return(_) => Kind::Return,
            Self::Movement(_) => Kind::Movement,
            Self::Transfer(_) => Kind::Transfer,
            Self::UnreferencedReturn(_) => Kind::UnreferencedReturn,
        }
    }

    /// The id of the record that it is read with: refunds with their payment, returns with their sale.
    pub fn read_with(self) -> String {
        match self {
            Self::Refund(operation) => operation.payment.to_string(),
            Self::Return(origin) => origin.sale.to_string(),
            Self::Sale(_) | Self::Payment(_) | Self::Movement(_) | Self::Transfer(_) | Self::UnreferencedReturn(_) => {
                self.to_string()
            }
        }
    }
}

/// The id of the record.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sale(id) => id.fmt(f),
            Self::Payment(id) => id.fmt(f),
            Self::Refund(id) => id.fmt(f),
            Self::Return(id) => id.fmt(f),
            Self::Movement(id) => id.fmt(f),
            Self::Transfer(id) => id.fmt(f),
            Self::UnreferencedReturn(id) => id.fmt(f),
        }
    }
}

/// Which record another system's id stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalRef {
    /// Whose it is.
    pub merchant: MerchantId,
    /// The other system's id.
    pub external: ExternalId,
    /// The record.
    pub subject: Subject,
    /// When it was told.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_system_has_one_spelling_and_an_id_is_kept() {
        let parsed = ExternalId::parse(" web-shop.2 ", " #1001 (gift) ").unwrap();
        assert_eq!((parsed.system(), parsed.id()), ("web-shop.2", "#1001 (gift)"));
        for system in ["", "Shop", "web shop", "店", &"x".repeat(SYSTEM_CHARS_MAX + 1)] {
            assert_eq!(ExternalId::parse(system, "1"), Err(Refusal::SystemInvalid), "{system}");
        }
        for id in ["", "  ", "a\nb", &"x".repeat(ID_CHARS_MAX + 1)] {
            assert_eq!(ExternalId::parse("shop", id), Err(Refusal::IdInvalid), "{id:?}");
        }
        for (system, id) in [("shop", "card 4111 1111 1111 1111"), ("4111111111111111", "1")] {
            assert_eq!(ExternalId::parse(system, id), Err(Refusal::TextLooksLikeCardNumber));
        }
        assert!(ExternalId::parse("shop", "01997f4e-5c7a-7cc2-a5a5-7d9a86b0d001").is_ok());
    }

    #[test]
    fn a_subject_is_its_id() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let payment = PaymentId::from_uuid(two);
        let sale = SaleId::from_uuid(one);
        for (subject, kind) in [
            (Subject::Sale(sale), "sale"),
            (Subject::Payment(payment), "payment"),
            (Subject::Refund(OperationId { payment, number: 2 }), "refund"),
            (Subject::Return(ReturnId { sale, number: 1 }), "return"),
            (Subject::Movement(MovementId::from_uuid(one)), "stock_movement"),
            (Subject::Transfer(TransferId::from_uuid(one)), "transfer"),
            (Subject::UnreferencedReturn(UnreferencedReturnId::from_uuid(one)), "unreferenced_return"),
        ] {
            assert_eq!((Subject::parse(&subject.to_string()), subject.kind().as_str()), (Some(subject), kind));
        }
        assert_eq!(Subject::parse("art_00000000000000000000000000000001"), None);
        assert_eq!(Subject::Refund(OperationId { payment, number: 2 }).read_with(), payment.to_string());
        assert_eq!(Subject::Return(ReturnId { sale, number: 2 }).read_with(), sale.to_string());
    }
}
