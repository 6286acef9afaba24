//! Hubs that get in each other's way, for as long as `TILLBRIDGE_SECONDS` says (5; a long run takes 60): no deadlock on
//! the server, no update lost, nothing sold that is not there.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and speaks to whoever runs it")]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use domain::article::CreateArticle;
use domain::command::Command;
use domain::id::ArticleId;
use domain::money::UnitPrice;
use domain::sale::OpenSale;
use domain::work::Key;
use storage::committer::Committer;
use storage::{Cell, Failure, Handle};

use support::command::{a_sale, act, an_article, article_id, insert_article, receive, sale_id, sell};
use support::rows::cell;
use support::shop::{Ids, LOCATION, MERCHANT, Outcome, RICE, Shop, encode, got, int, keyed, plain};
use support::store::{Kind, all, block_on, on_server};

/// Articles that everybody wants.
const KEYS: u128 = 64;
/// Commands of a hub that wait at the same time.
const AT_ONCE: usize = 48;

fn seconds() -> u64 {
    number("TILLBRIDGE_SECONDS", 5)
}

fn runs() -> u64 {
    number("TILLBRIDGE_RUNS", 5)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A hub of its own on the shop's store.
fn start_hub(shop: &Shop, number: u128) -> (Handle, std::thread::JoinHandle<()>) {
    storage::committer::start(shop.store.connect(), Box::new(Ids::new(1_000 + number))).unwrap()
}

fn stop_hubs(hubs: Vec<(Handle, std::thread::JoinHandle<()>)>) {
    for (handle, thread) in hubs {
        handle.stop();
        thread.join().unwrap();
    }
}

async fn submit<C>(hub: &Handle, key: &str, command: C) -> Outcome<C::Reply>
where
    C: Command + Send + 'static,
    C::Reply: Send + std::fmt::Debug + 'static,
{
    hub.submit(keyed(key), command, encode).await
}

/// Small numbers without a pattern, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Adds one piece to each of some articles, in the order in which they were drawn.
fn add_to(articles: Vec<ArticleId>) -> impl Command<Reply = ()> + Send + 'static {
    let levels = articles.iter().map(|article| Key::StockLevel(LOCATION, *article));
    let keys = levels.chain(articles.iter().map(|article| Key::Article(*article))).chain([Key::Location(LOCATION)]);
    act("test.add", keys.collect::<Vec<_>>(), move |work, call| {
        for article in &articles {
            let level = work.stock_levels.find_mut(MERCHANT, &(LOCATION, *article));
            let level = level.ok_or_else(|| domain::work::Stop::Needs(vec![Key::StockLevel(LOCATION, *article)]))?;
            level.on_hand.0 += 1_000;
            work.movements.append(domain::stock::Movement {
                id: domain::id::MovementId::from_uuid(call.next_uuid()),
                merchant: MERCHANT,
                location: LOCATION,
                article: *article,
                kind: domain::stock::MovementKind::Receipt,
                quantity: domain::money::Quantity(1_000),
                reason: String::new(),
                document: None,
                occurred_at: None,
                origin: None,
                recorded_at: call.now,
            });
        }
        work.emit(call, "test.added", MERCHANT, &serde_json::json!({}));
        Ok(())
    })
}

