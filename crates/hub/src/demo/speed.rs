//! How long it took: the one part of what is told that differs from run to run.

use std::fmt::Write;

use super::books::Day;
use super::shop::Shop;
use super::summary::grouped;
use super::tally::Found;

/// All speeds.
pub fn words(shop: &Shop, day: &Day) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "\nSpeed\n  {} sales in {} s, the pauses between customers included; {} s later nothing was open and the drawers were counted.\n  \
         A cash sale took {} ms (median; 99 of 100 within {} ms), on disk before it was answered.",
        grouped(day.tally.sales.count),
        tenths(day.sold_in.as_millis()),
        tenths(day.closed_in.as_millis()),
        tenths(day.tally.cash_percentile_us(50)),
        tenths(day.tally.cash_percentile_us(99)),
    );
    let mut found = |what: &str, found: &Option<Found>| {
        if let Some(Found { ms, witness }) = found {
            let _ = writeln!(text, "  {what} was known after {ms} ms, by {}.", witness_words(witness));
        }
    };
    found("The payment whose reply was lost", &day.tally.lost_reply);
    found("The payment that the customer had to confirm", &day.tally.confirmed);
    found("The payment on the terminal whose plug was pulled", &day.tally.plug_pulled);
    let repeated = shop.cashier.repeated() + shop.manager.repeated();
    if repeated > 0 {
        let _ = writeln!(text, "  {} requests were sent again, because nobody had answered.", grouped(repeated));
    }
    text
}

fn witness_words(name: &str) -> &str {
    match name {
        "inquiry" => "asking the provider",
        "notification" => "word from the provider",
        "reply" => "the provider's reply",
        other => other,
    }
}

/// Thousandths with one decimal, cut off.
fn tenths(thousandths: u128) -> String {
    format!("{}.{}", thousandths / 1_000, thousandths % 1_000 / 100)
}
