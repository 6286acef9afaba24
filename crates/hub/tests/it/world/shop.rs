//! The merchants of a world, their connections with the played providers, and how quick both are.

use connectors::{find_connector, find_variant};
use domain::call::Role;
use domain::id::{ConnectionId, IdSource, LocationId, MerchantId, RegisterId};
use domain::merchant::{
    Connection, ConnectionSettings, Contact, DISCOUNT_LIMIT_DEFAULT, Issuer, Location, Merchant, Register,
    SetUpMerchant,
};
use domain::money::Currency;
use domain::payment::{LateApproval, Profile};
use domain::tax::TaxRules;
use hub::api_key::Environment;
use hub::clock::{Clock, RandomIds};
use hub::operator::{NewKey, Operator};
use sandbox::{Options, acquirer, alipay, antom, paypay, wechat};

/// The credentials of every connection with the sandbox.
pub const NOTIFY_SECRET: &str = "notify-secret-of-the-tests";

/// A merchant with one shop, two registers and its connections.
pub struct Shop {
    pub location: LocationId,
    pub register: RegisterId,
    /// The sandbox, with time for an answer.
    pub sandbox: ConnectionId,
    /// The sandbox with a short answer timeout and finality window.
    pub hasty: ConnectionId,
    /// As `hasty`, but a late approval is left to a person.
    pub careful: ConnectionId,
    /// As `hasty`, but a person wants to know of a doubt long before it can be settled.
    pub slow_to_settle: ConnectionId,
    /// A stand-alone terminal.
    pub manual: ConnectionId,
    /// A stand-alone terminal of which an operator has to tell within moments.
    pub slip: ConnectionId,
    /// A provider that no key for tests may reach.
    pub live: ConnectionId,
    /// The played PayPay, as it is deployed.
    pub opa: ConnectionId,
    /// The played PayPay, as document 004 has it.
    pub oauth: ConnectionId,
    /// The played mPOS gateway.
    pub gateway: ConnectionId,
    /// The same, with time for a customer who takes the card out again.
    pub counter: ConnectionId,
    /// The played WeChat Pay: APIv3 of mainland China, APIv3 of elsewhere, and v2.
    pub wechat: [ConnectionId; 3],
    /// The played Alipay; it takes yuan only.
    pub alipay: ConnectionId,
    /// The played Antom.
    pub antom: ConnectionId,
    pub cashier: String,
    pub manager: String,
    pub viewer: String,
    /// A manager's key for real providers.
    pub live_manager: String,
}

/// The profile of the sandbox with room for a busy machine.
fn patient() -> Profile {
    Profile {
        answer_timeout_ms: 5_000,
        poll_period_ms: 40,
        poll_period_ms_max: 200,
        poll_horizon_ms: 12_000,
        finality_window_ms: 5_500,
        resolve_by_ms: 30_000,
        ..Profile::sandbox()
    }
}

/// One whose answers come too late.
fn hasty() -> Profile {
    Profile {
        answer_timeout_ms: 400,
        poll_period_ms: 40,
        poll_period_ms_max: 200,
        poll_horizon_ms: 2_500,
        finality_window_ms: 700,
        resolve_by_ms: 20_000,
        ..Profile::sandbox()
    }
}

/// A profile of a played wallet, whose customers are quick.
fn quick(provider: &str, variant: &str) -> Profile {
    let connector = find_connector(provider).unwrap();
    Profile {
        answer_timeout_ms: 400,
        poll_period_ms: 40,
        poll_period_ms_max: 200,
        poll_horizon_ms: 2_500,
        finality_window_ms: 700,
        resolve_by_ms: 20_000,
        give_up_ms: 8_000,
        ..(find_variant(connector, variant).unwrap().profile)()
    }
}

/// The readers and delays of the played mPOS gateway.
pub fn acquirer_options() -> acquirer::Options {
    acquirer::Options { slow_ms: 900, pend_ms: 300, ..acquirer::Options::default() }
}

/// A profile of the played WeChat Pay, whose customers are quick with their passwords, too.
fn quick_wechat(variant: &str) -> Profile {
    Profile {
        // An exchange is signed twice and verified twice, and a suite has many at once.
        answer_timeout_ms: 1_200,
        finality_window_ms: 1_600,
        poll_horizon_ms: 3_500,
        scan_horizon_ms: Some(3_500),
        undo_hold_ms: Some(WECHAT_HOLD_MS),
        give_up_ms: 20_000,
        ..quick("wechat", variant)
    }
}

/// How long a charge of a scanned code is not undone; WeChat's own hold is a part of it, for a busy machine.
pub const WECHAT_HOLD_MS: i64 = 600;

/// Its secrets and delays. The merchants of these tests take yen, and one of them over the interface of mainland China.
pub fn wechat_options() -> wechat::Options {
    wechat::Options {
        customer_ms: Some(150),
        slow_ms: 2_000,
        undo_hold_ms: WECHAT_HOLD_MS / 4,
        mainland_currency: "JPY".to_owned(),
        ..wechat::Options::default()
    }
}

/// One whose every request and answer is signed with RSA: that takes a busy machine longer.
fn signed(provider: &str) -> Profile {
    Profile {
        answer_timeout_ms: 2_000,
        poll_horizon_ms: 4_000,
        finality_window_ms: 2_300,
        give_up_ms: 12_000,
        ..quick(provider, "")
    }
}

/// The secrets and delays of the played PayPay.
pub fn paypay_options() -> paypay::Options {
    paypay::Options { customer_ms: Some(150), slow_ms: 900, cancel_ms: 100, ..paypay::Options::default() }
}

