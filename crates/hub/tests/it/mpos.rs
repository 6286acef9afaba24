//! The mPOS gateway API, by a client that was written from the vendor's pages alone: the reference sequence of the test page,
//! what is asked of an order, callbacks, everything that is refused, and what never leaks.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::id::ConnectionId;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::support::Receiver;
use crate::support::receiver::{Reply as Answer, wait_until};
use crate::world::{World, acquirer_options, on_both_engines, text};

on_both_engines!(
    the_reference_sequence_ends_approved_and_is_called_back,
    a_promise_is_captured_returned_and_cancelled,
    a_sale_is_voided_and_the_day_is_closed,
    what_the_bank_refuses_is_told_and_a_lost_request_charges_nobody,
    what_is_not_signed_right_is_refused_and_changes_nothing,
    a_wrong_form_is_refused_and_changes_nothing,
    an_endpoint_is_managed_and_its_key_shown_once,
    what_a_reader_gave_is_found_nowhere,
    other_providers_take_orders_too,
);

pub type Fields = BTreeMap<String, String>;

/// Software that talks to an endpoint.
struct App<'a> {
    world: &'a World,
    number: String,
    group: String,
    login: String,
    key: String,
    nonces: AtomicU32,
}

/// What a request is signed with, where a test wants something else than what is right.
struct Signing<'a> {
    key: &'a str,
    nonce: String,
    at_s: i64,
    in_body: bool,
}

impl<'a> App<'a> {
    async fn new(world: &'a World, connection: ConnectionId, notify_url: Option<&str>) -> Self {
        let body = json!({
            "name": "Counter app", "login": "counter-app", "register_id": world.shop.register.to_string(),
            "connection_id": connection.to_string(), "notify_url": notify_url,
        });
        let keys = [&world.shop.live_manager, &world.shop.manager];
        let key = keys[usize::from(connection == world.shop.sandbox)];
        let made = world.post_as(key, "/v1/mpos-endpoints", &world.fresh_key(), &[], &body).await.expect(201);
        Self {
            world,
            number: text(&made["number"]),
            group: text(&made["group"]),
            login: text(&made["login"]),
            key: text(&made["control_key"]),
            nonces: AtomicU32::new(0),
        }
    }

