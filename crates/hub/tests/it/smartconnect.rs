//! The SmartConnect-compatible API: POS software without a key pairs, pays, polls and refunds; and all that it may be refused for.

use std::process::Command;
use std::time::Duration;

use domain::id::ConnectionId;
use hub::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::matrix::connect;
use crate::support::device::{Device, code, enrolled};
use crate::support::{On, TestHub};
use crate::world::{Reply, World, on_both_engines, text};

on_each_engine! {
    a_merchant_turns_it_on_and_names_its_networks,
    a_register_that_goes_by_name_is_paired_paid_for_and_polled,
    what_is_not_of_the_form_is_refused_and_changes_nothing,
    the_token_dies_and_the_result_stays,
    a_register_that_alternates_or_has_a_namesake_is_told_to_a_person,
    another_merchants_names_are_not_taken,
    each_type_of_the_protocol_has_an_answer,
}

on_both_engines!(
    a_client_written_from_the_page_pairs_pays_polls_and_refunds,
    what_is_declined_unreachable_or_in_doubt_is_told_as_it_is,
    a_request_without_a_mode_waits_for_the_end,
    an_authorisation_is_finalised_once,
    a_key_makes_a_repeat_harmless,
);

const FORM: &str = "application/x-www-form-urlencoded";

fn form(fields: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish()
}

/// The three texts of a register, and more.
fn fields<'a>(business: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [("POSRegisterID", "4f1c-22"), ("POSBusinessName", business), ("POSVendorName", "Pos Ltd")];
    own.into_iter().chain(more.iter().copied()).collect()
}

/// An answer of the hub: its status, its JSON, and after how many seconds it may be asked again.
type Told = (u16, Value, String);

/// A request in the words of the protocol. It goes by a client of its own: the paths of the contract are written in one case.
async fn ask(hub: &TestHub, method: Method, path: &str, fields: &[(&str, &str)]) -> Told {
    let request = hub.client.request(method.clone(), format!("{}{path}", hub.running.base_url()));
    let request = if method == Method::GET { request } else { request.header("content-type", FORM).body(form(fields)) };
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let retry = response.headers().get("retry-after").map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{status} {body:?}")), retry)
}

async fn pair_as(hub: &TestHub, code: &str, business: &str) -> Told {
    let path = format!("/POS/Pairing/{code}");
    ask(hub, Method::PUT, &path, &fields(business, &[("POSRegisterName", "Till 1")])).await
}

async fn begin(hub: &TestHub, kind: &str, more: &[(&str, &str)]) -> Told {
    let own = fields("Corner", &[("TransactionMode", "ASYNC"), ("TransactionType", kind)]);
    ask(hub, Method::POST, "/POS/Transaction", &own.into_iter().chain(more.iter().copied()).collect::<Vec<_>>()).await
}

/// The path and the query of a polling URL.
fn path_of(begun: &Value) -> String {
    let url = text(&begun["data"]["PollingUrl"]);
    let at = url.find("/POS/").unwrap();
    url[at..].to_owned()
}

/// Polls once; the pause of the protocol is over before.
async fn poll(hub: &TestHub, begun: &Value) -> Value {
    hub.hand.advance(Duration::from_secs(2));
    let (status, told, _) = ask(hub, Method::GET, &path_of(begun), &[]).await;
    assert_eq!(status, 200, "{told}");
    told
}

async fn set_access(hub: &TestHub, body: Value) -> Value {
    let request = hub.request(Method::PUT, "/v1/smartconnect").auth(&hub.shop.manager);
    request.json(&body).send().await.expect(200)
}

/// A hub whose shop has let POS software in, with a terminal of the connection `manual`; gives the terminal's id.
async fn a_hub(on: On) -> (TestHub, ConnectionId, String) {
    let hub = TestHub::start(on).await;
    let connection = connect(&hub, &hub.shop, "manual").await;
    let terminal = enrolled(&hub, &hub.shop, connection, &Device::new(1)).await;
    set_access(&hub, json!({ "is_on": true })).await;
    (hub, connection, terminal)
}

