//! The shops of a run: two merchants with registers, the sandbox and a terminal keyed by hand. They are made by the hub's
//! own commands through a committer of the test, before any hub runs.

use std::sync::Arc;

use domain::call::{Actor, Role};
use domain::command::Command;
use domain::id::{ApiKeyId, ConnectionId, IdSource, LocationId, MerchantId, RegisterId};
use domain::merchant::{
    AddApiKey, ApiKey, Connection, ConnectionSettings, Contact, DISCOUNT_LIMIT_DEFAULT, Issuer, Location, Merchant,
    Register, SetUpMerchant,
};
use domain::money::Currency;
use domain::payment::Profile;
use domain::tax::TaxRules;
use domain::time::Timestamp;
use hub::api_key::{self, Environment};
use hub::clock::{Clock, RandomIds};
use hub::config::Config;
use hub::database::Database;
use hub::pepper::Pepper;
use storage::{Answer, Envelope, Handle, Idempotency, Lane};

use super::process::Place;

/// Merchants: enough to see one's rows in the other's answers.
const SHOPS: usize = 2;
/// Registers of each: their receipt numbers are what every sale waits for.
const REGISTERS: usize = 4;

/// One merchant.
#[derive(Debug, Clone)]
pub struct Shop {
    pub merchant: MerchantId,
    /// The words of a manager's key.
    pub api_key: String,
    pub location: String,
    pub registers: Vec<String>,
    pub sandbox: String,
    pub manual: String,
}

/// Makes the shops in the database of `place`; `sandbox_url` is where the sandbox listens.
pub fn set_up(place: &Place, sandbox_url: &str) -> Vec<Shop> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut config = Config::for_test(&place.data);
    config.database.url = place.database.clone().map(hub::config::Hidden::new);
    let database = Database::of(&config.database);
    runtime.block_on(database.migrate()).expect("the schema");
    let (pepper, _) = Pepper::open(None, &place.data).expect("a pepper");
    let connect = database.connect(&Clock::system());
    let (handle, thread) = storage::committer::start(connect, Box::new(RandomIds::new())).expect("a committer");
    let mut ids = RandomIds::new();
    let mut shops = Vec::new();
    for number in 0..SHOPS {
        shops.push(runtime.block_on(open(&handle, &pepper, &mut ids, number, sandbox_url)));
    }
    handle.stop();
    thread.join().expect("the committer ends");
    shops
}

async fn open(handle: &Handle, pepper: &Pepper, ids: &mut RandomIds, number: usize, sandbox_url: &str) -> Shop {
    let mut draw = || ids.next(Timestamp(1_700_000_000_000));
    let (merchant, location) = (MerchantId::from_uuid(draw()), LocationId::from_uuid(draw()));
    let registers: Vec<RegisterId> = (0..REGISTERS).map(|_| RegisterId::from_uuid(draw())).collect();
    let (sandbox, manual) = (ConnectionId::from_uuid(draw()), ConnectionId::from_uuid(draw()));
    let key = ApiKeyId::from_uuid(draw());
    let connection = |id, provider: &str, base_url: &str, profile| Connection {
        id,
        merchant,
        provider: provider.to_owned(),
        settings: ConnectionSettings::at(base_url),
        profile,
        credentials: None,
        version: 1,
    };
    let named = |(place, id): (usize, &RegisterId)| Register {
        id: *id,
        merchant,
        location,
        name: format!("K{}", place + 1),
        version: 1,
    };
    let set_up = SetUpMerchant {
        merchant: Merchant {
            id: merchant,
            name: format!("Shop {number}"),
            currency: Currency::JPY,
            zone: "Asia/Tokyo".to_owned(),
            tax: TaxRules::japan(),
            discount_limit: DISCOUNT_LIMIT_DEFAULT,
            customers: domain::customer::CustomerRules::default(),
            issuer: Issuer::default(),
            created_at: Timestamp(0),
            version: 1,
        },
        locations: vec![Location {
            id: location,
            merchant,
            name: "Main street".to_owned(),
            contact: Contact::default(),
            version: 1,
        }],
        registers: registers.iter().enumerate().map(named).collect(),
        connections: vec![
            connection(sandbox, "sandbox", sandbox_url, Profile::sandbox()),
            connection(manual, "manual", "", Profile::manual()),
        ],
    };
    submit(handle, merchant, set_up).await;
    let words = api_key::draw(Environment::Test, key);
    let add_key = AddApiKey {
        key: ApiKey {
            id: key,
            merchant,
            role: Role::Manager,
            name: "kill".to_owned(),
            hash: pepper.api_key(&words).to_vec(),
            created_at: Timestamp(0),
            revoked_at: None,
            version: 1,
        },
    };
    submit(handle, merchant, add_key).await;
    Shop {
        merchant,
        api_key: words,
        location: location.to_string(),
        registers: registers.iter().map(ToString::to_string).collect(),
        sandbox: sandbox.to_string(),
        manual: manual.to_string(),
    }
}

async fn submit<C>(handle: &Handle, merchant: MerchantId, command: C)
where
    C: Command + Send + 'static,
    C::Reply: Send + 'static,
{
    let envelope = Envelope {
        merchant,
        actor: Arc::new(Actor::new("set up", Role::System)),
        request_id: "set-up".to_owned(),
        idempotency: Idempotency::None,
        lane: Lane::Interactive,
        weight: 0,
    };
    let committed = handle.submit(envelope, command, |_| Answer::default()).await.expect("the set-up commits");
    assert!(matches!(committed.reply, Some(Ok(_))), "the set-up is refused");
}