    fn signing(&self) -> Signing<'_> {
        let nonce = format!("nonce-{}", self.nonces.fetch_add(1, Ordering::Relaxed));
        Signing { key: &self.key, nonce, at_s: now_s(), in_body: false }
    }

    /// A form to a path, with headers.
    async fn form(&self, path: &str, headers: &[(&str, &str)], form: &[(String, String)]) -> (u16, Fields) {
        let own = [("content-type", "application/x-www-form-urlencoded")];
        let headers: Vec<_> = own.into_iter().chain(headers.iter().copied()).collect();
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let reply = self.world.send("POST", path, &headers, Some(body.into_bytes())).await.unwrap();
        (reply.status, read(&reply.bytes))
    }

    async fn signed(&self, path: &str, fields: &[(&str, &str)], signing: Signing<'_>) -> (u16, Fields) {
        let form: Vec<(String, String)> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let oauth = [
            ("oauth_consumer_key", self.login.clone()),
            ("oauth_nonce", signing.nonce),
            ("oauth_signature_method", "HMAC-SHA1".to_owned()),
            ("oauth_timestamp", signing.at_s.to_string()),
            ("oauth_version", "1.0".to_owned()),
        ];
        let oauth = oauth.map(|(name, value)| (name.to_owned(), value));
        let all: Vec<(String, String)> = form.iter().cloned().chain(oauth.iter().cloned()).collect();
        let url = format!("{}{path}", self.world.base_url());
        let signature = hmac_sha1(&url, &all, signing.key);
        if signing.in_body {
            let more = [("oauth_signature".to_owned(), signature)];
            let form: Vec<_> = all.into_iter().chain(more).collect();
            return self.form(path, &[], &form).await;
        }
        let mut header = "OAuth realm=\"\"".to_owned();
        for (name, value) in oauth.into_iter().chain([("oauth_signature".to_owned(), signature)]) {
            let _ = write!(header, ", {name}=\"{}\"", escaped(&value));
        }
        self.form(path, &[("authorization", &header)], &form).await
    }

    async fn mapi(&self, command: &str, fields: &[(&str, &str)]) -> (u16, Fields) {
        self.signed(&format!("/paynet/mapi/v1/{command}/{}", self.number), fields, self.signing()).await
    }

    /// A sale of a card that a reader has read.
    async fn charge(&self, command: &str, order: &str, amount: &str, read: &Value, more: &[(&str, &str)]) -> Fields {
        let sale = sale(order, amount, read);
        let fields: Vec<(&str, &str)> =
            sale.iter().map(|(n, v)| (*n, v.as_str())).chain(more.iter().copied()).collect();
        let (status, taken) = self.mapi(command, &fields).await;
        assert_eq!((status, taken["type"].as_str()), (200, "async-response"), "{taken:?}");
        assert_eq!(taken["merchant-order-id"], order);
        taken
    }

    /// A command under the SHA-1 control, in the order in which the documents concatenate.
    async fn api(&self, path: &str, order: &str, id: &str, more: &[(&str, &str)], signed: &str) -> (u16, Fields) {
        let control = sha1(&format!("{}{order}{id}{signed}{}", self.login, self.key));
        let own = [("login", self.login.as_str()), ("client_orderid", order), ("orderid", id), ("control", &control)];
        let form: Vec<(String, String)> = own
            .into_iter()
            .chain(more.iter().copied())
            .filter(|(_, value)| !value.is_empty())
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        self.form(path, &[], &form).await
    }

    async fn status(&self, order: &str) -> Fields {
        let (status, told) = self.api(&format!("/paynet/api/v2/status/{}", self.number), order, "", &[], "").await;
        assert_eq!(status, 200, "{told:?}");
        told
    }

    /// Polls as the SDK does: an order that is not found is one that was not received yet.
    async fn until(&self, order: &str, is_so: impl Fn(&Fields) -> bool) -> Fields {
        let mut last = Fields::new();
        wait_until("the order is as wanted", async || {
            last = self.status(order).await;
            is_so(&last)
        })
        .await;
        last
    }

    async fn ended(&self, order: &str) -> Fields {
        self.until(order, |told| told.get("status").is_some_and(|status| status != "processing")).await
    }

    async fn change(&self, command: &str, order: &str, id: &str, amount: &str) -> (u16, Fields) {
        let path = format!("/api/v2/{command}/{}", self.number);
        let currency = if amount.is_empty() { "" } else { "JPY" };
        let more = [("amount", amount), ("currency", currency), ("comment", "asked at the counter")];
        let signed = if command == "void" { String::new() } else { format!("{amount}{currency}") };
        self.api(&path, order, id, &more, &signed).await
    }
}

pub fn sale(order: &str, amount: &str, read: &Value) -> Vec<(&'static str, String)> {
    let mut fields = vec![("client_orderid", order.to_owned()), ("amount", amount.to_owned())];
    for (name, value) in [
        ("order_desc", "Tea & cake"),
        ("currency", "JPY"),
        ("address1", "1-2-3 Ginza"),
        ("city", "Tokyo"),
        ("zip_code", "104-0061"),
        ("country", "JP"),
        ("email", "aiko@example.jp"),
    ] {
        fields.push((name, value.to_owned()));
    }
    fields.push(("encrypted-data", text(&read["encrypted_data"])));
    fields.push(("encrypted-type", text(&read["encrypted_type"])));
    fields
}

pub fn read(body: &[u8]) -> Fields {
    if let Ok(Value::Object(fields)) = serde_json::from_slice(body) {
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return fields.into_iter().map(|(name, value)| (name, text(value))).collect();
    }
    let raw = String::from_utf8_lossy(body);
    assert!(raw.split('&').all(|pair| pair.ends_with('\n')), "each value ends in a line feed: {raw}");
    form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.trim_end().to_owned())).collect()
}

