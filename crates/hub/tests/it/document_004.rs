//! What document 004 of the requirements prints of PayPay, word for word: its requests to the played PayPay and the answers
//! it shows, and its notification to the hub, signed as the lines of Python that it prints verify it. The document is read
//! where it lies; without it the stories are skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::paypay::PayPay;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::paypay::{notify, signature};
use crate::world::{Reply, World, on_both_engines, operations, paypay_options, text};

on_both_engines!(its_notification_is_verified_by_its_own_lines_and_pays);

const FOLDER: &str = "../../../shared/requirements";
/// What the document calls what the caller has chosen, and the provider.
const ORDER: &str = "ORDER-12345";
const PAYMENT: &str = "PP-PAY-67890";

/// The document; `None`, and a line that says so, where it is not there.
fn document() -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("004_"));
    let found = std::fs::read_dir(&folder).ok()?.map(|entry| entry.unwrap().path()).find(is_it);
    if found.is_none() {
        eprintln!("skipped: document 004 is not in {}", folder.display());
    }
    found.map(|path| std::fs::read_to_string(path).unwrap())
}

/// A request that is printed, and the answer below it.
struct Example {
    method: String,
    path: String,
    body: Option<Value>,
    answer: Value,
}

/// The example that begins with this line.
fn example(document: &str, first_line: &str) -> Example {
    let (_, rest) = document.split_once(&format!("{first_line}\n")).expect(first_line);
    let (request, answer) = rest.split_once("Response:").expect("an answer is printed");
    let (method, path) = first_line.split_once(' ').unwrap();
    Example {
        method: method.to_owned(),
        path: path.to_owned(),
        body: request
            .contains('{')
            .then(|| json_in(request.rsplit_once("access_token}").unwrap().1))
            .filter(Value::is_object),
        answer: json_in(answer),
    }
}

/// The first JSON object of a text; null where there is none.
fn json_in(text: &str) -> Value {
    let Some(begin) = text.find('{') else { return Value::Null };
    serde_json::Deserializer::from_str(&text[begin..]).into_iter().next().unwrap().unwrap()
}

/// Has PayPay the answer that the document shows? What PayPay chooses by itself has the same form and another number.
fn assert_shown(answer: &Value, shown: &Value, place: &str) {
    match (answer, shown) {
        (Value::Object(answer), Value::Object(shown)) => {
            let fields =
                |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<std::collections::BTreeSet<_>>();
            assert_eq!(fields(answer), fields(shown), "{place}");
            shown.iter().for_each(|(name, shown)| assert_shown(&answer[name], shown, &format!("{place}.{name}")));
        }
        (Value::String(answer), Value::String(shown)) if is_chosen_by_provider(shown) => {
            let form = |text: &str| text.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.').to_owned();
            assert!(answer.starts_with(&form(shown)), "{place}: {answer} is not like {shown}");
        }
        _ => assert_eq!(answer, shown, "{place}"),
    }
}

fn is_chosen_by_provider(shown: &str) -> bool {
    ["PP-", "https://", "paypay://"].iter().any(|beginning| shown.starts_with(beginning))
}

/// A client that knows the document and nothing else.
struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    async fn of(base: &str) -> Self {
        let (options, http) = (paypay_options(), reqwest::Client::builder().no_proxy().build().unwrap());
        let asked =
            http.post(format!("{base}/oauth2/token")).basic_auth(options.client_id, Some(options.client_secret));
        let asked =
            asked.header("content-type", "application/x-www-form-urlencoded").body("grant_type=client_credentials");
        let token: Value = serde_json::from_slice(&asked.send().await.unwrap().bytes().await.unwrap()).unwrap();
        Self { http, base: base.to_owned(), token: text(&token["access_token"]) }
    }

    /// Sends the example about this payment, and compares the answer.
    async fn play(&self, example: &Example, payment: &str) -> Value {
        let path = example.path.replace("{paymentId}", payment);
        let method = example.method.parse().unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = &example.body {
            let body = body.to_string().replace(PAYMENT, payment);
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{} {path}: {}", example.method, response.status());
        let answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_shown(&answer, &example.answer, &path);
        answer
    }
}

