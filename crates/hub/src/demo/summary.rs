//! The day in words that a shop owner understands. The same day has the same words, however fast it was played and wherever
//! the hub is: speeds and places are told apart from it.

use std::fmt::Write;

use domain::decimal;
use domain::locale::Locale;
use domain::money::{Currency, for_people};

use super::audit::Audit;
use super::books::{ClosedRegister, Day};
use super::hours::{CLOSES, OPENS, clock};
use super::shop::Shop;
use super::tally::{Sum, Tender, thousandths};
use super::wallet::WALLETS;

/// Yen with thousands separators.
pub fn yen(amount_minor: i64) -> String {
    for_people(amount_minor, Currency::JPY, Locale::En)
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    decimal::grouped(i64::try_from(number).unwrap_or(i64::MAX), 0, 0)
}

/// Everything.
pub fn words(shop: &Shop, day: &Day, audit: &Audit) -> String {
    let mut text = format!("\nThe day at {}, {} to {}\n", shop.location.name, clock(OPENS), clock(CLOSES));
    sales(&mut text, day, audit);
    taxes(&mut text, day);
    troubles(&mut text, day, audit);
    besides(&mut text, day);
    exceptions(&mut text, day, audit);
    drawers(&mut text, day);
    stock(&mut text, shop, day, audit);
    checks(&mut text, audit);
    text
}

fn sales(text: &mut String, day: &Day, audit: &Audit) {
    text.push_str("\nSales\n");
    let wallets = WALLETS.map(|wallet| (Tender::Wallet(wallet), format!("electronic, {}", wallet.label)));
    let by_hand = (Tender::Manual, "electronic, keyed by hand".to_owned());
    let names =
        [(Tender::Cash, "cash"), (Tender::Sandbox, "electronic, sandbox"), (Tender::Terminal, "card, terminal")];
    let names = names.map(|(tender, name)| (tender, name.to_owned()));
    for (tender, name) in names.into_iter().chain(wallets).chain([by_hand]) {
        row(text, &name, day.books.tenders.get(&tender).copied().unwrap_or_default());
    }
    row(text, "together", day.books.sales);
    text.push_str("\nMoney that went back\n");
    let by_provider = day.books.refunds;
    let out_of_drawer = Sum {
        count: day.books.returns.count - by_provider.count,
        amount_minor: day.books.returns.amount_minor - by_provider.amount_minor,
    };
    row(text, "returned goods, cash", out_of_drawer);
    row(text, "returned goods, provider", by_provider);
    row(text, "approved too late, provider", audit.given_back);
}

fn row(text: &mut String, name: &str, sum: Sum) {
    let _ = writeln!(text, "  {name:<30}{:>7}{:>14}", grouped(sum.count), yen(sum.amount_minor));
}

fn taxes(text: &mut String, day: &Day) {
    let _ = writeln!(text, "\n{:<32}{:>7}{:>14}{:>14}", "Tax, contained in the prices", "", "net", "tax");
    for (rate, sum) in &day.books.taxes {
        let name = format!("{} % on {}", rate / 100, yen(sum.gross_minor));
        let _ = writeln!(text, "  {name:<37}{:>14}{:>14}", yen(sum.net_minor), yen(sum.tax_minor));
    }
}

fn line(text: &mut String, count: u64, name: &str, fate: &str) {
    let _ = writeln!(text, "  {count:>3}  {name:<20}{fate}");
}

fn troubles(text: &mut String, day: &Day, audit: &Audit) {
    text.push_str("\nWhat went wrong, and what became of it\n");
    let tally = &day.tally;
    let declined = format!("{} asked for; those customers paid cash", yen(tally.declined.amount_minor));
    line(text, tally.declined.count, "declined", &declined);
    let lost = u64::from(tally.lost_reply.is_some());
    line(text, lost, "reply lost", "found out by asking the provider; charged once");
    let lost = u64::from(tally.lost_wallet_reply.is_some());
    line(text, lost, "wallet's reply lost", "found out by asking WeChat Pay; charged once");
    let pulled = u64::from(tally.plug_pulled.is_some());
    line(
        text,
        pulled,
        "plug pulled",
        "after the card was charged; the terminal told it when it was back, charged once",
    );
    let late = format!("{} given back by itself; the customer had paid cash", yen(audit.given_back.amount_minor));
    line(text, audit.given_back.count, "approved too late", &late);
    line(text, tally.stock_outs, "not enough stock", "refused; the customer took less");
    line(
        text,
        tally.last_piece_refused,
        "last piece gone",
        "both registers sold it at once: one did, the other took another",
    );
    line(text, tally.repeats, "sent twice", "the same answer byte for byte, sold once");
    line(text, tally.lines_taken_off, "line taken off", "before paying; it is not in the total");
}

