//! In the end: no payment is left in doubt, and the provider's ledger is the hub's, or a person has an open exception.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hub::config::{Config, Hidden};
use hub::database::Database;
use sandbox::{Sandbox, Status};
use serde_json::Value;
use storage::reader::Reader;
use tokio::runtime::Runtime;

use super::client::Client;
use super::process::Place;
use super::traffic::Clients;
use super::verify::{Book, get};

/// Doubt about a payment is over in this time: the profile's `resolve_by`, and the provider's slowest fault before it.
const REST_TIMEOUT: Duration = Duration::from_secs(60);
/// The last three digits of the amounts of charges that the provider takes back on its own word, and tells of in one
/// notification only. If the hub is dead for as long as the sandbox repeats it, only the settlement file can tell.
const LEFT_TO_SETTLEMENT: [i64; 2] = [908, 911];
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What the hub says of a payment.
struct Standing {
    state: String,
    asked_minor: i64,
    /// Captured and not refunded.
    net_minor: i64,
    is_keyed_by_hand: bool,
    /// A refund or a void of it has begun, and nobody has told the hub how it ended: the state of the payment is about
    /// what was charged and says nothing of it.
    is_giving_back: bool,
}

impl Standing {
    /// A terminal keyed by hand waits for its operator, who has gone home.
    fn is_at_rest(&self) -> bool {
        self.is_keyed_by_hand || !(self.is_undecided() || self.is_giving_back)
    }

    fn is_undecided(&self) -> bool {
        matches!(self.state.as_str(), "in_progress" | "in_doubt")
    }
}

/// The customers of all pending charges make up their minds.
pub fn decide_pending(runtime: &Runtime, sandbox: &Sandbox, is_yes: impl Fn(usize) -> bool) {
    // The notifications are sent in the background.
    let _inside = runtime.enter();
    let pending = sandbox.ledger().into_iter().filter(|entry| entry.state == Status::Pending);
    for (index, entry) in pending.enumerate() {
        let _ = if is_yes(index) { sandbox.approve(&entry.reference) } else { sandbox.decline(&entry.reference) };
    }
}

/// Waits until nothing is in doubt, and compares. Says how many payments there are and how many need a person.
pub fn reconcile(
    clients: &Clients,
    books: &[Book],
    place: &Place,
    addr: SocketAddr,
    sandbox: &Sandbox,
) -> (usize, usize) {
    let mut standings: BTreeMap<String, (usize, Standing)> = BTreeMap::new();
    let begun = Instant::now();
    for (shop, book) in books.iter().enumerate() {
        let mut client = Client::new(addr, &clients.shops[shop].api_key);
        for payment in book.payments() {
            let standing = loop {
                let standing = match look(&mut client, payment, &clients.shops[shop].manual) {
                    Ok(standing) => standing,
                    Err(why) => {
                        clients.log.complain(why);
                        break None;
                    }
                };
                if standing.is_at_rest() {
                    break Some(standing);
                }
                if begun.elapsed() > REST_TIMEOUT {
                    if standing.is_undecided() {
                        clients.log.complain(format!("{payment} is still {} after {REST_TIMEOUT:?}", standing.state));
                    }
                    break Some(standing);
                }
                std::thread::sleep(LOOK_AGAIN);
            };
            if let Some(standing) = standing {
                standings.insert(payment.clone(), (shop, standing));
            }
        }
    }
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    for entry in sandbox.ledger() {
        let payment = entry.reference.rsplit_once('-').map_or(entry.reference.as_str(), |(payment, _)| payment);
        *taken.entry(payment.to_owned()).or_default() += entry.net_amount;
    }
    for payment in taken.keys().filter(|payment| !standings.contains_key(*payment)) {
        clients.log.complain(format!("{payment} was asked of the provider, and the hub does not know it"));
    }
    let reader = reader(place);
    let runtime = Runtime::new().expect("a runtime");
    let mut for_persons = 0;
    for (payment, (shop, standing)) in &standings {
        if standing.is_keyed_by_hand {
            continue;
        }
        let taken = taken.get(payment).copied().unwrap_or(0);
        let merchant = clients.shops[*shop].merchant;
        let exceptions = runtime.block_on(reader.list_exceptions_of(merchant, payment)).expect("the exceptions");
        let is_open = exceptions.iter().any(|exception| exception.resolved_at.is_none());
        for_persons += usize::from(is_open);
        let is_lost_news =
            LEFT_TO_SETTLEMENT.contains(&standing.asked_minor.rem_euclid(1_000)) && standing.net_minor == 0;
        if taken != standing.net_minor && !is_open && !is_lost_news {
            clients.log.complain(format!(
                "{payment}, {}: the provider took {taken}, the hub says {}, and no exception is open",
                standing.state, standing.net_minor
            ));
        }
        if (standing.state == "needs_person" || standing.is_giving_back) && !is_open {
            clients.log.complain(format!("{payment} needs a person, and no exception is open"));
        }
    }
    (standings.len(), for_persons)
}

fn look(client: &mut Client, payment: &str, manual: &str) -> Result<Standing, String> {
    let found = get(client, &format!("/v1/payments/{payment}"))?;
    let amount = |name: &str| found[name].as_i64().ok_or_else(|| format!("{payment} has no {name}"));
    Ok(Standing {
        state: found["state"].as_str().unwrap_or_default().to_owned(),
        asked_minor: amount("asked_minor")?,
        net_minor: amount("captured_minor")? - amount("refunded_minor")?,
        is_keyed_by_hand: found["connection_id"] == manual,
        is_giving_back: found["operations"].as_array().is_some_and(|all| all.iter().any(is_giving_back)),
    })
}

/// Whether money is on its way back by this operation, or may be.
fn is_giving_back(operation: &Value) -> bool {
    let word = |name: &str| operation[name].as_str().unwrap_or_default();
    matches!(word("kind"), "refund" | "void") && matches!(word("state"), "recorded" | "sent" | "pending" | "unknown")
}

/// The route of exceptions shows the costliest; here each payment is asked after.
fn reader(place: &Place) -> Reader {
    let mut config = Config::for_test(&place.data);
    config.database.url = place.database.clone().map(Hidden::new);
    Database::of(&config.database).reader().expect("a reader")
}
