//! Kills the hub in the middle of its work, again and again on one database, and holds what the clients saw against what
//! every later hub says (I1, I3 to I8, I10). `TILLBRIDGE_KILL_SQLITE` and `TILLBRIDGE_KILL_POSTGRES` set the number of
//! cycles, `TILLBRIDGE_KILL_SEED` the seed. And plays the demo day against two hubs that are killed in turn;
//! `TILLBRIDGE_DEMO_SECONDS` sets how long it is.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and speaks to whoever runs it")]

#[allow(dead_code, reason = "the durability test uses all of it")]
mod client;
mod demo_day;
mod ledger;
#[allow(dead_code, reason = "the durability test uses all of it")]
mod process;
mod proxy;
mod random;
mod run;
mod server;
mod shop;
mod traffic;
mod verify;
mod witness;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use demo_day::Length;
use run::{Run, Target};

/// Cycles where nothing else is asked for: about a minute.
const CYCLES: u32 = 25;

/// Two runs at once would only take each other's processor: the kill would meet an idle hub.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cycles(variable: &str) -> u32 {
    std::env::var(variable).map_or(CYCLES, |text| text.parse().expect("a number of cycles"))
}

#[test]
fn what_was_answered_survives_a_kill_on_sqlite() {
    let _alone = alone();
    Run::new(Target::Sqlite).complete(cycles("TILLBRIDGE_KILL_SQLITE"));
}

#[test]
fn what_was_answered_survives_a_kill_on_postgres() {
    let _alone = alone();
    Run::new(Target::Postgres).complete(cycles("TILLBRIDGE_KILL_POSTGRES"));
}

/// Where nothing else is asked for: long enough for every scene to meet a hub that dies.
const SHORT_DAY: Length = Length { sales: 60, seconds: 10, kill_every: Duration::from_secs(2) };

#[test]
fn the_demo_day_is_the_same_with_two_hubs_of_which_one_dies_again_and_again() {
    let _alone = alone();
    let seconds = std::env::var("TILLBRIDGE_DEMO_SECONDS").ok();
    let length = seconds.map_or(SHORT_DAY, |text| Length {
        sales: 300,
        seconds: text.parse().expect("a number of seconds"),
        kill_every: Duration::from_secs(5),
    });
    demo_day::play(&length);
}
