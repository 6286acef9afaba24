//! What of WeChat Pay is not an exchange in a file: credentials, shares of a coupon, notifications.

use domain::merchant::ConnectionSettings;
use domain::payment::{Approval, Funding};
use domain::time::Timestamp;
use serde_json::Value;

use super::credentials::SignType;
use super::*;
use crate::contract::{News, Stamp};
use crate::secret::Secret;

pub(super) const MERCHANT_PUBLIC: &str = include_str!("fixtures/merchant_public.pem");
const MERCHANT_KEY: &str = include_str!("fixtures/merchant_key.pem");
const PLATFORM_PUBLIC: &str = include_str!("fixtures/platform_public.pem");
const CLIENT_CERTIFICATE: &str = include_str!("fixtures/client_certificate.pem");

/// The published vectors, where they are at hand.
pub(super) fn vectors() -> Option<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/wechatpay.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return None;
    };
    Some(serde_json::from_str(&text).expect("JSON"))
}

fn v3_text(apiv3_key: &str, platform_keys: &[(&str, &str)]) -> String {
    let keys: String = platform_keys.iter().map(|(id, pem)| format!("{id} = '''\n{pem}'''\n")).collect();
    format!(
        "appid = \"wx1\"\nmchid = \"1234567890\"\nserial_no = \"5157F09E\"\napiv3_key = \"{apiv3_key}\"\n\
         private_key = '''\n{MERCHANT_KEY}'''\n[platform_keys]\n{keys}"
    )
}

fn v2_text(more: &str) -> String {
    format!(
        "appid = \"wx1\"\nmch_id = \"1234567890\"\napi_key = \"192006250b4c09247ec02edce69f6a2d\"\n{more}\n\
         client_certificate = '''\n{CLIENT_CERTIFICATE}'''\nclient_key = '''\n{MERCHANT_KEY}'''\n"
    )
}

