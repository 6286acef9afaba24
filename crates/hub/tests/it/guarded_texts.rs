//! Card numbers in every field of the API that takes a text, in several spellings: none is stored, logged or echoed.

use serde_json::{Value, json};

use crate::matrix::{at_rest, furnish, send};
use crate::support::asking::Operation;
use crate::support::{On, TestHub, log, logged};

on_each_engine! {
    no_text_of_the_api_takes_a_card_number,
}

/// Numbers that are in no other test, so that whatever is found of them came from here.
const PANS: [&str; 3] = ["4000056655665556", "6011000990139424", "378282246310005"];

/// Whether one of the numbers stands in a text, with or without blanks and hyphens, or in full-width digits.
fn has_card_number(text: &str) -> bool {
    let folded = text.chars().filter_map(|c| match c {
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')),
        ' ' | '-' | '\u{a0}' | '\u{3000}' | '－' => None,
        other => Some(other),
    });
    let folded: String = folded.collect();
    PANS.iter().any(|pan| folded.contains(pan))
}

fn spellings(pan: &str) -> [String; 4] {
    let parts = [&pan[..4], &pan[4..8], &pan[8..12], &pan[12..]];
    let wide = |c: char| char::from_u32(u32::from(c) - u32::from('0') + u32::from('０')).unwrap();
    [
        pan.to_owned(),
        format!("card {} exp 12/27", parts.join(" ")),
        parts.join("-"),
        format!("カード{}です", pan.chars().map(wide).collect::<String>()),
    ]
}

async fn no_text_of_the_api_takes_a_card_number(on: On) {
    log();
    let hub = TestHub::start(on).await;
    let own = furnish(&hub, &hub.shop).await;
    at_rest(&hub).await;
    let mut fields = 0;
    for operation in Operation::all().iter().filter(|operation| operation.is_guarded()) {
        for (place, is_list) in operation.free_texts() {
            fields += 1;
            let requests = operation.requests(&own);
            for text in PANS.into_iter().flat_map(spellings) {
                let mut parts = requests[0].clone();
                let (body, name) = (parts["body"].as_object_mut().unwrap(), place.trim_start_matches("/body/"));
                body.insert(name.to_owned(), if is_list { json!([text]) } else { Value::String(text.clone()) });
                let answer = send(&hub, operation, &parts, Some(&hub.shop.system)).await;
                let what = format!("{} {} {place}: {}", operation.method, operation.path, answer.text());
                assert!(!has_card_number(&answer.text()), "{what}");
                assert!((400..500).contains(&answer.status), "{text} was taken by {what}");
            }
        }
    }
    assert!(fields >= 20, "{fields}");
    let mut records = 0;
    for operation in Operation::all().iter().filter(|operation| operation.takes_metadata()) {
        records += 1;
        for text in PANS.into_iter().flat_map(spellings) {
            for metadata in [json!({ "k": text }), json!({ &text: "k" })] {
                let mut parts = operation.requests(&own)[0].clone();
                parts["body"]["metadata"] = metadata;
                let answer = send(&hub, operation, &parts, Some(&hub.shop.system)).await;
                let what = format!("{} {}: {}", operation.method, operation.path, answer.text());
                assert!(!has_card_number(&answer.text()), "{what}");
                assert!((400..500).contains(&answer.status), "{text} was taken by {what}");
            }
        }
    }
    assert_eq!(records, 14, "seven kinds of records, made and changed");
    // Whatever is stored is in a row, the answers that are kept for repeats included.
    for (table, rows) in hub.rows().await {
        assert!(!rows.iter().any(|row| has_card_number(row)), "{table}");
    }
    if on == On::Sqlite {
        for file in std::fs::read_dir(hub.folder()).unwrap() {
            let content = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!has_card_number(&String::from_utf8_lossy(&content)));
        }
    }
    hub.stop().await;
    let logged = logged();
    assert!(logged.contains("The hub takes requests."), "the log is not empty");
    assert!(!has_card_number(&logged));
}
