//! The stories of a shop in a currency without decimals and in one with three: the same rules, other minor units.

use domain::id::{ConnectionId, IdSource, LocationId, MerchantId, RegisterId};
use domain::merchant::{Connection, ConnectionSettings};
use domain::money::Currency;
use domain::payment::Profile;
use domain::time::Timestamp;
use hub::api_key::Environment;
use hub::clock::RandomIds;
use serde_json::{Value, json};

use crate::support::shop::{add_key, run, set_up};
use crate::support::{On, TestHub};

on_each_engine! {
    a_day_in_a_currency_without_decimals,
    a_day_in_a_currency_with_three_decimals,
}

/// A shop in a currency, with a terminal keyed by hand.
struct Shop {
    register: String,
    terminal: String,
    manager: String,
}

async fn a_shop(hub: &TestHub, currency: &str) -> Shop {
    let (app, mut ids) = (&hub.running.app, RandomIds::new());
    let mut next = || ids.next(Timestamp(1));
    let (merchant, location) = (MerchantId::from_uuid(next()), LocationId::from_uuid(next()));
    let (register, terminal) = (RegisterId::from_uuid(next()), ConnectionId::from_uuid(next()));
    let mut wanted = set_up(merchant, location, [register, RegisterId::from_uuid(next())], "A shop");
    wanted.merchant.currency = Currency::parse(currency).unwrap();
    wanted.merchant.zone = "Asia/Bahrain".to_owned();
    wanted.connections = vec![Connection {
        id: terminal,
        merchant,
        provider: "manual".to_owned(),
        settings: ConnectionSettings::default(),
        profile: Profile::manual(),
        credentials: None,
        version: 1,
    }];
    run(app, merchant, wanted).await;
    let (_, manager) = add_key(app, merchant, domain::call::Role::Manager, Environment::Test).await;
    Shop { register: register.to_string(), terminal: terminal.to_string(), manager }
}

async fn a_day_in_a_currency_without_decimals(on: On) {
    // 0.25 kg at 1,234.5 yen: 308.625, rounded once. 10 % in it: 28.
    a_day(on, "JPY", "1234.5", [309, 28], "¥309").await;
}

async fn a_day_in_a_currency_with_three_decimals(on: On) {
    // 0.25 kg at 4.93825 dinars: 1.2345625, rounded once. 10 % in it: 0.112.
    a_day(on, "BHD", "4938.25", [1_235, 112], "1.235").await;
}

/// Cash, a charge, a return in parts, the receipt and the report: all amounts are minor units of the one currency.
async fn a_day(on: On, currency: &str, unit_price: &str, [total, tax]: [i64; 2], printed: &str) {
    let hub = TestHub::start(on).await;
    let shop = a_shop(&hub, currency).await;
    let post = async |path: &str, body: Value, status| hub.post(&shop.manager, path, body).await.expect(status);
    let get = async |path: &str| hub.get(&shop.manager, path).await.expect(200);
    let article = json!({ "sku": "dates", "name": "Dates", "unit": "kg", "unit_price": unit_price, "tax_class": "standard",
        "is_stocked": false, "currency": currency });
    let article = post("/v1/articles", article, 201).await;
    let line = json!({ "article_id": article["id"], "quantity": "0.25" });
    let basket = json!({ "register_id": shop.register, "lines": [line], "currency": currency });

    // Another currency than the merchant's is refused, wherever it is said.
    let other = if currency == "JPY" { "BHD" } else { "JPY" };
    let mut wrong = basket.clone();
    wrong["currency"] = json!(other);
    hub.post(&shop.manager, "/v1/sales", wrong).await.expect_problem(422, "currency_mismatch");

    // Cash, with change.
    let mut rung = basket.clone();
    rung["tenders"] = json!([{ "kind": "cash", "given_minor": total + 765 }]);
    let rung = post("/v1/sales", rung, 201).await;
    assert_eq!(
        (&rung["currency"], &rung["total_minor"], &rung["tax_minor"]),
        (&json!(currency), &json!(total), &json!(tax))
    );
    assert_eq!(rung["tenders"][0]["change_minor"], 765);

    // By the terminal.
    let sale = post("/v1/sales", basket, 201).await;
    let sale = sale["id"].as_str().unwrap();
    let charge = json!({ "register_id": shop.register, "connection_id": shop.terminal, "sale_id": sale });
    let payment = post("/v1/payments", charge, 201).await;
    assert_eq!((&payment["currency"], &payment["asked_minor"]), (&json!(currency), &json!(total)));
    let outcome = format!("/v1/payments/{}/outcome", payment["id"].as_str().unwrap());
    let paid = post(&outcome, json!({ "outcome": "approved" }), 200).await;
    assert_eq!((&paid["state"], &paid["captured_minor"]), (&json!("captured"), &json!(total)));

    // It comes back in two parts, which add up to the last minor unit.
    let mut back = 0;
    for quantity in ["0.1", "0.15"] {
        let part = json!({ "register_id": shop.register, "lines": [{ "number": 1, "quantity": quantity }],
            "refunds": [{ "kind": "cash" }] });
        let returned = post(&format!("/v1/sales/{sale}/returns"), part, 201).await;
        assert_eq!((&returned["currency"], &returned["due_minor"]), (&json!(currency), &json!(0)));
        back += returned["total_minor"].as_i64().unwrap();
    }
    assert_eq!(back, total);

    // The receipt prints the decimals that the currency has, and the report adds up.
    let sold = rung["id"].as_str().unwrap();
    let receipt = post(&format!("/v1/sales/{sold}/receipts"), json!({ "kind": "receipt", "locale": "en" }), 201).await;
    let path = format!("/v1/receipts/{}/document?format=text", receipt["id"].as_str().unwrap());
    let text = hub.get(&shop.manager, &path).await.text();
    assert!(text.contains(printed), "{text}");
    let report = get("/v1/reports/day").await;
    let day = &report["currencies"][0];
    assert_eq!((&day["currency"], &day["sales"]["gross_minor"]), (&json!(currency), &json!(2 * total)));
    assert_eq!(day["tenders"]["cash"]["refunded_minor"], json!(total));
    hub.stop().await;
}
