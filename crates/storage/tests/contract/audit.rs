//! Numbers without a gap, and a check that finds what was changed behind the hub's back.

use domain::locale::Locale;
use domain::merchant::{UpdateLocation, UpdateMerchant};
use domain::receipt::{IssueReceipt, Kind};
use domain::sale::{NewDiscount, NewSale, Reduction, RingSale, Target};
use domain::work::Key;
use storage::{Cell, Row};

use super::trade::pay_by_card;
use crate::support::command::{act, an_article, insert_article, receive, sale_id, sell};
use crate::support::rows::{cell, table};
use crate::support::shop::{LOCATION, MERCHANT, OTHER_MERCHANT, RICE, Shop, TEA, int, keyed, of, plain};
use crate::support::store::all;

on!([sqlite postgres memory] [
    event_numbers_have_no_gap_whatever_failed_between
    each_merchant_counts_for_itself
    a_command_that_changes_nothing_is_not_audited
    an_event_that_was_changed_is_found
    an_event_that_was_retold_under_another_subject_is_found
    an_audit_row_that_was_changed_is_found
    a_counter_that_was_changed_is_found
    a_movement_that_was_changed_is_found
    a_level_that_was_changed_is_found
    a_code_that_was_changed_is_found
    a_balance_that_was_changed_is_found
    a_journal_entry_that_was_changed_is_found
    a_payment_whose_state_was_changed_is_found
    a_sale_whose_total_was_changed_is_found
    a_discount_that_was_changed_is_found
    a_receipt_number_that_was_changed_is_found
    a_receipt_that_was_changed_is_found
    a_registration_number_that_was_changed_is_found
    a_row_that_cannot_be_read_is_found
]);

fn event_numbers(shop: &Shop, merchant: domain::id::MerchantId) -> Vec<i64> {
    let events = all(&shop.store, "event");
    let own = events.iter().filter(|row| row[0] == Cell::display(merchant));
    own.map(|row| int(cell("event", row, "number"))).collect()
}

fn event_numbers_have_no_gap_whatever_failed_between(shop: &mut Shop) {
    let noisy_panic = || {
        act("test.panic", [], |work, call| -> Result<(), _> {
            work.emit(call, "test.lied", MERCHANT, &serde_json::json!({}));
            panic!("planted")
        })
    };
    for round in 0..5 {
        let _ok = shop.send(plain(), receive(RICE, 1));
        let _panic = shop.send(plain(), noisy_panic());
        let _refused = shop.send(plain(), sell(1, TEA));
        let _refused_too = shop.send(plain(), sell(1, TEA));
        // Breaks the whole batch, which is rolled back and done one by one.
        let _broken = shop.send(plain(), insert_article(an_article(TEA)));
        let _late = shop.send(
            plain(),
            act("test.late", [], |work, call| {
                work.emit(call, "test.came_late", MERCHANT, &serde_json::json!({}));
                work.require([Key::Article(RICE)])
            }),
        );
        let _fresh = shop.send(keyed(&format!("k{round}")), receive(RICE, 1));
        shop.drain();
    }
    let numbers = event_numbers(shop, MERCHANT);
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
    assert_eq!(numbers.len(), 1 + 2 * 2 + 5 * 3 + 1);
}

fn each_merchant_counts_for_itself(shop: &mut Shop) {
    let note = |merchant| {
        act("test.note", [], move |work, call| {
            work.emit(call, "test.noted", merchant, &serde_json::json!({}));
            work.emit(call, "test.noted", merchant, &serde_json::json!({}));
            Ok(())
        })
    };
    let (ours, theirs) = (event_numbers(shop, MERCHANT).len(), event_numbers(shop, OTHER_MERCHANT).len());
    let sent: Vec<_> = (0..6)
        .map(|n| if n % 3 == 0 { MERCHANT } else { OTHER_MERCHANT })
        .map(|merchant| shop.send(of(merchant), note(merchant)))
        .collect();
    shop.committer.step();
    drop(sent);
    assert_eq!(event_numbers(shop, MERCHANT), (1..=(ours + 4) as i64).collect::<Vec<_>>());
    assert_eq!(event_numbers(shop, OTHER_MERCHANT), (1..=(theirs + 8) as i64).collect::<Vec<_>>());
}

fn a_command_that_changes_nothing_is_not_audited(shop: &mut Shop) {
    let before = all(&shop.store, "audit");
    shop.submit(keyed("k"), act("test.nothing", [], |_, _| Ok(()))).unwrap();
    assert_eq!(all(&shop.store, "audit"), before);
}

