//! Ids: a prefix that names the kind and a UUID version 7. The random part comes from outside, so that a simulated
//! run repeats to the letter.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;
use uuid::fmt::Simple;

use crate::time::Timestamp;

/// Gives the next id. The hub draws from the system's random source, the simulator from its seed.
pub trait IdSource {
    /// The next UUID version 7 at `now`. Never gives the same value twice.
    fn next(&mut self, now: Timestamp) -> Uuid;
}

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnId {
    /// The prefix that the id should have had, without the underscore.
    pub expected: &'static str,
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}_ and 32 hexadecimal digits", self.expected)
    }
}

impl std::error::Error for NotAnId {}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a UUID that was drawn for this kind.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Bytes of its text.
            const LEN: usize = concat!($prefix, "_").len() + Simple::LENGTH;

            /// Its text, written without the formatter's machinery: ids are most of what is written to a database and to JSON.
            fn write(self, text: &mut [u8; Self::LEN]) -> &str {
                let prefix = concat!($prefix, "_").as_bytes();
                let (head, digits) = text.split_at_mut(prefix.len());
                head.copy_from_slice(prefix);
                self.0.simple().encode_lower(digits);
                // Letters, digits and an underscore are UTF-8.
                std::str::from_utf8(text).unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.write(&mut [0; Self::LEN]))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let wrong = NotAnId { expected: $prefix };
                let hex = text.strip_prefix(concat!($prefix, "_")).ok_or(wrong.clone())?;
                // One spelling per id: the braced, dashed and upper-case forms of a UUID are refused.
                if hex.len() != Simple::LENGTH || hex.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(wrong);
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| wrong)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.write(&mut [0; Self::LEN]))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A business.
    MerchantId = "mer";
    /// One shop of a merchant.
    LocationId = "loc";
    /// A point of sale position.
    RegisterId = "reg";
    /// A dated rule by which goods cost less.
    PromotionId = "pro";
    /// What is sold.
    ArticleId = "art";
    /// One sale.
    SaleId = "sal";
    /// What a customer is given of a sale, each time it is given.
    ReceiptId = "rcp";
    /// Where receipts come out.
    PrinterId = "prn";
    /// What is to come out of a printer.
    PrintJobId = "prj";
    /// The payment device a customer taps.
    TerminalId = "trm";
    /// One transaction of the SmartConnect-compatible API.
    SmartconnectId = "sct";
    /// How one part of a sale is paid.
    TenderId = "ten";
    /// The electronic exchange behind one tender.
    PaymentId = "pay";
    /// A merchant's credentials with a provider.
    ConnectionId = "con";
    /// What a provider told by itself.
    ProviderNoticeId = "pnt";
    /// One stock ledger entry.
    MovementId = "mov";
    /// What was counted on the shelves of a location.
    StocktakeId = "stk";
    /// Goods on their way from one location to another.
    TransferId = "trf";
    /// Goods that came back without their sale.
    UnreferencedReturnId = "urt";
    /// A committed fact.
    EventId = "evt";
    /// Something that needs a person.
    ExceptionId = "exc";
    /// One journal entry.
    JournalEntryId = "jnl";
    /// One database transaction of the committer.
    BatchId = "bat";
    /// An API key.
    ApiKeyId = "key";
    /// Who buys.
    CustomerId = "cus";
    /// Who works at a register.
    OperatorId = "opr";
    /// Where software that speaks the mPOS gateway API is let in.
    MposEndpointId = "mpe";
    /// Where a subscriber wants to be told of events.
    WebhookEndpointId = "whe";
    /// One event on its way to one endpoint.
    WebhookDeliveryId = "whd";
}

/// One operation of a payment. Its text is also the reference that the provider is given: at most 64 characters of
/// `[A-Za-z0-9_-]`, which every provider in sight accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId {
    /// The payment it belongs to.
    pub payment: PaymentId,
    /// 1, 2, 3 … within the payment.
    pub number: u32,
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.payment, self.number)
    }
}

