//! The beginning of a world: the shops are set up, and what will go wrong on the day is drawn.

use domain::command::Command;
use domain::id::{ConnectionId, LocationId, MerchantId, RegisterId};
use domain::stock::{Booking, MoveStock};
use storage::{Answer, Committed, Failure, Idempotency};
use uuid::Uuid;

use crate::hub::internal;
use crate::mirror::{Checked, Finding, found};
use crate::provider::{Provider, flavors};
use crate::wish::{Shop, a_customer, a_promotion, an_article, set_up};
use crate::world::{DAY_MS, Happening, JUMP_MS, World};

/// Prices in yen, and whether their stock is counted.
const ASSORTMENT: [(i64, bool); 3] = [(150, true), (480, true), (5, false)];

impl World {
    pub fn open_shops(&mut self) -> Checked {
        self.start(0)?;
        let kinds = flavors();
        let mut set_ups = Vec::new();
        for place in 0..self.shops.len() {
            let mut profiles = Vec::new();
            for connection in self.shops[place].connections.clone() {
                let flavor = kinds[self.rng.below(kinds.len())].clone();
                self.connections.insert(connection.uuid().as_u128(), self.providers.len());
                profiles.push((flavor.name.to_owned(), flavor.profile.clone()));
                self.providers.push(Provider::new(flavor));
                self.is_out.push(false);
            }
            set_ups.push((place, set_up(&self.shops[place], profiles)));
        }
        self.run_first(set_ups)?;
        let new = |(place, shop): (usize, &Shop)| {
            let merchant = shop.merchant;
            ASSORTMENT.iter().map(move |(yen, is_stocked)| (place, an_article(merchant, *yen, *is_stocked)))
        };
        let articles = self.shops.iter().enumerate().flat_map(new).collect();
        for described in self.run_first(articles)? {
            let article = described.article;
            let yen = article.unit_price.0 / 10_000;
            let owner = self.shops.iter_mut().find(|shop| shop.merchant == article.merchant);
            owner.into_iter().for_each(|shop| shop.articles.push((article.id, yen)));
        }
        let mut receipts = Vec::new();
        for place in 0..self.shops.len() {
            for number in 0..2 {
                let quantity = domain::money::Quantity(self.rng.between(3, 40) * 1_000);
                let shop = &self.shops[place];
                let (merchant, location, article) = (shop.merchant, shop.location, shop.articles[number].0);
                receipts.push((place, MoveStock::one(merchant, location, Booking::Receipt, article, quantity)));
            }
        }
        self.run_first(receipts)?;
        let promotions = self.shops.iter().map(|shop| a_promotion(shop.merchant)).enumerate().collect();
        self.run_first(promotions)?;
        let customers = self.shops.iter().map(|shop| a_customer(shop.merchant)).enumerate().collect();
        for whole in self.run_first(customers)? {
            let owner = self.shops.iter_mut().find(|shop| shop.merchant == whole.customer.merchant);
            owner.into_iter().for_each(|shop| shop.customer = Some(whole.customer.id));
        }
        Ok(())
    }

    /// Runs commands of the operator before the doors open.
    pub fn run_first<C>(&mut self, commands: Vec<(usize, C)>) -> Result<Vec<C::Reply>, Finding>
    where
        C: Command + Send + 'static,
        C::Reply: Send + 'static,
    {
        let mut answers = Vec::new();
        for (shop, command) in commands {
            let envelope = self.envelope(self.shops[shop].merchant, 2, "setup", Idempotency::None);
            let Some((handle, _)) = &self.hubs[0].live else { continue };
            answers.push(handle.send(envelope, command, |_| Answer::default()).map_err(internal)?);
        }
        if let Some((handle, committer)) = &mut self.hubs[0].live {
            while handle.waiting() > 0 {
                committer.step();
            }
        }
        self.look()?;
        let reply = |mut answer: tokio::sync::oneshot::Receiver<Result<Committed<C::Reply>, Failure>>| {
            let committed = answer.try_recv().ok().and_then(Result::ok);
            let reply = committed.and_then(|committed| committed.reply).and_then(Result::ok);
            reply.ok_or_else(|| found("I0 no internal error", "setup", "a command was refused"))
        };
        answers.into_iter().map(reply).collect()
    }

    pub fn open_doors(&mut self) {
        for hub in 1..self.hubs.len() {
            self.plan(0, Happening::Start(hub));
        }
        for person in crate::people::all(&mut self.rng, &self.shops) {
            let in_ms = self.rng.between(0, DAY_MS / 4);
            self.people.push(person);
            let person = self.people.len() - 1;
            self.plan(in_ms, Happening::Wake(person));
        }
        for second in 1..DAY_MS / 1_000 {
            for hub in 0..self.hubs.len() {
                if self.strikes(self.weather.kill) {
                    let epoch = self.hubs[hub].epoch;
                    self.plan(second * 1_000 + 7, Happening::Kill(hub, epoch));
                }
            }
            if self.strikes(self.weather.jump) {
                let by = self.rng.pick(&[JUMP_MS, -JUMP_MS, JUMP_MS / 40, -JUMP_MS / 40]);
                self.has_jumped = true;
                self.plan(second * 1_000 + 3, Happening::Jump(by));
            }
            for provider in 0..self.providers.len() {
                if self.strikes(self.weather.outage) {
                    self.plan(second * 1_000, Happening::Outage(provider, true));
                    let for_ms = self.rng.between(500, 30_000);
                    self.plan(second * 1_000 + for_ms, Happening::Outage(provider, false));
                }
            }
        }
        self.plan(DAY_MS, Happening::Calm);
    }
}

pub fn shop(place: usize) -> Shop {
    let id = |kind: u128, number: u128| Uuid::from_u128((place as u128 + 1) * 1_000 + kind * 100 + number);
    Shop {
        merchant: MerchantId::from_uuid(id(0, 1)),
        location: LocationId::from_uuid(id(1, 1)),
        registers: (1..3).map(|number| RegisterId::from_uuid(id(2, number))).collect(),
        connections: (1..3).map(|number| ConnectionId::from_uuid(id(3, number))).collect(),
        articles: Vec::new(),
        customer: None,
    }
}