/// Changes one cell of the first row that `is_meant`, and expects the check to name one of the rules. Then puts it back.
pub fn tamper(
    shop: &mut Shop,
    name: &str,
    column: &str,
    to: Cell<'static>,
    is_meant: impl Fn(&Row) -> bool,
    rules: &[&str],
) {
    assert_eq!(shop.store.check().findings, []);
    let row = all(&shop.store, name).into_iter().find(is_meant).unwrap();
    let mut tampered = row.clone();
    tampered[table(name).position(column).unwrap()] = to;
    assert_ne!(row, tampered);
    shop.store.put(name, &tampered);
    let found: Vec<&str> = shop.store.check().findings.iter().map(|finding| finding.rule).collect();
    assert!(!found.is_empty(), "{name}.{column} was not found");
    assert!(rules.iter().all(|rule| found.contains(rule)), "expected {rules:?}, found {found:?}");
    shop.store.put(name, &row);
}

fn an_event_that_was_changed_is_found(shop: &mut Shop) {
    tamper(
        shop,
        "event",
        "data",
        Cell::text("{}"),
        |row| cell("event", row, "kind") == &Cell::text("stock.moved"),
        &["audit_content"],
    );
    tamper(shop, "event", "kind", Cell::text("stock.stolen"), |_| true, &["audit_content"]);
}

fn an_event_that_was_retold_under_another_subject_is_found(shop: &mut Shop) {
    tamper(shop, "event", "subject", Cell::text("art_other"), |_| true, &["audit_content"]);
}

fn an_audit_row_that_was_changed_is_found(shop: &mut Shop) {
    for (column, to) in [
        ("command", Cell::text("stock.borrow")),
        ("actor", Cell::text("nobody")),
        ("request_id", Cell::text("req_2")),
        ("recorded_at", Cell::Int(1)),
        ("hash", Cell::bytes(&[7; 32])),
        ("content_hash", Cell::bytes(&[7; 32])),
    ] {
        tamper(shop, "audit", column, to, |_| true, &["audit_chain"]);
    }
    tamper(shop, "audit", "last_event", Cell::Int(99), |_| true, &["audit_chain"]);
}

fn a_counter_that_was_changed_is_found(shop: &mut Shop) {
    tamper(shop, "merchant_counter", "event_number", Cell::Int(1_000), |_| true, &["event_head"]);
    tamper(shop, "merchant_counter", "audit_number", Cell::Int(1_000), |_| true, &["audit_head"]);
    tamper(shop, "merchant_counter", "audit_hash", Cell::bytes(&[1]), |_| true, &["audit_head_hash"]);
}

fn a_movement_that_was_changed_is_found(shop: &mut Shop) {
    tamper(shop, "movement", "quantity", Cell::Int(1), |_| true, &["stock_on_hand"]);
    tamper(
        shop,
        "movement",
        "article_id",
        Cell::display(crate::support::command::article_id(1)),
        |_| true,
        &["stock_on_hand", "stock_level_exists"],
    );
}

fn a_level_that_was_changed_is_found(shop: &mut Shop) {
    tamper(shop, "stock_level", "on_hand", Cell::Int(1), |_| true, &["stock_on_hand"]);
    tamper(shop, "stock_level", "reserved", Cell::Int(1), |_| true, &["stock_reserved"]);
}

fn a_code_that_was_changed_is_found(shop: &mut Shop) {
    let coded = |article, barcode: &str| domain::article::UpdateArticle {
        barcodes: Some(vec![barcode.to_owned()]),
        ..domain::article::UpdateArticle::nothing(MERCHANT, article)
    };
    shop.run(coded(TEA, "tea"));
    shop.run(coded(RICE, "rice"));
    let is_tea = |row: &Row| cell("article", row, "barcodes") == &Cell::text("tea");
    tamper(shop, "article", "barcodes", Cell::text("rice"), is_tea, &["barcode_article", "barcode_of_one_article"]);
    tamper(shop, "article", "barcodes", Cell::text("tea 4011"), is_tea, &["barcode_article"]);
    tamper(shop, "barcode", "article_id", Cell::display(RICE), |row| row[1] == Cell::text("tea"), &["barcode_article"]);
    tamper(shop, "barcode", "article_id", Cell::Null, |_| true, &["barcode_article"]);
}

fn a_balance_that_was_changed_is_found(shop: &mut Shop) {
    shop.run(sell(1, TEA));
    tamper(shop, "balance", "amount_minor", Cell::Int(1), |_| true, &["balance_is_sum_of_postings"]);
}

fn a_journal_entry_that_was_changed_is_found(shop: &mut Shop) {
    shop.run(sell(1, TEA));
    tamper(
        shop,
        "journal_entry",
        "postings",
        Cell::text("[[\"tax\",5]]"),
        |_| true,
        &["journal_sums_to_zero", "balance_is_sum_of_postings"],
    );
}

