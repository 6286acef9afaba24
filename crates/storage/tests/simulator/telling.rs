//! A world in words, for the history of a finding.

use storage::{Cell, Row};

use crate::mirror::{payment_text, text};
use crate::provider::Request;
use crate::wish::Ask;

pub fn tell_ask(ask: &Ask) -> String {
    let words = format!("{ask:?}");
    let words: Vec<String> = words
        .split(' ')
        .map(|word| match word.trim_end_matches([',', ')']).trim_start_matches("Some(").parse::<u128>() {
            Ok(id) if id > 1 << 64 => format!("{id:032x}"),
            _ => word.to_owned(),
        })
        .collect();
    words.join(" ")
}

pub fn tell_request(request: &Request) -> String {
    let (payment, number) = request.reference;
    let what = if request.is_inquiry { "the inquiry about" } else { "the request for" };
    format!("{what} {} {number} of {} over {}", request.kind.as_str(), payment_text(payment), request.asked)
}

pub fn tell_row(table: &str, row: &Row) -> Option<String> {
    let at = |place: usize| match row.get(place) {
        Some(Cell::Text(text)) => text.to_string(),
        Some(Cell::Int(value)) => value.to_string(),
        Some(Cell::Bool(value)) => value.to_string(),
        _ => "-".to_owned(),
    };
    Some(match table {
        "payment" => format!(
            "{} is {}, approved {} captured {} refunded {}, closed uncharged {}, sale {}",
            at(0),
            at(12),
            at(9),
            at(10),
            at(11),
            at(13),
            at(4)
        ),
        "operation" => format!(
            "{} operation {} {} of {} is {} for {} by {}, asked {} times",
            at(0),
            at(1),
            at(4),
            at(6),
            at(7),
            at(9),
            at(14),
            at(19)
        ),
        "sale" => format!("{} is {}, total {}", at(0), at(5), at(6)),
        "tender" => {
            format!("{} tender {} {} {} is {} (given {}, change {})", at(0), at(1), at(3), at(7), at(8), at(4), at(5))
        }
        "job" => format!("{} job {} due {} fence {}", at(1), at(0), at(3), at(4)),
        "exception" => format!("{} exception {} at risk {} resolved {}", at(0), at(1), at(6), at(9)),
        "reservation" => format!("{} holds {} of {}", at(0), at(4), at(1)),
        "stock_level" => format!("{} on hand {} reserved {}", at(1), at(3), at(4)),
        "balance" => format!("balance {} {}", at(1), at(3)),
        "points_entry" => format!("{} points {} {} {} of {}", at(0), at(1), at(3), at(6), at(8)),
        "event" => format!("event {} of {}: {} {}", at(1), text(row, 0), at(3), at(4)),
        _ => return None,
    })
}
