//! The signature of a notification: `X-Sandbox-Signature` is the hex of HMAC-SHA256 over the raw body.

use crate::contract::Rejected;
use crate::signature::verify_hmac_hex;

const SIGNATURE_HEADER: &str = "x-sandbox-signature";

/// Accepts the body only if its one signature is right.
pub(super) fn verify(secret: &[u8], headers: &[(&str, &str)], body: &[u8]) -> Result<(), Rejected> {
    verify_hmac_hex(secret, SIGNATURE_HEADER, headers, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1, 2 and 6: key, data, HMAC-SHA256.
    const VECTORS: [(&[u8], &[u8], &str); 3] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ];

    #[test]
    fn the_vectors_of_the_standard_verify() {
        for (key, data, signature) in VECTORS {
            assert_eq!(verify(key, &[("X-Sandbox-Signature", signature)], data), Ok(()));
        }
    }

    #[test]
    fn anything_else_is_rejected() {
        let (key, data, good) = VECTORS[1];
        let flipped = good.replace('5', "6");
        for wrong in ["", "5bdc", &good[1..], &flipped, &"z".repeat(64), &format!("{good}00"), &"é".repeat(32)] {
            assert_eq!(verify(key, &[(SIGNATURE_HEADER, wrong)], data), Err(Rejected::SignatureWrong), "{wrong}");
        }
        assert_eq!(verify(b"other", &[(SIGNATURE_HEADER, good)], data), Err(Rejected::SignatureWrong));
        assert_eq!(verify(key, &[(SIGNATURE_HEADER, good)], b"other"), Err(Rejected::SignatureWrong));
        assert_eq!(verify(key, &[("x-signature", good)], data), Err(Rejected::SignatureMissing));
        let twice = [(SIGNATURE_HEADER, good), (SIGNATURE_HEADER, good)];
        assert_eq!(verify(key, &twice, data), Err(Rejected::SignatureMissing));
    }
}
