//! Where a register stands and what its merchant's money is called: what a handler has to know before it can name the
//! records of a sale. Kept in memory, because it never changes under a register's id; the decision checks it again.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use domain::id::{LocationId, MerchantId, RegisterId};
use domain::money::Currency;
use storage::EngineError;
use storage::reader::Reader;

/// Registers kept: those of the largest chain that one hub serves. Beyond it the memory begins anew.
const SHOPS_MAX: usize = 20_000;

/// What stands behind a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shop {
    /// Where it stands.
    pub location: LocationId,
    /// The merchant's currency.
    pub currency: Currency,
}

/// The shops that were asked for.
#[derive(Default)]
pub struct Shops {
    known: RwLock<HashMap<(MerchantId, RegisterId), Shop>>,
}

impl Shops {
    /// The shop of a register; `None` if the merchant has no such register.
    pub async fn find(
        &self,
        reader: &Reader,
        merchant: MerchantId,
        register: RegisterId,
    ) -> Result<Option<Shop>, EngineError> {
        let key = (merchant, register);
        if let Some(shop) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Some(*shop));
        }
        let Some(found) = reader.find_register(merchant, register).await? else { return Ok(None) };
        let Some(owner) = reader.find_merchant(merchant).await? else { return Ok(None) };
        let shop = Shop { location: found.location, currency: owner.currency };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SHOPS_MAX {
            known.clear();
        }
        known.insert(key, shop);
        Ok(Some(shop))
    }
}