/// The same, paired as `Corner`.
async fn a_paired_hub(on: On) -> (TestHub, ConnectionId, String) {
    let (hub, connection, terminal) = a_hub(on).await;
    let shown = code(&hub, &terminal, &Device::new(1)).await;
    assert_eq!(pair_as(&hub, &shown, "Corner").await.0, 200);
    (hub, connection, terminal)
}

async fn a_merchant_turns_it_on_and_names_its_networks(on: On) {
    let hub = TestHub::start(on).await;
    let connection = connect(&hub, &hub.shop, "manual").await;
    let device = Device::new(1);
    let terminal = enrolled(&hub, &hub.shop, connection, &device).await;
    let off = json!({ "object": "smartconnect", "is_on": false, "networks": [] });
    assert_eq!(hub.get(&hub.shop.viewer, "/v1/smartconnect").await.expect(200), off);
    let shown = code(&hub, &terminal, &device).await;
    let (status, told, _) = pair_as(&hub, &shown, "Corner").await;
    assert_eq!((status, told["error"].as_str().unwrap().contains("not turned")), (403, true), "{told}");
    let elsewhere = set_access(&hub, json!({ "is_on": true, "networks": ["203.0.113.0/24"] })).await;
    assert_eq!(elsewhere["networks"], json!(["203.0.113.0/24"]));
    assert_eq!(pair_as(&hub, &shown, "Corner").await.0, 403);
    set_access(&hub, json!({ "is_on": true, "networks": ["203.0.113.0/24", "127.0.0.0/8"] })).await;
    assert_eq!(pair_as(&hub, &shown, "Corner").await, (200, json!({ "result": "success" }), String::new()));
    set_access(&hub, json!({ "is_on": false })).await;
    assert_eq!(begin(&hub, "Terminal.GetStatus", &[]).await.0, 403);
    let cashier = hub.request(Method::PUT, "/v1/smartconnect").auth(&hub.shop.cashier).json(&json!({ "is_on": true }));
    cashier.send().await.expect_problem(403, "role_too_low");
    hub.stop().await;
}

async fn a_register_that_goes_by_name_is_paired_paid_for_and_polled(on: On) {
    let (hub, connection, terminal) = a_paired_hub(on).await;
    let read = hub.get(&hub.shop.viewer, &format!("/v1/terminals/{terminal}")).await.expect(200);
    let registers = hub.get(&hub.shop.viewer, "/v1/registers").await.expect(200);
    let register = registers["data"].as_array().unwrap().iter().find(|one| one["id"] == read["register_id"]).unwrap();
    assert!(text(&register["name"]).starts_with("SC-"), "{register}");
    let sale = r#"{"version":"1.0.0","saleData":{"saleId":"S-7","customerName":"Ume","totalAmount":"5.00"}}"#;
    // The paths and the names of fields are taken in any case.
    let asked = [("posregisterid", "4f1c-22"), ("PosBusinessName", "Corner"), ("POSVendorName", "Pos Ltd")];
    let more = [
        ("TransactionMode", "ASYNC"),
        ("TransactionType", "Card.Purchase"),
        ("AmountTotal", "500"),
        ("SaleData", sale),
    ];
    let all: Vec<_> = asked.into_iter().chain(more).collect();
    let (status, begun, _) = ask(&hub, Method::POST, "/pos/TRANSACTION", &all).await;
    assert_eq!((status, &begun["transactionStatus"]), (200, &json!("PENDING")), "{begun}");
    let told = poll(&hub, &begun).await;
    assert_eq!((&told["transactionStatus"], &told["data"]["TransactionResult"]), (&json!("PENDING"), &json!("")));
    let (status, told, retry) = ask(&hub, Method::GET, &path_of(&begun).replace("/POS/T", "/pos/t"), &[]).await;
    assert_eq!((status, retry.as_str()), (429, "2"), "{told}");
    let payments = hub.get(&hub.shop.viewer, "/v1/payments").await.expect(200);
    let payment = &payments["data"][0];
    assert_eq!((&payment["connection_id"], &payment["asked_minor"]), (&json!(connection), &json!(500)));
    assert_eq!(payment["register_id"], read["register_id"]);
    let path = format!("/v1/payments/{}/outcome", text(&payment["id"]));
    hub.post(&hub.shop.cashier, &path, json!({ "outcome": "approved", "amount_minor": 615 })).await.expect(200);
    let told = poll(&hub, &begun).await;
    assert_eq!(told["transactionId"], begun["transactionId"]);
    let data = &told["data"];
    assert_eq!((&told["transactionStatus"], &data["AmountTotal"]), (&json!("COMPLETED"), &json!("615")));
    assert_eq!((&data["TransactionResult"], &data["Result"]), (&json!("OK-ACCEPTED"), &json!("OK")));
    assert_eq!((&data["DeviceID"], &data["PosRegisterID"]), (&json!("S-1"), &json!("4f1c-22")));
    assert_eq!(data["SaleData"]["saleData"], json!({ "saleId": "S-7", "totalAmount": "5.00" }));
    assert!(text(&data["Receipt"]).contains("615"));
    for (_, rows) in hub.rows().await {
        assert!(!rows.iter().any(|row| row.contains("Ume")), "what tells of a customer is not kept");
    }
    hub.stop().await;
}

