//! Playing the customers over HTTP, as the page does it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sandbox::Server;
use sandbox::customer::Customers;
use sandbox::paypay::{Options, PayPay};
use serde_json::{Value, json};
use tokio::net::TcpListener;

struct World {
    page: Server,
    wallet: Server,
    paypay: PayPay,
    token: String,
}

impl World {
    async fn open() -> Self {
        let paypay = PayPay::new(Options::default());
        let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wallet = paypay.serve(bind().await).unwrap();
        let page = Customers::of(vec![Box::new(paypay.clone())]).serve(bind().await).unwrap();
        let basic = ("authorization", "Basic cGF5cGF5LWNsaWVudDpwYXlwYXktY2xpZW50LXNlY3JldA==");
        let form = ("content-type", "application/x-www-form-urlencoded");
        let url = format!("{}/oauth2/token", wallet.base_url());
        let (status, told) = ask("POST", &url, &[basic, form], "grant_type=client_credentials").await;
        assert_eq!(status, 200, "{told}");
        let token = format!("Bearer {}", told["access_token"].as_str().unwrap());
        Self { page, wallet, paypay, token }
    }

    /// What a hub asks of PayPay.
    async fn shop(&self, path: &str, body: Value) -> Value {
        let headers = [("authorization", self.token.as_str()), ("content-type", "application/json")];
        let url = format!("{}{path}", self.wallet.base_url());
        ask("POST", &url, &headers, &body.to_string()).await.1
    }

    async fn play(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let headers = [("content-type", "application/json")];
        ask(method, &format!("{}{path}", self.page.base_url()), &headers, &body.to_string()).await
    }

    async fn waiting(&self) -> Value {
        self.play("GET", "/api/wallets", json!({})).await.1["wallets"][0]["waiting"].clone()
    }

    fn net(&self, reference: &str) -> i64 {
        self.paypay.ledger().iter().find(|entry| entry.reference == reference).unwrap().net_amount
    }
}

async fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

fn a_code(reference: &str, amount: i64) -> Value {
    json!({ "merchantPaymentId": reference, "amount": { "amount": amount, "currency": "JPY" }, "codeType": "ORDER_QR" })
}

#[tokio::test]
async fn a_shown_code_waits_until_the_customer_decides() {
    let world = World::open().await;
    let shown = world.shop("/v2/codes", a_code("order-1", 1_200)).await;
    world.shop("/v2/codes", a_code("order-2", 300)).await;
    let waiting = world.waiting().await;
    assert_eq!(waiting[1]["reference"], "order-1");
    assert_eq!((&waiting[1]["amount"], &waiting[1]["currency"]), (&json!(1_200), &json!("JPY")));
    assert_eq!(waiting[1]["shown"], shown["data"]["url"]);
    let decide = async |reference: &str, verb: &str| {
        world.play("POST", &format!("/api/wallets/paypay/waiting/{reference}/{verb}"), json!({})).await.0
    };
    assert_eq!(decide("order-1", "approve").await, 200);
    assert_eq!(decide("order-1", "approve").await, 409, "it is paid");
    assert_eq!(decide("order-2", "decline").await, 200);
    assert_eq!(decide("order-3", "approve").await, 409);
    assert_eq!((world.net("order-1"), world.net("order-2")), (1_200, 0));
    assert_eq!(world.waiting().await, json!([]));
    let charges = world.play("GET", "/api/wallets/paypay/charges", json!({})).await.1;
    assert_eq!(charges["charges"][0], json!({ "reference": "order-1", "net_amount": 1_200, "held_amount": 0 }));
}

#[tokio::test]
async fn a_customer_has_a_new_code_each_time_and_may_be_asked_on_the_phone() {
    let world = World::open().await;
    let draw = async || world.play("POST", "/api/wallets/paypay/customer-codes", json!({})).await.1;
    let (first, second) = (draw().await, draw().await);
    let code = first["code"].as_str().unwrap();
    assert!(code.len() == 24 && code.starts_with("9000818188"), "{code}");
    assert!(first["svg"].as_str().unwrap().starts_with("<svg "));
    assert_ne!(first["code"], second["code"]);
    // An amount that pends: the phone asks.
    let amount = json!({ "amount": 1_913, "currency": "JPY" });
    let charge = json!({ "merchantPaymentId": "order-1", "userAuthorizationId": code, "amount": amount });
    world.shop("/v2/payments", charge).await;
    assert_eq!(world.waiting().await[0]["shown"], Value::Null);
    assert_eq!(world.play("POST", "/api/wallets/paypay/waiting/order-1/approve", json!({})).await.0, 200);
    assert_eq!(world.net("order-1"), 1_913);
}

#[tokio::test]
async fn customers_pay_by_themselves_for_as_long_as_they_are_told_to() {
    let world = World::open().await;
    let set = async |ms: Value| world.play("PUT", "/api/wallets/paypay/pays-after", json!({ "ms": ms })).await.0;
    assert_eq!(set(json!(0)).await, 200);
    world.shop("/v2/codes", a_code("order-1", 1_200)).await;
    while world.net("order-1") == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(set(Value::Null).await, 200);
    world.shop("/v2/codes", a_code("order-2", 300)).await;
    assert_eq!(world.waiting().await[0]["reference"], "order-2");
    assert_eq!(world.play("GET", "/api/wallets", json!({})).await.1["wallets"][0]["pays_after_ms"], Value::Null);
}

#[tokio::test]
async fn nothing_is_played_by_a_page_of_another_site() {
    let world = World::open().await;
    world.shop("/v2/codes", a_code("order-1", 1_200)).await;
    let url = format!("{}/api/wallets/paypay/waiting/order-1/approve", world.page.base_url());
    for headers in
        [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/x-www-form-urlencoded")]]
    {
        assert_eq!(ask("POST", &url, headers, "{}").await, (415, json!({ "error": "not_json" })));
    }
    assert_eq!(world.net("order-1"), 0);
    for (status, method, path) in [
        (404, "POST", "/api/wallets/nobody/waiting/order-1/approve"),
        (404, "POST", "/api/wallets/nobody/customer-codes"),
        (404, "GET", "/api/wallets/nobody/charges"),
        (405, "GET", "/api/wallets/paypay/customer-codes"),
    ] {
        assert_eq!(world.play(method, path, json!({})).await.0, status, "{method} {path}");
    }
}
