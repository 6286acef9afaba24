//! The end of the day: waits until nothing is in doubt, then holds the hub's books against the registers', the provider's
//! ledger and themselves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::exception::Kind;
use serde::Deserialize;

use super::api::{Payment, Sale};
use super::shop::Shop;
use super::summary;
use super::tally::{Sum, Tally, thousandths};
use crate::check::{self, Checked};

/// The longest wait for the last payment to come to rest: the sandbox's `resolve_by`.
const REST_WAIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Something that has to hold.
pub struct Claim {
    pub holds: bool,
    pub words: String,
}

/// Something that needs a person.
#[derive(Debug, Deserialize)]
pub struct Exception {
    pub reason: String,
    pub owner: String,
}

/// What is left of an article.
pub struct Left {
    pub opening: i64,
    pub sold: i64,
    pub on_hand: i64,
}

/// The findings.
pub struct Audit {
    pub claims: Vec<Claim>,
    pub exceptions: Vec<Exception>,
    /// In the order of the articles.
    pub stock: Vec<Left>,
    /// Given back without anybody asking.
    pub given_back: Sum,
    /// What the manager was told about it, and how it ended.
    pub told: Option<(String, String)>,
    /// How long the last payment took to come to rest after the last sale.
    pub rest_ms: u128,
}

impl Audit {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.claims.iter().all(|claim| claim.holds)
    }

    fn claim(&mut self, holds: bool, words: impl Into<String>) {
        self.claims.push(Claim { holds, words: words.into() });
    }
}

/// Looks at everything.
pub async fn look(shop: &Shop, tally: &Tally) -> anyhow::Result<Audit> {
    let start = Instant::now();
    let payments = wait_for_rest(shop, tally).await?;
    let mut audit = Audit {
        claims: Vec::new(),
        exceptions: shop.manager.list_once("/v1/exceptions").await?,
        stock: Vec::new(),
        given_back: Sum::default(),
        told: None,
        rest_ms: start.elapsed().as_millis(),
    };
    surprises(&mut audit, tally);
    doubts(&mut audit, &payments);
    late_approval(&mut audit, shop, tally, &payments).await?;
    ledger(&mut audit, shop, &payments);
    sales(&mut audit, shop, tally).await?;
    stock(&mut audit, shop, tally).await?;
    let database = shop.database().clone();
    let checked = tokio::task::spawn_blocking(move || check::run(&database)).await??;
    clean(&mut audit, &checked);
    Ok(audit)
}

