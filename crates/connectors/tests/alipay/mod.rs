//! The side of Alipay and Antom in an exchange, with signatures of its own, so that a case can be written down as what is said.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use connectors::Request;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

pub const PRIVATE: &str = include_str!("../keys/private");
const PROVIDER_PRIVATE: &str = include_str!("../keys/provider_private");
pub const PROVIDER_PUBLIC: &str = include_str!("../keys/provider_public");

/// The shop's own key and the provider's public one.
pub fn credentials() -> String {
    format!("client-1:{}:{}", PRIVATE.trim(), PROVIDER_PUBLIC.trim())
}

/// Signed by the provider, or by somebody else.
fn signed(text: &str, is_forged: bool) -> String {
    let key = if is_forged { PRIVATE } else { PROVIDER_PRIVATE };
    let key = RsaKeyPair::from_pkcs8(&BASE64.decode(key.trim()).expect("base64")).expect("a key");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).expect("it is signed");
    BASE64.encode(signature)
}

/// A parameter of Alipay's address.
pub fn parameter(request: &Request, wanted: &str) -> Option<String> {
    let (_, query) = request.url.split_once('?')?;
    let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.into_owned())
}

/// An answer as Alipay gives it: a node of the method's name, and its signature. What is no node stays as it is.
pub fn signed_node(request: &Request, node: &str, is_forged: bool) -> String {
    if !node.starts_with('{') {
        return node.to_owned();
    }
    let method = parameter(request, "method").expect("a method").replace('.', "_");
    format!("{{\"{method}_response\":{node},\"sign\":\"{}\"}}", signed(node, is_forged))
}

/// The headers of an answer as Antom gives it.
pub fn signed_headers(request: &Request, body: &str, is_forged: bool) -> Vec<(String, String)> {
    let path = request.url.strip_prefix(super::BASE_URL).expect("the base URL");
    let time = "2026-01-28T10:30:00+08:00";
    let signature = signed(&format!("POST {path}\nclient-1.{time}.{body}"), is_forged);
    let signature: String = form_urlencoded::byte_serialize(signature.as_bytes()).collect();
    let signature = format!("algorithm=RSA256,keyVersion=1,signature={signature}");
    let headers = [("client-id", "client-1"), ("response-time", time), ("signature", &signature)];
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}