async fn what_is_not_of_the_form_is_refused_and_changes_nothing(on: On) {
    let (hub, _, _) = a_paired_hub(on).await;
    let before = hub.mark().await;
    for (kind, more) in [
        ("Card.Purchase", vec![]),
        ("Card.Purchase", vec![("AmountTotal", "5.00")]),
        ("Card.Purchase", vec![("AmountTotal", "-500")]),
        ("Card.Purchase", vec![("AmountTotal", "0")]),
        ("Card.Purchase", vec![("AmountTotal", "4111111111111111")]),
        ("Card.Auth", vec![("AmountTotal", "500")]),
        ("4111111111111111", vec![("AmountTotal", "500")]),
        ("Card.PurchasePlusCash", vec![("AmountTotal", "500")]),
        ("Card.PurchasePlusCash", vec![("AmountTotal", "500"), ("AmountCash", "500")]),
        ("Card.Refund", vec![("AmountTotal", "500")]),
        ("Card.Refund", vec![("AmountTotal", "500"), ("TransactionReference", "x")]),
        ("Card.Finalise", vec![("AmountFinal", "500")]),
        ("Card.Purchase", vec![("AmountTotal", "500"), ("SaleData", "4111111111111111")]),
        ("Card.Purchase", vec![("AmountTotal", "500"), ("SaleData", "{}")]),
        ("Card.Purchase", vec![("AmountTotal", "500"), ("TransactionMode", "SYNC")]),
    ] {
        let own = fields("Corner", &[("TransactionType", kind)]);
        let mut all: Vec<_> = own.into_iter().chain(more.iter().copied()).collect();
        if !more.iter().any(|(name, _)| *name == "TransactionMode") {
            all.push(("TransactionMode", "ASYNC"));
        }
        let (status, told, _) = ask(&hub, Method::POST, "/POS/Transaction", &all).await;
        assert_eq!(status, 400, "{kind} {more:?}: {told}");
        assert!(!told.to_string().contains("4111"), "{told}");
    }
    let (status, told, _) = pair_as(&hub, "0000-0000", "Corner").await;
    assert_eq!((status, told["error"].is_string()), (400, true));
    let other = fields("Market", &[("TransactionType", "Terminal.GetStatus"), ("TransactionMode", "ASYNC")]);
    let (status, told, _) = ask(&hub, Method::POST, "/POS/Transaction", &other).await;
    assert_eq!((status, &told["error"]), (400, &json!("The register is not paired with a terminal. Pair it.")));
    let url = format!("{}/POS/Transaction", hub.running.base_url());
    let json = hub.client.post(url).json(&json!({})).send().await.unwrap();
    assert_eq!(json.status().as_u16(), 415);
    assert_eq!(ask(&hub, Method::DELETE, "/POS/Transaction", &[]).await.0, 405);
    assert_eq!(ask(&hub, Method::DELETE, "/pos/transaction", &[]).await.0, 405);
    assert_eq!(ask(&hub, Method::GET, "/pos/elsewhere", &[]).await.0, 404);
    assert_eq!(hub.mark().await, before);
    hub.stop().await;
}

