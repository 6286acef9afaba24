//! The matrix: every route of `openapi.yaml`, with a key of each role, and in each place of a request where an id may stand
//! the id of a record of another merchant. Nothing passes, nothing is told and nothing changes. A route that needs a kind of
//! record that is not made here fails the test, so that none is forgotten.

use domain::call::Role;
use domain::id::{ApiKeyId, ConnectionId};
use domain::merchant::{AddConnection, Connection, ConnectionSettings, RevokeApiKey};
use domain::payment::Profile;
use domain::provider_notice::{self, KeepNotice};
use hub::api_key::{self, Environment};
use hub::http::auth::BELIEVED_FOR;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::asking::{Belongings, Operation, Parts, places, prefix};
use crate::support::device::{Device, code, enrolled};
use crate::support::receiver::wait_until;
use crate::support::shop::{Shop, add_key, add_location, run};
use crate::support::{Answer, On, Receiver, TestHub};

on_each_engine! {
    no_request_crosses_a_merchant,
    only_a_key_that_is_let_in_gets_anything,
    no_key_reaches_a_connection_of_the_other_environment,
}

/// Refusals of an id that are as good as that it is not there: somebody has drawn it; it did not pay this sale.
const NOT_HAD: [&str; 2] = ["sale_exists", "return_payment_elsewhere"];

/// A refund that its provider tells of.
fn notice_of(connection: &str, payment: &str) -> KeepNotice {
    KeepNotice {
        connection: connection.parse().unwrap(),
        notice_id: "of a test".to_owned(),
        kind: provider_notice::Kind::Refund,
        payment: Some(payment.parse().unwrap()),
        amount_minor: Some(1),
        is_signed: false,
        fields: Vec::new(),
    }
}

/// Gives a shop a record of each kind that an id of the API names.
pub async fn furnish(hub: &TestHub, shop: &Shop) -> Belongings {
    let mut own = Belongings::default();
    own.add(shop.location);
    shop.registers.iter().for_each(|register| drop(own.add(register)));
    [shop.tea, shop.bag].iter().for_each(|article| drop(own.add(article)));
    let connection = own.add(connect(hub, shop, "manual").await);
    let register_id = shop.registers[0].to_string();
    let post = async |path: &str, body: Value| {
        let answer = hub.post(&shop.manager, path, body).await;
        assert!(matches!(answer.status, 200 | 201), "{path}: {}", answer.text());
        answer.json()
    };
    let draft = json!({ "register_id": register_id, "lines": [{ "article_id": shop.tea, "quantity": 2 }] });
    let sold = post("/v1/sales", draft.clone()).await;
    let charge = json!({ "register_id": register_id, "connection_id": connection, "sale_id": sold["id"] });
    let payment = own.add(text(&post("/v1/payments", charge).await["id"]));
    post(&format!("/v1/payments/{payment}/outcome"), json!({ "outcome": "approved" })).await;
    let sold = own.add(text(&sold["id"]));
    let receipt = own.add(text(&post(&format!("/v1/sales/{sold}/receipts"), json!({ "kind": "receipt" })).await["id"]));
    // Its agent is away: what is printed waits.
    let printer =
        json!({ "location_id": shop.location, "name": "Counter", "kind": "pull", "drawer_register_id": register_id });
    let printer = own.add(text(&post("/v1/printers", printer).await["id"]));
    own.add(text(&post(&format!("/v1/receipts/{receipt}/print"), json!({ "printer_id": printer })).await["id"]));
    let kept = run(&hub.running.app, shop.merchant, notice_of(&connection, &payment)).await;
    own.add(kept.id.to_string());
    let terminal = json!({ "location_id": shop.location, "connection_id": connection, "name": "Counter" });
    own.add(text(&post("/v1/terminals", terminal).await["id"]));
    transact(hub, shop, &mut own).await;
    let shift = json!({ "register_id": register_id, "float": [{ "value_minor": 1_000, "pieces": 1 }] });
    own.add(text(&post("/v1/shifts", shift).await["id"]));
    own.add(text(&post("/v1/stocktakes", json!({ "location_id": shop.location })).await["id"]));
    let back = json!({ "register_id": register_id, "lines": [{ "number": 1, "quantity": 1 }] });
    own.add(text(&post(&format!("/v1/sales/{sold}/returns"), back).await["id"]));
    // A refund that fails is for a person.
    let refused = json!({ "outcome": "declined", "operation_number": 2 });
    post(&format!("/v1/payments/{payment}/outcome"), refused).await;
    let exceptions = hub.get(&shop.manager, "/v1/exceptions").await.expect(200);
    own.add(text(&exceptions["data"][0]["id"]));
    let operator = json!({ "code": "77", "name": "Aiko", "role": "cashier", "pin": "2580", "badge": "B-7" });
    own.add(text(&post("/v1/operators", operator).await["id"]));
    let customer = own.add(text(&post("/v1/customers", json!({ "name": "Ume" })).await["id"]));
    let found = json!({ "kind": "adjust", "points": 5, "reason": "found" });
    post(&format!("/v1/customers/{customer}/points"), found).await;
    let key = own.add(format!("key_{}", shop.merchant));
    let opened = hub.request(Method::POST, "/v1/sales").auth(&shop.cashier).key(&key).json(&draft).send().await;
    own.add(text(&opened.expect(201)["id"]));
    let parked = own.add(text(&post("/v1/sales", draft).await["id"]));
    post(&format!("/v1/sales/{parked}/park"), json!({ "name": "table 4" })).await;
    let promotion = json!({ "name": "Spring", "rule": { "kind": "percent", "basis_points": 1 }, "is_active": false });
    own.add(text(&post("/v1/promotions", promotion).await["id"]));
    let goods = json!({ "location_id": shop.location, "article_id": shop.tea, "kind": "receipt", "quantity": 1 });
    own.add(text(&post("/v1/stock-movements", goods).await["id"]));
    let lost = json!({ "register_id": register_id, "lines": [{ "article_id": shop.tea, "quantity": 1 }], "reason": "no receipt" });
    own.add(text(&post("/v1/unreferenced-returns", lost).await["id"]));
    let app = json!({ "name": "App", "login": "app", "register_id": register_id, "connection_id": connection });
    own.add(text(&post("/v1/mpos-endpoints", app).await["id"]));
    transfer(hub, shop, &mut own).await;
    deliver(hub, shop, &mut own).await;
    own
}

