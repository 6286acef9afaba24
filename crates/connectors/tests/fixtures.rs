//! Every exchange in `src/<provider>/fixtures/` through one checker: what is built, and what is made of the answer.
//! `$1` stands for the reference of the charge, `$2` and `$3` for those of operations about it, `$digits` for the digits of
//! the payment's id. What a provider signs is signed in the module of its name.

mod alipay;
mod wechat;

use std::collections::BTreeMap;
use std::path::PathBuf;

use connectors::{
    Access, Ask, CannotAsk, Connector, News, Notice, Probe, ReaderBlob, Request, Response, Secret, Stamp, Told,
    find_connector, names,
};
use domain::id::{ConnectionId, LocationId, MerchantId, OperationId, PaymentId, RegisterId};
use domain::merchant::ConnectionSettings;
use domain::money::Currency;
use domain::payment::{Approval, Funding, Kind, Operation, OperationState, Outcome, Payment, PresentedCode, State};
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

const BASE_URL: &str = "http://provider.test/base";

/// One request and its answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Of a provider that speaks more than one protocol.
    #[serde(default)]
    variant: String,
    operation: Asked,
    request: Option<String>,
    body: Option<Value>,
    status: Option<u16>,
    answer: Option<Value>,
    /// The answer is signed by somebody else than the provider.
    #[serde(default)]
    is_forged: bool,
    /// The provider signs its answers, and this one is not signed.
    #[serde(default)]
    is_unsigned: bool,
    not_sent: Option<String>,
    lost: Option<String>,
    outcome: String,
    /// The code to be shown that the answer brings, and its id.
    code: Option<(String, String)>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Asked {
    kind: String,
    asked: i64,
    #[serde(default)]
    is_repeat: bool,
    /// The charge was an authorization, and operation 3 is about the capture of it.
    #[serde(default)]
    is_about_capture: bool,
    /// The charge was a promise.
    #[serde(default)]
    is_about_promise: bool,
    /// The customer showed a code.
    #[serde(default)]
    is_scanned: bool,
    /// The shop shows a code; it ends at second 300.
    #[serde(default)]
    has_code: bool,
    /// The provider has taken it and not finished.
    #[serde(default)]
    is_taken: bool,
    /// The second in which it is asked.
    #[serde(default)]
    second: i64,
}

/// One notification.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery {
    name: String,
    #[serde(default)]
    variant: String,
    headers: BTreeMap<String, String>,
    raw: String,
    #[serde(default)]
    notices: Vec<(String, String)>,
    rejected: Option<String>,
}

/// All that an [`Ask`] borrows.
struct Desk {
    payment: Payment,
    operation: Operation,
    target: Option<Operation>,
    settings: ConnectionSettings,
    secret: Secret,
    customer_code: Secret,
    reader_blob: ReaderBlob,
    token: Option<Secret>,
    stamp: Stamp,
}

impl Desk {
    fn new(asked: &Asked) -> Self {
        Self::speaking("", "", asked)
    }