async fn the_token_dies_and_the_result_stays(on: On) {
    let (hub, _, _) = a_paired_hub(on).await;
    let (_, begun, _) = begin(&hub, "Card.Purchase", &[("AmountTotal", "500")]).await;
    let id = text(&begun["transactionId"]);
    let forged = format!("/POS/Transaction/{id}?merchantAccessToken={}", "0".repeat(64));
    for path in [forged, format!("/POS/Transaction/{id}"), "/POS/Transaction/x?merchantAccessToken=1".to_owned()] {
        assert_eq!(ask(&hub, Method::GET, &path, &[]).await, (401, json!({ "error": "Token invalid" }), String::new()));
    }
    match on {
        On::Sqlite => hub.hand.advance(Duration::from_secs(15 * 60)),
        On::Postgres => hub.spoil("UPDATE smartconnect_transaction SET created_at = 1763812800000 - 900000").await,
    }
    let (status, told, _) = ask(&hub, Method::GET, &path_of(&begun), &[]).await;
    assert_eq!((status, &told["error"]), (401, &json!("Token expired")));
    let path = format!("/v1/smartconnect/transactions/sct_{}", id.replace('-', ""));
    let kept = hub.get(&hub.shop.viewer, &path).await.expect(200);
    assert_eq!((&kept["transaction_id"], &kept["is_completed"]), (&json!(id), &json!(false)));
    assert_eq!((&kept["type"], &kept["result"]["transactionStatus"]), (&json!("Card.Purchase"), &json!("PENDING")));
    assert_eq!(hub.get(&hub.shop.viewer, &format!("/v1/smartconnect/transactions/{id}")).await.expect(200), kept);
    hub.get(&hub.other.viewer, &path).await.expect_problem(404, "smartconnect_transaction_not_found");
    hub.hand.advance(Duration::from_secs(180 * 24 * 60 * 60));
    hub.get(&hub.shop.viewer, &path).await.expect_problem(404, "smartconnect_transaction_not_found");
    hub.stop().await;
}

async fn a_register_that_alternates_or_has_a_namesake_is_told_to_a_person(on: On) {
    let (hub, connection, first) = a_paired_hub(on).await;
    let second = enrolled(&hub, &hub.shop, connection, &Device::new(2)).await;
    let pair = async |terminal: &str, number: u8, business: &str| {
        let shown = code(&hub, terminal, &Device::new(number)).await;
        assert_eq!(pair_as(&hub, &shown, business).await.0, 200);
    };
    let reasons = async || {
        let open = hub.get(&hub.shop.manager, "/v1/exceptions").await.expect(200);
        let clashes = open["data"].as_array().unwrap().iter().filter(|one| one["kind"] == "register_clash");
        clashes.map(|one| text(&one["reason"])).collect::<Vec<_>>()
    };
    pair(&second, 2, "Corner").await;
    assert_eq!(reasons().await, Vec::<String>::new());
    pair(&first, 1, "Corner").await;
    let told = reasons().await;
    assert!(told.len() == 1 && told[0].contains(&first) && told[0].contains(&second), "{told:?}");
    pair(&second, 2, "Market").await;
    let told = reasons().await;
    assert!(told.len() == 2 && told.iter().any(|one| one.contains("Corner") && one.contains("Market")), "{told:?}");
    hub.stop().await;
}

