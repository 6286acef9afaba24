//! What a merchant enters to get in at WeChat Pay: a text in TOML, because keys have more than one line. It is looked at as a
//! whole before anything is sent, so that one that is half right never gets as far as a charge.

use std::collections::BTreeMap;

use ring::rsa;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;

use crate::contract::{Access, CannotAsk, Identity};

/// Bytes of an APIv3 key: it is the key of AES-256.
pub(super) const APIV3_KEY_BYTES: usize = 32;
/// Where a request comes from, unless the merchant says so: the machine does not know how the world sees it.
const LOCAL_IP: &str = "127.0.0.1";

/// What the form of `v3` says, for people.
pub(super) const V3_FORM: &str = r#"
appid = "wx…"
mchid = "…"
serial_no = "… of the merchant's API certificate"
apiv3_key = "… 32 characters"
private_key = """
-----BEGIN PRIVATE KEY-----
…
-----END PRIVATE KEY-----
"""
[platform_keys]
PUB_KEY_ID_… = """
-----BEGIN PUBLIC KEY-----
…
-----END PUBLIC KEY-----
"""
"#;

/// What the form of `v2` says, for people.
pub(super) const V2_FORM: &str = r#"
appid = "wx…"
mch_id = "…"
api_key = "… 32 characters"
sign_type = "HMAC-SHA256"
client_certificate = """
-----BEGIN CERTIFICATE-----
…
-----END CERTIFICATE-----
"""
client_key = """
-----BEGIN PRIVATE KEY-----
…
-----END PRIVATE KEY-----
"""
"#;

/// The form of `v3`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct V3Form {
    appid: String,
    mchid: String,
    serial_no: String,
    private_key: String,
    apiv3_key: String,
    platform_keys: BTreeMap<String, String>,
    /// Wanted outside of mainland China.
    #[serde(default)]
    merchant_category_code: Option<String>,
}

/// The credentials of `v3`.
pub(super) struct V3 {
    pub appid: String,
    pub mchid: String,
    /// Of the merchant's API certificate: says which key a request is signed with.
    pub serial_no: String,
    /// PEM. It is looked at when something is signed, because that takes a while, and answers are read without it.
    pub private_key: String,
    pub apiv3_key: String,
    /// WeChat's public keys and platform certificates by id or serial number, PEM. Several while WeChat replaces one.
    pub platform_keys: BTreeMap<String, String>,
    pub merchant_category_code: Option<String>,
}

impl V3 {
    pub fn of(access: &Access<'_>) -> Result<Self, CannotAsk> {
        let form: V3Form = toml::from_str(access.secret.expose()).map_err(|_| CannotAsk::Credentials)?;
        let is_whole = [&form.appid, &form.mchid, &form.serial_no].iter().all(|text| is_plain(text));
        // The SDKs' own tests use keys of 16 bytes, and with those AES-128: no merchant has one.
        if !is_whole || form.apiv3_key.len() != APIV3_KEY_BYTES || form.platform_keys.is_empty() {
            return Err(CannotAsk::Credentials);
        }
        let V3Form { appid, mchid, serial_no, private_key, apiv3_key, platform_keys, merchant_category_code } = form;
        Ok(Self { appid, mchid, serial_no, private_key, apiv3_key, platform_keys, merchant_category_code })
    }

    /// What requests are signed with.
    pub fn key(&self) -> Result<rsa::KeyPair, CannotAsk> {
        key_of(&self.private_key).ok_or(CannotAsk::Credentials)
    }
}

/// How `v2` signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum SignType {
    /// What the provider takes where nothing is said.
    #[serde(rename = "MD5")]
    Md5,
    #[default]
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
}

impl SignType {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }
}

/// The form of `v2`, which is what is used, too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct V2 {
    pub appid: String,
    pub mch_id: String,
    pub api_key: String,
    #[serde(default)]
    pub sign_type: SignType,
    pub client_certificate: String,
    pub client_key: String,
    /// Certificates that the server's own may be signed with, beside those that the machine trusts.
    #[serde(default)]
    pub server_authority: Option<String>,
    /// The address that requests come from, as WeChat wants it told.
    #[serde(default = "local_ip")]
    pub ip: String,
}

fn local_ip() -> String {
    LOCAL_IP.to_owned()
}

impl V2 {
    pub fn of(access: &Access<'_>) -> Result<Self, CannotAsk> {
        let form: Self = toml::from_str(access.secret.expose()).map_err(|_| CannotAsk::Credentials)?;
        let is_whole = [&form.appid, &form.mch_id, &form.api_key].iter().all(|text| is_plain(text));
        let authorities = form.server_authority.as_deref();
        let is_trusted_whole = authorities.is_none_or(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).is_ok());
        let is_certified = CertificateDer::from_pem_slice(form.client_certificate.as_bytes()).is_ok()
            && PrivateKeyDer::from_pem_slice(form.client_key.as_bytes()).is_ok();
        if is_whole && is_certified && is_trusted_whole { Ok(form) } else { Err(CannotAsk::Credentials) }
    }

    /// What is shown to WeChat's servers.
    pub fn identity(&self) -> Identity {
        Identity {
            certificate: self.client_certificate.clone(),
            key: self.client_key.clone(),
            authority: self.server_authority.clone(),
        }
    }
}

/// Ids and keys are of letters, digits and a few marks: with anything else a header or a path would be another one.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// An RSA key in either of the forms that tools write.
fn key_of(pem: &str) -> Option<rsa::KeyPair> {
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()? {
        PrivateKeyDer::Pkcs8(key) => rsa::KeyPair::from_pkcs8(key.secret_pkcs8_der()).ok(),
        PrivateKeyDer::Pkcs1(key) => rsa::KeyPair::from_der(key.secret_pkcs1_der()).ok(),
        _ => None,
    }
}
