//! `tillbridge support-bundle`: what helps from afar, and nothing of anybody.

use std::os::unix::fs::PermissionsExt;

use hub::config::Hidden;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    the_bundle_tells_of_the_hub_and_of_nobody,
}

/// Stands in everything that a person typed or that is secret.
const MARK: &str = "Zyxwvut";

/// A merchant of whom each record that takes a text holds the mark; gives the secrets that were drawn for it.
async fn furnish(hub: &TestHub) -> Vec<String> {
    let (shop, manager) = (&hub.shop, &hub.shop.manager);
    let mail = format!("{MARK}@example.jp");
    let customer = json!({
        "name": format!("Aiko {MARK}"), "email": mail, "phone": "090-1234-9876", "note": format!("Likes {MARK}."),
        "external_ids": [{ "system": "webshop", "id": format!("{MARK}-77") }],
    });
    let customer = hub.post(&shop.cashier, "/v1/customers", customer).await.expect(201);
    let mut sale = hub.a_sale(1, 150);
    sale["note"] = json!(format!("for {MARK}"));
    sale["customer_id"] = customer["id"].clone();
    sale["external_refs"] = json!([{ "system": "webshop", "id": format!("{MARK}-order") }]);
    let sale = hub.post(&shop.cashier, "/v1/sales", sale).await.expect(201);
    let path = format!("/v1/sales/{}/receipts", sale["id"].as_str().unwrap());
    hub.post(&shop.cashier, &path, json!({ "kind": "ryoshusho", "addressee": format!("{MARK} KK") })).await;
    let article = json!({ "sku": MARK, "name": MARK, "unit_price": "1", "tax_class": "standard" });
    hub.post(manager, "/v1/articles", article).await.expect(201);
    let operator = json!({ "name": format!("Ken {MARK}"), "code": "77", "role": "cashier", "pin": "2580" });
    hub.post(manager, "/v1/operators", operator).await.expect(201);
    let legal = json!({ "legal_name": format!("{MARK} Ltd"), "phone": "03-1234-5678" });
    hub.request(Method::PATCH, "/v1/merchant").auth(manager).fresh_key().json(&legal).send().await;
    let endpoint = json!({ "url": format!("http://127.0.0.1:9/hook?token={MARK}"), "description": MARK });
    let endpoint = hub.post(manager, "/v1/webhook-endpoints", endpoint).await.expect(201);
    let exception = json!({ "name": MARK, "kind": "network", "address": "127.0.0.1:9" });
    hub.post(manager, "/v1/printers", exception).await;
    let secrets = [&shop.cashier, &shop.manager, &shop.viewer, &shop.system].map(Clone::clone);
    let pepper = std::fs::read_to_string(hub.folder().join("pepper")).unwrap();
    let secret = endpoint["secret"].as_str().expect("an endpoint is given its secret").to_owned();
    secrets.into_iter().chain([pepper.trim().to_owned(), secret, "2580".to_owned()]).collect()
}

async fn the_bundle_tells_of_the_hub_and_of_nobody(on: On) {
    let hub = TestHub::start_with(on, |config| {
        let connection = "con_00000000000000000000000000000001".parse().unwrap();
        config.provider.secrets.insert(connection, Hidden::new(format!("{MARK}:{MARK}")));
    })
    .await;
    let secrets = furnish(&hub).await;
    let program = hub.program();
    let (log, file) = (program.place("hub.log"), program.place("bundle.json"));
    let key = &hub.shop.manager;
    let lines = format!(
        "INFO The hub takes requests.\nWARN refused key={key} of {MARK}@example.jp\nERROR whsec_{MARK} is wrong\n"
    );
    std::fs::write(&log, lines).unwrap();
    let words = format!("support-bundle {} --log {}", file.display(), log.display());
    program.run(&words).await.expect(0);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.to_lowercase().contains(&MARK.to_lowercase()), "{text}");
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "{secret} in {text}");
    }
    for private in ["Corner Shop", "09012349876", "12349876", "Aiko", "Ken ", "Ginza"] {
        assert!(!text.contains(private), "{private} in {text}");
    }

    let bundle: Value = serde_json::from_str(&text).unwrap();
    assert!(bundle["made_by"].as_str().unwrap().starts_with("tillbridge "));
    assert_eq!(bundle["database"]["schema"], bundle["schema_known"]);
    let tables = bundle["database"]["tables"].as_array().unwrap();
    let sales = tables.iter().find(|table| table["name"] == "sale").expect("sales are counted");
    assert_eq!(sales["rows"], 1);
    assert!(sales["bytes"].as_i64().unwrap() > 0);
    assert_eq!((&bundle["check"]["is_clean"], &bundle["check"]["findings_total"]), (&json!(true), &json!(0)));
    assert!(bundle["settings"].as_str().unwrap().contains("\"***\""));
    assert_eq!(bundle["log"][0], "INFO The hub takes requests.");
    assert_eq!(bundle["log"].as_array().unwrap().len(), 3);
    let refused = program.run(&words).await.refused();
    assert!(refused.contains("cannot be made"), "nothing is written over: {refused}");
    hub.stop().await;
}