/// Two transfers to another location, one that may still change and one that is on its way.
async fn transfer(hub: &TestHub, shop: &Shop, own: &mut Belongings) {
    let annexe = own.add(add_location(&hub.running.app, shop.merchant).await);
    let lines = json!([{ "article_id": shop.tea, "quantity": 1 }]);
    let body = json!({ "from_location_id": shop.location, "to_location_id": annexe, "lines": lines });
    let mut paths = Vec::new();
    for _ in 0..2 {
        let opened = hub.post(&shop.manager, "/v1/transfers", body.clone()).await.expect(201);
        paths.push(format!("/v1/transfers/{}/send", own.add(text(&opened["id"]))));
    }
    hub.post(&shop.manager, &paths[1], json!({})).await.expect(200);
}

/// A terminal that POS software without a key has asked for its state.
async fn transact(hub: &TestHub, shop: &Shop, own: &mut Belongings) {
    let connection: ConnectionId = own.of("con")[0].parse().unwrap();
    // A key is one terminal's only, whoever owns it.
    let device = Device::fresh();
    let terminal = own.add(enrolled(hub, shop, connection, &device).await);
    let shown = code(hub, &terminal, &device).await;
    let choice = hub.request(Method::PUT, "/v1/smartconnect").auth(&shop.manager).json(&json!({ "is_on": true }));
    choice.send().await.expect(200);
    let id = shop.merchant.to_string();
    let name = format!("POSRegisterID={id}&POSBusinessName=Corner&POSVendorName=Pos&POSRegisterName=Till");
    let ask = async |method: Method, path: String, form: String| {
        let request = hub.client.request(method, format!("{}{path}", hub.running.base_url()));
        let form = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        form.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let paired = ask(Method::PUT, format!("/POS/Pairing/{shown}"), name.clone()).await;
    assert_eq!(paired, json!({ "result": "success" }));
    let wish = format!("{name}&TransactionMode=ASYNC&TransactionType=Terminal.GetStatus");
    let begun = ask(Method::POST, "/POS/Transaction".to_owned(), wish).await;
    own.add(format!("sct_{}", text(&begun["transactionId"]).replace('-', "")));
    let read = hub.get(&shop.viewer, &format!("/v1/terminals/{terminal}")).await.expect(200);
    own.add(text(&read["register_id"]));
}

/// A connection with a provider that is never asked.
pub async fn connect(hub: &TestHub, shop: &Shop, provider: &str) -> ConnectionId {
    let connection = Connection {
        id: ConnectionId::from_uuid(hub.running.app.next_uuid()),
        merchant: shop.merchant,
        provider: provider.to_owned(),
        settings: ConnectionSettings::default(),
        profile: Profile::manual(),
        credentials: None,
        version: 1,
    };
    run(&hub.running.app, shop.merchant, AddConnection { connection }).await
}

/// An endpoint, and a delivery that has reached it. It is inactive afterwards, so that nothing goes on by itself.
async fn deliver(hub: &TestHub, shop: &Shop, own: &mut Belongings) {
    let receiver = Receiver::start().await;
    let made = hub.post(&shop.manager, "/v1/webhook-endpoints", json!({ "url": receiver.url() })).await.expect(201);
    let path = format!("/v1/webhook-endpoints/{}", own.add(text(&made["id"])));
    let delivery = hub.post(&shop.manager, &format!("{path}/test"), json!({})).await.expect(201);
    own.add(text(&delivery["event_id"]));
    let sent = format!("/v1/webhook-deliveries/{}", own.add(text(&delivery["id"])));
    wait_until("the test event is delivered", async || {
        hub.get(&shop.manager, &sent).await.expect(200)["state"] == "delivered"
    })
    .await;
    let off = hub.request(Method::PATCH, &path).auth(&shop.manager).json(&json!({ "is_active": false }));
    off.send().await.expect(200);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Sends a request, under a key of its own.
pub async fn send(hub: &TestHub, operation: &Operation, parts: &Parts, words: Option<&str>) -> Answer {
    let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
    let mut request = hub.request(method, &operation.url(parts)).fresh_key();
    if let Some(words) = words {
        request = request.auth(words);
    }
    if !parts["body"].is_null() {
        request = request.json(&parts["body"]);
    }
    request.send().await
}

/// What nothing of the test may change, once what was begun has come to rest.
pub async fn at_rest(hub: &TestHub) -> Vec<(String, Vec<String>)> {
    let mut before = hub.rows().await;
    wait_until("the hub is at rest", async || {
        let now = hub.rows().await;
        std::mem::replace(&mut before, now.clone()) == now
    })
    .await;
    before
}

async fn assert_unchanged(hub: &TestHub, before: &[(String, Vec<String>)], what: &str) {
    for (now, before) in hub.rows().await.iter().zip(before) {
        assert_eq!(now, before, "{what} changed the table {}", before.0);
    }
}

async fn no_request_crosses_a_merchant(on: On) {
    let hub = TestHub::start(on).await;
    let (theirs, own) = (furnish(&hub, &hub.shop).await, furnish(&hub, &hub.other).await);
    let shop = &hub.other;
    let live = add_key(&hub.running.app, shop.merchant, Role::Manager, Environment::Live).await.1;
    let before = at_rest(&hub).await;
    let mut tried = 0;
    for operation in Operation::all().iter().filter(|operation| operation.is_guarded() && !operation.is_stream()) {
        let name = format!("{} {}", operation.method, operation.path);
        for (role, words) in [
            ("viewer", &shop.viewer),
            ("cashier", &shop.cashier),
            ("manager", &shop.manager),
            ("system", &shop.system),
            ("live manager", &live),
        ] {
            tried += cross(&hub, operation, words, (&own, &theirs), &format!("{name} as {role}")).await;
        }
        if operation.method == "GET" {
            read_own(&hub, operation, (&own, &theirs), &name).await;
        }
        assert_unchanged(&hub, &before, &name).await;
    }
    eprintln!("{tried} requests with an id of another merchant");
    assert!(tried > 500, "{tried}");
    hub.stop().await;
}

/// Puts their ids into each place of each request with our key; gives how many requests that were.
async fn cross(
    hub: &TestHub,
    operation: &Operation,
    words: &str,
    (own, theirs): (&Belongings, &Belongings),
    name: &str,
) -> usize {
    let mut tried = 0;
    let mut held = std::collections::BTreeMap::new();
    for parts in operation.requests(own) {
        for place in places(&parts, own) {
            let kind = prefix(text(parts.pointer(&place).unwrap())).to_owned();
            for id in theirs.of(&kind) {
                let mut crossing = parts.clone();
                *crossing.pointer_mut(&place).unwrap() = json!(id);
                let answer = send(hub, operation, &crossing, Some(words)).await;
                let what = format!("{name}: {place} of {crossing} was answered {}", answer.text());
                *held.entry(place.clone()).or_insert(false) |= is_held(operation, &answer, id, &what);
                tell_nothing(&answer, own, (theirs, id), &what);
                tried += 1;
            }
        }
    }
    for (place, is_held) in held {
        assert!(
            is_held,
            "{name}: no request got as far as {place}; the own records of the test are in the wrong state"
        );
    }
    tried
}

/// Whether the answer says that the id is not there, or that the role does not reach; false if a rule said no before.
fn is_held(operation: &Operation, answer: &Answer, id: &str, what: &str) -> bool {
    let body = answer.json();
    let code = body["code"].as_str().unwrap_or_default();
    match answer.status {
        200 => {
            assert!(operation.method == "GET" && body["data"] == json!([]), "{what}");
            true
        }
        403 => true,
        404 => {
            let noun = noun(id);
            assert_eq!(code, format!("{noun}_not_found"), "{what}");
            true
        }
        409 | 422 => NOT_HAD.contains(&code),
        _ => panic!("{what}"),
    }
}

/// What a problem calls a record.
fn noun(id: &str) -> &'static str {
    match prefix(id) {
        "art" => "article",
        "con" => "connection",
        "cus" => "customer",
        "exc" => "exception",
        "key" => "request",
        "loc" => "location",
        "mpe" => "mpos_endpoint",
        "opr" => "operator",
        "pay" => "payment",
        "prj" => "print_job",
        "prn" => "printer",
        "pnt" => "provider_notice",
        "pro" => "promotion",
        "rcp" => "receipt",
        "reg" => "register",
        "ret" => "return",
        "sal" => "sale",
        "sct" => "smartconnect_transaction",
        "shf" => "shift",
        "stk" => "stocktake",
        "trf" => "transfer",
        "trm" => "terminal",
        "urt" => "unreferenced_return",
        "whd" => "webhook_delivery",
        "whe" => "webhook_endpoint",
        other => panic!("say which noun `{other}_` stands for"),
    }
}

/// None of their ids is in an answer to us, but for the one that we wrote.
fn tell_nothing(answer: &Answer, own: &Belongings, (theirs, asked): (&Belongings, &str), what: &str) {
    let told = answer.text();
    for id in theirs.all().filter(|id| *id != asked) {
        // The two merchants share nothing; else the test would find what is its own.
        assert!(!own.all().any(|mine| mine == id));
        assert!(!told.contains(id.as_str()), "{id} is told: {what}");
    }
}

/// Our own requests are understood, and tell of us only.
async fn read_own(hub: &TestHub, operation: &Operation, (own, theirs): (&Belongings, &Belongings), name: &str) {
    let mut is_understood = false;
    for parts in operation.requests(own) {
        let answer = send(hub, operation, &parts, Some(&hub.other.system)).await;
        let what = format!("{name}: {parts} was answered {}", answer.text());
        is_understood |= answer.status == 200;
        tell_nothing(&answer, own, (theirs, ""), &what);
    }
    assert!(is_understood, "{name} is never answered 200");
}

async fn only_a_key_that_is_let_in_gets_anything(on: On) {
    let hub = TestHub::start(on).await;
    let theirs = furnish(&hub, &hub.shop).await;
    let app = &hub.running.app;
    let (revoked, shut_out) = add_key(app, hub.shop.merchant, Role::System, Environment::Test).await;
    hub.get(&shut_out, "/v1/merchant").await.expect(200);
    run(app, hub.shop.merchant, RevokeApiKey { id: revoked }).await;
    hub.hand.advance(BELIEVED_FOR);
    let forged = api_key::draw(Environment::Test, hub.shop.cashier_key);
    let nobodys = api_key::draw(Environment::Live, ApiKeyId::from_uuid(app.next_uuid()));
    let cut_off = &hub.shop.system[..hub.shop.system.len() - 1];
    let before = at_rest(&hub).await;
    for operation in Operation::all().iter().filter(|operation| operation.is_guarded()) {
        for parts in operation.requests(&theirs) {
            for (words, code) in [
                (None, "key_missing"),
                (Some(cut_off), "key_malformed"),
                (Some(nobodys.as_str()), "key_unknown"),
                (Some(forged.as_str()), "key_unknown"),
                (Some(shut_out.as_str()), "key_revoked"),
            ] {
                let answer = send(&hub, operation, &parts, words).await;
                answer.expect_problem(401, code);
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
        assert_unchanged(&hub, &before, &operation.path).await;
    }
    hub.stop().await;
}

async fn no_key_reaches_a_connection_of_the_other_environment(on: On) {
    let hub = TestHub::start(on).await;
    let shop = &hub.shop;
    let mut own = furnish(&hub, shop).await;
    let live = add_key(&hub.running.app, shop.merchant, Role::System, Environment::Live).await.1;
    let (sandbox, real) = (connect(&hub, shop, "sandbox").await.to_string(), connect(&hub, shop, "paypay").await);
    let real = own.add(real);
    let before = at_rest(&hub).await;
    let mut tried = 0;
    for operation in Operation::all().iter().filter(|operation| operation.is_guarded() && operation.method != "GET") {
        for parts in operation.requests(&own) {
            for place in places(&parts, &own) {
                if prefix(text(parts.pointer(&place).unwrap())) != "con" {
                    continue;
                }
                for (words, connection) in [(&live, &sandbox), (&shop.system, &real)] {
                    let mut crossing = parts.clone();
                    *crossing.pointer_mut(&place).unwrap() = json!(connection);
                    let answer = send(&hub, operation, &crossing, Some(words)).await;
                    answer.expect_problem(403, "key_environment_mismatch");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 0);
    assert_unchanged(&hub, &before, "a key of the other environment").await;
    hub.stop().await;
}
