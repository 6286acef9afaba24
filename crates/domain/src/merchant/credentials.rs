//! How a connection gets in at its provider: sealed under a key that is not in the database, and numbered, so that what was
//! sealed for one number is none for another. When they are replaced, the ones before live on for a while: the provider
//! may go on signing with them until somebody has told it.

use super::Connection;
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::ConnectionId;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Sealed credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// What they are, sealed.
    pub sealed: Vec<u8>,
    /// Which ones: 1 are the first.
    pub number: i64,
    /// The ones before.
    pub old: Option<OldCredentials>,
}

/// Credentials that were replaced. Their number is the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldCredentials {
    /// What they were, sealed.
    pub sealed: Vec<u8>,
    /// Until when notifications may be signed with them.
    pub until: Timestamp,
}

impl Connection {
    /// The number that the next credentials get.
    pub fn next_credentials_number(&self) -> i64 {
        self.credentials.as_ref().map_or(1, |known| known.number.saturating_add(1))
    }
}

/// Gives a connection other credentials.
#[derive(Debug, Clone)]
pub struct SetCredentials {
    /// Which connection.
    pub connection: ConnectionId,
    /// What they are, sealed for `number`.
    pub sealed: Vec<u8>,
    /// [`Connection::next_credentials_number`]; another one says that somebody else was faster.
    pub number: i64,
    /// How long notifications may still be signed with the ones before, in milliseconds.
    pub keep_old_ms: i64,
}

impl Command for SetCredentials {
    type Reply = i64;

    fn name(&self) -> &'static str {
        "connection.set_credentials"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Connection(self.connection)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<i64, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let connection = work.connections.find_mut(call.merchant, &self.connection);
        let connection = connection.ok_or_else(|| not_found("connection", self.connection))?;
        let current = connection.next_credentials_number();
        if current != self.number {
            return Err(Stop::Refused(command::Refusal::StaleVersion { given: self.number, current }));
        }
        let until = call.now.plus_ms(self.keep_old_ms);
        let old = connection.credentials.take().map(|known| OldCredentials { sealed: known.sealed, until });
        connection.credentials = Some(Credentials { sealed: self.sealed.clone(), number: self.number, old });
        work.emit(call, "connection.credentials_set", self.connection, &serde_json::json!({ "number": self.number }));
        Ok(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merchant::ConnectionSettings;
    use crate::payment::Profile;
    use crate::testing::{MERCHANT, NOW, World};

    const CONNECTION: ConnectionId = ConnectionId::from_uuid(uuid::Uuid::from_u128(0xc1));
    const DAY_MS: i64 = 86_400_000;

    fn a_world() -> World {
        let mut world = World::new().acting_as(Role::System);
        world.database.connections.put_loaded(Connection {
            id: CONNECTION,
            merchant: MERCHANT,
            provider: "sandbox".to_owned(),
            settings: ConnectionSettings::default(),
            profile: Profile::sandbox(),
            credentials: None,
            version: 1,
        });
        world
    }

    fn set(number: i64) -> SetCredentials {
        let sealed = vec![u8::try_from(number).unwrap()];
        SetCredentials { connection: CONNECTION, sealed, number, keep_old_ms: DAY_MS }
    }

    #[test]
    fn the_ones_before_live_on_and_those_before_them_do_not() {
        let mut world = a_world();
        for number in 1..=3 {
            assert_eq!(world.run(&set(number)), Ok(number));
        }
        let connection = world.database.connections.find(MERCHANT, &CONNECTION).unwrap();
        let old = Some(OldCredentials { sealed: vec![2], until: NOW.plus_ms(DAY_MS) });
        assert_eq!(connection.credentials, Some(Credentials { sealed: vec![3], number: 3, old }));
        let told: Vec<_> = world.event_kinds();
        assert_eq!(told, ["connection.credentials_set"; 3]);
    }

    #[test]
    fn who_comes_second_is_told_so_and_nobody_else_may() {
        let mut world = a_world();
        assert_eq!(world.run(&set(1)), Ok(1));
        assert_eq!(world.run(&set(1)).unwrap_err().code(), "version_stale");
        let mut world = a_world().acting_as(Role::Manager);
        assert!(world.run(&set(1)).is_err());
        let mut world = a_world().of_other_merchant();
        assert_eq!(world.run(&set(1)).unwrap_err().code(), "connection_not_found");
    }
}
