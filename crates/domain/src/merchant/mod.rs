//! Whose shop it is: merchant, location, register, and the connections to providers.

mod contact;
mod credentials;
mod issuer;
mod places;
mod refusal;

pub use contact::{ADDRESS_LINE_CHARS_MAX, ADDRESS_LINES_MAX, Contact, PHONE_CHARS_MAX, UpdateLocation};
pub use credentials::{Credentials, OldCredentials, SetCredentials};
pub use issuer::{Issuer, LEGAL_NAME_CHARS_MAX, RegistrationNumber, UpdateMerchant};
pub use places::{LOCATION_NAME_CHARS_MAX, OpenLocation, OpenRegister, REGISTER_NAME_CHARS_MAX};
pub use refusal::Refusal;

use serde::{Deserialize, Serialize};

use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::customer::CustomerRules;
use crate::id::{ApiKeyId, ConnectionId, LocationId, MerchantId, RegisterId};
use crate::money::Currency;
use crate::payment::Profile;
use crate::tax::TaxRules;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// How much cashiers may take off by hand where nothing is said, in basis points: a tenth smooths a quarrel, more is a
/// price of its own.
pub const DISCOUNT_LIMIT_DEFAULT: u32 = 1_000;

/// A business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// Its name, as on the receipt.
    pub name: String,
    /// The currency of its prices.
    pub currency: Currency,
    /// IANA name of its time zone: it decides the business day.
    pub zone: String,
    /// How its prices carry tax.
    pub tax: TaxRules,
    /// How much cashiers may take off by hand, in basis points.
    pub discount_limit: u32,
    /// What holds for all its customers.
    pub customers: CustomerRules,
    /// Who it is before the tax office.
    pub issuer: Issuer,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// One shop of a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its id.
    pub id: LocationId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Its name.
    pub name: String,
    /// Where it is found.
    pub contact: Contact,
    /// Row version.
    pub version: i64,
}

/// A point of sale position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// Its id.
    pub id: RegisterId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where it stands.
    pub location: LocationId,
    /// Its name; also the head of its receipt numbers.
    pub name: String,
    /// Row version.
    pub version: i64,
}

/// The receipt numbers of a register, and its shifts: a row of its own, so that only who takes a number waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptSeries {
    /// The register.
    pub register: RegisterId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The last number given; 0 before the first. A number is never given twice.
    pub last_number: i64,
    /// How many shifts it has had.
    pub shift_count: u32,
    /// Whether the last of them is open.
    pub is_shift_open: bool,
    /// Row version.
    pub version: i64,
}

impl ReceiptSeries {
    /// The series of a register that has done nothing yet.
    pub const fn new(register: RegisterId, merchant: MerchantId) -> Self {
        Self { register, merchant, last_number: 0, shift_count: 0, is_shift_open: false, version: 1 }
    }

    /// The shift that what happens now belongs to: the open one, or else the next. `None` where there never was any.
    pub const fn shift(&self) -> Option<u32> {
        match (self.shift_count, self.is_shift_open) {
            (0, _) => None,
            (open, true) => Some(open),
            (last, false) => Some(last.saturating_add(1)),
        }
    }
}

/// A merchant's credentials and settings with a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The connector's name, for example `sandbox`.
    pub provider: String,
    /// Where the provider is and what it is told; no secret stands here.
    pub settings: ConnectionSettings,
    /// Timings and capabilities.
    pub profile: Profile,
    /// How to get in, sealed; `None` where the settings of the installation have it, and where nothing is needed.
    pub credentials: Option<Credentials>,
    /// Row version.
    pub version: i64,
}

impl Connection {
    /// Which API keys reach it. The provider `sandbox` is for tests wherever it is; what is keyed by hand concerns no
    /// provider.
    pub fn reach(&self) -> Reach {
        match self.provider.as_str() {
            "manual" => Reach::Any,
            "sandbox" => Reach::Test,
            _ if self.settings.is_test => Reach::Test,
            _ => Reach::Live,
        }
    }
}

/// Whether money moves over a connection, and so which API keys reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is with the provider itself: live keys.
    Live,
    /// It is with a played provider, or with one in an environment for tests: test keys.
    Test,
    /// Both.
    Any,
}

impl Reach {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
            Self::Any => "any",
        }
    }
}

/// What a connector needs to know beside the credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSettings {
    /// Base URL of the provider; empty where nothing is sent.
    pub base_url: String,
    /// Which of the provider's protocols is spoken, where its connector knows more than one; empty for the first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
    /// The merchant's id at the provider, where somebody acts for the merchant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_merchant: Option<String>,
    /// Where access tokens come from, if not where the connector expects it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// It moves no money: the provider there is played, or is one for tests. Only test keys reach it, and no live key does.
    #[serde(default, skip_serializing_if = "is_live")]
    pub is_test: bool,
}

/// What moves money is not written down: settings that were stored before there were others read and write as they did.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_live(is_test: &bool) -> bool {
    !*is_test
}

impl ConnectionSettings {
    /// A provider at this address, and nothing else to know.
    pub fn at(base_url: impl Into<String>) -> Self {
        Self { base_url: base_url.into(), ..Self::default() }
    }
}

/// What a program shows to be let in. The words of the key are shown once; a keyed hash of them is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id, part of the key's words.
    pub id: ApiKeyId,
    /// Whose records it opens.
    pub merchant: MerchantId,
    /// What it may do.
    pub role: Role,
    /// What it is for, in the merchant's words.
    pub name: String,
    /// The keyed hash of the secret part.
    pub hash: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stopped opening anything.
    pub revoked_at: Option<Timestamp>,
    /// Row version.
    pub version: i64,
}

