//! One run: a database, a sandbox and clients that outlive every hub, and cycles of load, death and verification.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sandbox::{Options, Sandbox};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::client::Client;
use super::ledger;
use super::process::{Folder, Hub, Place, free_addr};
use super::proxy::{Cut, Proxy};
use super::random::Random;
use super::server::Server;
use super::shop;
use super::traffic::{ARTICLES, Clients, Load};
use super::verify::{self, Book};
use super::witness::{Asked, What};

/// Clients, each with a connection of its own.
const CONNECTIONS: usize = 36;
/// The longest life of a hub under load.
const LIFE: Duration = Duration::from_secs(2);
/// The longest life in every fourth cycle: so that many die while they start.
const SHORT_LIFE: Duration = Duration::from_millis(300);
/// How long after it was asked to stop a hub is killed, at most.
const STOP_THEN_KILL: Duration = Duration::from_millis(150);
/// A hub that is asked to stop has stopped by then.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// A hub is ready by then, after whatever death.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest pause of a client between two requests.
const PAUSE: Duration = Duration::from_millis(60);
/// The same in the cycles that run flat out.
const FLAT_OUT_PAUSE: Duration = Duration::from_millis(1);
/// Old requests that are asked again in each cycle.
const SAMPLE: usize = 60;
/// What every article begins with, in thousandths.
const FIRST_RECEIPT: i64 = 50_000_000;
/// `check` may take this share of a cycle on the average; as the database grows, it is run less often.
const CHECK_PER_CYCLE: Duration = Duration::from_millis(300);
/// Hubs that are killed while they make their database.
const BIRTHS: usize = 6;
/// The longest life of those.
const BIRTH: Duration = Duration::from_millis(120);
/// The longest pause between two cuts of the committer's connection.
const CUT_EVERY: Duration = Duration::from_millis(200);
/// Answers that a hub has to give after a fault of its database, before the cycle goes on.
const ANSWERS_AFTER_FAULT: usize = 20;
const RECOVER_TIMEOUT: Duration = Duration::from_secs(30);

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Sqlite,
    Postgres,
}

/// How a hub ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Kill,
    StopThenKill,
    Stop,
}

/// What happens to the database server meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Nothing,
    ConnectionTerminated,
    ServerKilled,
    CommitCut,
}

/// A run.
pub struct Run {
    random: Random,
    /// Where the hubs keep their records, as they reach them.
    place: Place,
    /// The same without the proxy.
    direct: Place,
    addr: SocketAddr,
    sandbox: Sandbox,
    clients: Clients,
    books: Vec<Book>,
    tally: Tally,
    database: Option<(Proxy, Server)>,
    _sandbox_server: sandbox::Handle,
    runtime: Runtime,
    // Last, so that a failed run's folders are kept after their processes have ended.
    _folders: Vec<Folder>,
}

/// What a run has seen.
#[derive(Default)]
struct Tally {
    ends: BTreeMap<End, u32>,
    faults: BTreeMap<Fault, u32>,
    /// Hubs that died before they were ready.
    unready: u32,
    recoveries: Vec<Duration>,
    checks: u32,
    checked_for: Duration,
    next_check: u32,
    settled: usize,
}

impl Run {
    /// Makes database, shops and sandbox.
    pub fn new(target: Target) -> Self {
        let seed = Random::seed();
        eprintln!("kill on {target:?}: TILLBRIDGE_KILL_SEED={seed}");
        let mut random = Random::of(seed);
        let runtime = Runtime::new().expect("a runtime");
        let (data, addr, sandbox_addr) =
            (Folder::new("tillbridge-kill-"), free_addr(&mut random), free_addr(&mut random));
        let mut folders = Vec::new();
        let database = (target == Target::Postgres).then(|| {
            let folder = Folder::new("tillbridge-kill-postgres-");
            let server = Server::start(folder.path());
            let proxy = Proxy::start(runtime.handle(), free_addr(&mut random), server.addr);
            folders.push(folder);
            (proxy, server)
        });
        let options = Options::default();
        let mut direct = Place {
            data: data.path().to_owned(),
            database: database.as_ref().map(|(_, server)| Server::url_at(server.addr)),
            settings: Vec::new(),
        };
        folders.push(data);
        births(&direct, addr, &mut random);
        let shops = shop::set_up(&direct, &format!("http://{sandbox_addr}"));
        direct.settings = vec![("TILLBRIDGE__PROVIDER__NOTIFY_BASE".to_owned(), format!("http://{addr}"))];
        direct.settings.extend(
            shops
                .iter()
                .map(|shop| (format!("TILLBRIDGE__PROVIDER__SECRETS__{}", shop.sandbox), options.credentials())),
        );
        let proxied = database.as_ref().map(|(proxy, _)| Server::url_at(proxy.addr));
        let place = Place { database: proxied, ..direct.clone() };
        let sandbox = Sandbox::new(options);
        let listener = runtime.block_on(TcpListener::bind(sandbox_addr)).expect("the sandbox's port is free");
        let server = runtime.block_on(async { sandbox.serve(listener) }).expect("the sandbox listens");
        let books = shops.iter().map(|_| Book::default()).collect();
        let clients = Clients::new(shops, seed);
        Self {
            random,
            place,
            direct,
            addr,
            sandbox,
            clients,
            books,
            tally: Tally::default(),
            database,
            _sandbox_server: server,
            runtime,
            _folders: folders,
        }
    }