    fn speaking(provider: &str, variant: &str, asked: &Asked) -> Self {
        let kind = Kind::parse(&asked.kind).expect("a kind");
        let charge = if asked.is_about_promise { Kind::Authorize } else { Kind::Purchase };
        let (number, target) = match (kind.is_charge(), asked.is_about_capture) {
            (true, _) => (1, None),
            (false, false) => (2, Some(operation(1, charge, 1200))),
            (false, true) => (3, Some(operation(2, Kind::Capture, 1200))),
        };
        let approved = Approval { approved_minor: 1200, provider_reference: Some("PP-1".to_owned()), funding: None };
        let is_approved = kind != Kind::Reversal;
        let target = target.map(|target| match is_approved {
            true => Operation { state: OperationState::Approved(approved), ..target },
            false => target,
        });
        let mut operation = operation(number, kind, asked.asked);
        if asked.is_repeat {
            operation.state = OperationState::Unknown;
            operation.asked_count = 1;
        }
        if asked.is_taken {
            operation.state = OperationState::Pending;
        }
        let mut payment = payment();
        payment.currency =
            if provider == "alipay" { Currency::parse("CNY").expect("it is one") } else { Currency::JPY };
        payment.is_scanned = asked.is_scanned;
        payment.presented_code = asked.has_code.then(|| PresentedCode {
            text: "https://qr.test/1".to_owned(),
            provider_code_id: "code-1".to_owned(),
            expires_at: Some(Timestamp(300_000)),
        });
        let settings =
            ConnectionSettings { variant: variant.to_owned(), ..ConnectionSettings::at(format!("{BASE_URL}/")) };
        Self {
            payment,
            operation,
            target,
            settings,
            secret: secret(provider, variant),
            customer_code: Secret::new("USER-AUTH-001".to_owned()),
            reader_blob: ReaderBlob { data: Secret::new("BLOB-001".to_owned()), encryption: "TEST".to_owned() },
            token: (variant == "oauth").then(|| Secret::new("token-1".to_owned())),
            stamp: Stamp { at: Timestamp(asked.second * 1_000), nonce: "nonce-1".to_owned() },
        }
    }

    fn ask(&self) -> Ask<'_> {
        Ask {
            operation: &self.operation,
            target: self.target.as_ref(),
            payment: &self.payment,
            access: Access {
                settings: &self.settings,
                secret: &self.secret,
                token: self.token.as_ref(),
                stamp: &self.stamp,
                timeout_ms: 1_000,
            },
            customer_code: Some(&self.customer_code).filter(|_| self.payment.is_scanned),
            reader_blob: Some(&self.reader_blob),
            notify_url: Some("http://hub.test/notify"),
            fault: None,
        }
    }
}

fn secret(provider: &str, variant: &str) -> Secret {
    Secret::new(match (provider, variant) {
        ("alipay" | "antom", _) => alipay::credentials(),
        ("wechat", "v2") => wechat::v2(),
        ("wechat", _) => wechat::v3(),
        (_, "header" | "body") => "merchant:1111:api-secret".to_owned(),
        (_, "oauth") => "client:api-secret:whsecret-test".to_owned(),
        _ => "api-secret:notify-secret".to_owned(),
    })
}

fn payment_id() -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(0xabc))
}

fn operation(number: u32, kind: Kind, asked_minor: i64) -> Operation {
    Operation {
        id: OperationId { payment: payment_id(), number },
        merchant: MerchantId::from_uuid(Uuid::from_u128(2)),
        connection: ConnectionId::from_uuid(Uuid::from_u128(3)),
        kind,
        target: if kind.is_charge() { None } else { Some(1) },
        asked_minor,
        state: OperationState::Sent,
        witness: None,
        is_contradicted: false,
        is_left_to_person: false,
        recorded_at: Timestamp(0),
        doubt_since: Timestamp(0),
        asked_count: 0,
        terminal: None,
        slip: None,
        version: 1,
    }
}

fn payment() -> Payment {
    Payment {
        id: payment_id(),
        merchant: MerchantId::from_uuid(Uuid::from_u128(2)),
        location: LocationId::from_uuid(Uuid::from_u128(4)),
        register: RegisterId::from_uuid(Uuid::from_u128(5)),
        tender: None,
        connection: ConnectionId::from_uuid(Uuid::from_u128(3)),
        currency: Currency::JPY,
        asked_minor: 1_200,
        approved_minor: 0,
        captured_minor: 0,
        refunded_minor: 0,
        state: State::InProgress,
        is_closed_uncharged: false,
        metadata: domain::metadata::Metadata::default(),
        operation_count: 1,
        reference: String::new(),
        is_scanned: false,
        presented_code: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        version: 1,
    }
}

fn fixture(provider: &str, file: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join(provider).join("fixtures").join(file);
    let text = std::fs::read_to_string(path).ok()?.replace("$digits", &payment_id().uuid().simple().to_string());
    let name = |text: String, number: u32| text.replace(&format!("${number}"), &format!("{}-{number}", payment_id()));
    Some((1..=3).fold(text, name))
}

