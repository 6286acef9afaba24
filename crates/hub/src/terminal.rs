//! The hub's side of terminals: which models are let in, what a device signs, the codes that it shows, and how often an address
//! may guess.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::id::TerminalId;
use domain::terminal::IDENTITY_KEY_BYTES;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::clock::random_bytes;
use crate::pepper::hex;

/// Bytes of an enrolment token's secret: 192 bits, beyond guessing for good.
const TOKEN_BYTES: usize = 24;
/// What an enrolment token begins with, so that a leaked one is known for what it is.
const TOKEN_BRAND: &str = "tbe_";
/// Bytes of a pairing code: 40 bits, in five minutes and ten tries beyond guessing.
const CODE_BYTES: usize = 5;
/// Digits that nobody takes for another (Crockford's base 32: no I, L, O, U), five bits each.
const CODE_DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many digits a pairing code has; a hyphen stands in the middle.
const CODE_CHARS: usize = 8;
/// Wrong tokens and codes that an address may bring within [`TRIES_SPAN`].
pub const TRIES_MAX: u32 = 10;
/// How long wrong tries are remembered: as long as a code lives.
pub const TRIES_SPAN: Duration = Duration::from_secs(5 * 60);
/// Addresses that are remembered. Beyond it those whose time is over are forgotten, and then all of them.
const ADDRESSES_MAX: usize = 10_000;

/// Which terminals are let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The models that may enrol, as the devices call themselves.
    pub models: Vec<String>,
}

/// The hub's side of all terminals.
pub struct Terminals {
    models: Vec<String>,
    /// Wrong tokens and codes.
    pub tries: Tries,
}

impl Terminals {
    /// Lets these models in.
    pub fn new(config: &Config) -> Self {
        Self { models: config.models.clone(), tries: Tries::default() }
    }

    /// Whether a model may enrol.
    pub fn is_allowed(&self, model: &str) -> bool {
        self.models.iter().any(|allowed| allowed == model)
    }

    /// The models that may, for whoever brought another.
    pub fn models(&self) -> String {
        self.models.join(", ")
    }
}

/// How often each address was wrong, in the memory of each hub. What is guessed at lives for five minutes or is beyond guessing:
/// nothing of this has to outlive the process.
#[derive(Default)]
pub struct Tries {
    wrong: Mutex<HashMap<IpAddr, Wrong>>,
}

struct Wrong {
    count: u32,
    since: Duration,
}

impl Tries {
    /// Whether an address may try at `now`, the uptime; an address that nobody can tell always may.
    pub fn may_try(&self, from: Option<IpAddr>, now: Duration) -> bool {
        let Some(from) = from.map(|from| from.to_canonical()) else { return true };
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.get(&from).is_none_or(|wrong| is_over(wrong, now) || wrong.count < TRIES_MAX)
    }

    /// Counts a wrong try.
    pub fn note_wrong(&self, from: Option<IpAddr>, now: Duration) {
        let Some(from) = from.map(|from| from.to_canonical()) else { return };
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= ADDRESSES_MAX {
            wrong.retain(|_, wrong| !is_over(wrong, now));
        }
        if wrong.len() >= ADDRESSES_MAX {
            wrong.clear();
        }
        let entry = wrong.entry(from).or_insert(Wrong { count: 0, since: now });
        if is_over(entry, now) {
            *entry = Wrong { count: 0, since: now };
        }
        entry.count += 1;
    }
}

fn is_over(wrong: &Wrong, now: Duration) -> bool {
    now.saturating_sub(wrong.since) >= TRIES_SPAN
}

/// Draws an enrolment token.
pub fn draw_token() -> String {
    format!("{TOKEN_BRAND}{}", hex(&random_bytes::<TOKEN_BYTES>()))
}

