//! Every secret and every code of a customer that a day with wallets uses, looked for wherever something stays or goes out:
//! tables, files, log, events, answers, webhooks. None is found.

use std::collections::BTreeSet;
use std::path::Path;

use hub::config::Hidden;
use serde_json::{Value, json};

use crate::support::{log, logged};
use crate::world::{World, alipay_options, antom_options, on_both_engines, paypay_options, text, wechat_options};

on_both_engines!(no_secret_and_no_code_of_a_customer_stays_anywhere);

/// Codes that are in no other test, so that whatever is found of them came from here: one that is paid, one that waits for
/// the phone, one whose answer is lost, one that is refused, one that is only asked about, one that nobody knows.
const CODES: [&str; 6] = [
    "900081818877665544332211",
    "900081818866554433221100",
    "900081818855443322110099",
    "22KASPQRTV66554433",
    "22KASPQRTV66554422",
    "770011998877665544",
];
/// An EMV code of a customer; what it carries is that of a published sample.
const EMV: &str = "hQVDUFYwMWEfTwigAAAAZQOSAlcTMViZAHkkKUPUkSEhAAAFEgAADw==";
/// The number in it, beyond the eight digits that may be looked at.
const NUMBER_IN_EMV: &str = "3158990079242943";
/// The tables that something of a payment, a connection or a key gets into.
const TABLES: [&str; 10] =
    ["payment", "operation", "event", "audit", "job", "idempotency", "exception", "connection", "api_key", "merchant"];
const WAIT: [(&str, &str); 1] = [("prefer", "wait=50")];

/// What must not be found.
fn forbidden(world: &World) -> BTreeSet<String> {
    let options = paypay_options();
    let secrets = [options.api_secret, options.client_secret, options.webhook_secret, "rotated-secret".to_owned()];
    let codes = CODES.into_iter().chain([EMV, NUMBER_IN_EMV]).map(str::to_owned);
    let shop = &world.shop;
    // The words of keys, but for their ids, which are known.
    let keys = [&shop.cashier, &shop.manager, &shop.viewer, &shop.live_manager];
    let keys = keys.map(|words| words.split('_').nth(3).unwrap().to_owned());
    secrets.into_iter().chain(codes).chain(keys).collect()
}

async fn no_secret_and_no_code_of_a_customer_stays_anywhere(mut world: World) {
    log();
    // From its first line on.
    world.restart().await;
    let mut answers = Vec::new();
    let live = world.shop.live_manager.clone();
    let mut post = async |path: &str, body: Value| {
        let reply = world.post_as(&live, path, &world.fresh_key(), &WAIT, &body).await;
        answers.push(String::from_utf8_lossy(&reply.bytes).into_owned());
        reply.json()
    };
    let pay = |code: &str, amount: i64| json!({ "register_id": world.shop.register, "amount_minor": amount, "customer_code": code });
    let paid = post("/v1/payments", pay(CODES[0], 1_200)).await;
    assert_eq!(paid["state"], "captured");
    let lost = post("/v1/payments", pay(CODES[2], 1_903)).await;
    assert_eq!(lost["state"], "captured", "found again under our reference");
    let refused = post("/v1/payments", pay(CODES[3], 500)).await;
    assert_eq!(refused["code"], "customer_code_not_taken");
    for code in [CODES[4], CODES[5], EMV] {
        let told = post("/v1/customer-codes/recognize", json!({ "customer_code": code })).await;
        assert_ne!(told["next_action"], "pay");
    }
    let wrong = post("/v1/payments", json!({ "register_id": CODES[4], "customer_code": CODES[5] })).await;
    assert_eq!(wrong["code"], "body_invalid");
    let refund = post(&format!("/v1/payments/{}/refunds", text(&paid["id"])), json!({})).await;
    assert_eq!(refund["state"], "refunded");
    // One that waits for the phone while the credentials are replaced.
    let body = pay(CODES[1], 1_913);
    let begun = world.post_as(&live, "/v1/payments", &world.fresh_key(), &[], &body).await.expect(201);
    let operator = world.operator().await;
    let rotated = Hidden::new(paypay_options().credentials_of_oauth());
    operator.set_credentials(world.shop.oauth, &rotated, 60_000).await.unwrap();
    let replaced = Hidden::new("key:rotated-secret".to_owned());
    operator.set_credentials(world.shop.opa, &replaced, 60_000).await.unwrap();
    operator.close().await.unwrap();
    let id = text(&begun["id"]);
    world.wait_for_payment(&id, "at the wallet", |payment| payment["operations"][0]["state"] == "pending").await;
    assert!(world.paypay.pay(&World::charge_of(&id)));
    answers.push(world.wait_for_state(&id, "captured").await.to_string());
    look_everywhere(&world, &forbidden(&world), answers).await;
    world.close().await;
}