fn besides(text: &mut String, day: &Day) {
    text.push_str("\nWhat there was besides\n");
    let tally = &day.tally;
    let confirmed = u64::from(tally.confirmed.is_some());
    line(text, confirmed, "waited for", "the customer confirmed on the phone, then it was paid");
    let shown =
        format!("{} by wallet: the shop showed a code, the customer paid it", yen(tally.codes_shown.amount_minor));
    line(text, tally.codes_shown.count, "codes shown", &shown);
    let scanned =
        format!("{} by wallet: the code on the phone said whose it is", yen(tally.codes_scanned.amount_minor));
    line(text, tally.codes_scanned.count, "codes scanned", &scanned);
    line(
        text,
        tally.promotions.count,
        "promotion",
        &format!("{} off, three teas for two", yen(tally.promotions.amount_minor)),
    );
    line(
        text,
        tally.discounts.count,
        "discounts by hand",
        &format!("{} off, a dent and points", yen(tally.discounts.amount_minor)),
    );
    line(
        text,
        tally.eaten_in.count,
        "eaten in",
        &format!("{} at 10 % instead of 8 %", yen(tally.eaten_in.amount_minor)),
    );
    line(text, tally.taken_up, "parked", "set aside at one register, paid at the other");
    let points = format!("earned by the regular customer, {} spent", grouped(tally.points_redeemed.unsigned_abs()));
    line(text, tally.points_earned.unsigned_abs(), "points", &points);
}

fn exceptions(text: &mut String, day: &Day, audit: &Audit) {
    let open = day.payments.iter().filter(|payment| payment.is_open()).count();
    let _ = writeln!(text, "\nPayments in doubt: {}", if open == 0 { "none".to_owned() } else { open.to_string() });
    let (closed, open) = (audit.closed.len(), audit.open.len());
    let _ = writeln!(text, "Exceptions for a person: {closed} opened and closed again, {open} open");
    for exception in &audit.closed {
        let resolution = exception.resolution.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  closed  {}\n          {resolution}", exception.reason);
    }
    for exception in &audit.open {
        let _ = writeln!(text, "  open    for the {}: {}", exception.owner, exception.reason);
    }
}

fn drawers(text: &mut String, day: &Day) {
    let heads = ["float", "cash sales", "cash back", "taken out", "expected", "counted", "difference"];
    let heads: String = heads.iter().map(|head| format!("{head:>11}")).collect();
    let _ = writeln!(text, "\n{:<8}{heads}", "Drawers");
    for register in &day.registers {
        let _ = writeln!(text, "  {:<6}{}", register.place.name, figures(register));
    }
    let deposited: i64 =
        day.registers.iter().filter_map(|register| register.report.shift.closing).map(|end| end.deposited_minor).sum();
    let _ = writeln!(text, "  {} go to the bank; the floats stay in the drawers.", yen(deposited));
}

fn figures(register: &ClosedRegister) -> String {
    let (drawer, closing) = (register.report.drawer, register.report.shift.closing);
    let amounts = [
        Some(register.report.shift.float_minor),
        Some(drawer.sales_minor),
        Some(-drawer.refunds_minor),
        Some(drawer.paid_in_minor - drawer.paid_out_minor),
        closing.map(|closing| closing.expected_minor),
        closing.map(|closing| closing.counted_minor),
        closing.map(|closing| closing.difference_minor),
    ];
    amounts.iter().map(|amount| format!("{:>11}", amount.map(yen).unwrap_or_default())).collect()
}

fn stock(text: &mut String, shop: &Shop, day: &Day, audit: &Audit) {
    let articles = shop.articles.len();
    let _ = writeln!(text, "\nStock, {articles} articles");
    let name = |place: usize| shop.goods[place].name();
    let of = |id: &str| shop.articles.iter().position(|known| known == id);
    let different: Vec<_> = day.counted.iter().filter(|line| line.difference.as_deref() != Some("0")).collect();
    let _ = writeln!(text, "  stocktake: {} counted, {} different", day.counted.len(), different.len());
    for line in different {
        let (expected, counted) = (told(line.expected.as_deref()), told(line.counted.as_deref()));
        let article = of(&line.article_id).map(name).unwrap_or_default();
        let _ =
            writeln!(text, "    {expected} in the books, {counted} on the shelf, the books were set right  {article}");
    }
    let gone = audit.low.iter().filter(|low| thousandths(&low.available) == Some(0));
    for low in gone {
        let _ = writeln!(text, "  sold out: {}", name(low.place));
    }
    let _ = writeln!(text, "  below the reorder threshold: {}", audit.low.len());
    for low in &audit.low {
        let _ = writeln!(text, "    {:>6} left, {} wanted  {}", low.available, low.reorder_at, name(low.place));
    }
}

fn told(quantity: Option<&str>) -> &str {
    quantity.unwrap_or("unknown")
}

fn checks(text: &mut String, audit: &Audit) {
    text.push_str("\nChecks\n");
    for claim in &audit.claims {
        let _ = writeln!(text, "  {}  {}", if claim.holds { "ok   " } else { "WRONG" }, claim.words);
    }
    let verdict = if audit.holds() { "Everything holds." } else { "SOMETHING DOES NOT HOLD: see the checks above." };
    let _ = writeln!(text, "{verdict}");
}
