//! A shop with a committer that is stepped by hand.

use std::sync::Arc;

use domain::call::{Actor, Role};
use domain::command::{Command, Refusal};
use domain::id::{ArticleId, BatchId, ConnectionId, IdSource, LocationId, MerchantId, RegisterId};
use domain::merchant::{
    Connection, ConnectionSettings, Contact, DISCOUNT_LIMIT_DEFAULT, Issuer, Location, Merchant, Register,
    SetUpMerchant,
};
use domain::money::Currency;
use domain::payment::Profile;
use domain::tax::TaxRules;
use domain::time::Timestamp;
use storage::committer::{Committer, Connect};
use storage::{Answer, Cell, Claim, Committed, Envelope, Failure, Handle, Idempotency, Lane, Row};
use tokio::sync::oneshot::Receiver;
use uuid::Uuid;

use super::command::{an_article, insert_article, receive};
use super::rows::cell;
use super::store::{Kind, Store, all};

pub const MERCHANT: MerchantId = MerchantId::from_uuid(Uuid::from_u128(1));
pub const OTHER_MERCHANT: MerchantId = MerchantId::from_uuid(Uuid::from_u128(2));
pub const LOCATION: LocationId = LocationId::from_uuid(Uuid::from_u128(3));
pub const OTHER_LOCATION: LocationId = LocationId::from_uuid(Uuid::from_u128(4));
pub const REGISTER: RegisterId = RegisterId::from_uuid(Uuid::from_u128(5));
pub const OTHER_REGISTER: RegisterId = RegisterId::from_uuid(Uuid::from_u128(6));
pub const CONNECTION: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(7));
/// On the shelf: one piece.
pub const TEA: ArticleId = ArticleId::from_uuid(Uuid::from_u128(8));
/// On the shelf: a hundred pieces.
pub const RICE: ArticleId = ArticleId::from_uuid(Uuid::from_u128(9));

/// What a caller gets.
pub type Outcome<R> = Result<Committed<R>, Failure>;

/// Ids that count up from a start of their own.
pub struct Ids(u128);

impl Ids {
    /// Ids that no other source with another number gives.
    pub fn new(source: u128) -> Self {
        Self(source << 64)
    }
}

impl IdSource for Ids {
    fn next(&mut self, now: Timestamp) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(((now.0.max(0) as u128) << 80) + self.0)
    }
}

pub fn batch_id(now: Timestamp) -> BatchId {
    BatchId::from_uuid(Uuid::from_u128(u128::MAX - now.0 as u128))
}

/// The shop.
pub struct Shop {
    // Before the store, so that its connection is closed before the database is dropped.
    pub committer: Committer,
    pub handle: Handle,
    pub store: Store,
    /// The check at the end is meant to find something.
    pub is_tampered: bool,
}

/// Runs a test on a store, and checks the store when it is over.
pub fn run(kind: Kind, test: fn(&mut Shop)) {
    let Some(mut shop) = Shop::open(kind) else { return };
    test(&mut shop);
    if !shop.is_tampered {
        assert_eq!(shop.store.check().findings, []);
    }
}

impl Shop {
    /// A shop with two merchants, and two articles of the first.
    pub fn open(kind: Kind) -> Option<Self> {
        let store = Store::new(kind)?;
        let connect = store.connect();
        let mut shop = Self::over(store, connect, 1);
        shop.run_as(OTHER_MERCHANT, a_merchant(OTHER_MERCHANT, OTHER_LOCATION, OTHER_REGISTER));
        let mut first = a_merchant(MERCHANT, LOCATION, REGISTER);
        first.connections.push(Connection {
            id: CONNECTION,
            merchant: MERCHANT,
            provider: "sandbox".to_owned(),
            settings: ConnectionSettings::default(),
            profile: Profile::sandbox(),
            credentials: None,
            version: 1,
        });
        shop.run(first);
        for (article, pieces) in [(TEA, 1), (RICE, 100)] {
            shop.run(insert_article(an_article(article)));
            shop.run(receive(article, pieces));
        }
        Some(shop)
    }

    /// A committer over a store as it stands. Two of them draw ids from two sources.
    pub fn over(store: Store, connect: Connect, ids: u128) -> Self {
        let (handle, committer) = Committer::new(connect, Box::new(Ids::new(ids))).unwrap();
        Self { committer, handle, store, is_tampered: false }
    }

    /// Puts a command in the queue.
    pub fn send<C>(&self, envelope: Envelope, command: C) -> Receiver<Outcome<C::Reply>>
    where
        C: Command + Send + 'static,
        C::Reply: Send + std::fmt::Debug + 'static,
    {
        self.handle.send(envelope, command, encode).unwrap()
    }

