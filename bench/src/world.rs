//! The shops of the bench: 64 merchants, of which the first eight have 100 registers, 5,000 articles and the sales that
//! are stored before anything is measured. They are made by the hub's own commands through the hub's own committer, so
//! every row, hash and counter is what a year of business would have left.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use domain::article::CreateArticle;
use domain::call::{Actor, Role};
use domain::command::Command;
use domain::id::{ArticleId, ConnectionId, LocationId, MerchantId, RegisterId, SaleId};
use domain::merchant::{
    Connection, ConnectionSettings, Contact, DISCOUNT_LIMIT_DEFAULT, Issuer, Location, Merchant, Register,
    SetUpMerchant,
};
use domain::money::{Currency, Quantity, UnitPrice};
use domain::payment::Profile;
use domain::sale::{Consumption, NewLine, NewSale, NewTender, RingSale};
use domain::stock::{Booking, MoveStock};
use domain::tax::TaxRules;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::{Answer, Claim, Committed, Envelope, Failure, Handle, Idempotency, Lane};
use tokio::sync::oneshot::Receiver;

use crate::random::{Ids, Random, Zipf};

/// Where the sandbox of the bench listens: it stands in the connections, so it is known before it is started.
pub const SANDBOX_PORT: u16 = 47_110;
/// Merchants of all rows; P4 and P14 use them all.
pub const MERCHANTS: usize = 64;
/// The merchants of the other rows.
pub const LARGE_MERCHANTS: usize = 8;
/// Their registers, together.
pub const REGISTERS: usize = 100;
/// Their articles, together.
pub const ARTICLES: usize = 5_000;
/// Units of each article on the shelf: more than any run sells.
const UNITS: i64 = 500_000_000;
/// Commands that wait for the committer at once.
const WINDOW: usize = 1_024;
/// What a customer hands over: more than any article costs.
pub const GIVEN_MINOR: i64 = 10_000;

/// What is stored before anything is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many sales.
    pub sales: usize,
    /// How many lines they have together; each has about as many as the next.
    pub lines: usize,
}

impl Size {
    const fn lines_of(self, sale: usize) -> usize {
        (sale + 1) * self.lines / self.sales - sale * self.lines / self.sales
    }
}

/// All merchants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct World {
    /// The large ones first.
    pub shops: Vec<Shop>,
}

/// One merchant with its one location.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shop {
    /// Its id.
    pub merchant: MerchantId,
    /// Its location.
    pub location: LocationId,
    /// Its registers.
    pub registers: Vec<RegisterId>,
    /// Its articles, the best sold first.
    pub articles: Vec<ArticleId>,
    /// The stand-alone terminal, keyed by hand.
    pub manual: ConnectionId,
    /// The sandbox.
    pub sandbox: ConnectionId,
}

/// Makes the world behind this committer and rings its sales.
pub fn make(handle: &Handle, size: Size) -> anyhow::Result<World> {
    let mut maker = Maker { handle, ids: Ids::new(1), random: Random::new(1), waiting: VecDeque::new() };
    let shops = (0..MERCHANTS).map(|index| maker.open_shop(index)).collect::<anyhow::Result<Vec<_>>>()?;
    maker.ring(&shops, size)?;
    Ok(World { shops })
}

type Waiting = Box<dyn FnOnce() -> anyhow::Result<()>>;

struct Maker<'a> {
    handle: &'a Handle,
    ids: Ids,
    random: Random,
    waiting: VecDeque<Waiting>,
}

/// The part of `total` that falls to the index among the large merchants.
const fn share(total: usize, index: usize) -> usize {
    total / LARGE_MERCHANTS + if index < total % LARGE_MERCHANTS { 1 } else { 0 }
}