pub fn sha1(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

pub fn hmac_sha1(url: &str, parameters: &[(String, String)], key: &str) -> String {
    let mut pairs: Vec<_> = parameters.iter().map(|(n, v)| (escaped(n), escaped(v))).collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let base = format!("POST&{}&{}", escaped(url), escaped(&pairs.join("&")));
    let mac = Hmac::<Sha1>::new_from_slice(format!("{}&", escaped(key)).as_bytes()).unwrap().chain_update(base);
    STANDARD.encode(mac.finalize().into_bytes())
}

#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own")]
pub fn now_s() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

fn callback(query: &str) -> Fields {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// The control of a callback, as the vendor's receivers check it.
fn is_controlled(told: &Fields, key: &str) -> bool {
    told["control"] == sha1(&format!("{}{}{}{key}", told["status"], told["orderid"], told["merchant_order"]))
}

async fn payments(world: &World) -> usize {
    let list = world.get_as(&world.shop.live_manager, "/v1/payments?limit=100", &[]).await.expect(200);
    list["data"].as_array().unwrap().len()
}

async fn the_reference_sequence_ends_approved_and_is_called_back(world: World) {
    let receiver = Receiver::start().await;
    // The first call fails, and comes again.
    receiver.answer(Answer::Status(200));
    receiver.answer_next([Answer::Status(500)]);
    let app = App::new(&world, world.shop.counter, None).await;
    let (url, card) = (receiver.url(), world.card_read(None, true));
    // The reply to the sale is lost: it is not looked at.
    let lost = app.charge("sale", "902B4FF5", "5000", &card, &[("server_callback_url", &url)]).await;
    let waiting = app.until("902B4FF5", |told| told.contains_key("emv-issuer-response")).await;
    assert_eq!((waiting["status"].as_str(), waiting["order-stage"].as_str()), ("processing", "sale_emv_validating"));
    assert_eq!(waiting["paynet-order-id"], lost["paynet-order-id"]);
    let advice = [
        ("client_orderid", "902B4FF5"),
        ("encrypted-data", card["encrypted_data"].as_str().unwrap()),
        ("encrypted-type", card["encrypted_type"].as_str().unwrap()),
    ];
    // Its reply is lost as well, and it is sent again.
    for _ in 0..2 {
        let (status, taken) = app.mapi("emv-advice", &advice).await;
        assert_eq!((status, taken["type"].as_str()), (200, "async-response"), "{taken:?}");
    }
    let ended = app.ended("902B4FF5").await;
    assert_eq!((ended["status"].as_str(), ended["amount"].as_str()), ("approved", "5000"));
    assert_eq!((ended["transaction-type"].as_str(), ended["last-four-digits"].as_str()), ("sale", "8909"));
    assert_eq!((ended["auth-response-code"].as_str(), ended["approval-code"].len()), ("00", 6));
    let calls = receiver.wait_for(2).await;
    assert_eq!(calls[0].query, calls[1].query);
    let told = callback(&calls[0].query);
    assert!(is_controlled(&told, &app.key), "{told:?}");
    assert_eq!((told["status"].as_str(), told["type"].as_str(), told["amount"].as_str()), ("approved", "sale", "5000"));
    assert_eq!((&told["client_orderid"], &told["orderid"]), (&told["merchant_order"], &ended["paynet-order-id"]));
    // The same content is the first order; other content is refused.
    let again = app.charge("sale", "902B4FF5", "5000", &card, &[("server_callback_url", &url)]).await;
    assert_eq!(again["paynet-order-id"], lost["paynet-order-id"]);
    let other = sale("902B4FF5", "5001", &card);
    let other: Vec<(&str, &str)> = other.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let (status, refused) = app.mapi("sale", &other).await;
    assert_eq!((status, refused["type"].as_str(), refused["error-code"].as_str()), (200, "validation-error", "5"));
    assert!(refused["error-message"].starts_with("mpos_order_id_taken"), "{refused:?}");
    assert_eq!(payments(&world).await, 1);
    world.close().await;
}

async fn a_promise_is_captured_returned_and_cancelled(world: World) {
    let receiver = Receiver::start().await;
    receiver.answer(Answer::Status(200));
    let app = App::new(&world, world.shop.counter, Some(&receiver.url())).await;
    let held = app.charge("preauth", "held", "9000", &world.card_read(None, false), &[]).await;
    let id = held["paynet-order-id"].as_str();
    assert_eq!(app.ended("held").await["transaction-type"], "preauth");
    let (_, taken) = app.change("capture", "held", id, "6000").await;
    assert_eq!(taken["type"], "async-response", "{taken:?}");
    let captured =
        app.until("held", |told| told["transaction-type"] == "capture" && told["status"] == "approved").await;
    assert_eq!((captured["amount"].as_str(), captured["initial-amount"].as_str()), ("6000", "9000"));
    let (_, taken) = app.change("return", "held", id, "1000").await;
    let returned =
        app.until("held", |told| told["transaction-type"] == "reversal" && told["status"] == "approved").await;
    assert_eq!((returned["amount"].as_str(), &returned["serial-number"]), ("5000", &taken["serial-number"]));
    // The stage before is asked about by its own number.
    let by_number = [("by-request-sn", captured["serial-number"].as_str())];
    let path = format!("/paynet/api/v2/status/group/{}", app.group);
    let (_, told) = app.api(&path, "held", id, &by_number, "").await;
    assert_eq!((told["transaction-type"].as_str(), told["status"].as_str()), ("capture", "approved"));
    let (_, refused) = app.change("return", "held", id, "5001").await;
    assert!(refused["error-message"].starts_with("refund_exceeds_captured"), "{refused:?}");
    // A promise is given back whole.
    let other = app.charge("preauth", "cancelled", "4000", &world.card_read(None, false), &[]).await;
    app.ended("cancelled").await;
    app.change("return", "cancelled", &other["paynet-order-id"], "").await;
    let cancelled =
        app.until("cancelled", |told| told["transaction-type"] == "cancel" && told["status"] == "approved").await;
    assert_eq!(cancelled["amount"], "0");
    // Everything that ended was told, in order for each order.
    let calls = receiver.wait_for(5).await;
    let told: Vec<_> = calls.iter().map(|call| callback(&call.query)).collect();
    assert!(told.iter().all(|told| is_controlled(told, &app.key)));
    let of = |order: &str| -> Vec<String> {
        told.iter().filter(|told| told["client_orderid"] == order).map(|told| told["type"].clone()).collect()
    };
    assert_eq!(of("held"), ["preauth", "capture", "reversal"]);
    assert_eq!(of("cancelled"), ["preauth", "cancel"]);
    world.close().await;
}

async fn a_sale_is_voided_and_the_day_is_closed(world: World) {
    let app = App::new(&world, world.shop.counter, None).await;
    for (order, amount) in [("kept", "3000"), ("voided", "2000")] {
        app.charge("sale", order, amount, &world.card_read(None, false), &[]).await;
        assert_eq!(app.ended(order).await["status"], "approved");
    }
    // A void signs neither amount nor currency, though both may be sent.
    let (_, taken) = app.change("void", "voided", "", "2000").await;
    assert_eq!(taken["type"], "async-response", "{taken:?}");
    let voided =
        app.until("voided", |told| told["transaction-type"] == "reversal" && told["status"] == "approved").await;
    assert_eq!(voided["amount"], "0");
    let (_, refused) = app.change("void", "voided", "", "").await;
    assert_eq!(refused["type"], "validation-error");
    let path = format!("/api/v2/close-day/{}", app.number);
    let request = [("day_close_request_id", "day00001"), ("sale_approved_count", "2"), ("sale_approved_sum", "5001")];
    let (_, closed) = app.signed(&path, &request, app.signing()).await;
    let totals = |closed: &Fields| {
        ["saleApprovedCount", "saleAmount", "reversalApprovedCount", "reversalAmount", "isDayClosing"]
            .map(|name| closed[name].clone())
    };
    assert_eq!(totals(&closed), ["2", "5000", "1", "2000", "false"], "{closed:?}");
    assert_eq!(closed["error-message"], "sale_approved_sum is 5000 here");
    let (_, again) = app.signed(&path, &request, app.signing()).await;
    assert_eq!(again, closed);
    let (_, next) = app.signed(&path, &[("day_close_request_id", "day00002")], app.signing()).await;
    assert_eq!(totals(&next), ["0", "0", "0", "0", "false"]);
    world.close().await;
}

async fn what_the_bank_refuses_is_told_and_a_lost_request_charges_nobody(world: World) {
    let receiver = Receiver::start().await;
    receiver.answer(Answer::Status(200));
    let app = App::new(&world, world.shop.gateway, Some(&receiver.url())).await;
    let swiped = || world.card_read(None, false);
    app.charge("sale", "declined", "5901", &swiped(), &[]).await;
    let declined = app.ended("declined").await;
    assert_eq!((declined["status"].as_str(), declined["error-message"].as_str()), ("declined", "declined_by_provider"));
    // Without a PIN, with a wrong one, and with the right one.
    app.charge("sale", "no PIN", "5955", &swiped(), &[]).await;
    assert_eq!(app.ended("no PIN").await["auth-response-code"], "55");
    app.charge("sale", "wrong PIN", "5955", &world.card_read(Some("9999"), false), &[]).await;
    assert_eq!(app.ended("wrong PIN").await["auth-response-code"], "55");
    app.charge("sale", "right PIN", "5955", &world.card_read(Some("1234"), false), &[]).await;
    assert_eq!(app.ended("right PIN").await["status"], "approved");
    // Nobody can tell what became of it; it was undone, and nothing was charged. It is never said to be declined meanwhile.
    app.charge("sale", "lost", "5909", &swiped(), &[]).await;
    let lost = app.ended("lost").await;
    assert_eq!((lost["status"].as_str(), lost["error-message"].as_str()), ("error", "reversed"));
    // Its reply was lost, and it is found again.
    app.charge("sale", "found", "5903", &swiped(), &[]).await;
    assert_eq!(app.ended("found").await["status"], "approved");
    let told: Vec<_> = receiver.wait_for(6).await.iter().map(|call| callback(&call.query)).collect();
    assert!(told.iter().all(|told| is_controlled(told, &app.key)));
    let of = |order: &str| told.iter().find(|told| told["client_orderid"] == order).unwrap().clone();
    assert_eq!((of("declined")["status"].as_str(), of("declined")["error_code"].as_str()), ("declined", "1000"));
    assert_eq!((of("lost")["status"].as_str(), of("found")["status"].as_str()), ("error", "approved"));
    world.close().await;
}

async fn what_is_not_signed_right_is_refused_and_changes_nothing(world: World) {
    let app = App::new(&world, world.shop.counter, None).await;
    let card = world.card_read(None, false);
    let fields = sale("1", "5000", &card);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let path = format!("/mapi/v1/sale/{}", app.number);
    let refused = |(status, told): (u16, Fields), words: &str| {
        assert_eq!((status, told["type"].as_str(), told["error-code"].as_str()), (403, "validation-error", "6"));
        assert!(told["error-message"].contains(words), "{told:?}");
    };
    let wrong = Signing { key: "another key", ..app.signing() };
    refused(app.signed(&path, &fields, wrong).await, "signature is wrong");
    let old = Signing { at_s: now_s() - 600, ..app.signing() };
    refused(app.signed(&path, &fields, old).await, "five minutes");
    let early = Signing { at_s: now_s() + 600, ..app.signing() };
    refused(app.signed(&path, &fields, early).await, "five minutes");
    let owned: Vec<(String, String)> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    refused(app.form(&path, &[], &owned).await, "oauth_signature is missing");
    refused(app.form(&path, &[("authorization", "Bearer x")], &owned).await, "OAuth 1.0a");
    assert_eq!(payments(&world).await, 0);
    // Signed for another endpoint of the same merchant, and of nobody.
    let other = App::new(&world, world.shop.counter, None).await;
    refused(other.signed(&path, &fields, other.signing()).await, "signature is wrong");
    let nobody = world.send("POST", "/mapi/v1/sale/1", &[], Some(Vec::new())).await.unwrap();
    nobody.expect_problem(404, "mpos_endpoint_not_found");
    let unknown = world.send("POST", &format!("/mapi/v1/refund/{}", app.number), &[], Some(Vec::new())).await.unwrap();
    assert_eq!(unknown.status, 404);
    // In the form alone it is right, too; and a nonce is taken once.
    let in_body = Signing { in_body: true, ..app.signing() };
    let nonce = in_body.nonce.clone();
    let (status, taken) = app.signed(&path, &fields, in_body).await;
    assert_eq!((status, taken["type"].as_str()), (200, "async-response"), "{taken:?}");
    refused(app.signed(&path, &fields, Signing { nonce, ..app.signing() }).await, "nonce was used");
    app.ended("1").await;
    // The control, of the order's own endpoint.
    for (login, key) in [(app.login.as_str(), "another key"), ("somebody", app.key.as_str())] {
        let control = sha1(&format!("{login}1{key}"));
        let form = [("login", login), ("client_orderid", "1"), ("control", &control)];
        let form = form.map(|(n, v)| (n.to_owned(), v.to_owned()));
        for path in [format!("/api/v2/status/{}", app.number), format!("/api/v2/return/group/{}", app.group)] {
            let (status, told) = app.form(&path, &[], &form).await;
            assert_eq!((status, told["type"].as_str(), told["error-code"].as_str()), (200, "validation-error", "3"));
        }
    }
    let without = [("login", app.login.as_str()), ("client_orderid", "1")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let (_, told) = app.form(&format!("/api/v2/status/{}", app.number), &[], &without).await;
    assert_eq!(told["error-message"], "Parameter control is required");
    // An order of another endpoint is not there, and an id that is not its own is none.
    assert_eq!(other.status("1").await["error-message"], "Order not found");
    let (_, told) = app.api(&format!("/api/v2/status/{}", app.number), "1", "12345", &[], "").await;
    assert_eq!(told["error-code"], "4");
    assert_eq!(payments(&world).await, 1);
    world.close().await;
}

async fn a_wrong_form_is_refused_and_changes_nothing(world: World) {
    let app = App::new(&world, world.shop.counter, None).await;
    let card = world.card_read(None, false);
    let long = "x".repeat(129);
    for (name, value, code, words) in [
        ("amount", "50.00", "2", "amount"),
        ("amount", "-5", "2", "amount"),
        ("amount", "0", "2", "amount"),
        ("amount", "5,000", "2", "amount"),
        ("amount", "", "1", "Parameter amount is required"),
        ("currency", "EUR", "2", "this endpoint takes JPY"),
        ("client_orderid", "", "1", "client_orderid"),
        ("client_orderid", &long, "5", "mpos_order_id_invalid"),
        ("client_orderid", "4111111111111111", "5", "text_looks_like_card_number"),
        ("encrypted-data", "", "1", "encrypted-data"),
        ("encrypted-data", "a b", "2", "encrypted-data"),
        ("encrypted-type", "", "1", "encrypted-type"),
        ("email", "", "1", "email"),
        ("server_callback_url", "http://192.168.0.1/", "2", "server_callback_url"),
        ("server_callback_url", "not a url", "2", "server_callback_url"),
        ("notify_url", "http://169.254.169.254/", "2", "notify_url"),
    ] {
        let mut fields = sale("1", "5000", &card);
        fields.retain(|(known, _)| *known != name);
        fields.push((name, value.to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let (status, told) = app.mapi("sale", &fields).await;
        assert_eq!((status, told["type"].as_str()), (200, "validation-error"), "{name} {value}: {told:?}");
        assert_eq!(told["error-code"], code, "{name} {value}: {told:?}");
        assert!(told["error-message"].contains(words), "{name} {value}: {told:?}");
    }
    let (_, told) = app.change("return", "1", "", "10.50").await;
    assert_eq!((told["type"].as_str(), told["error-code"].as_str()), ("validation-error", "2"), "{told:?}");
    // As JSON a rejected request is 400.
    let json = ("accept", "application/vnd.pay+json");
    let form = [("login", "x"), ("client_orderid", "1")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let (status, told) = app.form(&format!("/api/v2/status/{}", app.number), &[json], &form).await;
    assert_eq!((status, told["type"].as_str()), (400, "validation-error"));
    let query = world.send("POST", &format!("/api/v2/status/{}?login=x", app.number), &[], Some(Vec::new())).await;
    query.unwrap().expect_problem(400, "query_invalid");
    assert_eq!(payments(&world).await, 0);
    assert_eq!(app.status("1").await["error-message"], "Order not found");
    world.close().await;
}

async fn an_endpoint_is_managed_and_its_key_shown_once(world: World) {
    let app = App::new(&world, world.shop.counter, None).await;
    let live = &world.shop.live_manager;
    let list = world.get_as(live, "/v1/mpos-endpoints", &[]).await.expect(200);
    let made = &list["data"][0];
    assert!(made.get("control_key").is_none() && made["number"] == app.number.as_str());
    let path = format!("/v1/mpos-endpoints/{}", text(&made["id"]));
    assert!(world.get_as(live, &path, &[]).await.expect(200).get("control_key").is_none());
    for table in ["mpos_endpoint", "idempotency", "event", "audit"] {
        assert!(!world.rows_of(table).await.contains(&app.key), "{table}");
    }
    // A member of the same group, and of nobody else's.
    let body = json!({
        "name": "Second", "login": "second", "register_id": world.shop.register.to_string(),
        "connection_id": world.shop.counter.to_string(), "group": app.group,
    });
    let key = world.fresh_key();
    let second = world.post_as(live, "/v1/mpos-endpoints", &key, &[], &body).await;
    assert_eq!(second.expect(201)["group"], app.group.as_str());
    let again = world.post_as(live, "/v1/mpos-endpoints", &key, &[], &body).await;
    assert!(again.is_replay && again.bytes == second.bytes);
    let mut foreign = body.clone();
    foreign["group"] = json!("424242");
    let refused = world.post_as(live, "/v1/mpos-endpoints", &world.fresh_key(), &[], &foreign).await;
    refused.expect_problem(404, "mpos_endpoint_not_found");
    let mut inside = body.clone();
    inside["notify_url"] = json!("http://10.0.0.1/");
    let refused = world.post_as(live, "/v1/mpos-endpoints", &world.fresh_key(), &[], &inside).await;
    refused.expect_problem(422, "mpos_endpoint_notify_url_invalid");
    let refused = world.post_as(&world.shop.manager, "/v1/mpos-endpoints", &world.fresh_key(), &[], &body).await;
    refused.expect_problem(403, "key_environment_mismatch");
    let refused = world.post_as(&world.shop.cashier, "/v1/mpos-endpoints", &world.fresh_key(), &[], &body).await;
    refused.expect_problem(403, "role_too_low");
    let theirs = &world.other_shop.live_manager;
    world.get_as(theirs, &path, &[]).await.expect_problem(404, "mpos_endpoint_not_found");
    // With another key the one before lets nobody in, and an endpoint that is switched off nobody at all.
    let rotated = world.post_as(live, &format!("{path}/rotate-control-key"), &world.fresh_key(), &[], &json!({})).await;
    let rotated = rotated.expect(200);
    assert_ne!(rotated["control_key"], app.key.as_str());
    assert_eq!(app.status("1").await["error-code"], "3");
    let fresh = App { key: text(&rotated["control_key"]), ..app };
    assert_eq!(fresh.status("1").await["error-message"], "Order not found");
    let bearer = format!("Bearer {live}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let off = world.send("PATCH", &path, &headers, Some(br#"{"is_active":false}"#.to_vec())).await.unwrap();
    assert_eq!(off.expect(200)["is_active"], json!(false));
    let shut = world.send("POST", &format!("/api/v2/status/{}", fresh.number), &[], Some(Vec::new())).await.unwrap();
    shut.expect_problem(404, "mpos_endpoint_not_found");
    world.close().await;
}

async fn what_a_reader_gave_is_found_nowhere(world: World) {
    let app = App::new(&world, world.shop.counter, None).await;
    let chip = world.card_read(None, true);
    app.charge("sale", "1", "5000", &chip, &[]).await;
    app.until("1", |told| told.contains_key("emv-issuer-response")).await;
    let second = world.card_read(None, true);
    let advice = [
        ("client_orderid", "1"),
        ("encrypted-data", second["encrypted_data"].as_str().unwrap()),
        ("encrypted-type", second["encrypted_type"].as_str().unwrap()),
    ];
    app.mapi("emv-advice", &advice).await;
    assert_eq!(app.ended("1").await["status"], "approved");
    // A register of ours hands on the same.
    let mut body = world.payment_of(world.shop.counter, 1_200);
    let swiped = world.card_read(Some("1234"), false);
    body["reader"] = swiped.clone();
    let live = &world.shop.live_manager;
    let wait = [("prefer", "wait=50")];
    let paid = world.post_as(live, "/v1/payments", &world.fresh_key(), &wait, &body).await.expect(201);
    assert_eq!(paid["state"], "captured");
    let mut without = body.clone();
    without["reader"] = Value::Null;
    let refused = world.post_as(live, "/v1/payments", &world.fresh_key(), &[], &without).await;
    refused.expect_problem(422, "reader_data_missing");
    let mut elsewhere = world.payment_of(world.shop.opa, 1_200);
    elsewhere["reader"] = swiped.clone();
    let refused = world.post_as(live, "/v1/payments", &world.fresh_key(), &[], &elsewhere).await;
    refused.expect_problem(422, "reader_data_not_supported");
    let control_key = acquirer_options().control_key;
    let blobs: Vec<String> = [&chip, &second, &swiped].iter().map(|read| text(&read["encrypted_data"])).collect();
    let secrets: Vec<&str> = blobs.iter().map(String::as_str).chain([app.key.as_str(), &control_key]).collect();
    for table in [
        "payment",
        "operation",
        "event",
        "audit",
        "job",
        "idempotency",
        "exception",
        "connection",
        "mpos_order",
        "mpos_endpoint",
        "mpos_close",
    ] {
        let rows = world.rows_of(table).await;
        assert!(secrets.iter().all(|secret| !rows.contains(secret)), "{table}");
    }
    let events = json!(world.events().await).to_string();
    assert!(secrets.iter().all(|secret| !events.contains(secret) && !paid.to_string().contains(secret)));
    // Nor what was said about the customer.
    assert!(!world.rows_of("payment").await.contains("aiko@example.jp"));
    world.close().await;
}

async fn other_providers_take_orders_too(world: World) {
    let app = App::new(&world, world.shop.sandbox, None).await;
    let card = world.card_read(None, true);
    app.charge("sale", "1", "5000", &card, &[]).await;
    let ended = app.ended("1").await;
    assert_eq!((ended["status"].as_str(), ended["order-stage"].as_str()), ("approved", "sale_approved"));
    // It is over, and an advice that comes late does nothing.
    let advice = [
        ("client_orderid", "1"),
        ("encrypted-data", card["encrypted_data"].as_str().unwrap()),
        ("encrypted-type", card["encrypted_type"].as_str().unwrap()),
    ];
    let (_, taken) = app.mapi("emv-advice", &advice).await;
    assert_eq!(taken["paynet-order-id"], ended["paynet-order-id"]);
    let (status, told) = app.mapi("emv-advice", &[("client_orderid", "2"), advice[1], advice[2]]).await;
    assert_eq!((status, told["error-message"].as_str()), (200, "Order not found"));
    world.close().await;
}