/// Who the merchant is at the played Alipay, and its delays.
pub fn alipay_options() -> alipay::Options {
    alipay::Options { customer_ms: Some(150), slow_ms: 3_000, ..alipay::Options::default() }
}

/// Who the merchant is at the played Antom, and its delays.
pub fn antom_options() -> antom::Options {
    antom::Options { slow_ms: 3_000, ..antom::Options::default() }
}

/// The secrets and delays of the sandbox.
pub fn options() -> Options {
    Options {
        notify_secret: NOTIFY_SECRET.to_owned(),
        slow_ms: 900,
        late_ms: 4_000,
        pend_ms: 250,
        unreachable_ms: 900,
        hold_ms: 8_000,
        ..Options::default()
    }
}

/// Where the played providers are; the second of WeChat Pay's is over TLS.
pub struct Urls {
    pub sandbox: String,
    pub paypay: String,
    pub wechat: [String; 2],
    pub alipay: String,
    pub antom: String,
    pub gateway: String,
}

impl Urls {
    fn settings(&self, provider: &str, variant: &str) -> ConnectionSettings {
        let url: &str = match (provider, variant) {
            ("sandbox", _) => &self.sandbox,
            ("paypay", _) => &self.paypay,
            ("wechat", "v2") => &self.wechat[1],
            ("wechat", _) => &self.wechat[0],
            ("alipay", _) => &self.alipay,
            ("antom", _) => &self.antom,
            ("mpos_gateway", _) => &self.gateway,
            _ => "",
        };
        ConnectionSettings { variant: variant.to_owned(), ..ConnectionSettings::at(url) }
    }
}

/// Sets a merchant up, with keys for everybody.
pub async fn set_up(operator: &mut Operator, currency: &str, urls: &Urls) -> Shop {
    let mut ids = RandomIds::new();
    let now = Clock::system().now();
    let mut next = || ids.next(now);
    let (merchant, location) = (MerchantId::from_uuid(next()), LocationId::from_uuid(next()));
    let register = RegisterId::from_uuid(next());
    let slip = Profile {
        answer_timeout_ms: 300,
        poll_period_ms: 50,
        poll_horizon_ms: 300,
        resolve_by_ms: 300,
        ..Profile::manual()
    };
    let profiles = [
        ("sandbox", patient()),
        ("sandbox", hasty()),
        ("sandbox", Profile { late_approval: LateApproval::AskPerson, ..hasty() }),
        ("sandbox", Profile { finality_window_ms: 2_500, poll_horizon_ms: 6_000, resolve_by_ms: 500, ..hasty() }),
        ("manual", Profile::manual()),
        ("manual", slip),
        ("elsewhere", Profile::sandbox()),
        ("paypay/opa", quick("paypay", "opa")),
        ("paypay/oauth", quick("paypay", "oauth")),
        ("wechat/v3", quick_wechat("v3")),
        ("wechat/v3-global", quick_wechat("v3-global")),
        ("wechat/v2", quick_wechat("v2")),
        ("mpos_gateway", quick("mpos_gateway", "header")),
        ("mpos_gateway", Profile { is_one_at_a_time: true, give_up_ms: 60_000, ..patient() }),
        ("alipay", signed("alipay")),
        ("antom", signed("antom")),
    ];
    let connections: Vec<Connection> = profiles
        .into_iter()
        .map(|(provider, profile)| {
            let (provider, variant) = provider.split_once('/').unwrap_or((provider, ""));
            let settings = urls.settings(provider, variant);
            let (id, provider) = (ConnectionId::from_uuid(next()), provider.to_owned());
            Connection { id, merchant, provider, settings, profile, credentials: None, version: 1 }
        })
        .collect();
    let ids: Vec<ConnectionId> = connections.iter().map(|connection| connection.id).collect();
    let set_up = SetUpMerchant {
        merchant: Merchant {
            id: merchant,
            name: "A shop".to_owned(),
            currency: Currency::parse(currency).unwrap(),
            zone: "Asia/Tokyo".to_owned(),
            tax: TaxRules::japan(),
            discount_limit: DISCOUNT_LIMIT_DEFAULT,
            customers: domain::customer::CustomerRules::default(),
            issuer: Issuer::default(),
            created_at: now,
            version: 1,
        },
        locations: vec![Location {
            id: location,
            merchant,
            name: "Ginza".to_owned(),
            contact: Contact::default(),
            version: 1,
        }],
        registers: vec![Register { id: register, merchant, location, name: "A1".to_owned(), version: 1 }],
        connections,
    };
    operator.run(merchant, set_up).await.unwrap();
    let mut key = async |role, environment| {
        let new = NewKey { merchant, role, name: "of a test".to_owned(), environment };
        operator.add_key(new).await.unwrap()
    };
    Shop {
        location,
        register,
        sandbox: ids[0],
        hasty: ids[1],
        careful: ids[2],
        slow_to_settle: ids[3],
        manual: ids[4],
        slip: ids[5],
        live: ids[6],
        opa: ids[7],
        oauth: ids[8],
        wechat: [ids[9], ids[10], ids[11]],
        gateway: ids[12],
        counter: ids[13],
        alipay: ids[14],
        antom: ids[15],
        cashier: key(Role::Cashier, Environment::Test).await,
        manager: key(Role::Manager, Environment::Test).await,
        viewer: key(Role::Viewer, Environment::Test).await,
        live_manager: key(Role::Manager, Environment::Live).await,
    }
}
