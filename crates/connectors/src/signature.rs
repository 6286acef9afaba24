//! What several providers sign their notifications with: HMAC-SHA256 over the raw body, in hexadecimal digits.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::contract::Rejected;

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