/// The outcome in the words of the fixtures.
fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Approved(approval) => {
            let reference = approval.provider_reference.as_deref().unwrap_or("-");
            format!(
                "approved {} {reference}{}",
                approval.approved_minor,
                approval.funding.map_or(String::new(), funding_words)
            )
        }
        Outcome::Pending => "pending".to_owned(),
        Outcome::Declined(reason) => format!("declined {}", reason.0),
        Outcome::Cancelled => "cancelled".to_owned(),
        Outcome::NotSent(reason) => format!("not_sent {}", reason.0),
        Outcome::Unknown => "unknown".to_owned(),
        Outcome::NotFound => "not_found".to_owned(),
    }
}

fn funding_words(funding: Funding) -> String {
    let Funding { paid_by_customer_minor, paid_by_provider_minor, receivable_minor } = funding;
    format!(
        ", {paid_by_customer_minor} by the customer, {paid_by_provider_minor} by the provider, {receivable_minor} owed"
    )
}

fn told(provider: &str, case: &Case, request: &Request) -> Told {
    match (case.status, &case.not_sent, &case.lost) {
        (Some(status), None, None) => {
            let answer = case.answer.as_ref().expect("an answer");
            let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
            let (headers, body) = match provider {
                "alipay" => (Vec::new(), alipay::signed_node(request, &text, case.is_forged)),
                "antom" => (alipay::signed_headers(request, &text, case.is_forged), text),
                "wechat" => wechat_said(case, answer, text),
                _ => (Vec::new(), text),
            };
            Told::Response(Response { status, headers, body: body.into_bytes() })
        }
        (None, Some(why), None) => Told::NotSent(why.clone()),
        (None, None, Some(why)) => Told::Lost(why.clone()),
        _ => panic!("{}: one of status, not_sent, lost", case.name),
    }
}

fn wechat_said(case: &Case, answer: &Value, text: String) -> (Vec<(String, String)>, String) {
    match answer.as_object().filter(|_| case.variant == "v2") {
        Some(said) => (Vec::new(), wechat::xml(said, !case.is_unsigned && said["return_code"] == "SUCCESS")),
        None if case.is_unsigned || case.variant == "v2" => (Vec::new(), text),
        None => (wechat::headers("PUB_KEY_ID_1", case.operation.second, text.as_bytes()), text),
    }
}

/// Method and path; of Alipay, where all is one path, the method that stands behind it.
fn line(provider: &str, request: &Request) -> String {
    let path = request.url.strip_prefix(BASE_URL).expect("the base URL");
    let path = match alipay::parameter(request, "method").filter(|_| provider == "alipay") {
        Some(method) => format!("{}?method={method}", path.split('?').next().unwrap_or_default()),
        None => path.to_owned(),
    };
    format!("{} {path}", request.method.as_str())
}

/// What is asked, in JSON or in a form.
fn asked(provider: &str, variant: &str, request: &Request) -> Value {
    if (provider, variant) == ("wechat", "v2") {
        return wechat::said(&request.body);
    }
    let form = form_urlencoded::parse(&request.body).find(|(name, _)| provider == "alipay" && name == "biz_content");
    let json = form.map_or(request.body.clone(), |(_, content)| content.into_owned().into_bytes());
    let form = || form_urlencoded::parse(&json).map(|(name, value)| (name.into(), value.into())).collect();
    serde_json::from_slice(&json).unwrap_or_else(|_| Value::Object(form()))
}

fn check_request(provider: &str, case: &Case, request: &Request) {
    if let Some(expected) = &case.request {
        assert_eq!(&line(provider, request), expected, "{}", case.name);
    }
    if let Some(expected) = &case.body {
        assert_eq!(&asked(provider, &case.variant, request), expected, "{}", case.name);
    }
    let debug = format!("{request:?}");
    assert!(!debug.contains("api-secret") && !debug.contains("PRIVATE KEY"), "{}", case.name);
}