/// All payments, as soon as none is in doubt any more and the late one was given back, or when the patience is over.
async fn wait_for_rest(shop: &Shop, tally: &Tally) -> anyhow::Result<Vec<Payment>> {
    let deadline = Instant::now() + REST_WAIT;
    loop {
        let payments: Vec<Payment> = shop.manager.list("/v1/payments").await?;
        let is_late_back = late(tally, &payments).is_none_or(is_given_back);
        if (is_late_back && !payments.iter().any(is_in_doubt)) || Instant::now() >= deadline {
            return Ok(payments);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn is_in_doubt(payment: &Payment) -> bool {
    matches!(payment.state.as_str(), "in_progress" | "in_doubt" | "needs_person")
}

fn late<'a>(tally: &Tally, payments: &'a [Payment]) -> Option<&'a Payment> {
    let (id, _) = tally.late.as_ref()?;
    payments.iter().find(|payment| payment.id == *id)
}

fn is_given_back(payment: &Payment) -> bool {
    payment.captured_minor > 0 && payment.refunded_minor == payment.captured_minor
}

fn surprises(audit: &mut Audit, tally: &Tally) {
    let words = match tally.surprises.first() {
        None => "every answer was the one that the register expected".to_owned(),
        Some(first) => {
            format!("{} answers were not what the register expected; the first: {first}", tally.surprises.len())
        }
    };
    audit.claim(tally.surprises.is_empty(), words);
    let found = tally.lost_reply.as_ref();
    audit.claim(
        found.is_some_and(|found| found.witness == "inquiry"),
        "the lost reply was found out by asking the provider",
    );
}

fn doubts(audit: &mut Audit, payments: &[Payment]) {
    let count = payments.iter().filter(|payment| is_in_doubt(payment)).count();
    audit.claim(count == 0, format!("payments in doubt: {count} of {}", summary::grouped(payments.len() as u64)));
}

/// The commit that learned of the money opened an exception; it is closed when the money is back.
async fn late_approval(audit: &mut Audit, shop: &Shop, tally: &Tally, payments: &[Payment]) -> anyhow::Result<()> {
    let (id, asked_minor) = tally.late.as_ref().context("no late approval was played")?;
    if let Some(payment) = late(tally, payments).filter(|payment| is_given_back(payment)) {
        audit.given_back.add(payment.refunded_minor);
    }
    let exceptions = shop.exceptions_of(id).await?;
    let told = exceptions.into_iter().find(|exception| exception.kind == Kind::LateApproval);
    audit.told = told.and_then(|exception| Some((exception.reason, exception.resolution?)));
    let holds = audit.given_back.amount_minor == *asked_minor && audit.told.is_some();
    audit.claim(
        holds,
        "the late approval was given back; the exception about it was opened, and closed with the refund",
    );
    Ok(())
}

/// What the provider holds for each payment is what the hub says; and the provider knows no payment that the hub does not.
fn ledger(audit: &mut Audit, shop: &Shop, payments: &[Payment]) {
    let mut provider: BTreeMap<String, i64> = BTreeMap::new();
    for entry in shop.sandbox.ledger() {
        // The reference is that of the operation: payment, hyphen, number.
        let payment = entry.reference.rsplit_once('-').map_or(entry.reference.as_str(), |(payment, _)| payment);
        *provider.entry(payment.to_owned()).or_default() += entry.net_amount + entry.held_amount;
    }
    let own = payments.iter().filter(|payment| payment.connection_id == shop.sandbox_connection);
    let hub: BTreeMap<String, i64> =
        own.map(|payment| (payment.id.clone(), payment.captured_minor - payment.refunded_minor)).collect();
    let (theirs, ours) = (provider.values().sum::<i64>(), hub.values().sum::<i64>());
    let words = format!("the provider's ledger equals the hub's payments, one by one: {}", summary::yen(ours));
    let words = if theirs == ours { words } else { format!("{words}, the provider says {}", summary::yen(theirs)) };
    audit.claim(provider == hub, words);
}

async fn sales(audit: &mut Audit, shop: &Shop, tally: &Tally) -> anyhow::Result<()> {
    let sales: Vec<Sale> = shop.manager.list("/v1/sales").await?;
    let completed: Vec<&Sale> = sales.iter().filter(|sale| sale.state == "completed").collect();
    let total: i64 = completed.iter().map(|sale| sale.total_minor).sum();
    let is_equal =
        completed.len() as u64 == tally.sales && completed.len() == sales.len() && total == tally.total_minor;
    let count = summary::grouped(completed.len() as u64);
    let words = format!("the hub's sales equal those of the registers: {count} sales, {}", summary::yen(total));
    audit.claim(is_equal, words);
    let mut ranges = Vec::new();
    let mut is_gapless = true;
    for place in &shop.registers {
        let own = completed.iter().filter(|sale| sale.register_id == place.id);
        let own = own.filter_map(|sale| sale.receipt_number.as_ref()).chain(&tally.return_numbers);
        let mut numbers: Vec<u64> = own.filter_map(|number| number_of(number, &place.name)).collect();
        numbers.sort_unstable();
        is_gapless &= numbers.iter().zip(1..).all(|(number, expected)| *number == expected);
        ranges.push((place.name.as_str(), numbers.len()));
    }
    is_gapless &= ranges.iter().map(|(_, count)| *count).sum::<usize>() == completed.len() + tally.return_numbers.len();
    let ranges: Vec<String> =
        ranges.iter().map(|(name, count)| format!("{name} 1 to {}", summary::grouped(*count as u64))).collect();
    audit.claim(is_gapless, format!("receipt numbers without a gap: {}", ranges.join(", ")));
    Ok(())
}

/// The number in a receipt number such as `T1-00000017`.
fn number_of(receipt: &str, register: &str) -> Option<u64> {
    receipt.strip_prefix(register)?.strip_prefix('-')?.parse().ok()
}

#[derive(Deserialize)]
struct Level {
    article_id: String,
    on_hand: String,
    reserved: String,
}

async fn stock(audit: &mut Audit, shop: &Shop, tally: &Tally) -> anyhow::Result<()> {
    let levels: Vec<Level> = shop.manager.list(&format!("/v1/stock-levels?location_id={}", shop.location)).await?;
    let mut is_right = levels.len() == shop.articles.len();
    for article in &shop.articles {
        let level =
            levels.iter().find(|level| level.article_id == article.id).context("an article has no stock level")?;
        let on_hand = thousandths(&level.on_hand).context("a stock level is no number")?;
        let sold = tally.sold.get(&article.id).copied().unwrap_or(0);
        is_right &= article.opening - sold == on_hand && level.reserved == "0";
        audit.stock.push(Left { opening: article.opening, sold, on_hand });
    }
    audit.claim(
        is_right,
        "stock: opening less what was sold and kept is what is on hand, for every article; nothing is left reserved",
    );
    Ok(())
}

fn clean(audit: &mut Audit, checked: &Checked) {
    let report = &checked.report;
    let words = match report.findings.first() {
        None => format!(
            "`tillbridge check` is clean: {} rows of stock, sales, payments, books and history",
            summary::grouped(report.rows)
        ),
        Some(first) => {
            format!("`tillbridge check` found {}; the first: {} {}", report.findings_total, first.subject, first.words)
        }
    };
    audit.claim(report.is_clean(), words);
}
