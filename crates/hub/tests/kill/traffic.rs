//! What the clients do: random commands over what is known to be there, old requests once more, and the same request on
//! two connections at once.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::client::{Client, Request};
use super::random::Random;
use super::shop::Shop;
use super::witness::{Asked, Log, News, What};

/// Articles, open sales and payments that are acted on: the latest.
const REMEMBERED_MAX: usize = 64;
/// Articles that every run begins with.
pub const ARTICLES: usize = 16;
/// How long a client waits before it knocks again at a hub that is not there.
const KNOCK_AGAIN: Duration = Duration::from_millis(2);
/// How long a client leaves a hub alone that has no answer just now.
const NOT_NOW: Duration = Duration::from_millis(20);
/// Last digits of an amount for which the sandbox plays a fault.
const FAULTS: std::ops::Range<i64> = 901..915;

/// What is known to be there in one shop.
#[derive(Debug, Default)]
struct Known {
    /// Those of the beginning, with goods on the shelf.
    staples: Vec<String>,
    articles: VecDeque<String>,
    open_sales: VecDeque<String>,
    captured: VecDeque<String>,
    keyed: VecDeque<String>,
}

/// The clients' common ground.
pub struct Clients {
    pub shops: Vec<Shop>,
    pub log: Log,
    known: Vec<Mutex<Known>>,
    keys: AtomicUsize,
    /// Tells the keys of this run from those of another.
    seed: u64,
}

/// One cycle of load.
pub struct Load {
    pub cycle: u32,
    pub addr: SocketAddr,
    /// The longest pause of a client between two requests.
    pub pause: Duration,
    pub is_over: AtomicBool,
}

impl Clients {
    /// Clients of these shops who know nothing yet.
    pub fn new(shops: Vec<Shop>, seed: u64) -> Self {
        let known = shops.iter().map(|_| Mutex::default()).collect();
        Self { shops, log: Log::default(), known, keys: AtomicUsize::new(0), seed }
    }

