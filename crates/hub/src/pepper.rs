//! The server's own secret, beside the database and never in it: API keys and request fingerprints are stored as keyed
//! hashes, so that a stolen database opens nothing.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::clock::random_bytes;
use crate::config::Hidden;
use crate::pin::Pins;
use crate::seal::Seal;

/// Bytes of the pepper: as strong as the hash it keys.
const PEPPER_BYTES: usize = 32;
/// Its file in the data folder.
pub const FILE_NAME: &str = "pepper";

/// What the pepper is for: six keyed hashes, the PINs of operators, and the seal of what has to be read again. Each has a key of its own, so that
/// one never stands for the other.
#[derive(Clone)]
pub struct Pepper {
    api_key: Hmac<Sha256>,
    fingerprint: Hmac<Sha256>,
    operator_token: Hmac<Sha256>,
    enrolment_token: Hmac<Sha256>,
    pairing_code: Hmac<Sha256>,
    poll_token: Hmac<Sha256>,
    /// Hashes the PINs of operators.
    pub pins: Pins,
    /// Seals secrets at rest.
    pub seal: Seal,
}

/// Why there is no pepper.
#[derive(Debug, thiserror::Error)]
pub enum PepperError {
    /// The configured one is not what it should be.
    #[error("auth.pepper has to be {PEPPER_BYTES} bytes in hexadecimal digits, or more")]
    Configured,
    /// The file holds something else.
    #[error("the file {0} does not hold a pepper; restore it from the backup of the data folder")]
    File(String),
    /// The file cannot be read or made.
    #[error("the file {0} cannot be used: {1}")]
    Io(String, std::io::Error),
}

impl Pepper {
    /// The configured pepper, or else that of the data folder. The second value says that it was made just now.
    pub fn open(configured: Option<&Hidden>, data_dir: &Path) -> Result<(Self, bool), PepperError> {
        if let Some(hidden) = configured {
            return Ok((Self::of(&parse(hidden.expose()).ok_or(PepperError::Configured)?), false));
        }
        let path = data_dir.join(FILE_NAME);
        let name = path.display().to_string();
        match create(&path) {
            Ok(pepper) => Ok((Self::of(&pepper), true)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let text = read(&path).map_err(|error| PepperError::Io(name.clone(), error))?;
                Ok((Self::of(&parse(text.trim()).ok_or(PepperError::File(name))?), false))
            }
            Err(error) => Err(PepperError::Io(name, error)),
        }
    }

    /// The keyed hashes and the seal of a pepper.
    pub fn of(secret: &[u8]) -> Self {
        let root = keyed(secret);
        let derive = |purpose: &[u8]| -> [u8; 32] { root.clone().chain_update(purpose).finalize().into_bytes().into() };
        Self {
            api_key: keyed(&derive(b"api key")),
            fingerprint: keyed(&derive(b"request fingerprint")),
            operator_token: keyed(&derive(b"operator token")),
            enrolment_token: keyed(&derive(b"enrolment token")),
            pairing_code: keyed(&derive(b"pairing code")),
            poll_token: keyed(&derive(b"poll token")),
            pins: Pins::new(derive(b"operator pin")),
            seal: Seal::new(&derive(b"seal")),
        }
    }

    /// The hash under which an API key is stored.
    pub fn api_key(&self, words: &str) -> [u8; 32] {
        self.api_key.clone().chain_update(words).finalize().into_bytes().into()
    }

    /// The signature of an operator's token.
    pub fn operator_token(&self, words: &str) -> [u8; 32] {
        self.operator_token.clone().chain_update(words).finalize().into_bytes().into()
    }

    /// The hash under which the enrolment token of a terminal is stored.
    pub fn enrolment_token(&self, words: &str) -> [u8; 32] {
        self.enrolment_token.clone().chain_update(words).finalize().into_bytes().into()
    }

    /// The hash under which a pairing code is stored, in its one spelling.
    pub fn pairing_code(&self, code: &str) -> [u8; 32] {
        self.pairing_code.clone().chain_update(code).finalize().into_bytes().into()
    }

    /// The token that opens the polling URL of a transaction. It stands nowhere: it is made anew from the id.
    pub fn poll_token(&self, id: &str) -> [u8; 32] {
        self.poll_token.clone().chain_update(id).finalize().into_bytes().into()
    }

    /// What tells two requests under one idempotency key apart.
    pub fn fingerprint(&self, method: &str, path: &str, body: &[u8]) -> [u8; 32] {
        let mac = self.fingerprint.clone().chain_update(method).chain_update("|").chain_update(path);
        mac.chain_update("|").chain_update(body).finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Makes the file, whole or not at all: a hub that is killed here leaves no file that the next one cannot read.
fn create(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let pepper = random_bytes::<PEPPER_BYTES>();
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(file, "{}", hex(&pepper))?;
    // The keys that are made under it are useless without it: it must survive a power cut as they do.
    file.sync_all()?;
    // A link, because a rename would replace the pepper that another process made in the meantime.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    linked?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(pepper.to_vec())
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len() >= PEPPER_BYTES * 2 && text.len().is_multiple_of(2) && text.is_ascii();
    if !is_hex {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_pepper_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let (first, is_new) = Pepper::open(None, folder.path()).unwrap();
        assert!(is_new);
        let (second, is_new) = Pepper::open(None, folder.path()).unwrap();
        assert!(!is_new);
        assert_eq!(first.api_key("words"), second.api_key("words"));
        let mode = std::fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_short_pepper_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for short in ["", "abcd", &"x".repeat(64)] {
            assert!(Pepper::open(Some(&Hidden::new(short.to_owned())), folder.path()).is_err());
        }
    }

    #[test]
    fn the_two_hashes_differ() {
        let pepper = Pepper::of(&[7; 32]);
        assert_ne!(pepper.api_key("||"), pepper.fingerprint("", "", b""));
    }
}