impl Maker<'_> {
    fn open_shop(&mut self, index: usize) -> anyhow::Result<Shop> {
        let is_large = index < LARGE_MERCHANTS;
        let (registers, articles) = if is_large { (share(REGISTERS, index), share(ARTICLES, index)) } else { (1, 1) };
        let merchant = MerchantId::from_uuid(self.ids.draw());
        let location = LocationId::from_uuid(self.ids.draw());
        let registers: Vec<RegisterId> = (0..registers).map(|_| RegisterId::from_uuid(self.ids.draw())).collect();
        let manual = ConnectionId::from_uuid(self.ids.draw());
        let sandbox = ConnectionId::from_uuid(self.ids.draw());
        self.set_up(index, Shop { merchant, location, registers, articles: Vec::new(), manual, sandbox }, articles)
    }

    fn set_up(&mut self, index: usize, mut shop: Shop, articles: usize) -> anyhow::Result<Shop> {
        let (merchant, location) = (shop.merchant, shop.location);
        let register = |(number, id): (usize, &RegisterId)| Register {
            id: *id,
            merchant,
            location,
            name: format!("K{}", number + 1),
            version: 1,
        };
        let connection = |id, provider: &str, base_url: String, profile| Connection {
            id,
            merchant,
            provider: provider.to_owned(),
            settings: ConnectionSettings::at(base_url),
            profile,
            credentials: None,
            version: 1,
        };
        let sandbox_url = format!("http://127.0.0.1:{SANDBOX_PORT}");
        let command = SetUpMerchant {
            merchant: Merchant {
                id: merchant,
                name: format!("Bench {}", index + 1),
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
            registers: shop.registers.iter().enumerate().map(register).collect(),
            connections: vec![
                connection(shop.manual, "manual", String::new(), Profile::manual()),
                connection(shop.sandbox, "sandbox", sandbox_url, Profile::sandbox()),
            ],
        };
        self.submit(merchant, Role::System, command, |_| ())?;
        self.drain()?;
        shop.articles = self.stock_shelf(merchant, location, articles)?;
        Ok(shop)
    }

    fn stock_shelf(
        &mut self,
        merchant: MerchantId,
        location: LocationId,
        count: usize,
    ) -> anyhow::Result<Vec<ArticleId>> {
        let mut answers = Vec::new();
        for number in 0..count {
            let price_minor = 80 + self.random.below(2_000) as i64;
            let is_food = self.random.below(2) == 0;
            answers.push(self.send(
                merchant,
                Role::Manager,
                Idempotency::None,
                CreateArticle::plain(
                    merchant,
                    &format!("{:013}", 4_900_000_000_000 + number as u64),
                    &format!("Article of the bench number {number}"),
                    UnitPrice(price_minor * 10_000),
                    if is_food { "reduced" } else { "standard" },
                ),
            )?);
        }
        let articles: Vec<ArticleId> =
            answers.into_iter().map(|answer| Ok(reply_of(answer)?.article.id)).collect::<anyhow::Result<_>>()?;
        for article in &articles {
            let quantity = Quantity(UNITS * 1_000);
            let command = MoveStock::one(merchant, location, Booking::Receipt, *article, quantity);
            self.submit(merchant, Role::Manager, command, |_| ())?;
        }
        self.drain()?;
        Ok(articles)
    }

    fn ring(&mut self, shops: &[Shop], size: Size) -> anyhow::Result<()> {
        let large = &shops[..LARGE_MERCHANTS];
        let zipfs: Vec<Zipf> = large.iter().map(|shop| Zipf::over(shop.articles.len())).collect();
        let begun = Instant::now();
        for number in 0..size.sales {
            let index = self.random.below(LARGE_MERCHANTS);
            let (shop, zipf) = (&large[index], &zipfs[index]);
            let line_count = size.lines_of(number);
            let lines = (0..line_count).map(|_| NewLine {
                article: shop.articles[zipf.choose(&mut self.random)].into(),
                quantity: Quantity(1_000),
            });
            let sale = NewSale {
                merchant: shop.merchant,
                location: shop.location,
                lines: lines.collect(),
                register: shop.registers[self.random.below(shop.registers.len())],
                consumption: Consumption::TakeAway,
                coupons: Vec::new(),
                customer: None,
                discounts: Vec::new(),
                note: String::new(),
            };
            let given_minor = GIVEN_MINOR * line_count as i64;
            let tenders = vec![NewTender::Cash { amount_minor: None, given_minor }];
            let id = SaleId::from_uuid(self.ids.draw());
            self.submit(shop.merchant, Role::Cashier, RingSale { id, currency: Currency::JPY, sale, tenders }, |_| ())?;
            if (number + 1) % 100_000 == 0 {
                eprintln!("  {} sales stored, {:.0} s", number + 1, begun.elapsed().as_secs_f64());
            }
        }
        self.drain()
    }

    /// Sends a command under a key of its own, and waits for older ones when too many are under way.
    fn submit<C>(
        &mut self,
        merchant: MerchantId,
        role: Role,
        command: C,
        check: impl FnOnce(C::Reply) + 'static,
    ) -> anyhow::Result<()>
    where
        C: Command + Send + 'static,
        C::Reply: Send + 'static,
    {
        let key = self.ids.draw().to_string();
        let claim = Idempotency::Answer(Claim { key, fingerprint: [7; 32] });
        let answer = self.send(merchant, role, claim, command)?;
        self.waiting.push_back(Box::new(move || reply_of(answer).map(check)));
        if self.waiting.len() >= WINDOW {
            // Half of it at once: the committer then always finds a full batch.
            for wait in self.waiting.drain(..WINDOW / 2) {
                wait()?;
            }
        }
        Ok(())
    }

    fn send<C>(
        &mut self,
        merchant: MerchantId,
        role: Role,
        idempotency: Idempotency,
        command: C,
    ) -> anyhow::Result<Receiver<Result<Committed<C::Reply>, Failure>>>
    where
        C: Command + Send + 'static,
        C::Reply: Send + 'static,
    {
        let envelope = Envelope {
            merchant,
            actor: Arc::new(Actor::new("bench", role)),
            request_id: self.ids.draw().to_string(),
            idempotency,
            lane: Lane::Interactive,
            weight: 500,
        };
        Ok(self.handle.send(envelope, command, |_| stored_answer())?)
    }

    fn drain(&mut self) -> anyhow::Result<()> {
        self.waiting.drain(..).try_for_each(|wait| wait())
    }
}

fn reply_of<R>(answer: Receiver<Result<Committed<R>, Failure>>) -> anyhow::Result<R> {
    let committed = answer.blocking_recv().context("the committer ended")??;
    let reply = committed.reply.context("a key was used twice")?;
    reply.map_err(|refusal| anyhow::anyhow!("refused: {refusal}"))
}

/// As large as the hub's answer to a sale of one line, so that the table of the answers is as large as it would be.
fn stored_answer() -> Answer {
    Answer { status: 201, content_type: "application/json".into(), body: vec![b' '; 900], subject: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_add_up() {
        let size = Size { sales: 10_452, lines: 209_029 };
        let counts: Vec<usize> = (0..size.sales).map(|sale| size.lines_of(sale)).collect();
        assert_eq!(counts.iter().sum::<usize>(), size.lines);
        assert!(counts.iter().all(|count| (19..=21).contains(count)));
        assert_eq!((0..LARGE_MERCHANTS).map(|index| share(REGISTERS, index)).sum::<usize>(), REGISTERS);
    }
}
