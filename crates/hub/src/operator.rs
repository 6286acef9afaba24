//! What the operator of the installation does from the command line: merchants, connections and API keys. It is done by the same
//! commands as everything else, also while a hub serves: a change is one transaction, whoever makes it.

use std::sync::Arc;

use anyhow::{Context, bail};
use connectors::{Connector, find_connector, find_variant};
use domain::call::{Actor, Role};
use domain::command::Command;
use domain::customer::CustomerRules;
use domain::id::{ApiKeyId, ConnectionId, IdSource, LocationId, MerchantId, RegisterId};
use domain::merchant::{
    AddApiKey, AddConnection, ApiKey, Connection, ConnectionSettings, Contact, Credentials, DISCOUNT_LIMIT_DEFAULT,
    Issuer, Location, Merchant, Register, RevokeApiKey, SetCredentials, SetUpMerchant,
};
use domain::money::Currency;
use domain::tax::TaxRules;
use domain::time::Timestamp;
use storage::reader::Reader;
use storage::{Answer, Envelope, Handle, Idempotency, Lane};

use crate::api_key::{self, Environment};
use crate::business_day;
use crate::clock::{Clock, RandomIds};
use crate::config::{Config, Hidden};
use crate::database::Database;
use crate::pepper::Pepper;
use crate::provider::sealed_for;
use crate::seal::Seal;
use crate::serve::{open_pepper, start_committer};

/// A command line at work on a database.
pub struct Operator {
    /// What it reads.
    pub reader: Reader,
    pepper: Pepper,
    committer: Handle,
    thread: std::thread::JoinHandle<()>,
    ids: RandomIds,
    now: Timestamp,
}

/// A merchant that is to be set up.
pub struct NewMerchant {
    /// Its name.
    pub name: String,
    /// The currency of its prices.
    pub currency: Currency,
    /// IANA name of its time zone.
    pub zone: String,
    /// The name of its shop.
    pub location: String,
    /// The names of the registers in it.
    pub registers: Vec<String>,
}

/// A connection that is to be added.
pub struct NewConnection {
    /// Whose it is.
    pub merchant: MerchantId,
    /// With whom: the name of a connector.
    pub provider: String,
    /// Where the provider is and which of its protocols it speaks. Without a base URL it is the protocol's usual one.
    pub settings: ConnectionSettings,
    /// How to get in, in the form that the connector wants, where the settings of the installation do not have it.
    pub credentials: Option<Hidden>,
}

impl NewConnection {
    /// With the sandbox at this address, for example `http://127.0.0.1:8090`.
    pub fn sandbox(merchant: MerchantId, base_url: &str) -> Self {
        Self { merchant, provider: "sandbox".to_owned(), settings: ConnectionSettings::at(base_url), credentials: None }
    }

    /// With a stand-alone terminal, keyed by hand.
    pub fn manual(merchant: MerchantId) -> Self {
        Self { merchant, provider: "manual".to_owned(), settings: ConnectionSettings::default(), credentials: None }
    }
}

/// An API key that is to be let in.
pub struct NewKey {
    /// Whose records it opens.
    pub merchant: MerchantId,
    /// What it may do.
    pub role: Role,
    /// What it is for.
    pub name: String,
    /// What it may reach.
    pub environment: Environment,
}

impl Operator {
    /// Opens the database of these settings, which has to be there.
    pub async fn open(settings: &Config) -> anyhow::Result<Self> {
        let database = Database::of(&settings.database);
        let reader = database.reader()?;
        let pepper = open_pepper(settings, &reader).await?;
        let clock = Clock::system();
        let (committer, thread) = start_committer(&database, &clock).await?;
        Ok(Self { reader, pepper, committer, thread, ids: RandomIds::new(), now: clock.now() })
    }

    /// Opens the credentials that are sealed in the database.
    pub fn seal(&self) -> Seal {
        self.pepper.seal.clone()
    }

    /// Where its commands go.
    pub const fn committer(&self) -> &Handle {
        &self.committer
    }

    /// Lets the last command end.
    pub async fn close(self) -> anyhow::Result<()> {
        self.committer.stop();
        let thread = self.thread;
        match tokio::task::spawn_blocking(move || thread.join()).await? {
            Ok(()) => Ok(()),
            Err(_) => bail!("The committer's thread panicked."),
        }
    }

    /// Sets a merchant up with one shop and its registers, and the tax rules of Japan.
    pub async fn add_merchant(&mut self, new: NewMerchant) -> anyhow::Result<MerchantId> {
        business_day::zone(&new.zone)?;
        let id = MerchantId::from_uuid(self.ids.next(self.now));
        let place = LocationId::from_uuid(self.ids.next(self.now));
        let location =
            Location { id: place, merchant: id, name: new.location, contact: Contact::default(), version: 1 };
        let registers = new.registers.into_iter().map(|name| Register {
            id: RegisterId::from_uuid(self.ids.next(self.now)),
            merchant: id,
            location: place,
            name,
            version: 1,
        });
        let registers = registers.collect();
        let merchant = Merchant {
            id,
            name: new.name,
            currency: new.currency,
            zone: new.zone,
            tax: TaxRules::japan(),
            discount_limit: DISCOUNT_LIMIT_DEFAULT,
            customers: CustomerRules::default(),
            issuer: Issuer::default(),
            created_at: self.now,
            version: 1,
        };
        let command = SetUpMerchant { merchant, locations: vec![location], registers, connections: Vec::new() };
        self.run(id, command).await
    }

