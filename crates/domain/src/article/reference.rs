//! How a request names an article: by its id, or by what was scanned.

use super::{Barcode, Refusal};
use crate::command;
use crate::id::{ArticleId, MerchantId};
use crate::work::{Key, Stop, UnitOfWork};

/// How a request names an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArticleRef {
    /// By its id.
    Id(ArticleId),
    /// By a code on it, as it was scanned or keyed in.
    Barcode(String),
}

impl ArticleRef {
    /// The record that tells which article it is; `None` for a text that can be no barcode.
    pub fn key(&self, merchant: MerchantId) -> Option<Key> {
        match self {
            Self::Id(id) => Some(Key::Article(*id)),
            Self::Barcode(text) => Barcode::parse(text).ok().map(|barcode| Key::Barcode(merchant, barcode)),
        }
    }

    /// Which article it is. That the article is there is seen by who loads it.
    pub(crate) fn find(&self, work: &UnitOfWork, merchant: MerchantId) -> Result<ArticleId, Stop<command::Refusal>> {
        let text = match self {
            Self::Id(id) => return Ok(*id),
            Self::Barcode(text) => text,
        };
        let barcode = Barcode::parse(text)?;
        work.require([Key::Barcode(merchant, barcode.clone())])?;
        let label = work.labels.find(merchant, &(merchant, barcode));
        label.and_then(|label| label.article).ok_or_else(|| Refusal::BarcodeUnknown.into())
    }
}

impl From<ArticleId> for ArticleRef {
    fn from(id: ArticleId) -> Self {
        Self::Id(id)
    }
}
