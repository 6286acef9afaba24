//! The day in words that a shop owner understands.

use std::fmt::Write;
use std::time::Duration;

use domain::decimal;
use domain::locale::Locale;
use domain::money::{Currency, for_people};

use super::Options;
use super::audit::Audit;
use super::goods::GOODS;
use super::shop::Shop;
use super::tally::{Sum, Tally, Tender, quantity};

/// Yen with thousands separators.
pub fn yen(amount_minor: i64) -> String {
    for_people(amount_minor, Currency::JPY, Locale::En)
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    decimal::grouped(i64::try_from(number).unwrap_or(i64::MAX), 0, 0)
}

/// Everything.
pub fn words(shop: &Shop, tally: &Tally, audit: &Audit, sold_in: Duration) -> String {
    let mut text = String::new();
    sold(&mut text, tally);
    taxes(&mut text, tally);
    troubles(&mut text, tally, audit);
    stock(&mut text, audit);
    checks(&mut text, audit);
    speed(&mut text, tally, audit, sold_in);
    if let Some(folder) = shop.kept_folder() {
        let _ = writeln!(text, "The database is kept in {}.", folder.display());
    }
    text
}

fn sold(text: &mut String, tally: &Tally) {
    text.push_str("\nSales\n");
    let names = [
        (Tender::Cash, "cash"),
        (Tender::Sandbox, "electronic, sandbox"),
        (Tender::Manual, "electronic, keyed by hand"),
    ];
    for (tender, name) in names {
        let sum = tally.tenders.get(&tender).copied().unwrap_or_default();
        row(text, name, sum);
    }
    row(text, "together", Sum { count: tally.sales, amount_minor: tally.total_minor });
    if tally.returns.count > 0 {
        row(text, "brought back", Sum { amount_minor: -tally.returns.amount_minor, ..tally.returns });
    }
}

fn row(text: &mut String, name: &str, sum: Sum) {
    let _ = writeln!(text, "  {name:<28}{:>7}{:>14}", grouped(sum.count), yen(sum.amount_minor));
}

fn taxes(text: &mut String, tally: &Tally) {
    let _ = writeln!(text, "\n{:<30}{:>14}{:>14}", "Tax, contained in the prices", "net", "tax");
    for (rate, sum) in &tally.taxes {
        let name = format!("{} % on {}", rate / 100, yen(sum.gross_minor));
        let _ = writeln!(text, "  {name:<28}{:>14}{:>14}", yen(sum.net_minor), yen(sum.tax_minor));
    }
}

fn troubles(text: &mut String, tally: &Tally, audit: &Audit) {
    text.push_str("\nWhat went wrong, and what became of it\n");
    let mut line = |count: u64, name: &str, fate: String| {
        let _ = writeln!(text, "  {count:>3}  {name:<20}{fate}");
    };
    line(
        tally.declined.count,
        "declined",
        format!("{} asked for; those customers paid cash", yen(tally.declined.amount_minor)),
    );
    if let Some(found) = &tally.lost_reply {
        line(1, "reply lost", format!("known after {} ms by {}; charged once", found.ms, witness(&found.witness)));
    }
    if let Some(found) = &tally.pending {
        line(1, "customer confirmed", format!("known after {} ms by {}", found.ms, witness(&found.witness)));
    }
    let late = audit.given_back;
    line(
        late.count,
        "approved too late",
        format!("{} given back by itself; the customer had paid cash", yen(late.amount_minor)),
    );
    line(tally.stock_outs, "not enough stock", "refused; the customer took less".to_owned());
    line(tally.repeats, "sent twice", "the same answer byte for byte, sold once".to_owned());
    line(tally.steps, "line taken off", "before paying; it is not in the total".to_owned());
    let closed = u64::from(audit.told.is_some());
    let _ =
        writeln!(text, "\nExceptions for a person: {closed} opened and closed again, {} open", audit.exceptions.len());
    if let Some((reason, resolution)) = &audit.told {
        let _ = writeln!(text, "  closed  {reason}\n          {resolution}");
    }
    for exception in &audit.exceptions {
        let _ = writeln!(text, "  open    for the {}: {}", exception.owner, exception.reason);
    }
}

fn witness(name: &str) -> &str {
    match name {
        "inquiry" => "asking the provider",
        "notification" => "the provider's notification",
        "reply" => "the provider's reply",
        other => other,
    }
}

