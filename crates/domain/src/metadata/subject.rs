//! The records that have metadata, and where it lies on them.

use std::fmt;

use super::Metadata;
use crate::call::Role;
use crate::command::{self, not_found};
use crate::customer;
use crate::id::{ArticleId, CustomerId, MerchantId, PaymentId, ReturnId, SaleId, StocktakeId, TransferId};
use crate::work::{Key, Stop, UnitOfWork};

/// A record that may have metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// What is sold.
    Article(ArticleId),
    /// Who buys.
    Customer(CustomerId),
    /// What was sold; completed or not, for metadata is no part of what was sold.
    Sale(SaleId),
    /// The electronic exchange behind a tender.
    Payment(PaymentId),
    /// Goods that came back.
    Return(ReturnId),
    /// Goods on their way to another location.
    Transfer(TransferId),
    /// A count of the shelves.
    Stocktake(StocktakeId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Article(id) => id.fmt(f),
            Self::Customer(id) => id.fmt(f),
            Self::Sale(id) => id.fmt(f),
            Self::Payment(id) => id.fmt(f),
            Self::Return(id) => id.fmt(f),
            Self::Transfer(id) => id.fmt(f),
            Self::Stocktake(id) => id.fmt(f),
        }
    }
}

impl Subject {
    /// The records that hold it.
    pub(super) fn keys(self) -> Vec<Key> {
        match self {
            Self::Article(id) => vec![Key::Article(id)],
            Self::Customer(id) => vec![Key::Customer(id)],
            Self::Sale(id) => vec![Key::Sale(id)],
            Self::Payment(id) => vec![Key::Payment(id)],
            Self::Return(id) => vec![Key::Sale(id.sale), Key::Returns(id.sale)],
            Self::Transfer(id) => vec![Key::Transfer(id)],
            Self::Stocktake(id) => vec![Key::Stocktake(id)],
        }
    }

    /// Who may change it: who may change the record.
    pub(super) const fn role(self) -> Role {
        match self {
            Self::Article(_) | Self::Transfer(_) | Self::Stocktake(_) => Role::Manager,
            Self::Customer(_) | Self::Sale(_) | Self::Payment(_) | Self::Return(_) => Role::Cashier,
        }
    }

    /// Whether it may tell of a person, so that no event repeats it.
    pub const fn is_personal(self) -> bool {
        matches!(self, Self::Customer(_))
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Article(_) => "article",
            Self::Customer(_) => "customer",
            Self::Sale(_) => "sale",
            Self::Payment(_) => "payment",
            Self::Return(_) => "return",
            Self::Transfer(_) => "transfer",
            Self::Stocktake(_) => "stocktake",
        }
    }

    /// Where the metadata lies on the record, for reading.
    pub(super) fn find(self, work: &UnitOfWork, merchant: MerchantId) -> Result<&Metadata, Stop<command::Refusal>> {
        let found = match self {
            Self::Article(id) => work.articles.find(merchant, &id).map(|article| &article.metadata),
            Self::Customer(id) => match work.customers.find(merchant, &id) {
                Some(customer) => Some(&customer.known()?.metadata),
                None => None,
            },
            Self::Sale(id) => work.sales.find(merchant, &id).map(|sale| &sale.metadata),
            Self::Payment(id) => work.payments.find(merchant, &id).map(|payment| &payment.metadata),
            Self::Return(id) => work.returns.find(merchant, &id).map(|origin| &origin.metadata),
            Self::Transfer(id) => work.transfers.find(merchant, &id).map(|transfer| &transfer.metadata),
            Self::Stocktake(id) => work.stocktakes.find(merchant, &id).map(|stocktake| &stocktake.metadata),
        };
        found.ok_or_else(|| not_found(self.noun(), self))
    }

    /// Puts other metadata on the record.
    pub(super) fn put(self, work: &mut UnitOfWork, merchant: MerchantId, metadata: Metadata) {
        let place = match self {
            Self::Article(id) => work.articles.find_mut(merchant, &id).map(|article| &mut article.metadata),
            Self::Customer(id) => match work.customers.find_mut(merchant, &id).map(|customer| &mut customer.state) {
                Some(customer::State::Known(person)) => Some(&mut person.metadata),
                Some(customer::State::Erased { .. }) | None => None,
            },
            Self::Sale(id) => work.sales.find_mut(merchant, &id).map(|sale| &mut sale.metadata),
            Self::Payment(id) => work.payments.find_mut(merchant, &id).map(|payment| &mut payment.metadata),
            Self::Return(id) => work.returns.find_mut(merchant, &id).map(|origin| &mut origin.metadata),
            Self::Transfer(id) => work.transfers.find_mut(merchant, &id).map(|transfer| &mut transfer.metadata),
            Self::Stocktake(id) => work.stocktakes.find_mut(merchant, &id).map(|stocktake| &mut stocktake.metadata),
        };
        if let Some(place) = place {
            *place = metadata;
        }
    }
}
