//! A merchant to test with: one location, two registers, three articles, a key of each role.

use domain::article::{Article, CreateArticle};
use domain::call::{Call, Role};
use domain::command::{Command, Refusal};
use domain::id::{ApiKeyId, ArticleId, IdSource, LocationId, MerchantId, RegisterId};
use domain::merchant::{
    AddApiKey, ApiKey, Contact, DISCOUNT_LIMIT_DEFAULT, Issuer, Location, Merchant, Register, SetUpMerchant,
};
use domain::money::{Currency, Quantity, UnitPrice};
use domain::stock::{Booking, MoveStock};
use domain::tax::TaxRules;
use domain::work::{Key, Stop, UnitOfWork};
use hub::api_key::{self, Environment};
use hub::app::App;
use hub::clock::RandomIds;
use storage::{Answer, Envelope, Idempotency, Lane};

/// Tea that is on the shelf in the beginning, in pieces.
pub const TEA_ON_HAND: i64 = 10;

pub struct Shop {
    pub merchant: MerchantId,
    pub location: LocationId,
    pub registers: [RegisterId; 2],
    /// 150 yen, 8 % tax included, [`TEA_ON_HAND`].
    pub tea: ArticleId,
    /// 5 yen, 10 % tax included, not stocked.
    pub bag: ArticleId,
    /// 0.5 yen a unit, 10 % tax included, stocked and without a level.
    pub rice: ArticleId,
    pub viewer: String,
    pub cashier: String,
    pub manager: String,
    pub system: String,
    /// The id of the cashier's key.
    pub cashier_key: ApiKeyId,
}

impl Shop {
    /// Sets the merchant up, as the operator does.
    pub async fn set_up(app: &App, name: &str) -> Self {
        let mut ids = RandomIds::new();
        let now = app.clock.now();
        let mut next = || ids.next(now);
        let merchant = MerchantId::from_uuid(next());
        let location = LocationId::from_uuid(next());
        let registers = [RegisterId::from_uuid(next()), RegisterId::from_uuid(next())];
        run(app, merchant, set_up(merchant, location, registers, name)).await;
        let (_, viewer) = add_key(app, merchant, Role::Viewer, Environment::Test).await;
        let (cashier_key, cashier) = add_key(app, merchant, Role::Cashier, Environment::Test).await;
        let (_, manager) = add_key(app, merchant, Role::Manager, Environment::Test).await;
        let (_, system) = add_key(app, merchant, Role::System, Environment::Test).await;
        let tea = add_article(app, merchant, "tea", 1_500_000, "reduced", true).await.id;
        let bag = add_article(app, merchant, "bag", 50_000, "standard", false).await.id;
        let rice = add_article(app, merchant, "rice", 5_000, "standard", true).await.id;
        let quantity = Quantity(TEA_ON_HAND * 1_000);
        let receipt = MoveStock::one(merchant, location, Booking::Receipt, tea, quantity);
        run(app, merchant, receipt).await;
        Self { merchant, location, registers, tea, bag, rice, viewer, cashier, manager, system, cashier_key }
    }
}

/// A merchant in Japan with one location and two registers.
pub fn set_up(merchant: MerchantId, location: LocationId, registers: [RegisterId; 2], name: &str) -> SetUpMerchant {
    let register = |(number, id): (usize, RegisterId)| Register {
        id,
        merchant,
        location,
        name: format!("T{}", number + 1),
        version: 1,
    };
    SetUpMerchant {
        merchant: Merchant {
            id: merchant,
            name: name.to_owned(),
            currency: Currency::JPY,
            zone: "Asia/Tokyo".to_owned(),
            tax: TaxRules::japan(),
            discount_limit: DISCOUNT_LIMIT_DEFAULT,
            customers: domain::customer::CustomerRules::default(),
            issuer: Issuer::default(),
            created_at: domain::time::Timestamp(0),
            version: 1,
        },
        locations: vec![Location {
            id: location,
            merchant,
            name: "Ginza".to_owned(),
            contact: Contact::default(),
            version: 1,
        }],
        registers: registers.into_iter().enumerate().map(register).collect(),
        connections: Vec::new(),
    }
}

/// Lets a key in; gives its id and its words.
pub async fn add_key(app: &App, merchant: MerchantId, role: Role, environment: Environment) -> (ApiKeyId, String) {
    let id = ApiKeyId::from_uuid(app.next_uuid());
    let words = api_key::draw(environment, id);
    let key = ApiKey {
        id,
        merchant,
        role,
        name: role.to_string(),
        hash: app.pepper.api_key(&words).to_vec(),
        created_at: app.clock.now(),
        revoked_at: None,
        version: 1,
    };
    run(app, merchant, AddApiKey { key }).await;
    (id, words)
}

async fn add_article(
    app: &App,
    merchant: MerchantId,
    sku: &str,
    price: i64,
    tax_class: &str,
    is_stocked: bool,
) -> Article {
    let command = CreateArticle { is_stocked, ..CreateArticle::plain(merchant, sku, sku, UnitPrice(price), tax_class) };
    run(app, merchant, command).await.article
}

/// Opens another location of a merchant, which so far only the installation does when it sets a merchant up.
pub async fn add_location(app: &App, merchant: MerchantId) -> LocationId {
    let (id, name, contact) = (LocationId::from_uuid(app.next_uuid()), "Annexe".to_owned(), Contact::default());
    run(app, merchant, AddLocation(Location { id, merchant, name, contact, version: 1 })).await;
    id
}

struct AddLocation(Location);

impl Command for AddLocation {
    type Reply = ();

    fn name(&self) -> &'static str {
        "test.add_location"
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn decide(&self, work: &mut UnitOfWork, _: &mut Call<'_>) -> Result<(), Stop<Refusal>> {
        work.locations.insert(self.0.clone());
        Ok(())
    }
}

/// Runs a command in the name of the installation.
pub async fn run<C>(app: &App, merchant: MerchantId, command: C) -> C::Reply
where
    C: Command + Send + 'static,
    C::Reply: Send + 'static,
{
    let envelope = Envelope {
        merchant,
        actor: std::sync::Arc::new(domain::call::Actor::new("test", Role::System)),
        request_id: String::new(),
        idempotency: Idempotency::None,
        lane: Lane::Interactive,
        weight: 0,
    };
    let committed = app.committer.submit(envelope, command, |_| Answer::default()).await.expect("it is committed");
    committed.reply.expect("it is decided now").unwrap_or_else(|refusal| panic!("{refusal}"))
}