    /// Runs so many cycles, then verifies everything.
    pub fn complete(mut self, cycles: u32) {
        let begun = Instant::now();
        self.stock_shelves();
        for cycle in 1..=cycles {
            self.cycle(cycle);
            if cycle % 10 == 0 || cycle == cycles {
                self.report(cycle, begun.elapsed());
            }
        }
        self.end();
        eprintln!("kill: done in {:.0} s", begun.elapsed().as_secs_f64());
    }

    /// Articles, and goods of them: most plenty, some scarce.
    fn stock_shelves(&mut self) {
        let mut hub = self.ready_hub();
        for shop in 0..self.clients.shops.len() {
            for number in 0..ARTICLES {
                let article = self.clients.first_article(shop, &mut self.random);
                self.send_first(&article);
                let id = article.text("id").expect("the article is made");
                let quantity = if number % 8 == 7 { 5_000 } else { FIRST_RECEIPT };
                self.send_first(&self.clients.first_receipt(shop, &id, quantity));
            }
        }
        let all = self.clients.log.since(0);
        verify::effects(&self.clients, &mut self.books, self.addr, &all);
        self.fail_on_complaints(0);
        hub.kill();
    }

    fn send_first(&self, asked: &Asked) {
        let mut client = Client::new(self.addr, "");
        assert!(client.connect(), "the hub is there");
        self.clients.send(&mut client, asked, None);
        assert!(asked.is_done(), "{}", asked.words());
    }

    fn ready_hub(&mut self) -> Hub {
        let mut hub = Hub::start(&self.place, self.addr);
        match hub.wait_ready(READY_TIMEOUT) {
            Ok(time) => self.tally.recoveries.push(time),
            Err(why) => panic!("{why}\n{}", self.place.log_tail()),
        }
        hub
    }

    fn cycle(&mut self, cycle: u32) {
        let first = self.clients.log.len();
        self.live_and_die(cycle, first);
        self.fail_on_complaints(cycle);
        // A crashed database is checked as it lies there, or beside the hub that recovered it.
        if cycle.is_multiple_of(2) {
            self.check(cycle);
        }
        let mut hub = self.ready_hub();
        if !cycle.is_multiple_of(2) {
            self.check(cycle);
        }
        self.verify(first);
        if let Some(status) = hub.status() {
            self.clients.log.complain(format!("the hub ended by itself during the verification: {status}"));
        }
        hub.kill();
        self.fail_on_complaints(cycle);
    }