impl FromStr for OperationId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let wrong = NotAnId { expected: PaymentId::PREFIX };
        let (payment, number) = text.rsplit_once('-').ok_or(wrong.clone())?;
        let id = Self { payment: payment.parse()?, number: number.parse().map_err(|_| wrong.clone())? };
        if id.to_string() == text { Ok(id) } else { Err(wrong) }
    }
}

/// One return of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReturnId {
    /// The sale of which goods came back.
    pub sale: SaleId,
    /// 1, 2, 3 … within the sale.
    pub number: u32,
}

impl ReturnId {
    /// What stands before the underscore.
    pub const PREFIX: &'static str = "ret";
}

/// `ret_<the sale's digits>-<number>`.
impl fmt::Display for ReturnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}-{}", Self::PREFIX, self.sale.uuid().simple(), self.number)
    }
}

impl FromStr for ReturnId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let wrong = NotAnId { expected: Self::PREFIX };
        let rest = text.strip_prefix("ret_").ok_or(wrong.clone())?;
        let (sale, number) = rest.split_once('-').ok_or(wrong.clone())?;
        let sale = Uuid::try_parse(sale).map(SaleId::from_uuid).map_err(|_| wrong.clone())?;
        let id = Self { sale, number: number.parse().map_err(|_| wrong.clone())? };
        if id.to_string() == text { Ok(id) } else { Err(wrong) }
    }
}

impl serde::Serialize for ReturnId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ReturnId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One shift of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShiftId {
    /// The register whose drawer it is.
    pub register: RegisterId,
    /// 1, 2, 3 … within the register.
    pub number: u32,
}

impl ShiftId {
    /// What stands before the underscore.
    pub const PREFIX: &'static str = "shf";
}

/// `shf_<the register's digits>-<number>`.
impl fmt::Display for ShiftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}-{}", Self::PREFIX, self.register.uuid().simple(), self.number)
    }
}

impl FromStr for ShiftId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let wrong = NotAnId { expected: Self::PREFIX };
        let rest = text.strip_prefix("shf_").ok_or(wrong.clone())?;
        let (register, number) = rest.split_once('-').ok_or(wrong.clone())?;
        let register = Uuid::try_parse(register).map(RegisterId::from_uuid).map_err(|_| wrong.clone())?;
        let id = Self { register, number: number.parse().map_err(|_| wrong.clone())? };
        if id.to_string() == text { Ok(id) } else { Err(wrong) }
    }
}

impl serde::Serialize for ShiftId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = PaymentId::from_uuid(Uuid::from_u128(0xabc));
        assert_eq!(id.to_string().parse::<PaymentId>(), Ok(id));
        for wrong in [
            "pay_00000000000000000000000000000ABC",
            "sal_00000000000000000000000000000abc",
            "pay_abc",
            "pay_00000000-0000-0000-0000-000000000abc",
            "",
        ] {
            assert!(wrong.parse::<PaymentId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_return_id_names_its_sale() {
        let id = ReturnId { sale: SaleId::from_uuid(Uuid::from_u128(0xabc)), number: 2 };
        assert_eq!(id.to_string(), "ret_00000000000000000000000000000abc-2");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["ret_00000000000000000000000000000ABC-2", "ret_00000000000000000000000000000abc-02", "ret_-1", ""]
        {
            assert!(wrong.parse::<ReturnId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_operation_id_is_its_provider_reference() {
        let id = OperationId { payment: PaymentId::from_uuid(Uuid::from_u128(7)), number: 12 };
        let text = id.to_string();
        assert!(text.len() <= 64);
        assert_eq!(text.parse(), Ok(id));
        for number in ["012", "+12", "-12", ""] {
            assert!(format!("{}-{number}", id.payment).parse::<OperationId>().is_err(), "{number}");
        }
    }
}