async fn another_merchants_names_are_not_taken(on: On) {
    let (hub, _, _) = a_paired_hub(on).await;
    let connection = connect(&hub, &hub.other, "manual").await;
    let theirs = enrolled(&hub, &hub.other, connection, &Device::new(3)).await;
    let shown = code(&hub, &theirs, &Device::new(3)).await;
    assert_eq!(pair_as(&hub, &shown, "Corner").await.0, 403);
    let on = hub.request(Method::PUT, "/v1/smartconnect").auth(&hub.other.manager).json(&json!({ "is_on": true }));
    on.send().await.expect(200);
    let (status, told, _) = pair_as(&hub, &shown, "Corner").await;
    assert_eq!(status, 400, "{told}");
    assert!(!told.to_string().contains("trm_") && !told.to_string().contains("reg_"), "{told}");
    assert_eq!(pair_as(&hub, &shown, "Other").await.0, 200);
    // Each goes on with its own.
    assert_eq!(begin(&hub, "Card.Purchase", &[("AmountTotal", "500")]).await.0, 200);
    assert_eq!(hub.get(&hub.other.viewer, "/v1/payments").await.expect(200)["data"], json!([]));
    hub.stop().await;
}

async fn each_type_of_the_protocol_has_an_answer(on: On) {
    let (hub, _, _) = a_paired_hub(on).await;
    let last = poll(&hub, &begin(&hub, "Journal.GetTransResult", &[]).await.1).await;
    assert_eq!(last["data"]["TransactionResult"], "OK-UNAVAILABLE");
    for kind in ["QR.Merchant.Purchase", "QR.Consumer.Purchase", "Card.CashAdvance"] {
        let begun = begin(&hub, kind, &[("AmountTotal", "700")]).await;
        assert_eq!((begun.0, poll(&hub, &begun.1).await["data"]["Function"].clone()), (200, json!(kind)));
    }
    let cash = begin(&hub, "Card.PurchasePlusCash", &[("AmountTotal", "700"), ("AmountCash", "200")]).await.1;
    assert_eq!(poll(&hub, &cash).await["data"]["AmountCash"], "200");
    for kind in ["Acquirer.Logon", "Acquirer.Settlement.Inquiry", "Acquirer.Settlement.Cutover", "Terminal.ReadCard"] {
        let told = poll(&hub, &begin(&hub, kind, &[]).await.1).await;
        let words = (&told["transactionStatus"], &told["data"]["TransactionResult"]);
        assert_eq!(words, (&json!("COMPLETED"), &json!("OK-UNAVAILABLE")), "{kind}");
    }
    let last = poll(&hub, &begin(&hub, "Journal.GetTransResult", &[]).await.1).await;
    assert_eq!((&last["data"]["ReferenceId"], &last["transactionStatus"]), (&cash["transactionId"], &json!("PENDING")));
    let status = poll(&hub, &begin(&hub, "Terminal.GetStatus", &[]).await.1).await;
    assert_eq!((&status["data"]["Result"], &status["data"]["Status"]), (&json!("OK"), &json!("READY")));
    assert_eq!(status["data"].get("TransactionResult"), None);
    if on == On::Sqlite {
        hub.hand.advance(Duration::from_secs(10 * 60));
        let status = poll(&hub, &begin(&hub, "Terminal.GetStatus", &[]).await.1).await;
        assert_eq!(status["data"]["Status"], "OFFLINE");
    }
    hub.stop().await;
}

