//! The played mPOS gateway with the amounts of the vendor's test page, by a client without a hub: each fault is survived as the
//! page's reference sequence says, by asking for the status and sending the advice again.

use std::time::{Duration, Instant};

use sandbox::acquirer::{Acquirer, Amounts, Options, PlayedReader, Swipe};
use tokio::net::TcpListener;

use crate::mpos::{Fields, escaped, hmac_sha1, now_s, read, sha1};

/// Long enough to be seen, short enough for a test.
const STALL: Duration = Duration::from_millis(400);

struct Client {
    http: reqwest::Client,
    base: String,
    options: Options,
    reader: PlayedReader,
}

impl Client {
    fn new(base: String, options: Options) -> Self {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let reader = PlayedReader::new(options.readers[2].clone());
        Self { http, base, options, reader }
    }

    async fn post(&self, path: &str, form: &[(String, String)], authorization: Option<String>) -> (u16, Fields) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self.http.post(format!("{}/paynet{path}", self.base)).body(body);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, if body.is_empty() { Fields::new() } else { read(&body) })
    }

    async fn mapi(&self, command: &str, nonce: &str, fields: &[(&str, &str)]) -> (u16, Fields) {
        let path = format!("/mapi/v1/{command}/{}", self.options.endpoint);
        let form: Vec<(String, String)> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let now = now_s().to_string();
        let oauth = [
            ("oauth_consumer_key", self.options.login.as_str()),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", &now),
            ("oauth_version", "1.0"),
        ];
        let oauth = oauth.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let all: Vec<_> = form.iter().chain(&oauth).cloned().collect();
        let signature = hmac_sha1(&format!("{}/paynet{path}", self.base), &all, &self.options.control_key);
        let words = oauth.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        let words: Vec<String> = words.chain([format!("oauth_signature=\"{}\"", escaped(&signature))]).collect();
        self.post(&path, &form, Some(format!("OAuth realm=\"\", {}", words.join(", ")))).await
    }

    async fn sale(&self, order: &str, amount: &str, nonce: &str) -> (u16, Fields) {
        let Swipe { encrypted_data, encrypted_type } = self.reader.read("5412345678901232", None, true).unwrap();
        let fields = [
            ("client_orderid", order),
            ("order_desc", "Tea"),
            ("amount", amount),
            ("currency", "EUR"),
            ("address1", "x"),
            ("city", "x"),
            ("zip_code", "1"),
            ("country", "DE"),
            ("email", "x@example.de"),
            ("encrypted-data", &encrypted_data),
            ("encrypted-type", &encrypted_type),
        ];
        self.mapi("sale", nonce, &fields).await
    }

    async fn advise(&self, order: &str, nonce: &str) -> (u16, Fields) {
        let Swipe { encrypted_data, encrypted_type } = self.reader.read("5412345678901232", None, true).unwrap();
        let fields =
            [("client_orderid", order), ("encrypted-data", &encrypted_data), ("encrypted-type", &encrypted_type)];
        self.mapi("emv-advice", nonce, &fields).await
    }

    async fn status(&self, order: &str) -> (u16, Fields) {
        let Options { login, control_key, endpoint, .. } = &self.options;
        let control = sha1(&format!("{login}{order}{control_key}"));
        let form = [("login", login.as_str()), ("client_orderid", order), ("control", &control)];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.post(&format!("/api/v2/status/{endpoint}"), &form, None).await
    }
}

/// How the legs of one order went: the status of HTTP of each, whether it stalled, and how it ended.
async fn play(client: &Client, amount: &str) -> (Vec<(u16, bool)>, bool, String) {
    let order = format!("order-{amount}");
    let mut legs = Vec::new();
    let mut begun = Instant::now();
    let mut leg = |status: u16, begun: &mut Instant| {
        legs.push((status, begun.elapsed() >= STALL));
        *begun = Instant::now();
    };
    let (status, taken) = client.sale(&order, amount, &format!("{order}-sale")).await;
    leg(status, &mut begun);
    let has_id = taken.contains_key("paynet-order-id");
    // Whatever the sale said, the status finds the order.
    let (status, _) = client.status(&order).await;
    leg(status, &mut begun);
    let (_, waiting) = client.status(&order).await;
    assert_eq!(waiting["order-stage"], "sale_emv_validating", "{amount}");
    assert!(waiting["emv-issuer-response"].starts_with("910A"));
    begun = Instant::now();
    let (status, _) = client.advise(&order, &format!("{order}-advice-1")).await;
    leg(status, &mut begun);
    // Sent again it does no harm, and is needed where it failed.
    assert_eq!(client.advise(&order, &format!("{order}-advice-2")).await.0, 200, "{amount}");
    begun = Instant::now();
    let (status, _) = client.status(&order).await;
    leg(status, &mut begun);
    let (_, ended) = client.status(&order).await;
    assert_eq!((ended["card-type"].as_str(), ended["last-four-digits"].as_str()), ("MASTERCARD", "1232"));
    (legs, has_id, ended["status"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_amounts_of_the_test_page_play_what_it_says() {
    hub::tls::install_provider();
    let slow_ms = u64::try_from(STALL.as_millis()).unwrap() + 50;
    let options = Options { amounts: Amounts::Documented, slow_ms, ..Options::default() };
    let acquirer = Acquirer::new(options.clone());
    let server = acquirer.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let client = Client::new(server.base_url(), options);
    let fine = (200, false);
    // Sale, first status, advice, first status after it; whether the reply named the order; how it ended.
    for (amount, unusual, has_id, end) in [
        ("1.00", None, true, "approved"),
        ("1.01", None, false, "approved"),
        ("5.00", Some((1, (200, true))), true, "approved"),
        ("5.01", Some((0, (200, true))), true, "approved"),
        ("5.02", Some((2, (200, true))), true, "approved"),
        ("5.03", Some((3, (200, true))), true, "approved"),
        ("6.00", Some((0, (503, false))), false, "approved"),
        ("6.01", Some((1, (503, false))), true, "approved"),
        ("6.02", Some((2, (503, false))), true, "approved"),
        ("6.03", Some((3, (503, false))), true, "approved"),
        ("1.02", None, true, "declined"),
        ("99.99", None, true, "declined"),
    ] {
        let mut legs = vec![fine; 4];
        if let Some((at, leg)) = unusual {
            legs[at] = leg;
        }
        assert_eq!(play(&client, amount).await, (legs, has_id, end.to_owned()), "{amount}");
    }
    let entries = acquirer.ledger();
    let taken: i64 = entries.iter().map(|entry| entry.net_amount).sum();
    assert_eq!((entries.len(), taken), (12, 100 + 101 + 500 + 501 + 502 + 503 + 600 + 601 + 602 + 603));
    // A nonce is taken once, and a second order under one id is refused.
    assert_eq!(client.sale("again", "1.00", "one nonce").await.0, 200);
    assert_eq!(client.sale("again", "1.00", "one nonce").await.0, 403);
    let (_, refused) = client.sale("again", "1.00", "another nonce").await;
    assert_eq!(refused["type"], "validation-error");
    server.stop().await;
}