    /// Load on a hub from before it is ready until after it has died.
    fn live_and_die(&mut self, cycle: u32, first: usize) {
        let end = match cycle % 8 {
            3 => End::StopThenKill,
            6 => End::Stop,
            _ => End::Kill,
        };
        let life = self.random.time_below(if cycle % 4 == 1 { SHORT_LIFE } else { LIFE });
        let fault = match (&self.database, cycle % 4) {
            (None, _) | (_, 1) => Fault::Nothing,
            (_, 2) => Fault::ConnectionTerminated,
            (_, 3) => Fault::CommitCut,
            (_, _) => Fault::ServerKilled,
        };
        let stop_then_kill = self.random.time_below(STOP_THEN_KILL);
        *self.tally.ends.entry(end).or_default() += 1;
        *self.tally.faults.entry(fault).or_default() += 1;
        let pause = if cycle % 8 == 4 { FLAT_OUT_PAUSE } else { PAUSE };
        let load = Load { cycle, addr: self.addr, pause, is_over: AtomicBool::new(false) };
        let seeds: Vec<Random> = (0..CONNECTIONS).map(|_| self.random.fork()).collect();
        let mut faults = self.random.fork();
        let Self { place, clients, database, tally, sandbox, runtime, .. } = self;
        std::thread::scope(|scope| {
            // However this thread ends, the clients end too.
            let _over = Over(&load.is_over);
            let mut hub = Hub::start(place, load.addr);
            for random in seeds {
                scope.spawn(|| clients.run(&load, random));
            }
            let begun = Instant::now();
            if let Some((proxy, server)) = database
                && fault != Fault::Nothing
            {
                // A hub that starts while its database is away ends, and says so: that is for its supervisor.
                if let Err(why) = hub.wait_ready(READY_TIMEOUT) {
                    clients.log.complain(why);
                }
                carry_out(fault, life, proxy, server, clients, &mut faults);
            }
            ledger::decide_pending(runtime, sandbox, |index| index % 2 == 0);
            std::thread::sleep(life.saturating_sub(begun.elapsed()));
            if let Some(status) = hub.status() {
                clients.log.complain(format!("the hub ended by itself: {status}"));
            }
            match end {
                End::Kill => hub.kill(),
                End::StopThenKill => {
                    hub.terminate();
                    std::thread::sleep(stop_then_kill);
                    hub.kill();
                }
                End::Stop => {
                    // Before it is ready it may not know yet how to stop in peace.
                    let is_ready = hub.wait_ready(READY_TIMEOUT).is_ok();
                    hub.terminate();
                    match hub.wait(STOP_TIMEOUT) {
                        Some(status) if status.success() && is_ready => {}
                        other => clients.log.complain(format!("asked to stop, ready {is_ready}: {other:?}")),
                    }
                }
            }
            tally.unready += u32::from(clients.log.len() == first);
        });
    }

    /// Everything of the cycle, and a sample of what is older.
    fn verify(&mut self, first: usize) {
        let clients = &self.clients;
        let own = clients.log.since(first);
        let open: Vec<Arc<Asked>> = own.iter().filter(|asked| asked.answer().is_none()).cloned().collect();
        self.tally.settled += open.len();
        let older = (0..SAMPLE).map(|_| clients.log.get(self.random.below(first)));
        let all: Vec<Arc<Asked>> = own.iter().cloned().chain(older).collect();
        verify::settle(clients, self.addr, &all);
        let made = |asked: &&Arc<Asked>| matches!(asked.what, What::Sale { .. } | What::Payment { .. } | What::Article);
        let sample: Vec<Arc<Asked>> =
            open.iter().filter(made).chain(own.iter().filter(made).take(SAMPLE)).cloned().collect();
        verify::read_back(clients, self.addr, &sample);
        verify::effects(clients, &mut self.books, self.addr, &own);
    }

    /// `tillbridge check`, while it is cheap in each cycle, later in some.
    fn check(&mut self, cycle: u32) {
        if cycle < self.tally.next_check {
            return;
        }
        let begun = Instant::now();
        let output = self.direct.check();
        let time = begun.elapsed();
        if !output.status.success() {
            let (said, cried) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            self.clients.log.complain(format!("check ends with {}: {said}{cried}", output.status));
        }
        self.tally.checks += 1;
        self.tally.checked_for += time;
        self.tally.next_check =
            cycle + 1 + u32::try_from(time.as_millis() / CHECK_PER_CYCLE.as_millis()).expect("short");
    }

    /// Every request of the run once more, and the provider's ledger.
    fn end(&mut self) {
        let mut hub = self.ready_hub();
        let begun = Instant::now();
        let all = self.clients.log.since(0);
        verify::settle(&self.clients, self.addr, &all);
        ledger::decide_pending(&self.runtime, &self.sandbox, |_| true);
        let (payments, for_persons) =
            ledger::reconcile(&self.clients, &self.books, &self.direct, self.addr, &self.sandbox);
        verify::effects(&self.clients, &mut self.books, self.addr, &[]);
        self.tally.next_check = 0;
        self.check(0);
        assert!(hub.status().is_none(), "the hub ended by itself");
        hub.terminate();
        let status = hub.wait(STOP_TIMEOUT);
        assert!(status.is_some_and(|status| status.success()), "asked to stop: {status:?}");
        self.check(0);
        eprintln!(
            "kill: all {} requests asked again, {payments} payments equal the provider's ledger or have an open \
             exception ({for_persons} have); {:.0} s",
            all.len(),
            begun.elapsed().as_secs_f64()
        );
        self.fail_on_complaints(u32::MAX);
    }

