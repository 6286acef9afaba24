//! Who may come in, with code of its own: OAuth 1.0a with HMAC-SHA1, whose parameters may stand in the header or in the form,
//! and the SHA-1 `control`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use sha1::{Digest, Sha1};

use super::wire::Form;

/// How far the caller's clock may be off, in seconds.
const SKEW_S_MAX: u64 = 300;

/// The hex of the SHA-1 of a text.
pub(super) fn sha1_hex(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The nonce of a request that is signed right and in time.
pub(super) fn signed_nonce(url: &str, header: &str, form: &Form, login: &str, key: &str, now_s: i64) -> Option<String> {
    let mut parameters: Vec<(String, String)> = header_parameters(header)?;
    let signature_of = |all: &[(String, String)]| all.iter().find(|(name, _)| name == "oauth_signature").cloned();
    let (_, signature) = signature_of(&parameters)?;
    parameters.retain(|(name, _)| name != "oauth_signature" && name != "realm");
    // What stands in both places is one parameter.
    let in_form = form.pairs().filter(|pair| !pair.0.starts_with("oauth_") || !parameters.contains(pair));
    let in_form: Vec<_> = in_form.cloned().collect();
    parameters.extend(in_form);
    let one = |name: &str| {
        let mut found = parameters.iter().filter(|(known, _)| known == name);
        found.next().filter(|_| found.next().is_none()).map(|(_, value)| value.clone())
    };
    let (consumer, nonce, method) = (one("oauth_consumer_key")?, one("oauth_nonce")?, one("oauth_signature_method")?);
    let at: i64 = one("oauth_timestamp")?.parse().ok()?;
    let is_fresh = now_s.abs_diff(at) <= SKEW_S_MAX;
    if consumer != login || method != "HMAC-SHA1" || nonce.is_empty() || !is_fresh {
        return None;
    }
    let mut encoded: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", enc(name), enc(value))).collect();
    // No escaped name holds `=`, which sorts behind the digits: names that begin alike are told apart first.
    encoded.sort_by(|a, b| a.split('=').cmp(b.split('=')));
    let base = format!("POST&{}&{}", enc(url), enc(&encoded.join("&")));
    let mac = Hmac::<Sha1>::new_from_slice(format!("{}&", enc(key)).as_bytes()).ok()?;
    mac.chain_update(base).verify_slice(&BASE64.decode(signature).ok()?).ok()?;
    Some(nonce)
}

fn header_parameters(header: &str) -> Option<Vec<(String, String)>> {
    let list = header.strip_prefix("OAuth ")?;
    list.split(',')
        .map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            let value = value.strip_prefix('"')?.strip_suffix('"')?;
            Some((name.to_owned(), dec(value)?))
        })
        .collect()
}

fn enc(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn dec(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        if first == '%' {
            bytes.push(u8::from_str_radix(rest.get(1..3)?, 16).ok()?);
            rest = rest.get(3..)?;
        } else {
            bytes.extend(first.to_string().bytes());
            rest = &rest[first.len_utf8()..];
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "B17F59B4-A7DC-41B4-8FF9-37D986B43D20";
    const URL: &str = "https://gateway.example/paynet/mapi/v1/sale/1111";
    const HEADER: &str = "OAuth realm=\"\", oauth_version=\"1.0\", oauth_consumer_key=\"merchantlogin\", \
                          oauth_nonce=\"y3qlvMPky7g\", oauth_signature_method=\"HMAC-SHA1\", \
                          oauth_timestamp=\"1669966913\", oauth_signature=\"njTV6Ili8obYvkkU5MbGMmytqwM%3D\"";
    const BODY: &str = "amount=10.42&client_orderid=902B4FF5&currency=USD&order_desc=Test+order";

    fn nonce(body: &str, now_s: i64) -> Option<String> {
        signed_nonce(URL, HEADER, &Form::read(body.as_bytes()), "merchantlogin", KEY, now_s)
    }

    #[test]
    fn a_signed_request_comes_in_and_a_changed_one_does_not() {
        let now = 1_669_966_913;
        assert_eq!(nonce(BODY, now).as_deref(), Some("y3qlvMPky7g"));
        let twice = format!("{BODY}&oauth_nonce=y3qlvMPky7g&oauth_version=1.0");
        assert_eq!(nonce(&twice, now).as_deref(), Some("y3qlvMPky7g"));
        assert_eq!(nonce(&BODY.replace("10.42", "10.43"), now), None);
        assert_eq!(nonce(BODY, now + 301), None);
        assert_eq!(nonce(&format!("{BODY}&oauth_nonce=another"), now), None);
    }

    #[test]
    fn the_published_controls_are_made() {
        let sale = "1111902B4FF51042john.smith@gmail.comB17F59B4-A7DC-41B4-8FF9-37D986B43D20";
        assert_eq!(sha1_hex(sale), "c6bdd88a78834ef4b863b088827a459f039e8257");
        assert_eq!(sha1_hex("approved1234567hf-abctest-merchant-control"), "652ace404c4dfe8bba069ecee594ec23a89340e1");
    }
}
