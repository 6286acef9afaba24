//! Where a replay records: the database, with a committer of its own, and the merchant's shop.

use std::thread::JoinHandle;

use anyhow::{Context, bail};
use domain::id::MerchantId;
use domain::merchant::{Merchant, Register};
use storage::Handle;
use storage::lock_file::LockFile;
use storage::reader::Reader;

use super::Options;
use super::map::Map;
use super::sender::Shop;
use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;
use crate::serve::{start_committer, take_lock};

/// Registers that are named where one has to be chosen.
const REGISTERS_NAMED_MAX: i64 = 50;

/// A database that is open for a replay.
pub struct Place {
    /// What it reads.
    pub reader: Reader,
    /// What it writes by; nothing is written in a dry run.
    pub committer: Option<Handle>,
    /// Where everything is recorded.
    pub shop: Shop,
    thread: Option<JoinHandle<()>>,
    /// A SQLite file has one writer: nobody begins to serve it meanwhile.
    _lock: Option<LockFile>,
}

impl Place {
    /// Opens the database of these settings, if the map fits the merchant.
    pub async fn open(settings: &Config, options: &Options, map: &Map) -> anyhow::Result<Self> {
        let database = Database::of(&settings.database);
        database.require_there()?;
        let lock = if options.is_dry_run { None } else { take_lock(&database)? };
        let reader = database.reader()?;
        let merchant = choose_merchant(&reader, options.merchant).await?;
        check_map(map, &merchant)?;
        let register = choose_register(&reader, merchant.id, options).await?;
        let shop = Shop {
            merchant: merchant.id,
            location: register.location,
            register: register.id,
            currency: merchant.currency,
        };
        if options.is_dry_run {
            return Ok(Self { reader, committer: None, shop, thread: None, _lock: lock });
        }
        let (committer, thread) = start_committer(&database, &Clock::system()).await?;
        let (committer, thread) = (Some(committer), Some(thread));
        Ok(Self { reader, committer, shop, thread, _lock: lock })
    }

    /// Lets the last command end.
    pub async fn close(self) -> anyhow::Result<()> {
        let (Some(committer), Some(thread)) = (self.committer, self.thread) else { return Ok(()) };
        committer.stop();
        match tokio::task::spawn_blocking(move || thread.join()).await? {
            Ok(()) => Ok(()),
            Err(_) => bail!("The committer's thread panicked."),
        }
    }
}

async fn choose_merchant(reader: &Reader, wanted: Option<MerchantId>) -> anyhow::Result<Merchant> {
    if let Some(id) = wanted {
        return reader.find_merchant(id).await?.with_context(|| format!("There is no merchant {id}."));
    }
    let mut merchants = reader.list_merchants().await?;
    match (merchants.pop(), merchants.is_empty()) {
        (Some(merchant), true) => Ok(merchant),
        (None, _) => bail!("There is no merchant yet. Set one up with `tillbridge merchants add`."),
        (Some(_), false) => {
            bail!("There are several merchants: name one with --merchant (`tillbridge merchants list`).")
        }
    }
}

async fn choose_register(reader: &Reader, merchant: MerchantId, options: &Options) -> anyhow::Result<Register> {
    if let Some(id) = options.register {
        return reader
            .find_register(merchant, id)
            .await?
            .with_context(|| format!("The merchant has no register {id}."));
    }
    let mut registers = reader.list_registers(merchant, "", REGISTERS_NAMED_MAX).await?;
    if registers.len() > 1 {
        let named: Vec<String> =
            registers.iter().map(|register| format!("{} {}", register.id, register.name)).collect();
        bail!("The merchant has several registers: name one with --register. They are: {}.", named.join(", "));
    }
    registers.pop().context("The merchant has no register: the sales count for one.")
}

fn check_map(map: &Map, merchant: &Merchant) -> anyhow::Result<()> {
    let articles = &map.articles;
    if articles.currency != merchant.currency {
        bail!(
            "articles.currency of the map is {}, and {} trades in {}. Set up a merchant of that currency.",
            articles.currency,
            merchant.name,
            merchant.currency,
        );
    }
    if merchant.tax.rate(&articles.tax_class).is_none() {
        bail!(
            "articles.tax_class of the map is {:?}, which is none of the classes of {}.",
            articles.tax_class,
            merchant.name,
        );
    }
    Ok(())
}