/// Whether a text can be an enrolment token.
pub fn is_token(text: &str) -> bool {
    text.strip_prefix(TOKEN_BRAND)
        .is_some_and(|rest| rest.len() == TOKEN_BYTES * 2 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Draws a pairing code as it is shown: `7K3M-9QXD`.
pub fn draw_code() -> String {
    let bits = random_bytes::<CODE_BYTES>().iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let digit = |place: usize| char::from(CODE_DIGITS[(bits >> (5 * place) & 31) as usize]);
    let digits: String = (0..CODE_CHARS).map(digit).collect();
    format!("{}-{}", &digits[..CODE_CHARS / 2], &digits[CODE_CHARS / 2..])
}

/// The one spelling of a pairing code that somebody typed; `None` if it can be none.
pub fn normalize_code(text: &str) -> Option<String> {
    let digits: Option<String> = text.chars().filter(|c| !matches!(c, '-' | ' ')).map(digit).collect();
    digits.filter(|digits| digits.len() == CODE_CHARS)
}

fn digit(c: char) -> Option<char> {
    let c = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    u8::try_from(c).ok().filter(|byte| CODE_DIGITS.contains(byte)).map(char::from)
}

/// What a device signs to enrol: that it has the key, and brought this token.
pub fn enrolment_message(token: &str) -> String {
    format!("tillbridge-enrol:{token}")
}

/// What a device signs to be given a pairing code: which terminal it is, and its own time in milliseconds since 1970.
pub fn code_message(terminal: TerminalId, signed_at_ms: i64) -> String {
    format!("tillbridge-code:{terminal}:{signed_at_ms}")
}

/// Whether a signature of Ed25519 (RFC 8032), in base 64, is the key's over the message.
pub fn is_signed(identity_key: &[u8; IDENTITY_KEY_BYTES], message: &str, signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    UnparsedPublicKey::new(&ED25519, identity_key).verify(message.as_bytes(), &signature).is_ok()
}

/// An identity key in base 64.
pub fn parse_key(text: &str) -> Option<[u8; IDENTITY_KEY_BYTES]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_typed_in_many_ways_and_is_one() {
        for _ in 0..100 {
            let code = draw_code();
            assert_eq!((code.len(), code.as_bytes()[4]), (9, b'-'));
            let plain = code.replace('-', "");
            assert_eq!(normalize_code(&code), Some(plain.clone()));
            assert_eq!(normalize_code(&format!(" {} ", code.to_lowercase())), Some(plain));
        }
        assert_eq!(normalize_code("oil0-1abc").as_deref(), Some("01101ABC"));
        for wrong in ["", "1234-567", "1234-56789", "1234-567U", "1234-567あ"] {
            assert_eq!(normalize_code(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_that_is_wrong_too_often_waits() {
        let tries = Tries::default();
        let (from, other) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        for _ in 0..TRIES_MAX {
            assert!(tries.may_try(from, Duration::ZERO));
            tries.note_wrong(from, Duration::ZERO);
        }
        assert!(!tries.may_try(from, Duration::ZERO));
        assert!(!tries.may_try("::ffff:192.0.2.1".parse().ok(), Duration::ZERO));
        assert!(tries.may_try(other, Duration::ZERO) && tries.may_try(None, Duration::ZERO));
        assert!(tries.may_try(from, TRIES_SPAN));
        tries.note_wrong(from, TRIES_SPAN);
        assert!(tries.may_try(from, TRIES_SPAN));
    }

    #[test]
    fn what_another_key_signed_is_not_signed() {
        use ring::signature::{Ed25519KeyPair, KeyPair};
        let pair = |seed: u8| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let key = parse_key(&STANDARD.encode(pair(1).public_key())).unwrap();
        let sign = |seed: u8, message: &str| STANDARD.encode(pair(seed).sign(message.as_bytes()));
        let message = enrolment_message("tbe_1");
        assert!(is_signed(&key, &message, &sign(1, &message)));
        assert!(!is_signed(&key, &message, &sign(2, &message)));
        assert!(!is_signed(&key, &message, &sign(1, "tillbridge-enrol:tbe_2")));
        assert!(!is_signed(&key, &message, "?") && parse_key("AAAA").is_none());
        assert!(is_token(&draw_token()) && !is_token("tbe_") && draw_token() != draw_token());
    }
}
