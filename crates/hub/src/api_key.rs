//! The words of an API key: `tb_<live|test>_<id>_<secret>_<checksum>`. They are shown once, when the key is made; a
//! keyed hash of them is stored. The checksum tells a mistyped key from one that was revoked.

use domain::id::ApiKeyId;
use domain::merchant::Reach;

use crate::clock::random_bytes;
use crate::pepper::hex;

/// Bytes of the secret part: 192 bits, beyond guessing for good.
const SECRET_BYTES: usize = 24;

/// What the key may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// What moves money only.
    Live,
    /// What moves no money only.
    Test,
}

impl Environment {
    /// The word in the key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Whether keys of this environment may reach a connection.
    pub fn may_reach(self, reach: Reach) -> bool {
        match reach {
            Reach::Any => true,
            Reach::Test => self == Self::Test,
            Reach::Live => self == Self::Live,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Live, Self::Test].into_iter().find(|environment| environment.as_str() == text)
    }
}

/// Draws the words of a new key.
pub fn draw(environment: Environment, id: ApiKeyId) -> String {
    let secret = hex(&random_bytes::<SECRET_BYTES>());
    with_checksum(format!("tb_{}_{}_{secret}", environment.as_str(), id.uuid().simple()))
}

/// The environment and the id in a key's words; `None` if they are not the words of a key.
pub fn parse(words: &str) -> Option<(Environment, ApiKeyId)> {
    let (head, checksum) = words.rsplit_once('_')?;
    // One spelling: the checksum is compared as text, so upper case is refused.
    let is_right = checksum.len() == 8 && checksum == format!("{:08x}", crc32fast::hash(head.as_bytes()));
    if !is_right {
        return None;
    }
    let mut parts = head.split('_');
    let (brand, environment, id, secret) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_whole = brand == "tb" && secret.len() == SECRET_BYTES * 2 && parts.next().is_none();
    let id = format!("{}_{id}", ApiKeyId::PREFIX).parse().ok()?;
    is_whole.then_some((Environment::parse(environment)?, id))
}

fn with_checksum(head: String) -> String {
    let checksum = crc32fast::hash(head.as_bytes());
    format!("{head}_{checksum:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_carry_environment_and_id() {
        let id = ApiKeyId::from_uuid(uuid::Uuid::from_u128(0xabc));
        let words = draw(Environment::Test, id);
        assert_eq!(parse(&words), Some((Environment::Test, id)));
        assert_ne!(draw(Environment::Test, id), words);
    }

    #[test]
    fn a_mistyped_key_is_told_apart() {
        let words = draw(Environment::Live, ApiKeyId::from_uuid(uuid::Uuid::from_u128(1)));
        for at in 0..words.len() {
            let mut wrong = words.clone().into_bytes();
            wrong[at] ^= 1;
            assert_eq!(parse(&String::from_utf8(wrong).unwrap()), None);
        }
        for wrong in ["", "tb", "tb_live__", "x_y_z_1_2", &with_checksum("tb_live_abc_def".to_owned())] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