/// A terminal of the world's shop, with the connection; gives the code that it shows.
async fn a_shown_code(world: &World, connection: ConnectionId) -> String {
    let device = Device::new(7);
    let body = json!({ "location_id": world.shop.location, "connection_id": connection, "name": "Counter" });
    let expected = world.post("/v1/terminals", &body).await.expect(201);
    let send = async |path: &str, body: Value| {
        let headers = [("content-type", "application/json")];
        world.send("POST", path, &headers, Some(body.to_string().into_bytes())).await.unwrap().expect(201)
    };
    let terminal = send("/v1/terminals/enrol", device.arrival(&text(&expected["enrolment_token"]))).await;
    let id = text(&terminal["id"]);
    let proof = device.proof(&id, Clock::system().now().0);
    let shown = send(&format!("/v1/terminals/{id}/code"), proof).await;
    let bearer = format!("Bearer {}", world.shop.manager);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let on = Some(json!({ "is_on": true }).to_string().into_bytes());
    world.send("PUT", "/v1/smartconnect", &headers, on).await.unwrap().expect(200);
    text(&shown["code"])
}

async fn send_form(world: &World, method: &str, path: &str, more: &[(&str, &str)], fields: &[(&str, &str)]) -> Reply {
    let headers: Vec<_> = [("content-type", FORM)].into_iter().chain(more.iter().copied()).collect();
    world.send(method, path, &headers, Some(form(fields).into_bytes())).await.unwrap()
}

/// A world whose shop is paired as `Corner`.
async fn paired(world: &World, connection: ConnectionId) {
    let shown = a_shown_code(world, connection).await;
    let fields = fields("Corner", &[("POSRegisterName", "Till 1")]);
    send_form(world, "PUT", &format!("/POS/Pairing/{shown}"), &[], &fields).await.expect(200);
}

async fn start(world: &World, headers: &[(&str, &str)], kind: &str, more: &[(&str, &str)]) -> Value {
    let own = fields("Corner", &[("TransactionMode", "ASYNC"), ("TransactionType", kind)]);
    let all: Vec<_> = own.into_iter().chain(more.iter().copied()).collect();
    send_form(world, "POST", "/POS/Transaction", headers, &all).await.expect(200)
}

/// How a transaction stands, read with the key, as soon as it is so.
async fn read_until(world: &World, begun: &Value, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/smartconnect/transactions/{}", text(&begun["transactionId"]));
    let is_reached = async || is_so(&world.get(&path).await.expect(200)["result"]);
    world.wait_until(what, is_reached).await;
    world.get(&path).await.expect(200)
}

async fn completed(world: &World, begun: &Value) -> (String, String) {
    let told = read_until(world, begun, "completed", |told| told["transactionStatus"] == "COMPLETED").await;
    let data = &told["result"]["data"];
    (text(&data["TransactionResult"]), text(&data["Result"]))
}

fn words(result: &str, detail: &str) -> (String, String) {
    (result.to_owned(), detail.to_owned())
}

async fn a_client_written_from_the_page_pairs_pays_polls_and_refunds(world: World) {
    let shown = a_shown_code(&world, world.shop.sandbox).await;
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/smartconnect_client.py");
    let base = format!("{}/POS", world.base_url());
    let run = move || Command::new("python3").args([client, &base, &shown]).output().expect("python3 runs");
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    let saw: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(saw["paired"], json!({ "result": "success" }));
    for what in ["purchase", "refund"] {
        let data = &saw[what]["data"];
        assert_eq!((&data["TransactionResult"], &data["Result"]), (&json!("OK-ACCEPTED"), &json!("OK")), "{what}");
        assert_eq!(data["AmountTotal"], "615");
    }
    assert_eq!(saw["status"]["data"]["Status"], "READY");
    assert_eq!(saw["last"]["data"]["ReferenceId"], saw["refund"]["transactionId"]);
    assert_eq!(saw["wrong_amount"][0], 400);
    let payments = world.get("/v1/payments").await.expect(200);
    let [payment] = payments["data"].as_array().unwrap().as_slice() else { panic!("one payment: {payments}") };
    assert_eq!((&payment["state"], &payment["refunded_minor"]), (&json!("refunded"), &json!(615)));
    world.close().await;
}