    /// Does all that waits.
    pub fn drain(&mut self) {
        while self.handle.waiting() > 0 {
            self.committer.step();
        }
    }

    /// Sends a command and does it.
    pub fn submit<C>(&mut self, envelope: Envelope, command: C) -> Outcome<C::Reply>
    where
        C: Command + Send + 'static,
        C::Reply: Send + std::fmt::Debug + 'static,
    {
        let answer = self.send(envelope, command);
        self.drain();
        got(answer)
    }

    /// Does a command without a key that is not refused.
    pub fn run<C>(&mut self, command: C) -> C::Reply
    where
        C: Command + Send + 'static,
        C::Reply: Send + std::fmt::Debug + 'static,
    {
        self.run_as(MERCHANT, command)
    }

    fn run_as<C>(&mut self, merchant: MerchantId, command: C) -> C::Reply
    where
        C: Command + Send + 'static,
        C::Reply: Send + std::fmt::Debug + 'static,
    {
        self.submit(of(merchant), command).unwrap().reply.unwrap().unwrap()
    }

    /// Everything that is stored.
    pub fn dump(&self) -> Vec<(&'static str, Vec<Row>)> {
        super::rows::TABLES.keys().map(|name| (*name, all(&self.store, name))).collect()
    }

    /// Everything that is stored of the business: neither answers nor transactions.
    pub fn business(&self) -> Vec<(&'static str, Vec<Row>)> {
        self.dump().into_iter().filter(|(name, _)| !["idempotency", "batch"].contains(name)).collect()
    }

    /// Pieces on the shelf.
    pub fn on_hand(&self, article: ArticleId) -> i64 {
        let levels = all(&self.store, "stock_level");
        let level = levels.iter().find(|row| row[0] == Cell::display(LOCATION) && row[1] == Cell::display(article));
        level.map_or(0, |row| int(cell("stock_level", row, "on_hand")) / 1_000)
    }
}

/// The number in a cell.
pub fn int(cell: &Cell<'_>) -> i64 {
    let Cell::Int(number) = cell else { panic!("{cell:?} is no number") };
    *number
}

/// The text in a cell.
pub fn text<'a>(cell: &'a Cell<'_>) -> &'a str {
    let Cell::Text(text) = cell else { panic!("{cell:?} is no text") };
    text
}

/// What came back.
pub fn got<R>(mut answer: Receiver<Outcome<R>>) -> Outcome<R> {
    answer.try_recv().expect("the caller was answered")
}

/// The code of the refusal that came back.
pub fn refused<R: std::fmt::Debug>(outcome: Outcome<R>) -> String {
    outcome.unwrap().reply.expect("decided now").expect_err("refused").code()
}

/// The bytes of a reply, different for each reply.
pub fn encode<R: std::fmt::Debug>(reply: Result<&R, &Refusal>) -> Answer {
    let (status, body) = match reply {
        Ok(reply) => (201, format!("{reply:?}")),
        Err(refusal) => (409, refusal.code()),
    };
    Answer { status, content_type: "text/plain".into(), body: body.into_bytes(), subject: "it".to_owned() }
}

/// From the merchant's system, without a key.
pub fn of(merchant: MerchantId) -> Envelope {
    Envelope {
        merchant,
        actor: Arc::new(Actor::new("test", Role::System)),
        request_id: "req_1".to_owned(),
        idempotency: Idempotency::None,
        lane: Lane::Interactive,
        weight: 100,
    }
}

/// From the first merchant, without a key.
pub fn plain() -> Envelope {
    of(MERCHANT)
}

/// From the first merchant, under a key.
pub fn keyed(key: &str) -> Envelope {
    Envelope { idempotency: Idempotency::Answer(claim(key)), ..plain() }
}

pub fn claim(key: &str) -> Claim {
    Claim { key: key.to_owned(), fingerprint: [1; 32] }
}

fn a_merchant(id: MerchantId, location: LocationId, register: RegisterId) -> SetUpMerchant {
    let merchant = Merchant {
        id,
        name: "Chaya".to_owned(),
        currency: Currency::JPY,
        zone: "Asia/Tokyo".to_owned(),
        tax: TaxRules::japan(),
        discount_limit: DISCOUNT_LIMIT_DEFAULT,
        customers: domain::customer::CustomerRules::default(),
        issuer: Issuer::default(),
        created_at: Timestamp(0),
        version: 1,
    };
    SetUpMerchant {
        merchant,
        locations: vec![Location {
            id: location,
            merchant: id,
            name: "Ueno".to_owned(),
            contact: Contact::default(),
            version: 1,
        }],
        registers: vec![Register { id: register, merchant: id, location, name: "K1".to_owned(), version: 1 }],
        connections: Vec::new(),
    }
}