    fn report(&self, cycle: u32, time: Duration) {
        let Tally { ends, faults, unready, recoveries, checks, checked_for, settled, .. } = &self.tally;
        let log = &self.clients.log;
        let count = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::Relaxed);
        let cuts = self.database.as_ref().map_or(0, |(proxy, _)| proxy.cuts());
        let mut recoveries = recoveries.clone();
        recoveries.sort();
        eprintln!(
            "kill {cycle}: {:.2} s a cycle; {} requests, sent {}, answered {}, unanswered {}, 503 {}; left open {settled}; \
             {ends:?}, died before any request {unready}; {faults:?}, commits cut {cuts}; ready after {:.0} ms, at most {:.0}; \
             {checks} checks of {:.0} ms",
            time.as_secs_f64() / f64::from(cycle),
            log.len(),
            count(&log.sent),
            count(&log.answered),
            count(&log.unanswered),
            count(&log.unavailable),
            recoveries[recoveries.len() / 2].as_secs_f64() * 1e3,
            recoveries[recoveries.len() - 1].as_secs_f64() * 1e3,
            checked_for.as_secs_f64() * 1e3 / f64::from((*checks).max(1)),
        );
    }

    fn fail_on_complaints(&self, cycle: u32) {
        let complaints = self.clients.log.complaints();
        assert!(
            complaints.is_empty(),
            "cycle {cycle}: {} complaints\n{}\nthe hub's last words:\n{}",
            complaints.len(),
            complaints.join("\n"),
            self.place.log_tail()
        );
    }
}

/// Kills hubs while they make their folder and schema. The next one starts all the same.
fn births(place: &Place, addr: SocketAddr, random: &mut Random) {
    for _ in 0..BIRTHS {
        let folder = Folder::new("tillbridge-kill-birth-");
        // A server has one database: there the schema is made once, by hubs that die one after another.
        let data = if place.database.is_some() { place.data.clone() } else { folder.path().join("data") };
        std::fs::create_dir_all(&data).expect("a folder");
        let place = Place { data, ..place.clone() };
        let mut hub = Hub::start(&place, addr);
        std::thread::sleep(random.time_below(BIRTH));
        hub.kill();
        let mut hub = Hub::start(&place, addr);
        hub.wait_ready(READY_TIMEOUT).unwrap_or_else(|why| panic!("{why}\n{}", place.log_tail()));
        hub.kill();
        let output = place.check();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Ends the load when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Lets the fault happen to the database of a living hub, which has to go on by itself.
fn carry_out(fault: Fault, life: Duration, proxy: &Proxy, server: &Server, clients: &Clients, random: &mut Random) {
    let answered = || clients.log.answered.load(Ordering::Relaxed);
    match fault {
        Fault::Nothing => return,
        Fault::ConnectionTerminated => {
            for _ in 0..1 + random.below(3) {
                std::thread::sleep(random.time_below(life / 2));
                server.terminate_committers();
            }
        }
        Fault::ServerKilled => {
            std::thread::sleep(random.time_below(life));
            server.kill_and_restart();
        }
        Fault::CommitCut => {
            let begun = Instant::now();
            while begun.elapsed() < life {
                proxy.arm(a_cut(random));
                std::thread::sleep(random.time_below(CUT_EVERY));
            }
            proxy.disarm();
        }
    }
    let (before, begun) = (answered(), Instant::now());
    while answered() < before + ANSWERS_AFTER_FAULT {
        if begun.elapsed() > RECOVER_TIMEOUT {
            clients.log.complain(format!("after {fault:?} the hub does not come back in {RECOVER_TIMEOUT:?}"));
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn a_cut(random: &mut Random) -> Cut {
    // One in five outlasts the committer's lock timeout of two seconds.
    let longest = if random.percent(20) { Duration::from_millis(2_600) } else { Duration::from_millis(400) };
    let time = random.time_below(longest);
    let cuts = [Cut::AnswerLost, Cut::Dropped, Cut::Withheld, Cut::Late(time), Cut::LateWithheld(time)];
    *random.choose(&cuts)
}
