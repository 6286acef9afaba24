//! The story on a page: the answer first, then what happened, then what comes.

use std::fmt::Write;

use domain::locale::Locale;
use domain::money::for_people;
use domain::payment::{Charged, advice};

use super::{Story, sentences};
use crate::local_time::local_time;

/// For people.
pub fn words(story: &Story) -> String {
    let (payment, charged) = (&story.payment, story.charged());
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}  {}  {}  {}",
        payment.id,
        payment.state.as_str(),
        for_people(payment.asked_minor, payment.currency, Locale::En),
        story.merchant.name
    );
    let _ = writeln!(text, "\nWas the customer charged? {}", answer(charged));
    let advice = advice(payment.state, charged, payment.is_closed_uncharged, story.waiting());
    let _ = writeln!(text, "  {}", advice.sentence_en);
    section(&mut text, "What happened", happened(story));
    let operations = story.operations.iter().map(|operation| sentences::operation(story, operation));
    section(&mut text, "What is known of each operation", operations.collect());
    let exceptions = story.open_exceptions().map(|exception| {
        let risk = for_people(exception.at_risk_minor, payment.currency, Locale::En);
        format!(
            "{} {}, {risk} at risk, for {}: {}",
            exception.id,
            exception.kind.as_str(),
            exception.owner,
            exception.reason
        )
    });
    section(&mut text, "What waits for a person", exceptions.collect());
    section(&mut text, "What the hub does next by itself", sentences::next(story));
    section(&mut text, "What a person can do", sentences::for_a_person(story));
    text
}

const fn answer(charged: Charged) -> &'static str {
    match charged {
        Charged::Yes => "Yes.",
        Charged::No => "No.",
        Charged::Unknown => "Nobody knows yet.",
    }
}

fn happened(story: &Story) -> Vec<String> {
    let line = |told: super::Told| format!("{}  {}", local_time(told.at, &story.merchant.zone), told.sentence);
    sentences::told(story).into_iter().map(line).collect()
}

fn section(text: &mut String, head: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{head}");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}
