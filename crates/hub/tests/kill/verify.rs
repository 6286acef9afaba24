//! What must hold after a crash: every answer is given again byte for byte, what was not answered is wholly there or
//! wholly absent, and what the events and the shelves say is the sum of the answers and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::decimal;
use domain::money::QUANTITY_PLACES;
use serde_json::Value;

use super::client::{Answer, Client, Request};
use super::traffic::Clients;
use super::witness::{Asked, News, What};

/// Connections that ask again.
const CONNECTIONS: usize = 16;
/// A request that was not answered gets its answer in this time: the sandbox's slowest fault, with a loaded machine's
/// reserve.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause before an open request is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// Tries to read events and shelves with no change between them.
const LOOKS_MAX: usize = 200;

/// What is known of a shop from its events, and what from the answers: they have to be the same.
#[derive(Default)]
pub struct Book {
    after: i64,
    told: Effects,
    done: Effects,
    /// Lines by sale, in thousandths.
    lines: BTreeMap<String, Vec<(String, i64)>>,
    completed: BTreeSet<String>,
    moved: BTreeMap<String, i64>,
}

/// What was made, and how often which movement was.
#[derive(Default, PartialEq, Eq, Debug)]
struct Effects {
    articles: BTreeSet<String>,
    sales: BTreeSet<String>,
    payments: BTreeSet<String>,
    movements: BTreeMap<(String, i64), usize>,
}

impl Book {
    /// The ids of all payments.
    pub fn payments(&self) -> impl Iterator<Item = &String> {
        self.told.payments.iter()
    }

    /// What the answer to a request says was done. Once for each request.
    fn note_done(&mut self, asked: &Asked) {
        let Some(id) = asked.text("id") else { return };
        match &asked.what {
            What::Article => drop(self.done.articles.insert(id)),
            What::Movement { article, quantity } => {
                *self.done.movements.entry((article.clone(), *quantity)).or_default() += 1;
                *self.moved.entry(article.clone()).or_default() += quantity;
            }
            What::Sale { lines } => {
                self.lines.entry(id.clone()).or_default().extend(lines.iter().cloned());
                self.done.sales.insert(id);
            }
            What::Line { sale, article, quantity } => {
                self.lines.entry(sale.clone()).or_default().push((article.clone(), *quantity));
            }
            What::Payment { .. } => drop(self.done.payments.insert(id)),
            What::Cash | What::Operation => {}
        }
    }

    /// Reads the events that came since. They have numbers without a gap; nothing is made twice.
    fn read_events(&mut self, client: &mut Client) -> Result<(), String> {
        loop {
            let page = get(client, &format!("/v1/events?after={}&limit=100", self.after))?;
            let events = page["data"].as_array().cloned().unwrap_or_default();
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                let number = event["number"].as_i64().unwrap_or_default();
                if number != self.after + 1 {
                    return Err(format!("after event {} comes {number}", self.after));
                }
                self.after = number;
                self.note_told(&event)?;
            }
        }
    }

    fn note_told(&mut self, event: &Value) -> Result<(), String> {
        let subject = event["subject"].as_str().unwrap_or_default().to_owned();
        let kind = event["kind"].as_str().unwrap_or_default();
        let is_new = match kind {
            "article.created" => self.told.articles.insert(subject),
            "sale.opened" => self.told.sales.insert(subject),
            "sale.completed" => {
                self.told.sales.insert(subject.clone());
                self.completed.insert(subject)
            }
            "payment.created" => self.told.payments.insert(subject),
            "stock.moved" => {
                let quantity = thousandths(&event["data"]["quantity"]);
                let quantity = quantity.ok_or_else(|| format!("not a movement: {event}"))?;
                *self.told.movements.entry((subject, quantity)).or_default() += 1;
                true
            }
            _ => true,
        };
        if is_new { Ok(()) } else { Err(format!("happened twice: {event}")) }
    }

    /// Goods on hand by the answers and the sales that completed.
    fn expected_on_hand(&self) -> BTreeMap<String, i64> {
        let mut on_hand = self.moved.clone();
        for (article, quantity) in self.completed.iter().filter_map(|sale| self.lines.get(sale)).flatten() {
            *on_hand.entry(article.clone()).or_default() -= quantity;
        }
        on_hand.retain(|_, quantity| *quantity != 0);
        on_hand
    }
}

/// Asks all of them again until each has an answer that stands, and then once more.
pub fn settle(clients: &Clients, addr: SocketAddr, open: &[Arc<Asked>]) {
    for_each(clients, addr, open, |client, asked| {
        let begun = Instant::now();
        while repeat(clients, client, asked) == News::Open {
            if begun.elapsed() > SETTLE_TIMEOUT {
                clients.log.complain(format!("No answer in {SETTLE_TIMEOUT:?}: {}", asked.words()));
                return;
            }
            std::thread::sleep(ASK_AGAIN);
        }
        repeat(clients, client, asked);
    });
}

fn repeat(clients: &Clients, client: &mut Client, asked: &Asked) -> News {
    if client.connect() { clients.send(client, asked, None) } else { News::Open }
}

