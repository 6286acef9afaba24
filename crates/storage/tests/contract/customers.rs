//! Customers on every store.

use domain::customer::{
    CreateCustomer, Customer, EraseCustomer, ErasureReason, ExternalId, NewConsent, NewPerson, State, UpdateCustomer,
};
use domain::id::CustomerId;
use domain::locale::Locale;
use domain::merchant::UpdateMerchant;
use domain::money::Quantity;
use domain::points::{ChangePoints, Wish};
use domain::returns::{CreateReturn, NewReturnLine};
use domain::sale::{NewSale, RingSale};
use domain::time::Timestamp;
use storage::Cell;

use super::audit::tamper;
use crate::support::command::{sale_id, sell};
use crate::support::rows::{cell, table};
use crate::support::shop::{LOCATION, MERCHANT, REGISTER, RICE, Shop, got, plain, refused};
use crate::support::store::all;

on!([sqlite postgres memory] [
    a_customer_is_read_back_as_it_was_written
    an_external_id_has_one_customer
    what_was_taken_off_one_is_given_to_another_in_the_same_batch
    what_is_left_of_an_erased_customer_is_found
    points_that_were_changed_are_found
]);

fn external(system: &str, id: &str) -> ExternalId {
    ExternalId { system: system.to_owned(), id: id.to_owned() }
}

fn create(ids: &[ExternalId]) -> CreateCustomer {
    let person = NewPerson {
        name: Some(Some("Aiko".to_owned())),
        email: Some(Some("aiko@example.jp".to_owned())),
        phone: Some(Some("090-1234-5678".to_owned())),
        language: Some(Some(Locale::En)),
        marketing: Some(Some(NewConsent { is_given: false, at: Some(Timestamp(7)), source: "letter".to_owned() })),
        note: Some("hot".to_owned()),
    };
    CreateCustomer { merchant: MERCHANT, person, external_ids: ids.to_vec() }
}

fn give(customer: CustomerId, ids: &[ExternalId]) -> UpdateCustomer {
    UpdateCustomer {
        merchant: MERCHANT,
        customer,
        expected_version: None,
        person: NewPerson::default(),
        external_ids: Some(ids.to_vec()),
    }
}

fn a_customer_is_read_back_as_it_was_written(shop: &mut Shop) {
    let made = shop.run(create(&[external("webshop", "1"), external("tills", "1")]));
    // Nothing changes, so what is loaded is what was made.
    let read = shop.run(give(made.customer.id, &made.external_ids));
    assert_eq!(read, made);
    assert!(matches!(&made.customer.state, State::Known(person) if person.phone.as_deref() == Some("+819012345678")));
    let erased = shop.run(EraseCustomer { customer: made.customer.id, reason: ErasureReason::NotNeeded });
    let again = shop.run(EraseCustomer { customer: made.customer.id, reason: ErasureReason::Mistake });
    assert_eq!(again, erased);
    let Customer { state, version, .. } = erased.customer;
    assert!(matches!(state, State::Erased { reason: ErasureReason::NotNeeded, .. }));
    assert_eq!(version, 2);
    assert!(
        all(&shop.store, "customer_external_id")
            .iter()
            .all(|row| { *cell("customer_external_id", row, "external_id") == Cell::Null })
    );
}

fn an_external_id_has_one_customer(shop: &mut Shop) {
    let first = shop.run(create(&[external("webshop", "1")]));
    shop.run(create(&[]));
    shop.run(create(&[external("webshop", "2"), external("tills", "1")]));
    assert_eq!(refused(shop.submit(plain(), create(&[external("tills", "1")]))), "customer_external_id_taken");
    let both = [external("webshop", "1"), external("webshop", "2")];
    assert_eq!(refused(shop.submit(plain(), give(first.customer.id, &both))), "customer_external_id_taken");
}

fn what_was_taken_off_one_is_given_to_another_in_the_same_batch(shop: &mut Shop) {
    let first = shop.run(create(&[external("webshop", "1"), external("webshop", "2")])).customer.id;
    let second = shop.run(create(&[])).customer.id;
    let off = shop.send(plain(), give(first, &[external("webshop", "2")]));
    let on = shop.send(plain(), give(second, &[external("webshop", "1")]));
    shop.drain();
    got(off).unwrap().reply.unwrap().unwrap();
    let given = got(on).unwrap().reply.unwrap().unwrap();
    assert_eq!(given.external_ids, [external("webshop", "1")]);
    // The place that became free is used again.
    shop.run(give(first, &[external("webshop", "3"), external("webshop", "2")]));
    assert_eq!(all(&shop.store, "customer_external_id").len(), 3);
}

