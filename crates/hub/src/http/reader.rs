//! What a card reader gives of a card, on its way through: it is handed on in memory, and never stored, logged or looked into.

use connectors::{ReaderBlob, Secret};
use domain::id::{ConnectionId, MerchantId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::error::{Kind, Problem};
use crate::app::App;

/// What a card reader gave of the card, as it gave it. A one-time input, like the customer's code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderIn {
    encrypted_data: EncryptedData,
    encrypted_type: String,
}

/// Encrypted card data: what errors must not repeat.
struct EncryptedData(Secret);

/// Longest blob: tracks and the tags of a chip card are a kilobyte or two.
pub const READER_BLOB_CHARS_MAX: usize = 8_192;
/// Longest name of an encryption.
const ENCRYPTION_CHARS_MAX: usize = 64;

impl<'de> Deserialize<'de> for EncryptedData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let blob = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text,
            _ => return Err(D::Error::custom("what a reader gives is a text")),
        };
        if is_reader_blob(&blob) {
            Ok(Self(Secret::new(blob)))
        } else {
            Err(D::Error::custom("not what a reader gives"))
        }
    }
}

/// Whether a text can be what a reader gives: it is passed on and not looked into.
pub fn is_reader_blob(text: &str) -> bool {
    (1..=READER_BLOB_CHARS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether a text can be the name of an encryption.
pub fn is_encryption(text: &str) -> bool {
    (1..=ENCRYPTION_CHARS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

impl ReaderIn {
    /// For the connector.
    pub fn blob(self) -> Result<ReaderBlob, Problem> {
        if !is_encryption(&self.encrypted_type) {
            let detail = format!("`reader.encrypted_type` has 1 to {ENCRYPTION_CHARS_MAX} visible ASCII characters.");
            return Err(Problem::new(Kind::BodyInvalid, detail));
        }
        Ok(ReaderBlob { data: self.encrypted_data.0, encryption: self.encrypted_type })
    }
}

/// A provider whose charges are made with a card reader needs what it gave; no other takes it.
pub async fn check(app: &App, merchant: MerchantId, connection: ConnectionId, is_given: bool) -> Result<(), Problem> {
    let connector = app.providers.connector_of(&app.reader, merchant, connection).await?;
    let is_taken = connector.is_some_and(|one| one.takes_reader_blob());
    match (is_taken, is_given) {
        (true, false) => Err(Problem::new(
            Kind::ReaderDataMissing,
            "This connection charges cards that a reader has read. Send what the reader gave as `reader`.",
        )),
        (false, true) => Err(Problem::new(
            Kind::ReaderDataNotSupported,
            "This connection takes nothing from a card reader. Leave `reader` out, or use a connection that does.",
        )),
        _ => Ok(()),
    }
}