fn stock(text: &mut String, audit: &Audit) {
    let _ = writeln!(text, "\n{:<8}{:>10}{:>10}{:>10}", "Stock", "before", "sold", "left");
    for (left, goods) in audit.stock.iter().zip(&GOODS) {
        let (opening, sold, on_hand) = (quantity(left.opening), quantity(left.sold), quantity(left.on_hand));
        let _ = writeln!(text, "        {opening:>10}{sold:>10}{on_hand:>10}  {}", goods.name);
    }
}

fn checks(text: &mut String, audit: &Audit) {
    text.push_str("\nChecks\n");
    for claim in &audit.claims {
        let _ = writeln!(text, "  {}  {}", if claim.holds { "ok   " } else { "WRONG" }, claim.words);
    }
}

fn speed(text: &mut String, tally: &Tally, audit: &Audit, sold_in: Duration) {
    let ms = sold_in.as_millis().max(1);
    let rate = u128::from(tally.sales) * 1_000 / ms;
    let _ = writeln!(
        text,
        "\n{} sales in {} s, {rate} a second, the waits for the provider included; then {} s until nothing was open.\n\
         A cash sale took {} ms (median; 99 of 100 within {} ms), on disk before it was answered.",
        grouped(tally.sales),
        tenths(ms),
        tenths(audit.rest_ms),
        tenths(tally.cash_percentile_us(50)),
        tenths(tally.cash_percentile_us(99)),
    );
    let verdict = if audit.holds() { "Everything holds." } else { "SOMETHING DOES NOT HOLD: see the checks above." };
    let _ = writeln!(text, "{verdict}");
}

/// Thousandths with one decimal, cut off.
fn tenths(thousandths: u128) -> String {
    format!("{}.{}", thousandths / 1_000, thousandths % 1_000 / 100)
}

/// How to go on by hand.
pub fn invitation(shop: &Shop, receipt: &str, options: &Options) -> String {
    let (url, viewer) = (shop.base_url(), &shop.viewer);
    let (cashier, manager) = (shop.cashier.key(), shop.manager.key());
    let register = shop.registers.first().map_or("", |place| place.id.as_str());
    let onigiri = shop.articles.first().map_or("", |article| article.id.as_str());
    let connection = &shop.sandbox_connection;
    let key = format!("-H 'Authorization: Bearer {cashier}'");
    let json = "-H 'Content-Type: application/json'";
    let ledger = format!("{}/ledger", shop.sandbox.base_url());
    let secret = sandbox::Options::default().secret;
    let fate = match &options.data {
        Some(folder) => format!("The database stays in {}.", folder.display()),
        None => "The database is deleted then.".to_owned(),
    };
    format!(
        "\nThe hub stays up at {url}\n\
         \x20 status page    {url}/#key={viewer}\n\
         \x20 cashier's key  {cashier}\n\
         \x20 manager's key  {manager}\n\n\
         Try it in another terminal.\n\n\
         # 1. Take 1,980 yen by the sandbox. Send it again: the same answer, and one charge.\n\
         answer=$(curl -sS {url}/v1/payments {key} {json} -H 'Idempotency-Key: try-1' -H 'Prefer: wait=10' \
         -d '{{\"register_id\":\"{register}\",\"connection_id\":\"{connection}\",\"amount_minor\":1980}}'); echo \"$answer\"\n\n\
         # 2. Read that payment.\n\
         curl -sS {url}/v1/payments/$(echo \"$answer\" | grep -o 'pay_[0-9a-f]*' | head -n 1) {key}; echo\n\n\
         # 3. Ring a cash sale: two onigiri, 1,000 yen given.\n\
         curl -sS {url}/v1/sales {key} {json} -H 'Idempotency-Key: try-2' \
         -d '{{\"register_id\":\"{register}\",\"lines\":[{{\"article_id\":\"{onigiri}\",\"quantity\":\"2\"}}],\"tenders\":[{{\"kind\":\"cash\",\"given_minor\":1000}}]}}'; echo\n\n\
         # 4. Read the receipt of a sale. With format=html it is a page, with format=escpos it is for a printer.\n\
         curl -sS '{url}/v1/receipts/{receipt}/document?format=text&locale=en' {key}\n\n\
         An amount that ends in 901 to 914 plays a fault of a provider: docs/guides/sandbox.md.\n\
         The provider's side: curl -sS {ledger} -H 'Authorization: Bearer {secret}'\n\n\
         Ctrl-C stops it. {fate}\n",
    )
}
