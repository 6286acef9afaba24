//! Access tokens of providers that want one: fetched when they are needed, kept in memory until shortly before they end,
//! and fetched once however many requests wait for it.

use std::collections::HashMap;
use std::sync::Arc;

use connectors::{Access, CannotAsk, Connector, Exchange, Secret, Told};
use domain::id::ConnectionId;
use domain::time::Timestamp;
use tokio::sync::Mutex;

/// A token is not used in the last part of its life: the request that carries it has to arrive before it ends, by the
/// provider's clock.
const MARGIN_MS: i64 = 60_000;
/// Of a token that lives shorter than twice the margin, this part of its life is not used.
const MARGIN_PART: i64 = 2;
/// Connections whose token is remembered. Beyond it the memory begins anew.
const TOKENS_MAX: usize = 20_000;

/// The tokens of all connections.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<ConnectionId, Arc<Mutex<Option<Held>>>>>);

struct Held {
    words: Secret,
    until: Timestamp,
}

/// Why there is no token. The request that wanted it has not left.
pub(crate) enum Denied {
    /// It cannot be asked for.
    CannotAsk(CannotAsk),
    /// The provider gave none.
    Refused,
    /// The provider was not to be had.
    Unreachable,
}

impl Tokens {
    /// The token to send with a request; `None` where the provider wants none.
    pub async fn of(
        &self,
        exchange: &Exchange,
        connector: &dyn Connector,
        connection: ConnectionId,
        access: &Access<'_>,
    ) -> Result<Option<Secret>, Denied> {
        let Some(request) = connector.build_token(access).map_err(Denied::CannotAsk)? else { return Ok(None) };
        let place = self.place(connection).await;
        let mut held = place.lock().await;
        let now = access.stamp.at;
        if let Some(token) = held.as_ref().filter(|token| now < token.until) {
            return Ok(Some(token.words.clone()));
        }
        let told = exchange.send(request).await;
        let Some(token) = connector.read_token(&told) else {
            return Err(if matches!(told, Told::Response(_)) { Denied::Refused } else { Denied::Unreachable });
        };
        let margin_ms = MARGIN_MS.min(token.lives_ms / MARGIN_PART);
        let until = now.plus_ms(token.lives_ms.saturating_sub(margin_ms));
        *held = Some(Held { words: token.words.clone(), until });
        Ok(Some(token.words))
    }

    /// The provider refused it: the next request fetches another.
    pub async fn forget(&self, connection: ConnectionId) {
        *self.place(connection).await.lock().await = None;
    }

    async fn place(&self, connection: ConnectionId) -> Arc<Mutex<Option<Held>>> {
        let mut tokens = self.0.lock().await;
        if tokens.len() >= TOKENS_MAX && !tokens.contains_key(&connection) {
            tokens.clear();
        }
        Arc::clone(tokens.entry(connection).or_default())
    }
}
