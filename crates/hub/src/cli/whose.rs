//! Whose records a command reads: a merchant that is named, or the only one there is.

use anyhow::{Context, bail};
use domain::id::MerchantId;
use domain::merchant::Merchant;
use storage::reader::Reader;

/// The merchant that is named, or the only one there is.
pub(super) async fn one(reader: &Reader, named: Option<MerchantId>) -> anyhow::Result<Merchant> {
    let mut all = all(reader, named).await?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => bail!("There is no merchant yet. Make one with `tillbridge merchants add`."),
        (Some(_), false) => {
            bail!("There are several merchants. Name one with --merchant; `tillbridge merchants list` has their ids.")
        }
    }
}

/// The merchant that is named, or all.
pub(super) async fn all(reader: &Reader, named: Option<MerchantId>) -> anyhow::Result<Vec<Merchant>> {
    match named {
        Some(id) => Ok(vec![reader.find_merchant(id).await?.with_context(|| format!("There is no merchant {id}."))?]),
        None => Ok(reader.list_merchants().await?),
    }
}
