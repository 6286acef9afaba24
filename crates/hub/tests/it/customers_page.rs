//! The page where one plays the customers of the wallets, over its API: what is paid there is paid here, what is turned down
//! there charges nobody, and a code from there is taken by a register.

use sandbox::Server;
use sandbox::customer::Customers;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::world::{Kind, Reply, World, on_both_engines, text};

on_both_engines!(wechats_customer_pays_goes_away_and_shows_a_code, antoms_customer_shows_a_code_and_may_be_asked,);

const WAIT: [(&str, &str); 1] = [("prefer", "wait=50")];

/// The page of all wallets of a world, where nobody pays by himself.
struct Page {
    server: Server,
    client: reqwest::Client,
}

impl Page {
    async fn open(world: &World) -> Self {
        let (paypay, wechat) = (Box::new(world.paypay.clone()), Box::new(world.wechat.clone()));
        let customers =
            Customers::of(vec![paypay, wechat, Box::new(world.alipay.clone()), Box::new(world.antom.clone())]);
        customers.set_pays_after_ms(None);
        let server = customers.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
        Self { server, client: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    async fn wallet(&self, name: &str) -> Value {
        let url = format!("{}/api/wallets", self.server.base_url());
        let told: Value = self.client.get(url).send().await.unwrap().json().await.unwrap();
        told["wallets"].as_array().unwrap().iter().find(|wallet| wallet["name"] == name).unwrap().clone()
    }

    async fn waiting(&self, name: &str) -> Vec<Value> {
        self.wallet(name).await["waiting"].as_array().unwrap().clone()
    }

    async fn decide(&self, wallet: &str, one: &Value, verb: &str) -> u16 {
        let reference = text(&one["reference"]);
        let url = format!("{}/api/wallets/{wallet}/waiting/{reference}/{verb}", self.server.base_url());
        self.client.post(url).json(&json!({})).send().await.unwrap().status().as_u16()
    }

    async fn draw_code(&self, wallet: &str) -> String {
        let url = format!("{}/api/wallets/{wallet}/customer-codes", self.server.base_url());
        let drawn: Value = self.client.post(url).json(&json!({})).send().await.unwrap().json().await.unwrap();
        assert!(text(&drawn["svg"]).starts_with("<svg "));
        text(&drawn["code"])
    }

    async fn net(&self, wallet: &str, payment: &Value) -> i64 {
        let url = format!("{}/api/wallets/{wallet}/charges", self.server.base_url());
        let told: Value = self.client.get(url).send().await.unwrap().json().await.unwrap();
        let number = text(&payment["id"]).replace("pay_", "");
        let charges = told["charges"].as_array().unwrap();
        let own = charges.iter().filter(|charge| text(&charge["reference"]).contains(&number));
        own.filter_map(|charge| charge["net_amount"].as_i64()).sum()
    }
}

impl World {
    async fn ask_wallet(&self, path: &str, body: &Value) -> Reply {
        self.post_as(&self.shop.live_manager, path, &self.fresh_key(), &WAIT, body).await
    }

    /// Whose a code is, as a register without a connection in mind is told.
    async fn wallets_of(&self, code: &str) -> Vec<String> {
        let body = json!({ "customer_code": code });
        let told = self.ask_wallet("/v1/customer-codes/recognize", &body).await.expect(200);
        told["candidates"].as_array().unwrap().iter().map(|one| text(&one["wallet"])).collect()
    }
}

async fn wechats_customer_pays_goes_away_and_shows_a_code(world: World) {
    let (page, connection) = (Page::open(&world).await, world.shop.wechat[1]);
    let shown = world.ask_wallet("/v1/payments", &world.payment_of(connection, 1_200)).await.expect(201);
    let [one] = page.waiting("wechat").await.try_into().unwrap();
    assert_eq!((&one["amount"], &one["currency"]), (&json!(1_200), &json!("JPY")));
    assert_eq!(one["shown"], shown["presented_code"]["text"]);
    assert_eq!(page.decide("wechat", &one, "approve").await, 200);
    assert_eq!(page.decide("wechat", &one, "approve").await, 409, "it is paid");
    let paid = world.wait_for_state(&text(&shown["id"]), "captured").await;
    assert_eq!(page.net("wechat", &paid).await, 1_200);
    // Whoever goes away is not told of: the code waits until it is closed, and can be paid by the next one.
    let left = world.ask_wallet("/v1/payments", &world.payment_of(connection, 800)).await.expect(201);
    let [one] = page.waiting("wechat").await.try_into().unwrap();
    assert_eq!(page.decide("wechat", &one, "decline").await, 200);
    assert_eq!(page.decide("wechat", &one, "decline").await, 409);
    assert!(page.waiting("wechat").await.is_empty());
    assert_eq!(world.payment(&text(&left["id"])).await["state"], "in_progress");
    let path = format!("/v1/payments/{}/cancel", text(&left["id"]));
    world.ask_wallet(&path, &json!({ "reason": "went away" })).await.expect(200);
    let ended = world.wait_for_state(&text(&left["id"]), "reversed").await;
    assert_eq!((&ended["customer_charged"], page.net("wechat", &ended).await), (&json!("no"), 0));
    let mut body = world.payment_of(connection, 700);
    body["customer_code"] = json!(page.draw_code("wechat").await);
    let scanned = world.ask_wallet("/v1/payments", &body).await.expect(201);
    assert_eq!((&scanned["state"], page.net("wechat", &scanned).await), (&json!("captured"), 700));
    assert_ne!(body["customer_code"], json!(page.draw_code("wechat").await));
    world.close().await;
}

async fn antoms_customer_shows_a_code_and_may_be_asked(world: World) {
    let page = Page::open(&world).await;
    assert_eq!(page.wallet("antom").await["pays_shown_codes"], false);
    let mut body = world.payment_of(world.shop.antom, 700);
    body["customer_code"] = json!(page.draw_code("antom").await);
    let paid = world.ask_wallet("/v1/payments", &body).await.expect(201);
    assert_eq!((&paid["state"], page.net("antom", &paid).await), (&json!("captured"), 700));
    for (amount_minor, verb, state) in [(1_913, "approve", "captured"), (2_913, "decline", "declined")] {
        let mut body = world.payment_of(world.shop.antom, amount_minor);
        body["customer_code"] = json!(page.draw_code("antom").await);
        let live = &world.shop.live_manager;
        let begun = world.post_as(live, "/v1/payments", &world.fresh_key(), &[], &body).await.expect(201);
        let is_asked = |payment: &Value| payment["next_action"] == "ask_customer_to_confirm";
        world.wait_for_payment(&text(&begun["id"]), "to be confirmed", is_asked).await;
        let [one] = page.waiting("antom").await.try_into().unwrap();
        assert_eq!((&one["amount"], &one["shown"]), (&json!(amount_minor), &Value::Null));
        assert_eq!(page.decide("antom", &one, verb).await, 200);
        let ended = world.wait_for_state(&text(&begun["id"]), state).await;
        assert_eq!(page.net("antom", &ended).await, if verb == "approve" { amount_minor } else { 0 });
    }
    world.close().await;
}

mod in_yuan {
    use super::*;

    on_both_engines!(in "CNY": alipays_customer_pays_turns_down_and_shows_a_code);

    async fn alipays_customer_pays_turns_down_and_shows_a_code(world: World) {
        let page = Page::open(&world).await;
        let show = async |amount| {
            let body = world.payment_of(world.shop.alipay, amount);
            let shown = world.ask_wallet("/v1/payments", &body).await.expect(201);
            let [one] = page.waiting("alipay").await.try_into().unwrap();
            assert_eq!(
                (&one["amount"], &one["currency"], &one["shown"]),
                (&json!(amount), &json!("CNY"), &shown["presented_code"]["text"])
            );
            (text(&shown["id"]), one)
        };
        let (id, one) = show(1_200).await;
        assert_eq!(page.decide("alipay", &one, "approve").await, 200);
        let paid = world.wait_for_state(&id, "captured").await;
        assert_eq!(page.net("alipay", &paid).await, 1_200);
        let (id, one) = show(800).await;
        assert_eq!(page.decide("alipay", &one, "decline").await, 200);
        assert_eq!(page.decide("alipay", &one, "approve").await, 409);
        let ended = world.wait_for_payment(&id, "over", |payment| payment["customer_charged"] == "no").await;
        assert_eq!((&ended["next_action"], page.net("alipay", &ended).await), (&json!("use_another_tender"), 0));
        let mut body = world.payment_of(world.shop.alipay, 700);
        body["customer_code"] = json!(page.draw_code("alipay").await);
        let scanned = world.ask_wallet("/v1/payments", &body).await.expect(201);
        assert_eq!((&scanned["state"], page.net("alipay", &scanned).await), (&json!("captured"), 700));
        world.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_from_the_page_says_whose_it_is() {
    let Some(world) = World::open(Kind::Sqlite).await else { return };
    let page = Page::open(&world).await;
    for (wallet, name) in [("paypay", "paypay"), ("wechat", "wechat"), ("alipay", "alipay"), ("antom", "alipay")] {
        for _ in 0..20 {
            assert_eq!(world.wallets_of(&page.draw_code(wallet).await).await, [name], "{wallet}");
        }
    }
    world.close().await;
}
