//! `Tillbridge-Operator: <token>`: who is signed in at the register. The token is signed and says all by itself: who, at
//! which register, until when. It is bound to the API key that it was asked for with and to the PIN of that moment, so
//! another key, another PIN or an operator that was switched off makes it worth nothing.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use domain::call::Actor;
use domain::id::{ApiKeyId, MerchantId, OperatorId, RegisterId};
use domain::operator::{Operator, SignedIn};
use domain::time::Timestamp;
use subtle::ConstantTimeEq;

use super::error::{Kind, Problem};
use crate::app::App;
use crate::pepper::{Pepper, hex};

/// The header's name.
pub const HEADER: HeaderName = HeaderName::from_static("tillbridge-operator");
/// How long a token lasts where nothing is said: a manager's grant is for a few acts, not for the day.
pub const LIFETIME_DEFAULT: Duration = Duration::from_secs(60 * 60);
/// The longest that it may last: a long day at the register.
pub const LIFETIME_MAX: Duration = Duration::from_secs(16 * 60 * 60);
/// Prefix of a token, so that a leaked one is known for what it is.
const BRAND: &str = "tbo";

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Who, and where.
    pub signed_in: SignedIn,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// What a token is bound to beside what it says.
pub struct Bound<'a> {
    /// The key that it was asked for with.
    pub key: ApiKeyId,
    /// The merchant of both.
    pub merchant: MerchantId,
    /// Whose it is.
    pub operator: &'a Operator,
}

impl Token {
    /// Its words.
    pub fn seal(&self, pepper: &Pepper, bound: &Bound<'_>) -> String {
        let head = self.head();
        let signature = hex(&sign(pepper, &head, bound));
        format!("{head}_{signature}")
    }

    fn head(&self) -> String {
        let SignedIn { operator, register } = self.signed_in;
        format!("{BRAND}_{}_{}_{}", operator.uuid().simple(), register.uuid().simple(), self.ends_at.0)
    }

    /// What the words say, and their signature; `None` if they are no token.
    fn parse(words: &str) -> Option<(Self, &str)> {
        let (head, signature) = words.rsplit_once('_')?;
        let mut parts = head.strip_prefix(BRAND)?.strip_prefix('_')?.split('_');
        let operator = format!("{}_{}", OperatorId::PREFIX, parts.next()?).parse().ok()?;
        let register = format!("{}_{}", RegisterId::PREFIX, parts.next()?).parse().ok()?;
        let ends_at = Timestamp(parts.next()?.parse().ok()?);
        let token = Self { signed_in: SignedIn { operator, register }, ends_at };
        // One spelling.
        (token.head() == head).then_some((token, signature))
    }
}

fn sign(pepper: &Pepper, head: &str, bound: &Bound<'_>) -> [u8; 32] {
    let Bound { key, merchant, operator } = bound;
    pepper.operator_token(&format!("{head}|{key}|{merchant}|{}", operator.pin.expose()))
}

/// Who acts, if the request names an operator: the person, with the person's own role, by way of the key. A key that may
/// not sell has signed nobody in, so no token is bound to it.
pub async fn speaker(
    app: &App,
    key: ApiKeyId,
    merchant: MerchantId,
    headers: &HeaderMap,
) -> Result<Option<Actor>, Problem> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let (token, signature) = value.to_str().ok().and_then(Token::parse).ok_or_else(invalid)?;
    if token.ends_at <= app.clock.now() {
        return Err(invalid());
    }
    let found = app.reader.find_operator(merchant, token.signed_in.operator).await?;
    let operator = found.filter(|operator| operator.is_active).ok_or_else(invalid)?;
    let expected = hex(&sign(&app.pepper, &token.head(), &Bound { key, merchant, operator: &operator }));
    if !bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
        return Err(invalid());
    }
    let name = format!("{} {key}", operator.id);
    Ok(Some(Actor { name, role: operator.role.role(), operator: Some(token.signed_in) }))
}

fn invalid() -> Problem {
    Problem::new(
        Kind::OperatorTokenInvalid,
        "The operator is not signed in any more, or not with this key. Sign in again.",
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_has_one_spelling() {
        let operator = OperatorId::from_uuid(Uuid::from_u128(1));
        let register = RegisterId::from_uuid(Uuid::from_u128(2));
        let token = Token { signed_in: SignedIn { operator, register }, ends_at: Timestamp(5) };
        let words = format!("{}_abc", token.head());
        assert_eq!(Token::parse(&words), Some((token, "abc")));
        for wrong in
            ["", "tbo", "tbo_1_2_3_4", &words.replace("_5_", "_05_"), &words.replace("tbo", "tbx"), &words[4..]]
        {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
    }
}