    /// Gives a merchant a connection.
    pub async fn add_connection(&mut self, new: NewConnection) -> anyhow::Result<ConnectionId> {
        let connector = find_connector(&new.provider).with_context(|| unknown_provider(&new.provider))?;
        let variant = find_variant(connector, &new.settings.variant);
        let variant = variant.with_context(|| unknown_variant(connector, &new.settings.variant))?;
        let profile = (variant.profile)();
        let base_url = match new.settings.base_url.as_str() {
            "" if profile.is_keyed_by_hand || profile.is_relayed => String::new(),
            "" => checked_base_url(variant.base_url)?,
            given => checked_base_url(given)?,
        };
        // The name is written down: another protocol may become the usual one.
        let variant = if connector.variants().len() > 1 { variant.name.to_owned() } else { String::new() };
        let id = ConnectionId::from_uuid(self.ids.next(self.now));
        let sealed = new.credentials.map(|words| self.sealed(new.merchant, id, &new.provider, 1, &words));
        let connection = Connection {
            id,
            merchant: new.merchant,
            provider: new.provider,
            settings: ConnectionSettings { base_url, variant, ..new.settings },
            profile,
            credentials: sealed.map(|sealed| Credentials { sealed, number: 1, old: None }),
            version: 1,
        };
        self.run(new.merchant, AddConnection { connection }).await
    }

    /// Gives a connection other credentials; what the provider signs with the ones before is taken for so long. Their
    /// number is the answer.
    pub async fn set_credentials(&self, id: ConnectionId, words: &Hidden, keep_old_ms: i64) -> anyhow::Result<i64> {
        let connection = self.reader.find_connection_of_any(id).await?;
        let connection = connection.with_context(|| format!("There is no connection {id}."))?;
        let number = connection.next_credentials_number();
        let sealed = self.sealed(connection.merchant, id, &connection.provider, number, words);
        let command = SetCredentials { connection: id, sealed, number, keep_old_ms };
        self.run(connection.merchant, command).await
    }

    fn sealed(&self, merchant: MerchantId, id: ConnectionId, provider: &str, number: i64, words: &Hidden) -> Vec<u8> {
        self.pepper.seal.close(&sealed_for(merchant, id, provider, number), words.expose().as_bytes())
    }

    /// Makes an API key and gives its words, which nobody can show again.
    pub async fn add_key(&mut self, new: NewKey) -> anyhow::Result<String> {
        let id = ApiKeyId::from_uuid(self.ids.next(self.now));
        let words = api_key::draw(new.environment, id);
        let key = ApiKey {
            id,
            merchant: new.merchant,
            role: new.role,
            name: new.name,
            hash: self.pepper.api_key(&words).to_vec(),
            created_at: self.now,
            revoked_at: None,
            version: 1,
        };
        self.run(new.merchant, AddApiKey { key }).await?;
        Ok(words)
    }

    /// Shuts an API key out, within seconds, for good.
    pub async fn revoke_key(&self, id: ApiKeyId) -> anyhow::Result<()> {
        let key = self.reader.find_api_key(id).await?.with_context(|| format!("There is no API key {id}."))?;
        self.run(key.merchant, RevokeApiKey { id }).await.map(drop)
    }

    /// Runs a command in the name of the operator.
    pub async fn run<C>(&self, merchant: MerchantId, command: C) -> anyhow::Result<C::Reply>
    where
        C: Command + Send + 'static,
        C::Reply: Send + 'static,
    {
        let envelope = Envelope {
            merchant,
            actor: Arc::new(Actor::new("operator", Role::System)),
            request_id: String::new(),
            idempotency: Idempotency::None,
            lane: Lane::Interactive,
            weight: 0,
        };
        let committed = self.committer.submit(envelope, command, |_| Answer::default()).await?;
        match committed.reply {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(refusal)) => bail!("{refusal}"),
            None => bail!("The database gave no answer of its own."),
        }
    }
}

fn unknown_provider(name: &str) -> String {
    let names: Vec<&str> = connectors::names().collect();
    format!("There is no provider `{name}`. There are: {}.", names.join(", "))
}

fn unknown_variant(connector: &dyn Connector, name: &str) -> String {
    let names: Vec<&str> = connector.variants().iter().map(|variant| variant.name).collect();
    format!("`{}` has no variant `{name}`. There are: {}.", connector.name(), names.join(", "))
}

fn checked_base_url(text: &str) -> anyhow::Result<String> {
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() => Ok(url.to_owned()),
        _ => bail!("The base URL begins with http:// or https://, for example http://127.0.0.1:8090."),
    }
}