    fn known(&self, shop: usize) -> MutexGuard<'_, Known> {
        self.known[shop].lock().expect("no holder panics")
    }

    /// One client, until the load is over.
    pub fn run(&self, load: &Load, mut random: Random) {
        let mut client = Client::new(load.addr, "");
        while !load.is_over.load(Ordering::Relaxed) {
            if !client.connect() {
                std::thread::sleep(KNOCK_AGAIN);
                continue;
            }
            let asked = self.choose(load.cycle, &mut random);
            let prefer = ["wait=1", "wait=2", "wait=3"];
            let prefer = random.percent(50).then(|| *random.choose(&prefer));
            if random.percent(5) {
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        let mut twin = Client::new(load.addr, "");
                        if twin.connect() {
                            self.send(&mut twin, &asked, prefer);
                        }
                    });
                    self.send(&mut client, &asked, prefer);
                });
            } else if self.send(&mut client, &asked, prefer) == News::Open {
                std::thread::sleep(NOT_NOW);
            }
            std::thread::sleep(random.time_below(load.pause));
        }
    }

    /// Sends a request on a client that is connected, and learns from the answer.
    pub fn send(&self, client: &mut Client, asked: &Asked, prefer: Option<&str>) -> News {
        client.present(&self.shops[asked.shop].api_key);
        let Asked { key, path, body, .. } = asked;
        let answer = client.send(Request { method: "POST", path, key: Some(key), prefer, body });
        let news = self.log.hear(asked, answer);
        if news == News::First {
            self.learn(asked);
        }
        news
    }

    fn learn(&self, asked: &Asked) {
        let (Some(id), Some(state)) = (asked.text("id"), asked.text("state").or(Some(String::new()))) else { return };
        let mut known = self.known(asked.shop);
        match (&asked.what, state.as_str()) {
            (What::Article, _) if known.staples.len() < ARTICLES => known.staples.push(id),
            (What::Article, _) => remember(&mut known.articles, id),
            (What::Sale { .. }, "open") => remember(&mut known.open_sales, id),
            (What::Payment { .. }, "captured") => remember(&mut known.captured, id),
            (What::Payment { .. }, "in_progress") if asked.body.contains(&self.shops[asked.shop].manual) => {
                remember(&mut known.keyed, id);
            }
            (What::Operation, "captured" | "partially_refunded") => remember(&mut known.captured, id),
            _ => {}
        }
    }

    fn choose(&self, cycle: u32, random: &mut Random) -> Arc<Asked> {
        let count = self.log.len();
        if count > 0 && random.percent(8) {
            // An old request once more; half the time one of the last hundred.
            let reach = if random.percent(50) { count.min(100) } else { count };
            return self.log.get(count - 1 - random.below(reach));
        }
        let shop = random.below(self.shops.len());
        let (path, body, what) = self.draw(shop, random);
        let asked = Asked::new(cycle, shop, self.key(), path, body, what);
        self.log.add(&asked);
        asked
    }

    fn key(&self) -> String {
        format!("k{:x}-{:06}", self.seed, self.keys.fetch_add(1, Ordering::Relaxed))
    }

    fn draw(&self, shop: usize, random: &mut Random) -> (String, String, What) {
        let known = self.known(shop);
        let (sale, captured, keyed) =
            (pick(&known.open_sales, random), pick(&known.captured, random), pick(&known.keyed, random));
        let lines: Vec<(String, i64)> = (0..1 + random.below(3))
            .map(|_| {
                let fresh = if random.percent(15) { pick(&known.articles, random) } else { None };
                let article = fresh.unwrap_or_else(|| random.choose(&known.staples).clone());
                (article, 1_000 * (1 + random.below(3) as i64))
            })
            .collect();
        drop(known);
        let at = &self.shops[shop];
        match random.below(100) {
            0..8 => self.new_article(random),
            8..24 => a_movement(at, &lines[0].0, random),
            24..48 => a_sale(at, lines, true, random),
            48..58 => a_sale(at, lines, false, random),
            58..63 => match sale {
                Some(sale) => a_line(&sale, &lines[0]),
                None => a_sale(at, lines, false, random),
            },
            63..69 => match sale {
                Some(sale) => (
                    format!("/v1/sales/{sale}/tenders"),
                    format!(r#"{{"kind":"cash","given_minor":{}}}"#, 1_000_000),
                    What::Cash,
                ),
                None => a_sale(at, lines, false, random),
            },
            69..75 => a_payment(at, &at.manual, sale, random),
            75..89 => a_payment(at, &at.sandbox, sale, random),
            89..95 => match captured {
                Some(payment) => (
                    format!("/v1/payments/{payment}/refunds"),
                    format!(r#"{{"amount_minor":{}}}"#, 1 + random.below(400)),
                    What::Operation,
                ),
                None => a_payment(at, &at.sandbox, sale, random),
            },
            _ => match keyed {
                Some(payment) => {
                    let outcome = ["approved", "approved", "declined", "cancelled"];
                    let body = format!(r#"{{"outcome":"{}"}}"#, random.choose(&outcome));
                    (format!("/v1/payments/{payment}/outcome"), body, What::Operation)
                }
                None => a_payment(at, &at.manual, sale, random),
            },
        }
    }

    fn new_article(&self, random: &mut Random) -> (String, String, What) {
        let sku = self.key();
        let price = 100 + random.below(3_000);
        let body = format!(r#"{{"sku":"{sku}","name":"Tea {sku}","unit_price":"{price}","tax_class":"reduced"}}"#);
        ("/v1/articles".to_owned(), body, What::Article)
    }

    /// An article and what arrives of it first, for the beginning of a run.
    pub fn first_article(&self, shop: usize, random: &mut Random) -> Arc<Asked> {
        let (path, body, what) = self.new_article(random);
        let asked = Asked::new(0, shop, self.key(), path, body, what);
        self.log.add(&asked);
        asked
    }

    /// So many thousandths of an article arrive, for the beginning of a run.
    pub fn first_receipt(&self, shop: usize, article: &str, quantity: i64) -> Arc<Asked> {
        let (path, body, what) = movement(&self.shops[shop], article, "receipt", quantity);
        let asked = Asked::new(0, shop, self.key(), path, body, what);
        self.log.add(&asked);
        asked
    }
}

fn remember(known: &mut VecDeque<String>, id: String) {
    if known.len() >= REMEMBERED_MAX {
        known.pop_front();
    }
    known.push_back(id);
}

fn pick(known: &VecDeque<String>, random: &mut Random) -> Option<String> {
    if known.is_empty() { None } else { Some(known[random.below(known.len())].clone()) }
}

fn a_movement(shop: &Shop, article: &str, random: &mut Random) -> (String, String, What) {
    // Odd thousandths, so that two errors do not cancel out.
    let quantity = 1 + random.below(9_999) as i64;
    if random.percent(80) {
        movement(shop, article, "receipt", quantity)
    } else {
        movement(shop, article, "correction", -quantity)
    }
}

fn movement(shop: &Shop, article: &str, kind: &str, quantity: i64) -> (String, String, What) {
    let body = format!(
        r#"{{"location_id":"{}","article_id":"{article}","kind":"{kind}","quantity":"{}","reason":"counted"}}"#,
        shop.location,
        decimal(quantity)
    );
    ("/v1/stock-movements".to_owned(), body, What::Movement { article: article.to_owned(), quantity })
}

/// Thousandths as decimal text.
fn decimal(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", thousandths.abs() / 1_000, thousandths.abs() % 1_000)
}

fn a_sale(shop: &Shop, lines: Vec<(String, i64)>, is_rung: bool, random: &mut Random) -> (String, String, What) {
    let json: Vec<String> = lines.iter().map(|(article, quantity)| line(article, *quantity)).collect();
    let tenders = if is_rung { r#","tenders":[{"kind":"cash","given_minor":1000000}]"# } else { "" };
    let register = random.choose(&shop.registers);
    let body = format!(r#"{{"register_id":"{register}","lines":[{}]{tenders}}}"#, json.join(","));
    ("/v1/sales".to_owned(), body, What::Sale { lines })
}

fn line(article: &str, quantity: i64) -> String {
    format!(r#"{{"article_id":"{article}","quantity":"{}"}}"#, decimal(quantity))
}

fn a_line(sale: &str, (article, quantity): &(String, i64)) -> (String, String, What) {
    let what = What::Line { sale: sale.to_owned(), article: article.clone(), quantity: *quantity };
    (format!("/v1/sales/{sale}/lines"), line(article, *quantity), what)
}

fn a_payment(shop: &Shop, connection: &str, sale: Option<String>, random: &mut Random) -> (String, String, What) {
    let sale = sale.filter(|_| random.percent(40));
    let amount = if random.percent(35) {
        Some(FAULTS.start + random.below((FAULTS.end - FAULTS.start) as usize) as i64)
    } else if sale.is_some() {
        // All that is due.
        None
    } else {
        Some(100 + random.below(800) as i64)
    };
    let mut body = format!(
        r#"{{"register_id":"{}","connection_id":"{connection}","currency":"JPY""#,
        random.choose(&shop.registers)
    );
    if let Some(sale) = sale {
        body += &format!(r#","sale_id":"{sale}""#);
    }
    if let Some(amount) = amount {
        body += &format!(r#","amount_minor":{amount}"#);
    }
    ("/v1/payments".to_owned(), body + "}", What::Payment { amount })
}