fn a_payment_whose_state_was_changed_is_found(shop: &mut Shop) {
    pay_by_card(shop);
    tamper(shop, "payment", "state", Cell::text("declined"), |_| true, &["payment_state"]);
    tamper(shop, "payment", "captured_minor", Cell::Int(101), |_| true, &["payment_captured", "payment_amounts"]);
    tamper(shop, "operation", "approved_minor", Cell::Int(99), |_| true, &["payment_approved"]);
}

fn a_sale_whose_total_was_changed_is_found(shop: &mut Shop) {
    shop.run(sell(1, TEA));
    tamper(shop, "sale", "total_minor", Cell::Int(99), |_| true, &["sale_total", "sale_is_paid"]);
    tamper(shop, "tender", "change_minor", Cell::Int(99), |_| true, &["cash_change"]);
}

fn a_discount_that_was_changed_is_found(shop: &mut Shop) {
    let discounts = vec![NewDiscount {
        target: Target::Sale,
        reduction: Reduction::BasisPoints(2_000),
        reason: "dented".to_owned(),
    }];
    let whole = sell(1, TEA);
    shop.run(RingSale { sale: NewSale { discounts, ..whole.sale.clone() }, ..whole });
    let findings = &["line_discount", "sale_total"];
    tamper(shop, "sale_line", "discount_minor", Cell::Int(1), |_| true, findings);
    tamper(shop, "sale_line", "discount_minor", Cell::Int(-1), |_| true, findings);
    tamper(shop, "sale", "discounts", Cell::Null, |_| true, &["line_discount"]);
    tamper(shop, "sale", "discounts", Cell::text("all"), |_| true, &["row_readable"]);
    tamper(shop, "sale", "tax_rounding", Cell::text("up"), |_| true, &["sale_total"]);
}

fn a_receipt_number_that_was_changed_is_found(shop: &mut Shop) {
    shop.run(sell(1, RICE));
    shop.run(sell(2, RICE));
    tamper(shop, "sale", "receipt_number", Cell::text("K1-00000002"), |_| true, &["receipt_number_unique"]);
    tamper(shop, "receipt_series", "last_number", Cell::Int(3), |_| true, &["receipt_number_gapless"]);
}

fn a_receipt_that_was_changed_is_found(shop: &mut Shop) {
    shop.run(sell(1, RICE));
    let issue = || IssueReceipt { sale: sale_id(1), kind: Kind::Receipt, locale: Locale::Ja };
    let (original, copy) = (shop.run(issue()), shop.run(issue()));
    assert_eq!((original.number, original.is_copy, copy.number, copy.is_copy), (1, false, 2, true));
    let is_copy = |row: &Row| int(cell("receipt", row, "number")) == 2;
    tamper(shop, "receipt", "kind", Cell::text("formal"), is_copy, &["receipt_one_original"]);
    tamper(shop, "receipt", "merchant_id", Cell::display(OTHER_MERCHANT), is_copy, &["receipt_merchant"]);
    tamper(shop, "receipt", "addressee", Cell::text("somebody"), is_copy, &["row_readable"]);
    tamper(shop, "sale", "state", Cell::text("voided"), |_| true, &["receipt_sale_completed"]);
}

fn a_registration_number_that_was_changed_is_found(shop: &mut Shop) {
    shop.run(UpdateMerchant {
        merchant: MERCHANT,
        expected_version: None,
        legal_name: None,
        registration_number: Some(Some("T5835678256246".to_owned())),
        is_sole_proprietor: None,
        discount_limit: None,
        calling_code: None,
        minor_per_point: None,
    });
    let address = vec!["Ueno 1".to_owned(), "Tokyo".to_owned()];
    let update =
        UpdateLocation { location: LOCATION, expected_version: None, name: None, address: Some(address), phone: None };
    let location = shop.run(update.clone());
    assert_eq!(shop.run(update), location, "the address is read back line by line");
    let is_ours = |row: &Row| row[0] == Cell::display(MERCHANT);
    let number = Cell::text("T1835678256246");
    tamper(shop, "merchant", "registration_number", number, is_ours, &["registration_number"]);
    tamper(shop, "merchant", "registration_number", Cell::text("5835678256246"), is_ours, &["row_readable"]);
}

fn a_row_that_cannot_be_read_is_found(shop: &mut Shop) {
    shop.run(sell(1, TEA));
    tamper(shop, "sale", "state", Cell::text("sold"), |_| true, &["row_readable"]);
}
