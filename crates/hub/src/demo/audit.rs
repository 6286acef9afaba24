//! The end of the day: holds the hub's books against the registers', the provider's ledger and themselves.

use std::collections::BTreeMap;

use anyhow::Context;

use super::answers::{Exception, Level, Payment, Points, Sale};
use super::books::{ClosedRegister, Day};
use super::evening::late;
use super::provider::{Entry, number_of_payment};
use super::shop::Shop;
use super::summary::{grouped, yen};
use super::tally::{Sum, thousandths};
use super::wallet::WALLETS;
use crate::check;

/// Something that has to hold.
pub struct Claim {
    pub holds: bool,
    pub words: String,
}

/// An article that runs low.
pub struct Low {
    /// Its place in the list of goods.
    pub place: usize,
    pub available: String,
    pub reorder_at: String,
}

/// The findings.
#[derive(Default)]
pub struct Audit {
    pub claims: Vec<Claim>,
    /// What needs a person.
    pub open: Vec<Exception>,
    /// What needed one, or would have.
    pub closed: Vec<Exception>,
    /// Given back without anybody asking.
    pub given_back: Sum,
    /// Below their reorder threshold.
    pub low: Vec<Low>,
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
pub async fn look(shop: &Shop, day: &Day) -> anyhow::Result<Audit> {
    let mut audit = Audit {
        open: shop.manager.list("/v1/exceptions").await?,
        closed: shop.manager.list("/v1/exceptions?state=resolved").await?,
        ..Audit::default()
    };
    surprises(&mut audit, day);
    books(&mut audit, day);
    doubts(&mut audit, day);
    late_approval(&mut audit, day)?;
    ledgers(&mut audit, shop, day).await?;
    receipts(&mut audit, shop, day).await?;
    drawers(&mut audit, day);
    stock(&mut audit, shop, day).await?;
    last_piece(&mut audit, day);
    points(&mut audit, shop, day).await?;
    clean(&mut audit, shop).await?;
    Ok(audit)
}

fn surprises(audit: &mut Audit, day: &Day) {
    let surprises = &day.tally.surprises;
    let words = match surprises.first() {
        None => "every answer was the one that the register expected".to_owned(),
        Some(first) => {
            format!("{} answers were not what the register expected; the first: {first}", surprises.len())
        }
    };
    audit.claim(surprises.is_empty(), words);
}

fn books(audit: &mut Audit, day: &Day) {
    let (count, total) = (grouped(day.books.sales.count), yen(day.books.sales.amount_minor));
    let words = format!("the Z reports say what the registers remember: {count} sales, {total}, each tax and tender");
    audit.claim(day.books.agree_with(&day.tally), words);
}

fn doubts(audit: &mut Audit, day: &Day) {
    let open = day.payments.iter().filter(|payment| payment.is_open()).count();
    audit.claim(open == 0 && day.books.in_doubt == 0, format!("payments in doubt: {open}"));
    for (found, whose) in [(&day.tally.lost_reply, "provider"), (&day.tally.lost_wallet_reply, "wallet")] {
        let is_found = found.as_ref().is_some_and(|found| found.witness == "inquiry");
        let words = format!("the lost reply was found out by asking the {whose}, and the customer charged once");
        audit.claim(is_found, words);
    }
}

/// The commit that learned of the money opened an exception; it is closed when the money is back.
fn late_approval(audit: &mut Audit, day: &Day) -> anyhow::Result<()> {
    let (id, asked_minor) = day.tally.late.as_ref().context("no late approval was played")?;
    if let Some(payment) = late(&day.tally, &day.payments).filter(|payment| payment.is_given_back()) {
        audit.given_back.add(payment.refunded_minor);
    }
    let is_told = audit.closed.iter().any(|told| told.kind == "late_approval" && told.subject == *id);
    let holds = audit.given_back.amount_minor == *asked_minor && is_told;
    audit.claim(
        holds,
        "the late approval was given back; the exception about it was opened, and closed with the refund",
    );
    Ok(())
}

/// What each provider holds for each payment is what the hub says; and no provider knows a payment that the hub does not.
async fn ledgers(audit: &mut Audit, shop: &Shop, day: &Day) -> anyhow::Result<()> {
    ledger(audit, day, "the provider's", &shop.sandbox_connection, shop.provider.ledger().await?);
    ledger(audit, day, "the terminal's", &shop.terminal_connection, shop.terminal()?.charges());
    for (wallet, connection) in WALLETS.iter().zip(&shop.wallet_connections) {
        let charges = shop.customers.charges(*wallet).await?;
        ledger(audit, day, &format!("{}'s", wallet.label), connection, charges);
    }
    Ok(())
}

fn ledger(audit: &mut Audit, day: &Day, whose: &str, connection: &str, entries: Vec<Entry>) {
    let mut theirs: BTreeMap<String, i64> = BTreeMap::new();
    for entry in entries {
        *theirs.entry(entry.payment().to_owned()).or_default() += entry.net_amount + entry.held_amount;
    }
    let own = day.payments.iter().filter(|payment| payment.connection_id == connection);
    let kept = |payment: &Payment| {
        (number_of_payment(&payment.id).to_owned(), payment.captured_minor - payment.refunded_minor)
    };
    let ours: BTreeMap<String, i64> = own.map(kept).collect();
    // One that the provider never heard of is one that it holds nothing of.
    let is_equal = ours.iter().all(|(id, kept)| theirs.get(id).copied().unwrap_or(0) == *kept)
        && theirs.keys().all(|id| ours.contains_key(id));
    let (sum, theirs) = (ours.values().sum::<i64>(), theirs.values().sum::<i64>());
    let words = format!("{whose} ledger equals the hub's payments, one by one: {}", yen(sum));
    let words = if theirs == sum { words } else { format!("{words}, and says {}", yen(theirs)) };
    audit.claim(is_equal, words);
}

/// The receipts of a register count up by one, sales and returns in one series.
async fn receipts(audit: &mut Audit, shop: &Shop, day: &Day) -> anyhow::Result<()> {
    let sales: Vec<Sale> = shop.manager.list("/v1/sales").await?;
    let is_whole = sales.iter().all(|sale| sale.state == "completed") && sales.len() as u64 == day.tally.sales.count;
    let is_gapless = |register: &ClosedRegister| {
        let own = sales.iter().filter(|sale| sale.register_id == register.place.id);
        let own = own.filter_map(|sale| sale.receipt_number.as_ref()).chain(&register.tally.return_numbers);
        let mut numbers: Vec<u64> = own.filter_map(|number| number_of(number, &register.place.name)).collect();
        numbers.sort_unstable();
        let told = register.report.receipts.as_ref().map_or(0, |receipts| receipts.count);
        numbers.iter().zip(1..).all(|(number, expected)| *number == expected) && numbers.len() as u64 == told
    };
    let range = |register: &ClosedRegister| {
        let receipts = register.report.receipts.as_ref();
        receipts.map_or_else(
            || format!("{} none", register.place.name),
            |range| format!("{} to {}", range.first, range.last),
        )
    };
    let ranges: Vec<String> = day.registers.iter().map(range).collect();
    let words = format!("receipt numbers without a gap: {}", ranges.join(", "));
    audit.claim(is_whole && day.registers.iter().all(is_gapless), words);
    Ok(())
}

/// The number in a receipt number such as `T1-00000017`.
fn number_of(receipt: &str, register: &str) -> Option<u64> {
    receipt.strip_prefix(register)?.strip_prefix('-')?.parse().ok()
}

/// What the hub expects in a drawer is what the register has put in and taken out; what was counted is told beside it.
fn drawers(audit: &mut Audit, day: &Day) {
    let expected = |register: &ClosedRegister| register.report.shift.closing.map(|closing| closing.expected_minor);
    let holds = day.registers.iter().all(|register| expected(register) == Some(register.tally.drawer_minor));
    audit.claim(holds, "what should be in each drawer is what the register put in and took out");
}

async fn stock(audit: &mut Audit, shop: &Shop, day: &Day) -> anyhow::Result<()> {
    let levels: Vec<Level> = shop.manager.list(&format!("/v1/stock-levels?location_id={}", shop.location.id)).await?;
    let mut is_right = levels.len() == shop.articles.len();
    for (place, id) in shop.articles.iter().enumerate() {
        let level = levels.iter().find(|level| level.article_id == *id).context("an article has no stock level")?;
        let sold = day.tally.sold.get(id).copied().unwrap_or(0);
        let found = day.counted.iter().find(|line| line.article_id == *id);
        let difference = found.and_then(|line| thousandths(line.difference.as_deref()?)).unwrap_or(0);
        let on_hand = thousandths(&level.on_hand).context("a stock level is no number")?;
        is_right &= shop.opening[place] - sold + difference == on_hand && level.reserved == "0";
        note_low(audit, place, level);
    }
    audit.claim(
        is_right,
        "stock: what was delivered less what was sold and kept, and what the stocktake found, is what is there",
    );
    Ok(())
}

fn note_low(audit: &mut Audit, place: usize, level: &Level) {
    let Some(reorder_at) = level.reorder_at.clone() else { return };
    if thousandths(&level.available) < thousandths(&reorder_at) {
        audit.low.push(Low { place, available: level.available.clone(), reorder_at });
    }
}

fn last_piece(audit: &mut Audit, day: &Day) {
    let (sold, refused) = (day.tally.last_piece_sold, day.tally.last_piece_refused);
    audit.claim((sold, refused) == (1, 1), "the last piece, wanted at both registers at once, was sold once");
}

async fn points(audit: &mut Audit, shop: &Shop, day: &Day) -> anyhow::Result<()> {
    let customer: Points = shop.manager.get(&format!("/v1/customers/{}", shop.regular)).await?;
    let (earned, redeemed) = (day.tally.points_earned, day.tally.points_redeemed);
    let words = format!("points of the regular customer: {earned} earned less {redeemed} spent is {}", customer.points);
    audit.claim(customer.points == earned - redeemed, words);
    Ok(())
}

async fn clean(audit: &mut Audit, shop: &Shop) -> anyhow::Result<()> {
    let Some(database) = shop.database.clone() else { return Ok(()) };
    let checked = tokio::task::spawn_blocking(move || check::run(&database)).await??;
    let report = &checked.report;
    let words = match report.findings.first() {
        None => {
            "`tillbridge check` is clean: stock, sales, payments, books and history add up from their parts".to_owned()
        }
        Some(first) => {
            format!("`tillbridge check` found {}; the first: {} {}", report.findings_total, first.subject, first.words)
        }
    };
    audit.claim(report.is_clean(), words);
    Ok(())
}