/// Reads what requests made: it stands there as the answer said.
pub fn read_back(clients: &Clients, addr: SocketAddr, asked: &[Arc<Asked>]) {
    for_each(clients, addr, asked, |client, asked| {
        let Some(id) = asked.text("id") else { return };
        let path = match &asked.what {
            What::Sale { .. } => format!("/v1/sales/{id}"),
            What::Payment { .. } => format!("/v1/payments/{id}"),
            What::Article => format!("/v1/articles/{id}"),
            What::Movement { .. } | What::Line { .. } | What::Cash | What::Operation => return,
        };
        client.present(&clients.shops[asked.shop].api_key);
        let found = match get(client, &path) {
            Ok(found) => found,
            Err(why) => return clients.log.complain(format!("{why}, made by {}", asked.words())),
        };
        let answer = asked.answer().unwrap_or(Answer { status: 0, body: Vec::new() }).json();
        // What never changes once it is made.
        for name in ["id", "object", "sku", "unit_price", "register_id", "asked_minor", "sale_id", "created_at"] {
            if found[name] != answer[name] {
                let words = asked.words();
                clients.log.complain(format!("{path}: {name} is {} and was {}: {words}", found[name], answer[name]));
            }
        }
        let other = &clients.shops[(asked.shop + 1) % clients.shops.len()];
        client.present(&other.api_key);
        if get(client, &path).is_ok() {
            clients.log.complain(format!("{path} is seen by another merchant"));
        }
    });
}

/// Holds events and shelves against the answers. All of `asked` have an answer and were not noted before.
pub fn effects(clients: &Clients, books: &mut [Book], addr: SocketAddr, asked: &[Arc<Asked>]) {
    for asked in asked {
        books[asked.shop].note_done(asked);
    }
    let mut client = Client::new(addr, "");
    for (shop, book) in clients.shops.iter().zip(books) {
        client.present(&shop.api_key);
        if let Err(why) = compare(book, &mut client, &shop.location) {
            clients.log.complain(format!("{}: {why}", shop.merchant));
        }
    }
}

fn compare(book: &mut Book, client: &mut Client, location: &str) -> Result<(), String> {
    for _ in 0..LOOKS_MAX {
        book.read_events(client)?;
        let before = book.after;
        let shelves = shelves(client, location)?;
        book.read_events(client)?;
        // A payment that is settled just now may complete a sale between the two looks.
        if book.after == before {
            let expected = book.expected_on_hand();
            let differing = |article: &&String| expected.get(*article) != shelves.get(*article);
            if let Some(article) = expected.keys().chain(shelves.keys()).find(differing) {
                return Err(format!(
                    "on hand of {article}: {:?}, and by all answers {:?}",
                    shelves.get(article),
                    expected.get(article)
                ));
            }
            return differ("articles", &book.told.articles, &book.done.articles)
                .and(differ("sales", &book.told.sales, &book.done.sales))
                .and(differ("payments", &book.told.payments, &book.done.payments))
                .and(if book.told.movements == book.done.movements {
                    Ok(())
                } else {
                    Err("the movements of the events are not those of the answers".to_owned())
                });
        }
    }
    Err(format!("the events do not come to rest in {LOOKS_MAX} looks"))
}

fn differ(noun: &str, told: &BTreeSet<String>, done: &BTreeSet<String>) -> Result<(), String> {
    if told == done {
        return Ok(());
    }
    let unasked: Vec<&String> = told.difference(done).take(5).collect();
    let lost: Vec<&String> = done.difference(told).take(5).collect();
    Err(format!("{noun} that nobody was answered about: {unasked:?}; answered and not there: {lost:?}"))
}

/// Thousandths on hand by article, those at zero left out.
fn shelves(client: &mut Client, location: &str) -> Result<BTreeMap<String, i64>, String> {
    let mut on_hand = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = get(client, &format!("/v1/stock-levels?location_id={location}&limit=100{cursor}"))?;
        for level in page["data"].as_array().into_iter().flatten() {
            let article = level["article_id"].as_str().unwrap_or_default().to_owned();
            let quantity = thousandths(&level["on_hand"]).ok_or_else(|| format!("{level}"))?;
            if quantity != 0 {
                on_hand.insert(article, quantity);
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(on_hand),
        }
    }
}

fn thousandths(quantity: &Value) -> Option<i64> {
    decimal::parse(quantity.as_str()?, QUANTITY_PLACES)
}

/// Reads something that is there.
pub fn get(client: &mut Client, path: &str) -> Result<Value, String> {
    let begun = Instant::now();
    loop {
        let is_connected = client.connect();
        match client.send(Request::get(path)) {
            Ok(answer) if answer.status == 200 => return Ok(answer.json()),
            // While the database comes back.
            Ok(answer) if answer.status == 503 && begun.elapsed() < SETTLE_TIMEOUT => std::thread::sleep(ASK_AGAIN),
            Ok(answer) => return Err(format!("GET {path}: {}", answer.words())),
            // A kept connection may have been closed in the meantime.
            Err(_) if is_connected && begun.elapsed() < SETTLE_TIMEOUT => std::thread::sleep(ASK_AGAIN),
            Err(_) => return Err(format!("GET {path}: no answer")),
        }
    }
}

/// Does something with each of them, on a few connections at once.
fn for_each<T: Sync>(clients: &Clients, addr: SocketAddr, all: &[T], work: impl Fn(&mut Client, &T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS.min(all.len()) {
            scope.spawn(|| {
                let mut client = Client::new(addr, &clients.shops[0].api_key);
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(&mut client, one);
                }
            });
        }
    });
}
