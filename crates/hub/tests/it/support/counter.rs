//! A register with a terminal beside it: the record at the hub, the played device, and the bank behind it.

use std::time::Duration;

use domain::id::{ConnectionId, RegisterId, TerminalId};
use domain::merchant::{AddConnection, Connection, ConnectionSettings};
use domain::payment::Profile;
use domain::terminal::{EnrolTerminal, ExpectTerminal, MoveTerminal, NewDevice};
use hub::clock::random_bytes;
use sandbox::terminal::{Key, Options, Script, Terminal};

use super::shop::run;
use crate::world::World;

/// The profile of terminals, with quick customers and short waits.
pub fn quick_terminal() -> Profile {
    Profile {
        answer_timeout_ms: 4_000,
        poll_period_ms: 100,
        poll_period_ms_max: 500,
        poll_horizon_ms: 12_000,
        finality_window_ms: 5_000,
        resolve_by_ms: 20_000,
        give_up_ms: 20_000,
        ..Profile::terminal()
    }
}

/// A terminal that has enrolled and stands beside the register of the shop.
pub struct Counter {
    pub connection: ConnectionId,
    pub terminal: TerminalId,
    pub device: Terminal,
    seed: [u8; 32],
}

impl Counter {
    /// Sets one up, switched on and let in.
    pub async fn open(world: &World, script: Script) -> Self {
        Self::open_with(world, script, |_| {}).await
    }

    /// One whose device is played in another way.
    pub async fn open_with(world: &World, script: Script, change: impl FnOnce(&mut Options)) -> Self {
        let (connection, terminal, seed) = enrol(world, world.shop.register).await;
        let mut options = Options { script, ..Options::new(world.base_url(), terminal.to_string()) };
        change(&mut options);
        let device = Terminal::start(options, key_of(seed), world.bank.clone());
        online(&device).await;
        Self { connection, terminal, device, seed }
    }

    /// The key of the device, for somebody who stole it.
    pub fn key(&self) -> Key {
        key_of(self.seed)
    }
}

fn key_of(seed: [u8; 32]) -> Key {
    Key::of(seed).expect("a key")
}

/// Waits until the hub has let a device in.
pub async fn online(device: &Terminal) {
    let is_online = tokio::time::timeout(Duration::from_secs(20), device.wait_until_online(true)).await;
    assert!(is_online.is_ok(), "not let in: {:?}", device.rejected());
}

/// A connection, and a terminal that has enrolled and is paired with the register.
pub async fn enrol(world: &World, register: RegisterId) -> (ConnectionId, TerminalId, [u8; 32]) {
    let merchant = world.merchant().await;
    let connection = ConnectionId::from_uuid(uuid::Uuid::from_bytes(random_bytes()));
    let add = AddConnection {
        connection: Connection {
            id: connection,
            merchant,
            provider: "terminal".to_owned(),
            settings: ConnectionSettings::default(),
            profile: quick_terminal(),
            credentials: None,
            version: 1,
        },
    };
    run(world.app(), merchant, add).await;
    let token = random_bytes::<32>().to_vec();
    let location = world.shop.location;
    let expect = ExpectTerminal { merchant, location, connection, name: "Counter".to_owned(), token: token.clone() };
    let terminal = run(world.app(), merchant, expect).await.id;
    let seed = random_bytes::<32>();
    let identity_key = key_of(seed).public().try_into().expect("32 bytes");
    let text = str::to_owned;
    let device = NewDevice {
        model: text("headless"),
        serial: terminal.to_string(),
        firmware: text("1.0"),
        software: text("1.0"),
        identity_key,
    };
    run(world.app(), merchant, EnrolTerminal { terminal, token, device }).await;
    run(world.app(), merchant, MoveTerminal { terminal, register }).await;
    (connection, terminal, seed)
}