/// A way in with these credentials, for as long as somebody looks.
fn with_access<T>(variant: &str, secret: &str, at: Timestamp, look: impl FnOnce(&Access<'_>) -> T) -> T {
    let settings =
        ConnectionSettings { variant: variant.to_owned(), ..ConnectionSettings::at("https://provider.test") };
    let (secret, stamp) = (Secret::new(secret.to_owned()), Stamp { at, nonce: "nonce".to_owned() });
    look(&Access { settings: &settings, secret: &secret, token: None, stamp: &stamp, timeout_ms: 1_000 })
}

const KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";

pub(super) fn v3() -> credentials::V3 {
    let text = v3_text(KEY, &[("PUB_KEY_ID_1", PLATFORM_PUBLIC)]);
    with_access(V3, &text, Timestamp(0), |access| credentials::V3::of(access).expect("credentials"))
}

#[test]
fn credentials_that_are_half_right_are_none() {
    let is_taken = |variant: &str, text: &str| {
        with_access(variant, text, Timestamp(0), |access| match variant {
            V2 => credentials::V2::of(access).is_ok(),
            _ => credentials::V3::of(access).and_then(|by| by.key()).is_ok(),
        })
    };
    let keys = [("PUB_KEY_ID_1", PLATFORM_PUBLIC)];
    let whole = v3_text(KEY, &keys);
    assert!(is_taken(V3, &whole) && is_taken(V3, &format!("merchant_category_code = \"5814\"\n{whole}")));
    for text in [
        String::new(),
        "appid".to_owned(),
        v3_text("testMchAPIv3Key0", &keys),
        v3_text(KEY, &[]),
        whole.replace("wx1", ""),
        whole.replace("1234567890", "1\\\",x=\\\"2"),
        whole.replace("PRIVATE KEY", "TESTING KEY"),
        format!("surprise = 1\n{whole}"),
    ] {
        assert!(!is_taken(V3, &text), "{text}");
    }
    let whole = v2_text("sign_type = \"MD5\"");
    assert!(is_taken(V2, &whole) && is_taken(V2, &v2_text("ip = \"203.0.113.7\"")));
    for text in [
        v2_text("sign_type = \"SHA1\""),
        v2_text("server_authority = \"none\""),
        whole.replace("BEGIN CERTIFICATE", "BEGIN NOTHING"),
        whole.replace("client_key", "client_keys"),
    ] {
        assert!(!is_taken(V2, &text), "{text}");
    }
    let said = with_access(V2, &v2_text(""), Timestamp(0), |access| credentials::V2::of(access).map(|by| by.sign_type));
    assert_eq!(said.ok(), Some(SignType::HmacSha256));
}

#[test]
fn the_forms_for_people_are_what_is_read() {
    let filled = |form: &str| {
        let (key, public) = (MERCHANT_KEY.trim(), PLATFORM_PUBLIC.trim());
        let form = form.replace("-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----", key);
        let form = form.replace("-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----", public);
        let form = form.replace("-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----", CLIENT_CERTIFICATE.trim());
        form.replace("… 32 characters", KEY).replace("… of the merchant's API certificate", "5157").replace('…', "1")
    };
    with_access(V3, &filled(credentials::V3_FORM), Timestamp(0), |access| assert!(credentials::V3::of(access).is_ok()));
    with_access(V2, &filled(credentials::V2_FORM), Timestamp(0), |access| assert!(credentials::V2::of(access).is_ok()));
}

#[test]
fn the_derived_notification_is_opened_and_pays() {
    let Some(vectors) = vectors() else { return };
    let case = &vectors["v3_callback_derived"];
    let official = &vectors["v3_rsa_official"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (serial, pem) = (text(&official["certificate_serial"]), text(&official["public_key_pem"]));
    let headers = case["headers"].as_object().expect("headers");
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a text"))).collect();
    let body = text(&case["body"]);
    let read = |key: &str| {
        let secret = v3_text(key, &[("PUB_KEY_ID_1", PLATFORM_PUBLIC), (&serial, &pem)]);
        let at = Timestamp(1_652_750_700_000);
        with_access(V3, &secret, at, |access| WeChat.read_notification(access, &headers, body.as_bytes()))
    };
    let outcome = Outcome::Approved(Approval {
        approved_minor: 100,
        provider_reference: Some("1217752501201407033233368018".to_owned()),
        funding: None,
    });
    let expected = Notice::Operation { reference: "ORDER12345".to_owned(), news: News::Told(outcome) };
    assert_eq!(read(&text(&case["apiv3_key"])), Ok(vec![expected]));
    // Sealed with another key: the credentials before these may have it.
    assert_eq!(read("00000000000000000000000000000000"), Err(Rejected::SignatureWrong));
    assert_eq!(read("testMchAPIv3Key0"), Err(Rejected::Credentials));
    with_access(V2, &v2_text(""), Timestamp(0), |access| {
        assert_eq!(WeChat.read_notification(access, &headers, body.as_bytes()), Err(Rejected::NotOffered));
    });
}

#[test]
fn an_order_is_known_by_the_digits_of_its_payment() {
    let payment = "pay_0190c1d2e3f47a5b8c6d7e8f90a1b2c3";
    assert_eq!(reference_of("0190c1d2e3f47a5b8c6d7e8f90a1b2c3"), format!("{payment}-1"));
    for number in ["ORDER12345", "", "0190C1D2E3F47A5B8C6D7E8F90A1B2C3", payment] {
        assert_eq!(reference_of(number), number);
    }
}

#[test]
fn a_coupon_has_three_shares() {
    let response = |variant: &str, body: &str| {
        let told = codes::Order::default();
        match variant {
            V3 => v3::order_of(body.as_bytes()).unwrap_or(told),
            _ => v2::order_of(body.as_bytes()).unwrap_or(told),
        }
    };
    let json = r#"{"out_trade_no":"1","trade_state":"SUCCESS","amount":{"total":1000,"payer_total":850,"currency":"CNY"},
        "promotion_detail":[{"type":"CASH","amount":100,"wechatpay_contribute":100},{"type":"NOCASH","amount":50,"merchant_contribute":50}]}"#;
    let shares = Funding { paid_by_customer_minor: 850, paid_by_provider_minor: 100, receivable_minor: 950 };
    assert_eq!(response(V3, json).funding, Some(shares));
    let xml = "<xml><total_fee>1000</total_fee><cash_fee>850</cash_fee><coupon_fee>150</coupon_fee>\
               <settlement_total_fee>950</settlement_total_fee></xml>";
    assert_eq!(response(V2, xml).funding, Some(shares));
    assert_eq!(response(V3, r#"{"amount":{"total":5,"payer_total":5}}"#).funding, None);
    assert_eq!(response(V2, "<xml><total_fee>5</total_fee><cash_fee>5</cash_fee></xml>").funding, None);
}
