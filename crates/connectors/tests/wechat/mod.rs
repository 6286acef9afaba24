//! WeChat Pay's side of an exchange, with signatures of its own, so that a case can be written down as what is said.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value};
use sha2::Sha256;

const MERCHANT_KEY: &str = include_str!("../../src/wechat/fixtures/merchant_key.pem");
const CLIENT_CERTIFICATE: &str = include_str!("../../src/wechat/fixtures/client_certificate.pem");
const PLATFORM_KEY: &str = include_str!("../../src/wechat/fixtures/platform_key.pem");
const PLATFORM_PUBLIC: &str = include_str!("../../src/wechat/fixtures/platform_public.pem");
const PLATFORM_CERTIFICATE: &str = include_str!("../../src/wechat/fixtures/platform_certificate.pem");

/// What v2 is signed with. It stands in no request.
const API_KEY: &str = "api-secret-of-v2-00000000000000";

/// The credentials of APIv3: the platform's key by itself and as a certificate.
pub fn v3() -> String {
    format!(
        "appid = \"wx1\"\nmchid = \"1900000109\"\nserial_no = \"5157\"\napiv3_key = \"api-secret-of-v3-000000000000000\"\n\
         merchant_category_code = \"5814\"\nprivate_key = '''\n{MERCHANT_KEY}'''\n[platform_keys]\n\
         PUB_KEY_ID_1 = '''\n{PLATFORM_PUBLIC}'''\n7D00 = '''\n{PLATFORM_CERTIFICATE}'''\n"
    )
}

/// The credentials of v2.
pub fn v2() -> String {
    format!(
        "appid = \"wx1\"\nmch_id = \"1900000109\"\napi_key = \"{API_KEY}\"\n\
         client_certificate = '''\n{CLIENT_CERTIFICATE}'''\nclient_key = '''\n{MERCHANT_KEY}'''\n"
    )
}

/// The headers of an answer in this second.
pub fn headers(serial: &str, second: i64, body: &[u8]) -> Vec<(String, String)> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(PLATFORM_KEY.as_bytes()).expect("a key");
    let key = KeyPair::from_pkcs8(key.secret_pkcs8_der()).expect("a key");
    let text = [format!("{second}\nnonce\n").as_bytes(), body, b"\n"].concat();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &text, &mut signature).expect("a signature");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        header("wechatpay-timestamp", &second.to_string()),
        header("wechatpay-nonce", "nonce"),
        header("wechatpay-serial", serial),
        header("wechatpay-signature", &BASE64.encode(signature)),
    ]
}

/// An answer of v2 that says this; signed, unless it does not get past the door.
pub fn xml(said: &Map<String, Value>, is_signed: bool) -> String {
    let mut words: BTreeMap<String, String> =
        said.iter().map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect();
    if is_signed {
        let own = [("appid", "wx1"), ("mch_id", "1900000109"), ("nonce_str", "n")];
        for (name, value) in own {
            words.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        let mut text = String::new();
        for (name, value) in words.iter().filter(|(_, value)| !value.is_empty()) {
            write!(text, "{name}={value}&").expect("a String");
        }
        let mac = Hmac::<Sha256>::new_from_slice(API_KEY.as_bytes()).expect("any key");
        let mac = mac.chain_update(format!("{text}key={API_KEY}")).finalize().into_bytes();
        words.insert("sign".to_owned(), mac.iter().map(|byte| format!("{byte:02X}")).collect());
    }
    let element = |(name, value): (&String, &String)| format!("<{name}><![CDATA[{value}]]></{name}>");
    format!("<xml>{}</xml>", words.iter().map(element).collect::<String>())
}

/// What a request of v2 says, without what is another at each run.
pub fn said(body: &[u8]) -> Value {
    let text = std::str::from_utf8(body).expect("a text");
    let document = roxmltree::Document::parse(text).expect("XML");
    let elements = document.root_element().children();
    let words = elements.map(|one| (one.tag_name().name().to_owned(), Value::from(one.text().unwrap_or_default())));
    let mut words: Map<String, Value> = words.collect();
    let signature = words.remove("sign").expect("a signature");
    assert_eq!(signature.as_str().map(str::len), Some(64));
    Value::Object(words)
}