#[tokio::test]
async fn its_requests_are_answered_as_it_shows() {
    let Some(document) = document() else { return };
    let paypay = PayPay::new(paypay_options());
    let server = paypay.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let client = Client::of(&server.base_url()).await;
    // The code and the scanned payment are printed for one and the same order, which PayPay takes once: the order of the code
    // gets another number.
    let mut code = example(&document, "POST /v2/codes");
    code.body.as_mut().unwrap()["merchantPaymentId"] = json!("ORDER-12344");
    client.play(&code, "").await;
    let paid = client.play(&example(&document, "POST /v2/payments"), "").await;
    let payment = text(&paid["data"]["paymentId"]);
    client.play(&example(&document, "GET /v2/payments/{paymentId}"), &payment).await;
    client.play(&example(&document, "POST /v2/refunds"), &payment).await;
    let ledger = paypay.ledger();
    let order = ledger.iter().find(|entry| entry.reference == ORDER).unwrap();
    assert_eq!(order.net_amount, 0, "charged and given back");
}

/// What the printed function says of a notification: it is run as it is printed.
fn is_verified(document: &str, payload: &str, signature: &str, secret: &str) -> bool {
    let (_, rest) = document.split_once("python\n").expect("a function is printed");
    let (body, last) = rest.split_once("    return ").expect("it returns something");
    let function = format!("{body}    return {}", last.lines().next().unwrap());
    let program = format!("{function}\nimport sys\nprint(verify_paypay_webhook(*sys.argv[1:]))\n");
    let run = Command::new("python3").args(["-c", &program, payload, signature, secret]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    match String::from_utf8_lossy(&run.stdout).trim() {
        "True" => true,
        "False" => false,
        other => panic!("it says {other}"),
    }
}

async fn tell(world: &World, payload: &str, signature: &str) -> Reply {
    notify(world, "/v1/webhooks/paypay", payload, Some(signature)).await
}

async fn its_notification_is_verified_by_its_own_lines_and_pays(world: World) {
    let Some(document) = document() else { return world.close().await };
    let (_, printed) = document.split_once("Webhook Payload:").expect("a notification is printed");
    let printed = printed[printed.find('{').unwrap()..printed.find("Security:").unwrap()].trim_end();
    let secret = paypay_options().webhook_secret;
    // As it is printed it is about nothing of ours.
    let signed = signature(printed, &secret);
    assert!(is_verified(&document, printed, &signed, &secret));
    tell(&world, printed, &signed).await.expect_problem(404, "payment_not_found");
    // And about a payment of ours, of which nothing but it tells.
    world.paypay.notify_oauth("http://127.0.0.1:9/");
    let mut body = world.payment_of(world.shop.oauth, 10_913);
    body["customer_code"] = json!("281234567890123456");
    let begun =
        world.post_as(&world.shop.live_manager, "/v1/payments", &world.fresh_key(), &[], &body).await.expect(201);
    let id = text(&begun["id"]);
    let is_pending = |payment: &Value| operations(payment)[0]["state"] == "pending";
    world.wait_for_payment(&id, "pending", is_pending).await;
    let news = printed.replace(ORDER, &World::charge_of(&id)).replace("10000", "10913");
    let forged = signature(&news, "another secret");
    assert!(!is_verified(&document, &news, &forged, &secret));
    tell(&world, &news, &forged).await.expect_problem(401, "signature_invalid");
    let signed = signature(&news, &secret);
    assert!(is_verified(&document, &news, &signed, &secret));
    assert_eq!(tell(&world, &news, &signed).await.expect(200), json!({}));
    assert!(world.paypay.pay(&World::charge_of(&id)), "it is true, too");
    let paid = world.wait_for_state(&id, "captured").await;
    assert_eq!((&operations(&paid)[0]["witness"], &paid["captured_minor"]), (&json!("notification"), &json!(10_913)));
    assert_eq!(operations(&paid)[0]["provider_reference"], PAYMENT);
    world.close().await;
}