/// Looks for what must not be found, in these answers and wherever else something stays or goes out.
async fn look_everywhere(world: &World, forbidden: &BTreeSet<String>, mut answers: Vec<String>) {
    for path in ["/v1/payments", "/v1/connections", "/v1/events", "/v1/exceptions", "/v1/merchant"] {
        answers.push(String::from_utf8_lossy(&world.get(path).await.bytes).into_owned());
    }
    let events = json!(world.events().await).to_string();
    let find = |place: &str, content: &str| {
        for secret in forbidden {
            assert!(!content.contains(secret.as_str()), "{place} has a secret that begins with {}", &secret[..4]);
        }
    };
    answers.iter().for_each(|answer| find("an answer", answer));
    find("an event", &events);
    for table in TABLES {
        find(table, &world.rows_of(table).await);
    }
    find("the log", &logged());
    assert!(logged().contains("The hub takes requests."), "the log is not empty");
    if world.settings().database.url.is_none() {
        walk(world.folder(), &mut |path, bytes| find(&path.display().to_string(), &String::from_utf8_lossy(bytes)));
    }
}

/// Each file of a folder.
fn walk(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, look);
        } else {
            look(&path, &std::fs::read(&path).unwrap());
        }
    }
}

/// In a shop that counts in yuan, which all of these take.
mod in_yuan {
    use super::*;

    on_both_engines!(in "CNY": no_secret_and_no_code_of_the_other_wallets_stays_anywhere);

    /// As [`CODES`]: of each connection one that is paid, one whose answer is lost, one that is refused, one that waits.
    const ENDS: [&str; 4] = ["7766554433221108", "7766554433221116", "7766554433221124", "7766554433221132"];
    const AMOUNTS: [i64; 4] = [1_200, 1_903, 1_901, 1_913];

    /// The private keys and the shared ones, as whoever keeps them has them.
    fn secrets() -> Vec<String> {
        let wechat = wechat_options();
        // A piece of a key in base64 that no public key has.
        let piece = |credentials: String| credentials[100..160].to_owned();
        let keys = [piece(alipay_options().credentials()), piece(antom_options().credentials())];
        [wechat.apiv3_key, wechat.api_key, "PRIVATE KEY".to_owned()].into_iter().chain(keys).collect()
    }

    async fn no_secret_and_no_code_of_the_other_wallets_stays_anywhere(mut world: World) {
        log();
        world.restart().await;
        let (live, mut answers, mut forbidden) = (world.shop.live_manager.clone(), Vec::new(), secrets());
        let [_, wechat, wechat_v2] = world.shop.wechat;
        let wallets = [(wechat, "13"), (wechat_v2, "14"), (world.shop.alipay, "28"), (world.shop.antom, "29")];
        for (connection, head) in wallets {
            for (end, amount_minor) in ENDS.into_iter().zip(AMOUNTS) {
                let (code, mut body) = (format!("{head}{end}"), world.payment_of(connection, amount_minor));
                body["customer_code"] = json!(code);
                let reply = world.post_as(&live, "/v1/payments", &world.fresh_key(), &[], &body).await;
                let id = text(&reply.expect(201)["id"]);
                if amount_minor == 1_913 {
                    let is_asked = |payment: &Value| payment["next_action"] == "ask_customer_to_confirm";
                    world.wait_for_payment(&id, "to be confirmed", is_asked).await;
                    assert!(world.confirm(&id));
                }
                let state = if amount_minor == 1_901 { "declined" } else { "captured" };
                answers.push(String::from_utf8_lossy(&reply.bytes).into_owned());
                answers.push(world.wait_for_state(&id, state).await.to_string());
                let reply = world
                    .post_as(
                        &live,
                        "/v1/customer-codes/recognize",
                        &world.fresh_key(),
                        &[],
                        &json!({ "customer_code": code }),
                    )
                    .await;
                reply.expect(200);
                answers.push(String::from_utf8_lossy(&reply.bytes).into_owned());
                forbidden.push(code);
            }
        }
        look_everywhere(&world, &forbidden.into_iter().collect(), answers).await;
        world.close().await;
    }
}
