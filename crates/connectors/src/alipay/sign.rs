//! How Alipay's requests, answers and notifications are signed (RSA2: SHA256withRSA). An answer is verified over the very
//! bytes of its node, never over something that was parsed and written again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::contract::Rejected;
use crate::signature::PublicKey;

/// The node of an answer that is about no method.
const ERROR_NODE: &str = "error_response";
/// Where the signature stands, in requests, answers and notifications.
const SIGN: &str = "sign";
/// Where a notification says how it is signed.
const SIGN_TYPE: &str = "sign_type";

/// What is signed of a request: all parameters that are not empty but the signature itself, by name, as they are before
/// they are encoded.
pub(super) fn content(parameters: &[(&str, &str)]) -> String {
    let mut kept: Vec<&(&str, &str)> =
        parameters.iter().filter(|(name, value)| *name != SIGN && !value.is_empty()).collect();
    kept.sort_unstable();
    let pairs: Vec<String> = kept.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The node of an answer that tells about the method, byte for byte as it came, and its signature.
pub(super) fn node<'a>(body: &'a [u8], method: &str) -> Option<(&'a str, Cow<'a, str>)> {
    let members: BTreeMap<Cow<'a, str>, &'a RawValue> = serde_json::from_slice(body).ok()?;
    let name = format!("{}_response", method.replace('.', "_"));
    let node = members.get(name.as_str()).or_else(|| members.get(ERROR_NODE))?;
    let signature = members.get(SIGN).and_then(|sign| serde_json::from_str(sign.get()).ok()).unwrap_or_default();
    Some((node.get(), signature))
}

/// The node, if it is signed by whom the key is of.
pub(super) fn verified_node<'a>(body: &'a [u8], method: &str, key: &PublicKey) -> Option<&'a str> {
    let (node, signature) = node(body, method)?;
    key.verifies(node.as_bytes(), &signature).then_some(node)
}

/// Accepts a notification only if its one signature is right. That is made without `sign_type`; of a few kinds with it.
pub(super) fn verify_notification(fields: &[(Cow<'_, str>, Cow<'_, str>)], key: &PublicKey) -> Result<(), Rejected> {
    let mut signatures = fields.iter().filter(|(name, _)| name == SIGN);
    let (Some((_, signature)), None) = (signatures.next(), signatures.next()) else {
        return Err(Rejected::SignatureMissing);
    };
    let with: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let without: Vec<(&str, &str)> = with.iter().copied().filter(|(name, _)| *name != SIGN_TYPE).collect();
    let is_right = |fields: &[(&str, &str)]| key.verifies(content(fields).as_bytes(), signature);
    if is_right(&without) || is_right(&with) { Ok(()) } else { Err(Rejected::SignatureWrong) }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(name: &str) -> Option<Value> {
        let path = format!("{}/../../../shared/data/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("skipped: {path} is not there");
            return None;
        };
        Some(serde_json::from_str(&text).expect("JSON"))
    }

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().unwrap_or_else(|| panic!("no text {name}"))
    }

    fn pairs(value: &Value) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
        let fields = value.as_object().expect("an object").iter();
        fields.map(|(name, value)| (name.into(), value.as_str().expect("a text").into())).collect()
    }

    fn borrowed<'a>(pairs: &'a [(Cow<'a, str>, Cow<'a, str>)]) -> Vec<(&'a str, &'a str)> {
        pairs.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    /// The key that the derived vectors were signed for, of WeChat Pay's own tests. Its other half is not among them.
    fn testing_key() -> Option<PublicKey> {
        let vectors = read("wechatpay.json")?;
        Some(PublicKey::read(text(&vectors["v3_rsa_official"], "public_key_pem")).expect("a key"))
    }

    #[test]
    fn the_published_notification_verifies_and_no_other() {
        let Some(vectors) = read("alipay.json") else { return };
        let official = &vectors["notify_v1_official"];
        let key = PublicKey::read(text(official, "alipay_public_key_der_base64")).expect("a key");
        let fields = pairs(&official["params"]);
        let kept: Vec<_> = borrowed(&fields).into_iter().filter(|(name, _)| *name != SIGN_TYPE).collect();
        assert_eq!(content(&kept), text(official, "string_to_verify"));
        assert_eq!(verify_notification(&fields, &key), Ok(()));
        for place in 0..fields.len() {
            let mut altered = fields.clone();
            if ![SIGN, SIGN_TYPE].contains(&&*altered[place].0) {
                altered[place].1.to_mut().push('1');
                assert_eq!(verify_notification(&altered, &key), Err(Rejected::SignatureWrong), "{:?}", fields[place]);
            }
        }
        let mut twice = fields.clone();
        twice.push(("sign".into(), "AAAA".into()));
        assert_eq!(verify_notification(&twice, &key), Err(Rejected::SignatureMissing));
        twice.retain(|(name, _)| name != SIGN);
        assert_eq!(verify_notification(&twice, &key), Err(Rejected::SignatureMissing));
    }

    #[test]
    fn a_notification_is_taken_with_and_without_its_sign_type() {
        let (Some(vectors), Some(key)) = (read("alipay.json"), testing_key()) else { return };
        let derived = &vectors["notify_derived"];
        for rule in ["drop", "keep"] {
            let mut fields = pairs(&derived["params_without_sign"]);
            fields.push((SIGN.into(), text(&derived[rule], "sign").into()));
            assert_eq!(verify_notification(&fields, &key), Ok(()), "{rule}");
        }
    }

    #[test]
    fn requests_are_signed_as_in_the_vectors() {
        let (Some(vectors), Some(key)) = (read("alipay.json"), testing_key()) else { return };
        let derived = &vectors["request_derived"];
        let fields = pairs(&derived["params"]);
        let mut parameters = borrowed(&fields);
        // Neither what is empty nor the signature itself is signed.
        parameters.extend([("notify_url", ""), (SIGN, "AAAA")]);
        let content = content(&parameters);
        assert_eq!(content, text(derived, "string_to_sign"));
        assert!(key.verifies(content.as_bytes(), text(derived, "sign")));
    }

    #[test]
    fn the_signed_part_of_an_answer_is_cut_out_as_it_came() {
        let Some(vectors) = read("alipay.json") else { return };
        let cases = vectors["response_sign_extraction"]["cases"].as_array().expect("cases");
        assert!(cases.len() >= 7);
        for case in cases {
            let found = node(text(case, "response").as_bytes(), "alipay.trade.pay");
            assert_eq!(found, Some((text(case, "signed_part"), "AAAA".into())), "{case}");
        }
        let derived = &vectors["response_derived"];
        let (response, signed) = (text(derived, "response"), text(derived, "signed_part"));
        assert_eq!(node(response.as_bytes(), "alipay.trade.pay").expect("a node").0, signed);
        let Some(key) = testing_key() else { return };
        assert_eq!(verified_node(response.as_bytes(), "alipay.trade.pay", &key), Some(signed));
        let altered = response.replace("10000", "10003");
        assert_eq!(verified_node(altered.as_bytes(), "alipay.trade.pay", &key), None);
        assert_eq!(verified_node(response.as_bytes(), "alipay.trade.query", &key), None);
        assert_eq!(verified_node(b"{}", "alipay.trade.pay", &key), None);
    }
}
