//! What several providers sign with: HMAC-SHA256 over the raw body, in hexadecimal digits; and RSA with SHA-256 (PKCS#1 v1.5,
//! RFC 8017, 8.2), in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use sha2::Sha256;

use crate::contract::{Access, CannotAsk, Rejected};

/// Accepts the body only if its one signature is right. The comparison takes the same time wherever they differ.
pub(crate) fn verify_hmac_hex(
    secret: &[u8],
    header: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(), Rejected> {
    let mut signatures = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(header));
    // Two signatures would let a proxy check one and us the other.
    let (Some((_, signature)), None) = (signatures.next(), signatures.next()) else {
        return Err(Rejected::SignatureMissing);
    };
    let signature = parse_hex(signature).ok_or(Rejected::SignatureWrong)?;
    let mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| Rejected::Credentials)?;
    mac.chain_update(body).verify_slice(&signature).map_err(|_| Rejected::SignatureWrong)
}

/// The 32 bytes of 64 hexadecimal digits.
fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0_u8; 32];
    if digits.len() != bytes.len() * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = pair.iter().map(|digit| char::from(*digit).to_digit(16));
        let value = pair.reduce(|high, low| Some(high? * 16 + low?)).flatten()?;
        *byte = u8::try_from(value).ok()?;
    }
    Some(bytes)
}

/// An RSA key that signs, of 2048 bits at least.
pub(crate) struct PrivateKey(RsaKeyPair);

impl PrivateKey {
    /// Reads PKCS#8 or PKCS#1 in base64, with the lines that PEM puts around it or without, as providers' consoles give it.
    pub fn read(text: &str) -> Result<Self, CannotAsk> {
        let der = read_base64(text).ok_or(CannotAsk::Credentials)?;
        let pair = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
        pair.map(Self).map_err(|_| CannotAsk::Credentials)
    }

    /// The signature in base64. The same message has the same signature: what is random is only how it is computed.
    pub fn sign(&self, message: &[u8]) -> Result<String, CannotAsk> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|_| CannotAsk::Credentials)?;
        Ok(BASE64.encode(signature))
    }

    /// Whether it is the other half of this key.
    pub fn belongs_to(&self, public: &PublicKey) -> bool {
        self.0.public_key().as_ref() == public.0
    }
}

/// An RSA key that verifies: the two numbers of RFC 8017, A.1.1.
pub(crate) struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, 4.1) in base64, with the lines that PEM puts around it or without.
    pub fn read(text: &str) -> Result<Self, CannotAsk> {
        let der = read_base64(text).ok_or(CannotAsk::Credentials)?;
        numbers(&der).map(|numbers| Self(numbers.to_vec())).ok_or(CannotAsk::Credentials)
    }

    /// Whether the signature, in base64, is that of the message.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0);
        BASE64.decode(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}

/// The bytes of base64 over one line or many.
fn read_base64(text: &str) -> Option<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    let digits: String = lines.flat_map(str::chars).filter(|digit| !digit.is_ascii_whitespace()).collect();
    BASE64.decode(digits).ok().filter(|bytes| !bytes.is_empty())
}

/// Tags of DER (X.690, 8.1.2).
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// What a `SubjectPublicKeyInfo` wraps.
fn numbers(der: &[u8]) -> Option<&[u8]> {
    let (info, []) = element(SEQUENCE, der)? else { return None };
    let (_, rest) = element(SEQUENCE, info)?;
    let (bits, []) = element(BIT_STRING, rest)? else { return None };
    // The first byte counts the bits that are unused in the last one.
    bits.strip_prefix(&[0])
}

/// The content of the first element, if it has this tag, and what stands behind it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first().filter(|_| *found == tag)?;
    let (length, rest) = match first {
        // Longer ones say in how many bytes the length stands: keys need two.
        0x81 | 0x82 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        0..=0x7f => (usize::from(*first), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// Credentials of the form `id:our private key:the provider's public key`. The keys are read where they are needed.
pub(crate) struct Account<'a> {
    /// Who we are there.
    pub id: &'a str,
    private: &'a str,
    public: &'a str,
}

impl<'a> Account<'a> {
    /// The parts.
    pub fn of(access: &Access<'a>) -> Result<Self, CannotAsk> {
        let parts: Vec<&str> = access.secret.expose().split(':').map(str::trim).collect();
        match *parts.as_slice() {
            [id, private, public] if !id.is_empty() => Ok(Self { id, private, public }),
            _ => Err(CannotAsk::Credentials),
        }
    }

    /// What we verify by.
    pub fn public(&self) -> Result<PublicKey, CannotAsk> {
        PublicKey::read(self.public)
    }

    /// What we sign with. Our own public key in the place of the provider's is the mistake that everybody makes once: with it
    /// no answer would verify.
    pub fn private(&self) -> Result<PrivateKey, CannotAsk> {
        let private = PrivateKey::read(self.private)?;
        if private.belongs_to(&self.public()?) { Err(CannotAsk::Credentials) } else { Ok(private) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Keys of the tests, in base64 and in no use elsewhere.
    pub(crate) const PRIVATE: &str = include_str!("../tests/keys/private");
    pub(crate) const PUBLIC: &str = include_str!("../tests/keys/public");
    const OTHER: &str = include_str!("../tests/keys/provider_public");

    #[test]
    fn what_is_signed_verifies_and_nothing_else() {
        let (private, public) = (PrivateKey::read(PRIVATE).unwrap(), PublicKey::read(PUBLIC).unwrap());
        let signature = private.sign(b"a message").unwrap();
        assert_eq!(private.sign(b"a message").unwrap(), signature);
        assert!(public.verifies(b"a message", &signature));
        assert!(!public.verifies(b"a message ", &signature));
        assert!(!public.verifies(b"a message", &signature[4..]) && !public.verifies(b"a message", "?"));
        let other = PublicKey::read(OTHER).unwrap();
        assert!(!other.verifies(b"a message", &signature));
        assert!(private.belongs_to(&public) && !private.belongs_to(&other));
    }

    #[test]
    fn keys_are_read_with_and_without_the_lines_of_pem() {
        let folded = |text: &str| {
            text.trim()
                .as_bytes()
                .chunks(64)
                .map(|line| format!("{}\n", std::str::from_utf8(line).unwrap()))
                .collect::<String>()
        };
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}-----END PUBLIC KEY-----\n", folded(PUBLIC));
        assert!(PublicKey::read(&pem).is_ok());
        let pem = format!("-----BEGIN PRIVATE KEY-----\r\n{}-----END PRIVATE KEY-----", folded(PRIVATE));
        assert!(PrivateKey::read(&pem).is_ok());
        // What PKCS#8 wraps is PKCS#1.
        let wrapped = read_base64(PRIVATE).unwrap();
        let own = PrivateKey::read(&BASE64.encode(&wrapped[26..])).unwrap();
        assert!(own.belongs_to(&PublicKey::read(PUBLIC).unwrap()));
        for wrong in ["", "?", "MIIB", PRIVATE] {
            assert!(PublicKey::read(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "?", "MIIB", PUBLIC] {
            assert!(PrivateKey::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_that_is_cut_anywhere_is_none() {
        let der = read_base64(PUBLIC).unwrap();
        assert!(numbers(&der).is_some());
        assert!((0..der.len()).all(|end| numbers(&der[..end]).is_none()));
    }
}