/// Makes a merchant with its locations, registers and connections: the installation's own command.
#[derive(Debug, Clone)]
pub struct SetUpMerchant {
    /// The merchant; versions and `created_at` are set here.
    pub merchant: Merchant,
    /// Its shops.
    pub locations: Vec<Location>,
    /// Its registers.
    pub registers: Vec<Register>,
    /// Its connections.
    pub connections: Vec<Connection>,
}

impl Command for SetUpMerchant {
    type Reply = MerchantId;

    fn name(&self) -> &'static str {
        "merchant.set_up"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<MerchantId, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        if work.merchants.find(call.merchant, &self.merchant.id).is_some() {
            // Setting up again what is there changes nothing.
            return Ok(self.merchant.id);
        }
        work.merchants.insert(Merchant { created_at: call.now, ..self.merchant.clone() });
        self.locations.iter().for_each(|location| work.locations.insert(location.clone()));
        self.registers.iter().for_each(|register| work.registers.insert(register.clone()));
        self.connections.iter().for_each(|connection| work.connections.insert(connection.clone()));
        work.emit(call, "merchant.set_up", self.merchant.id, &serde_json::json!({ "name": self.merchant.name }));
        Ok(self.merchant.id)
    }
}

/// Gives a merchant a connection with a provider.
#[derive(Debug, Clone)]
pub struct AddConnection {
    /// The connection.
    pub connection: Connection,
}

impl Command for AddConnection {
    type Reply = ConnectionId;

    fn name(&self) -> &'static str {
        "connection.add"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.connection.merchant)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<ConnectionId, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let Connection { id, merchant, provider, .. } = &self.connection;
        if work.merchants.find(call.merchant, merchant).is_none() {
            return Err(not_found("merchant", merchant));
        }
        work.connections.insert(self.connection.clone());
        work.emit(call, "connection.added", id, &serde_json::json!({ "provider": provider }));
        Ok(*id)
    }
}

/// Lets a new API key in.
#[derive(Debug, Clone)]
pub struct AddApiKey {
    /// The key; `created_at` is set here.
    pub key: ApiKey,
}

impl Command for AddApiKey {
    type Reply = ApiKeyId;

    fn name(&self) -> &'static str {
        "api_key.add"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.key.merchant)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<ApiKeyId, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        if work.merchants.find(call.merchant, &self.key.merchant).is_none() {
            return Err(not_found("merchant", self.key.merchant));
        }
        work.api_keys.insert(ApiKey { created_at: call.now, ..self.key.clone() });
        work.emit(call, "api_key.added", self.key.id, &serde_json::json!({ "role": self.key.role.as_str() }));
        Ok(self.key.id)
    }
}

/// Shuts an API key out, for good.
#[derive(Debug, Clone)]
pub struct RevokeApiKey {
    /// Which one.
    pub id: ApiKeyId,
}

impl Command for RevokeApiKey {
    type Reply = ApiKeyId;

    fn name(&self) -> &'static str {
        "api_key.revoke"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::ApiKey(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<ApiKeyId, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let Some(key) = work.api_keys.find_mut(call.merchant, &self.id) else {
            return Err(not_found("api_key", self.id));
        };
        key.revoked_at.get_or_insert(call.now);
        work.emit(call, "api_key.revoked", self.id, &serde_json::json!({}));
        Ok(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MERCHANT, OTHER_MERCHANT, World};

    fn an_addition(merchant: MerchantId) -> AddConnection {
        let connection = Connection {
            id: ConnectionId::from_uuid(uuid::Uuid::from_u128(0xc0)),
            merchant,
            provider: "sandbox".to_owned(),
            settings: ConnectionSettings::at("http://127.0.0.1:8090"),
            profile: Profile::sandbox(),
            credentials: None,
            version: 1,
        };
        AddConnection { connection }
    }

    #[test]
    fn a_connection_is_added_to_its_own_merchant_only() {
        let mut world = World::new().acting_as(Role::System);
        let id = world.run(&an_addition(MERCHANT)).unwrap();
        assert_eq!(world.database.connections.find(MERCHANT, &id), Some(&an_addition(MERCHANT).connection));
        assert_eq!(world.event_kinds(), ["connection.added"]);
        let refusal = World::new().acting_as(Role::System).refused(&an_addition(OTHER_MERCHANT));
        assert_eq!(refusal.code(), "merchant_not_found");
    }

    #[test]
    fn test_keys_reach_what_moves_no_money() {
        let reach = |provider: &str, is_test| {
            let settings = ConnectionSettings { is_test, ..ConnectionSettings::at("http://127.0.0.1:8091") };
            Connection { provider: provider.to_owned(), settings, ..an_addition(MERCHANT).connection }.reach()
        };
        for (provider, is_test, expected) in [
            ("sandbox", false, Reach::Test),
            ("paypay", false, Reach::Live),
            ("paypay", true, Reach::Test),
            ("manual", false, Reach::Any),
        ] {
            assert_eq!(reach(provider, is_test), expected, "{provider}");
        }
        let text = serde_json::to_string(&ConnectionSettings::at("x")).unwrap();
        assert_eq!(text, r#"{"base_url":"x"}"#);
    }

    #[test]
    fn a_manager_adds_no_connection() {
        let refusal = World::new().acting_as(Role::Manager).refused(&an_addition(MERCHANT));
        assert_eq!(refusal.code(), "role_too_low");
    }
}