async fn what_is_declined_unreachable_or_in_doubt_is_told_as_it_is(mut world: World) {
    paired(&world, world.shop.hasty).await;
    let amount = [("AmountTotal", "500")];
    let declined = start(&world, &[("x-sandbox-fault", "decline")], "Card.Purchase", &amount).await;
    assert_eq!(completed(&world, &declined).await, words("OK-DECLINED", "OK"));
    let lost = start(&world, &[("x-sandbox-fault", "lose_reply")], "Card.Purchase", &amount).await;
    let delayed =
        |told: &Value| told["data"]["TransactionResult"] == "OK-DELAYED" || told["transactionStatus"] == "COMPLETED";
    read_until(&world, &lost, "delayed", delayed).await;
    assert_eq!(completed(&world, &lost).await, words("OK-ACCEPTED", "OK"));
    let addr = world.unplug_provider().await;
    let offline = start(&world, &[], "Card.Purchase", &amount).await;
    assert_eq!(completed(&world, &offline).await, words("CANCELLED", "FAILED-INTERFACE"));
    world.plug_provider_in(addr).await;
    world.close().await;
}

async fn a_request_without_a_mode_waits_for_the_end(world: World) {
    paired(&world, world.shop.sandbox).await;
    let asked = fields("Corner", &[("TransactionType", "Card.Purchase"), ("AmountTotal", "500")]);
    let told = send_form(&world, "POST", "/POS/Transaction", &[], &asked).await.expect(200);
    assert_eq!((&told["transactionStatus"], &told["data"]["AmountTotal"]), (&json!("COMPLETED"), &json!("500")));
    world.close().await;
}

async fn an_authorisation_is_finalised_once(world: World) {
    paired(&world, world.shop.sandbox).await;
    let promised = start(&world, &[], "Card.Authorise", &[("AmountAuth", "500")]).await;
    assert_eq!(completed(&world, &promised).await, words("OK-ACCEPTED", "OK"));
    let reference = text(&promised["transactionId"]);
    let more = [("AmountFinal", "300"), ("TransactionReference", reference.as_str())];
    let taken = start(&world, &[], "Card.Finalise", &more).await;
    assert_eq!(completed(&world, &taken).await, words("OK-ACCEPTED", "OK"));
    let own = fields("Corner", &[("TransactionMode", "ASYNC"), ("TransactionType", "Card.Finalise")]);
    let again: Vec<_> = own.into_iter().chain(more).collect();
    send_form(&world, "POST", "/POS/Transaction", &[], &again).await.expect(400);
    let payments = world.get("/v1/payments").await.expect(200);
    assert_eq!(payments["data"][0]["captured_minor"], 300);
    let more = [("AmountTotal", "100"), ("TransactionReference", reference.as_str())];
    let back = start(&world, &[], "Card.Refund", &more).await;
    assert_eq!(completed(&world, &back).await, words("OK-ACCEPTED", "OK"));
    world.close().await;
}

async fn a_key_makes_a_repeat_harmless(world: World) {
    paired(&world, world.shop.sandbox).await;
    let amount = [("AmountTotal", "500")];
    let headers = [("idempotency-key", "pos-1"), ("tillbridge-reference", "order 7")];
    let first = start(&world, &headers, "Card.Purchase", &amount).await;
    let again = start(&world, &headers, "Card.Purchase", &amount).await;
    assert_eq!(first, again);
    completed(&world, &first).await;
    let own =
        fields("Corner", &[("TransactionMode", "ASYNC"), ("TransactionType", "Card.Purchase"), ("AmountTotal", "501")]);
    send_form(&world, "POST", "/POS/Transaction", &headers, &own).await.expect(422);
    let payments = world.get("/v1/payments").await.expect(200);
    let [payment] = payments["data"].as_array().unwrap().as_slice() else { panic!("one payment: {payments}") };
    assert_eq!(payment["reference"], "order 7");
    // Without a key each request is a transaction of its own, as in the original.
    let third = start(&world, &[], "Card.Purchase", &amount).await;
    assert_ne!(third["transactionId"], first["transactionId"]);
    completed(&world, &third).await;
    world.close().await;
}
