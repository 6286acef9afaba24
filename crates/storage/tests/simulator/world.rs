//! One world: two merchants, their registers, customers, providers and network, and one or two hubs over one disk. Time is
//! virtual and everything that happens is drawn from the seed, so a world replays to the letter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use domain::call::{Actor, Role};
use domain::payment::Outcome;
use domain::time::Timestamp;

use crate::disk::Disk;
use crate::hub::Hub;
use crate::mirror::{Checked, Finding, Mirror, must};
use crate::opening::shop;
use crate::people::Person;
use crate::provider::{Provider, Reference, Request};
use crate::rng::Rng;
use crate::sender::{Notice, Record};
use crate::wish::{Ask, Shop};

/// When the world begins.
pub const BEGIN: i64 = 1_700_000_000_000;
/// How long people act and faults strike.
pub const DAY_MS: i64 = 75_000;
/// A world that is not at rest by then never will be.
pub const REST_MS_MAX: i64 = 4 * 3_600_000;
/// The pause between two looks of a worker at the jobs.
pub const LOOK_MS: i64 = 100;
/// How often a manager looks at what is left to a person, once the day is over.
pub const ROUND_MS: i64 = 120_000;
/// By then all is done that the machine does by itself.
pub const HELD_MS: i64 = 2 * 3_600_000;
/// How far the clocks jump.
pub const JUMP_MS: i64 = 600_000;
/// From the end of the faults until every doubt has an end or an owner: `resolve_by`, the time a customer gets, and the
/// lease of the last request.
pub const RESOLVED_MS: i64 = 75_000;

/// What goes wrong in a world, in permille.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub crash: u64,
    pub fault: u64,
    pub kill: u64,
    pub refuse: u64,
    pub lose: u64,
    pub lose_reply: u64,
    pub slow: u64,
    pub stuck: u64,
    pub repeat: u64,
    pub hurry: u64,
    pub deaf: u64,
    pub jump: u64,
    pub outage: u64,
}

impl Weather {
    pub fn of(rng: &mut Rng) -> Self {
        if rng.chance(150) {
            return Self::default();
        }
        let mut some = |share: u64, most: i64| if rng.chance(share) { rng.between(1, most) as u64 } else { 0 };
        Self {
            crash: some(500, 25),
            fault: some(500, 40),
            kill: some(300, 3),
            refuse: some(400, 150),
            lose: some(500, 150),
            lose_reply: some(600, 250),
            slow: some(500, 200),
            stuck: some(400, 60),
            repeat: some(500, 200),
            hurry: some(500, 300),
            deaf: some(600, 600),
            jump: some(250, 2),
            outage: some(300, 2),
        }
    }
}

/// A person's request under its key.
pub struct Wish {
    pub merchant: usize,
    pub key: String,
    pub ask: Ask,
    /// It is answered when the payment has ended.
    pub is_later: bool,
    /// It names what belongs to the other merchant.
    pub is_foreign: bool,
    pub answer: Option<(u16, Vec<u8>)>,
}

pub enum Happening {
    Step(usize, u32),
    Work(usize, u32),
    Wake(usize),
    Send(usize),
    Close(usize, u32, usize),
    Depart(usize, u32, u64),
    Arrive { hub: usize, epoch: u32, call: u64, provider: usize, request: Request, is_copy: bool },
    Reply { hub: usize, epoch: u32, call: u64, outcome: Outcome },
    Timeout(usize, u32, u64),
    Again(usize, u32, Box<Record>),
    Tell(Box<Notice>),
    Decide(usize, Reference, bool),
    Start(usize),
    Kill(usize, u32),
    Jump(i64),
    Outage(usize, bool),
    Calm,
    Deadline,
    Round,
}