fn deadlocks(url: &str) -> i64 {
    // A session writes its counters down when it ends: all hubs' sessions but the one of the shop itself have to be over.
    let sessions = "SELECT COUNT(*) FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'tillbridge committer'";
    while int(&on_server(url, sessions, &[])[0][0]) > 1 {
        std::thread::yield_now();
    }
    let rows = on_server(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()", &[]);
    int(&rows[0][0])
}

#[test]
fn two_hubs_on_the_same_rows_never_deadlock_and_lose_nothing() {
    let Some(mut shop) = Shop::open(Kind::Postgres) else { return };
    for n in 0..KEYS {
        shop.run(insert_article(an_article(article_id(n))));
    }
    let before = deadlocks(shop.store.url());
    let hubs = vec![start_hub(&shop, 1), start_hub(&shop, 2)];
    let added: Arc<Vec<AtomicI64>> = Arc::new((0..KEYS).map(|_| AtomicI64::new(0)).collect());
    let made: Arc<AtomicI64> = Arc::default();
    let seed = number("TILLBRIDGE_SEED", 0x9e37_79b9_7f4a_7c15);
    println!("seed {seed}");
    let until = Instant::now() + Duration::from_secs(seconds());
    block_on(async {
        let workers = hubs
            .iter()
            .enumerate()
            .flat_map(|(hub, (handle, _))| (0..AT_ONCE).map(move |worker| (handle.clone(), hub * AT_ONCE + worker)));
        let workers = workers.map(|(hub, worker)| {
            let (added, made) = (Arc::clone(&added), Arc::clone(&made));
            async move {
                let mut random = Random(seed ^ (worker as u64 + 1) << 32);
                let mut round = 0_u64;
                while Instant::now() < until {
                    round += 1;
                    work(&hub, worker, round, &mut random, &added, &made).await;
                }
            }
        });
        futures::future::join_all(workers).await;
    });
    stop_hubs(hubs);
    let counts: BTreeMap<String, i64> = all(&shop.store, "stock_level")
        .iter()
        .map(|row| (format!("{:?}", row[1]), int(cell("stock_level", row, "on_hand"))))
        .collect();
    for (n, added) in added.iter().enumerate() {
        let on_hand = counts.get(&format!("{:?}", Cell::display(article_id(n as u128)))).copied().unwrap_or(0);
        assert_eq!(on_hand, added.load(Ordering::Relaxed) * 1_000, "article {n}");
    }
    assert_eq!(shop.store.check().findings, []);
    assert!(made.load(Ordering::Relaxed) > 100, "{made:?}");
    println!("{made:?} commands in {} s", seconds());
    assert_eq!(deadlocks(shop.store.url()), before);
}

#[test]
fn two_hubs_that_make_the_same_records_in_opposite_order_never_deadlock() {
    let Some(shop) = Shop::open(Kind::Postgres) else { return };
    // Slow enough that the two inserts run side by side.
    for sql in [
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END'",
        "CREATE TRIGGER slow BEFORE INSERT ON article FOR EACH ROW EXECUTE FUNCTION slow()",
    ] {
        shop.store.execute(sql, &[]);
    }
    let before = deadlocks(shop.store.url());
    let hubs = [11, 12].map(|number| Committer::new(shop.store.connect(), Box::new(Ids::new(number))).unwrap());
    let start = Arc::new(Barrier::new(2));
    let threads = hubs.into_iter().enumerate().map(|(hub, (handle, mut committer))| {
        let start = Arc::clone(&start);
        std::thread::spawn(move || {
            let mut made = 0;
            for round in 0..2 {
                let skus = (0..100).map(|n| format!("sku {round} {:02}", if hub == 0 { n } else { 99 - n }));
                let sent: Vec<_> = skus.map(|sku| handle.send(plain(), new_article(&sku), encode).unwrap()).collect();
                // Decided last, so that both write at the same moment; a second run waits for nobody.
                let (start, has_waited) = (Arc::clone(&start), AtomicBool::new(false));
                let together = act("test.together", [], move |_, _| {
                    if !has_waited.swap(true, Ordering::Relaxed) {
                        start.wait();
                    }
                    Ok(())
                });
                let together = handle.send(plain(), together, encode).unwrap();
                committer.step();
                got(together).unwrap();
                made += sent
                    .into_iter()
                    .map(|answer| got(answer).unwrap())
                    .filter(|done| done.answer.status == 201)
                    .count();
            }
            made
        })
    });
    let made: usize = threads.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(made, 2 * 100);
    assert_eq!(shop.store.check().findings, []);
    assert_eq!(deadlocks(shop.store.url()), before);
}

/// One command of a worker: more pieces of some articles, a new article that the other hub makes, too, or a sale.
async fn work(hub: &Handle, worker: usize, round: u64, random: &mut Random, added: &[AtomicI64], made: &AtomicI64) {
    let key = format!("{worker} {round}");
    let outcome = match random.below(10) {
        0..=5 => {
            let count = 1 + random.below(6);
            let mut drawn: Vec<u64> = (0..count).map(|_| random.below(KEYS as u64)).collect();
            let mut seen = std::collections::BTreeSet::new();
            drawn.retain(|n| seen.insert(*n));
            let articles = drawn.iter().map(|n| article_id(u128::from(*n))).collect();
            let outcome = submit(hub, &key, add_to(articles)).await.map(|done| done.answer.status);
            if outcome == Ok(201) {
                for n in drawn {
                    added[n as usize].fetch_add(1, Ordering::Relaxed);
                }
            }
            outcome
        }
        6 | 7 => {
            // Both hubs make the same few, each in an order of its own.
            let sku = format!("sku {}", made.load(Ordering::Relaxed) / 40 * 8 + random.below(8) as i64);
            submit(hub, &key, new_article(&sku)).await.map(|done| done.answer.status)
        }
        8 => {
            let sale = u128::from(made.load(Ordering::Relaxed) as u64 / 40 * 8 + random.below(8));
            let open = OpenSale { id: Some(sale_id(sale)), sale: a_sale(&[]) };
            submit(hub, &key, open).await.map(|done| done.answer.status)
        }
        _ => submit(hub, &format!("shared {}", round / 4), receive(RICE, 1)).await.map(|done| done.answer.status),
    };
    match outcome {
        Ok(_) => made.fetch_add(1, Ordering::Relaxed),
        Err(failure) => panic!("{failure}"),
    };
}

fn new_article(sku: &str) -> CreateArticle {
    CreateArticle::plain(MERCHANT, sku, "Onigiri", UnitPrice(1_000_000), "reduced")
}

/// Ten pieces and fifty buyers: ten sales.
fn ten_pieces_are_sold_to_fifty_buyers(kind: Kind, hubs: u128) {
    for run in 0..runs() {
        let Some(mut shop) = Shop::open(kind) else { return };
        let article = article_id(1);
        shop.run(insert_article(an_article(article)));
        shop.run(receive(article, 10));
        let hubs: Vec<_> = (0..hubs).map(|number| start_hub(&shop, number)).collect();
        let sold = block_on(async {
            let buyers = (0..50).map(|buyer: usize| {
                let hub = &hubs[buyer % hubs.len()].0;
                async move {
                    submit(hub, &format!("buyer {buyer}"), sell(buyer as u128, article)).await.unwrap().answer.status
                }
            });
            futures::future::join_all(buyers).await.into_iter().filter(|status| *status == 201).count()
        });
        stop_hubs(hubs);
        assert_eq!((sold, shop.on_hand(article)), (10, 0), "run {run}");
        assert_eq!(shop.store.check().findings, []);
    }
}

#[test]
fn ten_pieces_are_sold_to_fifty_buyers_of_two_hubs() {
    ten_pieces_are_sold_to_fifty_buyers(Kind::Postgres, 2);
}

#[test]
fn ten_pieces_are_sold_to_fifty_buyers_of_the_embedded_hub() {
    ten_pieces_are_sold_to_fifty_buyers(Kind::Sqlite, 1);
}

/// The same sale two hundred times at once under one key: one sale, and the same bytes for all.
fn one_sale_comes_of_two_hundred_copies(kind: Kind, hubs: u128) {
    let Some(shop) = Shop::open(kind) else { return };
    let hubs: Vec<_> = (0..hubs).map(|number| start_hub(&shop, number)).collect();
    let answers = block_on(async {
        let copies = (0..200).map(|copy: usize| {
            let hub = &hubs[copy % hubs.len()].0;
            async move { submit(hub, "k", sell(1, RICE)).await }
        });
        futures::future::join_all(copies).await
    });
    stop_hubs(hubs);
    let first = answers[0].as_ref().unwrap().answer.clone();
    assert_eq!(first.status, 201);
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().answer == first));
    assert_eq!(answers.iter().filter(|answer| answer.as_ref().unwrap().reply.is_some()).count(), 1);
    assert_eq!((all(&shop.store, "sale").len(), shop.on_hand(RICE)), (1, 99));
    assert_eq!(shop.store.check().findings, []);
}

#[test]
fn one_sale_comes_of_two_hundred_copies_to_two_hubs() {
    one_sale_comes_of_two_hundred_copies(Kind::Postgres, 2);
}

#[test]
fn one_sale_comes_of_two_hundred_copies_to_the_embedded_hub() {
    one_sale_comes_of_two_hundred_copies(Kind::Sqlite, 1);
}

#[test]
fn a_failure_is_never_kept() {
    // What a caller may repeat is what it may repeat on the other hub.
    let Some(shop) = Shop::open(Kind::Postgres) else { return };
    let hubs = vec![start_hub(&shop, 1), start_hub(&shop, 2)];
    block_on(async {
        let panics = || act("test.panic", [], |_, _| -> Result<(), _> { panic!("planted") });
        for (n, (hub, _)) in hubs.iter().enumerate() {
            let outcome = submit(hub, "k", panics()).await;
            assert!(matches!(outcome, Err(Failure::Internal(_))), "hub {n}");
        }
        assert_eq!(hubs[0].0.submit(plain(), receive(RICE, 1), encode).await.unwrap().answer.status, 201);
    });
    stop_hubs(hubs);
    assert!(all(&shop.store, "idempotency").is_empty());
}