fn what_is_left_of_an_erased_customer_is_found(shop: &mut Shop) {
    let erased = shop.run(create(&[external("webshop", "1")])).customer.id;
    let other = shop.run(create(&[external("webshop", "2")])).customer.id;
    shop.run(EraseCustomer { customer: erased, reason: ErasureReason::Asked });
    let is_erased = move |row: &storage::Row| row[0] == Cell::display(erased);
    let is_other = move |row: &storage::Row| row[0] == Cell::display(other);
    tamper(shop, "customer", "phone", Cell::text("+819012345678"), is_erased, &["row_readable"]);
    tamper(shop, "customer", "note", Cell::text("hot"), is_erased, &["row_readable"]);
    tamper(shop, "customer", "consent_source", Cell::Null, is_other, &["row_readable"]);
    tamper(shop, "customer_external_id", "system", Cell::text("webshop"), is_erased, &["row_readable"]);
    let rows = all(&shop.store, "customer_external_id");
    let stands = rows.iter().find(|row| is_erased(row)).unwrap();
    let mut left = stands.clone();
    for (column, text) in [("system", "webshop"), ("external_id", "3")] {
        left[table("customer_external_id").position(column).unwrap()] = Cell::text(text);
    }
    shop.store.put("customer_external_id", &left);
    let rules: Vec<&str> = shop.store.check().findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["customer_is_erased"]);
    shop.store.put("customer_external_id", stands);
}

/// A customer who bought two rices, brought one back, and spent a point.
fn a_ledger(shop: &mut Shop) -> CustomerId {
    shop.run(UpdateMerchant {
        merchant: MERCHANT,
        expected_version: None,
        legal_name: None,
        registration_number: None,
        is_sole_proprietor: None,
        discount_limit: None,
        calling_code: None,
        minor_per_point: Some(Some(1)),
    });
    let customer = shop.run(create(&[])).customer.id;
    let whole = sell(1, RICE);
    shop.run(RingSale { sale: NewSale { customer: Some(customer), ..whole.sale.clone() }, ..whole });
    shop.run(ChangePoints { customer, wish: Wish::Redeem(1), reason: "cup".to_owned() });
    shop.run(CreateReturn {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        sale: sale_id(1),
        lines: vec![NewReturnLine { number: 1, quantity: Quantity(1_000), is_restocked: true }],
        reason: String::new(),
        refunds: None,
        foreseen: Vec::new(),
    });
    customer
}

fn points_that_were_changed_are_found(shop: &mut Shop) {
    a_ledger(shop);
    let rows = all(&shop.store, "points_entry");
    let kinds: Vec<_> = rows.iter().map(|row| cell("points_entry", row, "kind").clone()).collect();
    assert_eq!(kinds, [Cell::text("earned"), Cell::text("redeemed"), Cell::text("taken_back")]);
    assert_eq!(*cell("points_entry", &rows[2], "not_recovered"), Cell::Int(1));
    let is_of = |kind: &'static str| move |row: &storage::Row| *cell("points_entry", row, "kind") == Cell::text(kind);
    tamper(shop, "points_balance", "points", Cell::Int(7), |_| true, &["points_balance"]);
    tamper(shop, "points_balance", "entry_count", Cell::Int(2), |_| true, &["points_balance"]);
    tamper(shop, "points_entry", "points", Cell::Int(1), is_of("earned"), &["points_entry_follows", "points_earned"]);
    tamper(shop, "points_entry", "not_recovered", Cell::Int(0), is_of("taken_back"), &["points_taken_back"]);
    tamper(shop, "points_entry", "balance", Cell::Int(3), is_of("redeemed"), &["points_entry_follows"]);
    tamper(shop, "points_entry", "kind", Cell::text("earned"), is_of("redeemed"), &["row_readable"]);
    tamper(shop, "sale", "minor_per_point", Cell::Int(2), |_| true, &["points_earned"]);
    tamper(shop, "sale", "customer_id", Cell::Null, |_| true, &["row_readable"]);
}