pub struct World {
    pub seed: u64,
    pub rng: Rng,
    pub now: i64,
    pub skew: i64,
    pub frozen: i64,
    /// One hub is all that writes, as on SQLite: its clock is the database's.
    pub is_sole: bool,
    /// How long the disk takes to sync, at most: a slow one makes larger batches.
    pub sync_ms: i64,
    pub has_jumped: bool,
    pub agenda: BTreeMap<(i64, u64), Happening>,
    pub order: u64,
    pub disk: Disk,
    pub ids: Arc<AtomicU64>,
    pub hubs: Vec<Hub>,
    pub mirror: Mirror,
    pub shops: Vec<Shop>,
    pub providers: Vec<Provider>,
    pub connections: BTreeMap<u128, usize>,
    pub is_out: Vec<bool>,
    pub wishes: Vec<Wish>,
    pub people: Vec<Person>,
    pub weather: Weather,
    pub is_calm: bool,
    pub calls: u64,
    /// Register to the cash that people saw go in and out.
    pub cash: BTreeMap<u128, i64>,
    /// Cash that open sales hold.
    pub cash_of_sale: BTreeMap<u128, (u128, i64)>,
    /// Sales that people saw voided.
    pub voided: BTreeSet<u128>,
    /// Payments about which a person spoke: the settlement file has the last word.
    pub spoken: BTreeSet<u128>,
    pub actors: [Arc<Actor>; 3],
    pub steps: u64,
    pub digest: u64,
    pub history: Option<Vec<String>>,
    pub tally: Tally,
}

/// How often the interesting things happened.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub batches: u64,
    pub deaths: u64,
    pub faults: u64,
    pub lost: u64,
    pub replays: u64,
    pub late_approvals: u64,
    pub exceptions: u64,
}

impl World {
    pub fn new(seed: u64, is_recording: bool) -> Self {
        let mut rng = Rng::new(seed);
        let weather = Weather::of(&mut rng);
        let is_sole = rng.chance(500);
        let sync_ms = rng.pick(&[10, 250, 500]);
        let actor = |name: &str, role| Arc::new(Actor::new(name, role));
        let shops: Vec<Shop> = (0..2).map(shop).collect();
        let mirror = Mirror::new(shops.iter().map(|shop| shop.merchant.to_string()).collect());
        let hub = || Hub {
            live: None,
            epoch: 0,
            waiting: Vec::new(),
            calls: BTreeMap::new(),
            waits: BTreeSet::new(),
            is_step_due: false,
            worker_at: None,
            at_work: BTreeSet::new(),
        };
        let hubs = if is_sole || rng.chance(400) { vec![hub()] } else { vec![hub(), hub()] };
        Self {
            seed,
            rng,
            now: BEGIN,
            skew: 0,
            frozen: 0,
            is_sole,
            sync_ms,
            has_jumped: false,
            agenda: BTreeMap::new(),
            order: 0,
            disk: Disk::new(Timestamp(BEGIN)),
            ids: Arc::new(AtomicU64::new(1)),
            hubs,
            mirror,
            shops,
            providers: Vec::new(),
            connections: BTreeMap::new(),
            is_out: Vec::new(),
            wishes: Vec::new(),
            people: Vec::new(),
            weather,
            is_calm: false,
            calls: 0,
            cash: BTreeMap::new(),
            cash_of_sale: BTreeMap::new(),
            voided: BTreeSet::new(),
            spoken: BTreeSet::new(),
            actors: [actor("till", Role::Cashier), actor("boss", Role::Manager), actor("hub", Role::System)],
            steps: 0,
            digest: 0xcbf2_9ce4_8422_2325,
            history: is_recording.then(Vec::new),
            tally: Tally::default(),
        }
    }

    /// Lives the world to its end and tells its digest.
    pub fn live(&mut self) -> Result<u64, Finding> {
        self.open_shops()?;
        self.open_doors();
        let mut is_settled = false;
        loop {
            while let Some(((at, _), happening)) = self.agenda.pop_first() {
                self.now = at;
                self.steps += 1;
                must!(at < BEGIN + DAY_MS + REST_MS_MAX, "I11 the world comes to rest", "world", "it does not");
                self.happen(happening)?;
            }
            if is_settled {
                break;
            }
            is_settled = true;
            self.settle_all()?;
        }
        self.check_at_rest()?;
        self.tally.late_approvals = self.mirror.payments.values().filter(|pay| pay.is_late()).count() as u64;
        self.tally.exceptions = self.mirror.exceptions.len() as u64;
        Ok(self.digest)
    }

    /// How many payments there are.
    pub fn payments(&self) -> usize {
        self.mirror.payments.len()
    }