type Build = fn(&dyn Connector, &Ask<'_>) -> Result<Request, CannotAsk>;
type Read = fn(&dyn Connector, &Ask<'_>, &Told) -> Outcome;

fn check_exchanges(file: &str, build: Build, read: Read) {
    let mut checked = 0;
    for provider in names() {
        let connector = find_connector(provider).expect("it is registered");
        let Some(text) = fixture(provider, file) else { continue };
        for case in serde_json::from_str::<Vec<Case>>(&text).expect("cases") {
            let desk = Desk::speaking(provider, &case.variant, &case.operation);
            let request = build(connector, &desk.ask()).expect("a request");
            check_request(provider, &case, &request);
            let told = told(provider, &case, &request);
            assert_eq!(words(&read(connector, &desk.ask(), &told)), case.outcome, "{provider}: {}", case.name);
            if file == "send.json" {
                let code = connector.read_code(&desk.ask(), &told);
                assert_eq!(code.map(|code| (code.text, code.provider_code_id)), case.code, "{provider}: {}", case.name);
            }
            checked += 1;
        }
    }
    assert!(checked > 0, "no fixture was found");
}

#[test]
fn sends_are_built_and_read_as_recorded() {
    check_exchanges("send.json", |c, ask| c.build_send(ask), |c, ask, told| c.read_send(ask, told));
}

#[test]
fn inquiries_are_built_and_read_as_recorded() {
    check_exchanges("inquiry.json", |c, ask| c.build_inquiry(ask), |c, ask, told| c.read_inquiry(ask, told));
}

/// A notice in the words of the fixtures.
fn said(notice: Notice) -> (String, String) {
    match notice {
        Notice::Operation { reference, news: News::Told(outcome) } => (reference, words(&outcome)),
        Notice::Operation { reference, news: News::Hint } => (reference, "hint".to_owned()),
        Notice::Fact(fact) => {
            let amount = fact.amount_minor.map(|amount| format!(" {amount}")).unwrap_or_default();
            let kind = format!("fact {}{amount}", fact.kind.as_str());
            (fact.charge_reference.unwrap_or(fact.id), kind)
        }
    }
}

#[test]
fn notifications_are_read_as_recorded() {
    for provider in names() {
        let connector = find_connector(provider).expect("it is registered");
        let Some(text) = fixture(provider, "notification.json") else { continue };
        for news in serde_json::from_str::<Vec<Delivery>>(&text).expect("cases") {
            let headers: Vec<(&str, &str)> =
                news.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let desk =
                Desk::speaking(provider, &news.variant, &Asked { kind: "purchase".to_owned(), ..Asked::default() });
            let read = connector.read_notification(&desk.ask().access, &headers, news.raw.as_bytes());
            let rejected = read.as_ref().err().map(|rejected| format!("{rejected:?}"));
            assert_eq!(rejected, news.rejected, "{provider}: {}", news.name);
            let notices = read.unwrap_or_default();
            let notices: Vec<_> = notices.into_iter().map(said).collect();
            assert_eq!(notices, news.notices, "{provider}: {}", news.name);
        }
    }
}

#[test]
fn a_fault_is_passed_on_to_the_sandbox() {
    let desk = Desk::new(&Asked { kind: "purchase".to_owned(), asked: 5, ..Asked::default() });
    let ask = Ask { fault: Some("lose_reply"), ..desk.ask() };
    let request = find_connector("sandbox").expect("it is registered").build_send(&ask).expect("a request");
    assert!(request.headers.contains(&("x-sandbox-fault", "lose_reply".to_owned())));
}

#[test]
fn a_misconfigured_connection_sends_nothing() {
    let sandbox = find_connector("sandbox").expect("it is registered");
    let mut desk = Desk::new(&Asked { kind: "purchase".to_owned(), asked: 5, ..Asked::default() });
    desk.settings.base_url = String::new();
    assert_eq!(sandbox.build_send(&desk.ask()), Err(CannotAsk::BaseUrl));
    desk.settings.base_url = BASE_URL.to_owned();
    desk.secret = Secret::new("only-one-part".to_owned());
    let cannot = sandbox.build_send(&desk.ask()).expect_err("no notification secret");
    assert_eq!(words(&cannot.outcome(&desk.ask())), "not_sent connection_misconfigured");
    let desk = Desk {
        target: None,
        ..Desk::new(&Asked { kind: "refund".to_owned(), asked: 5, is_repeat: true, ..Asked::default() })
    };
    let cannot = sandbox.build_send(&desk.ask()).expect_err("no target");
    assert_eq!((cannot, words(&cannot.outcome(&desk.ask()))), (CannotAsk::NoTarget, "unknown".to_owned()));
}

#[test]
fn a_terminal_keyed_by_hand_is_pending_and_never_asked() {
    let manual = find_connector("manual").expect("it is registered");
    let desk = Desk::new(&Asked { kind: "purchase".to_owned(), asked: 5, ..Asked::default() });
    let cannot = manual.build_send(&desk.ask()).expect_err("nothing is sent");
    assert_eq!(cannot.outcome(&desk.ask()), Outcome::Pending);
    assert_eq!(manual.build_inquiry(&desk.ask()), Err(CannotAsk::KeyedByHand));
    assert!(manual.read_notification(&desk.ask().access, &[], b"{}").is_err());
}

#[test]
fn a_code_that_was_scanned_is_sent_once_and_a_repeat_has_none() {
    let paypay = find_connector("paypay").expect("it is registered");
    let asked = Asked { kind: "purchase".to_owned(), asked: 5, is_scanned: true, ..Asked::default() };
    let desk = Desk::speaking("paypay", "oauth", &asked);
    let request = paypay.build_send(&desk.ask()).expect("a request");
    assert!(String::from_utf8_lossy(&request.body).contains("USER-AUTH-001"));
    assert!(!format!("{request:?} {:?}", desk.ask()).contains("USER-AUTH-001"));
    let cannot = paypay.build_send(&Ask { customer_code: None, ..desk.ask() }).expect_err("no code");
    assert_eq!((cannot, words(&cannot.outcome(&desk.ask()))), (CannotAsk::CustomerCodeGone, "unknown".to_owned()));
}

#[test]
fn a_token_is_asked_for_where_one_is_needed_and_read() {
    let paypay = find_connector("paypay").expect("it is registered");
    let asked = Asked { kind: "purchase".to_owned(), asked: 5, ..Asked::default() };
    assert_eq!(paypay.build_token(&Desk::speaking("paypay", "opa", &asked).ask().access), Ok(None));
    let desk = Desk::speaking("paypay", "oauth", &asked);
    let request = paypay.build_token(&desk.ask().access).expect("it is built").expect("one is wanted");
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "http://provider.test/base/oauth2/token"));
    assert_eq!(request.body, b"grant_type=client_credentials");
    // client:api-secret
    assert!(request.headers.contains(&("authorization", "Basic Y2xpZW50OmFwaS1zZWNyZXQ=".to_owned())));
    let answer =
        |status, body: &str| Told::Response(Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() });
    let token = paypay.read_token(&answer(200, r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#));
    assert_eq!(token.expect("a token").lives_ms, 3_600_000);
    for (status, body) in
        [(401, r#"{"access_token":"t"}"#), (200, "{}"), (200, r#"{"access_token":"t","expires_in":-1}"#)]
    {
        assert!(paypay.read_token(&answer(status, body)).is_none(), "{status} {body}");
    }
    assert!(paypay.build_send(&Ask { access: Access { token: None, ..desk.ask().access }, ..desk.ask() }).is_err());
}

#[test]
fn a_customers_code_is_in_no_address_and_no_header() {
    for (provider, place) in [("alipay", "auth_code"), ("antom", "paymentMethod")] {
        let connector = find_connector(provider).expect("it is registered");
        let asked = Asked { kind: "purchase".to_owned(), asked: 5, is_scanned: true, ..Asked::default() };
        let desk = Desk::speaking(provider, "", &asked);
        let request = connector.build_send(&desk.ask()).expect("a request");
        assert!(self::asked(provider, "", &request)[place].to_string().contains("USER-AUTH-001"));
        let around = format!("{request:?} {} {:?} {:?}", request.url, request.headers, desk.ask());
        assert!(!around.contains("USER-AUTH-001"), "{around}");
        let cannot = connector.build_send(&Ask { customer_code: None, ..desk.ask() }).expect_err("no code");
        assert_eq!((cannot, words(&cannot.outcome(&desk.ask()))), (CannotAsk::CustomerCodeGone, "unknown".to_owned()));
    }
}

#[test]
fn alipay_takes_yuan_only() {
    let alipay = find_connector("alipay").expect("it is registered");
    let asked = Asked { kind: "purchase".to_owned(), asked: 5, ..Asked::default() };
    let desk = Desk { payment: payment(), ..Desk::speaking("alipay", "", &asked) };
    let cannot = alipay.build_send(&desk.ask()).expect_err("yen");
    assert_eq!(words(&cannot.outcome(&desk.ask())), "not_sent currency_not_supported_by_provider");
}

#[test]
fn keys_that_are_not_the_providers_are_found_at_once() {
    for provider in ["alipay", "antom"] {
        let connector = find_connector(provider).expect("it is registered");
        let asked = Asked { kind: "purchase".to_owned(), asked: 5, is_scanned: true, ..Asked::default() };
        let mut desk = Desk::speaking(provider, "", &asked);
        assert!(connector.build_probe(&desk.ask().access).is_ok());
        // The public key of the app itself, no key, one part too few.
        let (private, own) = (alipay::PRIVATE.trim(), include_str!("keys/public").trim());
        for wrong in
            [format!("client-1:{private}:{own}"), format!("client-1:{private}:x"), format!("client-1:{private}")]
        {
            desk.secret = Secret::new(wrong);
            assert_eq!(connector.build_probe(&desk.ask().access), Err(CannotAsk::Credentials));
            assert_eq!(connector.build_send(&desk.ask()), Err(CannotAsk::Credentials));
        }
    }
}

#[test]
fn a_probe_shows_whose_key_an_answer_was_signed_with() {
    let unknown = r#"{"code":"40004","msg":"x","sub_code":"ACQ.TRADE_NOT_EXIST"}"#;
    let refused = r#"{"code":"40002","msg":"x","sub_code":"isv.invalid-signature"}"#;
    let antom = r#"{"result":{"resultCode":"ORDER_NOT_EXIST","resultStatus":"F","resultMessage":"x"}}"#;
    let asked = Asked { kind: "purchase".to_owned(), asked: 5, ..Asked::default() };
    for (provider, body, is_forged, expected) in [
        ("alipay", unknown, false, Probe::Fine),
        ("alipay", unknown, true, Probe::CredentialsRefused),
        ("alipay", refused, true, Probe::CredentialsRefused),
        ("alipay", "<html>", false, Probe::NotUnderstood),
        ("antom", antom, false, Probe::Fine),
        ("antom", antom, true, Probe::CredentialsRefused),
        ("antom", "<html>", false, Probe::NotUnderstood),
    ] {
        let connector = find_connector(provider).expect("it is registered");
        let desk = Desk::speaking(provider, "", &asked);
        let request = connector.build_probe(&desk.ask().access).expect("a request");
        let (headers, body) = match provider {
            "alipay" => (Vec::new(), alipay::signed_node(&request, body, is_forged)),
            _ => (alipay::signed_headers(&request, body, is_forged), body.to_owned()),
        };
        let told = Told::Response(Response { status: 200, headers, body: body.into_bytes() });
        assert_eq!(connector.read_probe(&desk.ask().access, &told), expected, "{provider}");
        assert_eq!(connector.read_probe(&desk.ask().access, &Told::Lost(String::new())), Probe::Unreachable);
    }
}