    /// What happened, as far as it was recorded.
    pub fn history(&self) -> &[String] {
        self.history.as_deref().unwrap_or_default()
    }

    pub fn note(&mut self, words: impl FnOnce() -> String) {
        if self.history.is_some() {
            let words = words();
            let (now, step) = (self.now - BEGIN, self.steps);
            if let Some(history) = &mut self.history {
                history.push(format!("{step:>6} {now:>9} ms  {words}"));
            }
        }
    }

    pub fn digest(&mut self, number: u64) {
        self.digest = (self.digest ^ number).wrapping_mul(0x0000_0100_0000_01b3);
    }

    pub fn plan(&mut self, in_ms: i64, happening: Happening) {
        self.order += 1;
        self.agenda.insert((self.now + in_ms.max(0), self.order), happening);
    }

    /// What the clock of the database says; with one writer it never runs back.
    pub fn clock(&mut self) -> i64 {
        let clock = self.now + self.skew;
        if !self.is_sole {
            return clock;
        }
        self.frozen = self.frozen.max(clock);
        self.frozen
    }

    pub fn strikes(&mut self, permille: u64) -> bool {
        permille > 0 && !self.is_calm && self.rng.chance(permille)
    }

    pub fn happen(&mut self, happening: Happening) -> Checked {
        self.digest(self.now as u64);
        match happening {
            Happening::Step(hub, epoch) if self.is_current(hub, epoch) => self.step(hub),
            Happening::Work(hub, epoch) if self.is_current(hub, epoch) => self.work(hub),
            Happening::Wake(person) => self.wake(person),
            Happening::Send(wish) => self.send(wish),
            Happening::Close(hub, epoch, wish) if self.is_current(hub, epoch) => {
                if self.hubs[hub].waits.contains(&wish) { self.close(hub, wish) } else { Ok(()) }
            }
            Happening::Depart(hub, epoch, call) if self.is_current(hub, epoch) => self.depart(hub, call),
            Happening::Arrive { hub, epoch, call, provider, request, is_copy } => {
                self.arrive(hub, epoch, call, provider, &request, is_copy)
            }
            Happening::Reply { hub, epoch, call, outcome } if self.is_current(hub, epoch) => {
                self.replied(hub, call, outcome, false)
            }
            Happening::Timeout(hub, epoch, call) if self.is_current(hub, epoch) => {
                self.replied(hub, call, Outcome::Unknown, true)
            }
            Happening::Again(hub, epoch, record) if self.is_current(hub, epoch) => self.record(hub, *record),
            Happening::Tell(notice) => self.tell(*notice),
            Happening::Decide(provider, reference, is_yes) => self.decide(provider, reference, is_yes),
            Happening::Start(hub) => self.start(hub),
            Happening::Kill(hub, epoch) if self.is_current(hub, epoch) && !self.is_calm => {
                self.note(|| format!("hub {hub} is killed"));
                self.die(hub)
            }
            Happening::Jump(by) => {
                self.skew += by;
                self.note(|| format!("the clock jumps by {by} ms"));
                self.call_workers();
                Ok(())
            }
            Happening::Outage(provider, is_out) => {
                self.is_out[provider] = is_out;
                Ok(())
            }
            Happening::Calm => self.calm(),
            Happening::Deadline => {
                self.check_resolved()?;
                self.plan(0, Happening::Round);
                Ok(())
            }
            Happening::Round => self.go_round(),
            _ => Ok(()),
        }
    }

    pub fn is_current(&self, hub: usize, epoch: u32) -> bool {
        self.hubs[hub].epoch == epoch && self.hubs[hub].live.is_some()
    }

    pub fn wake(&mut self, person: usize) -> Checked {
        if self.is_calm {
            return Ok(());
        }
        if let Some(in_ms) = crate::people::act(self, person)? {
            self.plan(in_ms, Happening::Wake(person));
        }
        Ok(())
    }

    /// Somebody new comes in.
    pub fn invite(&mut self, person: Person, in_ms: i64) {
        self.people.push(person);
        let person = self.people.len() - 1;
        self.plan(in_ms, Happening::Wake(person));
    }
}
