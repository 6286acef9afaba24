//! One suite for all stores: what a caller may rely on is the same on SQLite, on PostgreSQL and in the simulator.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and speaks to whoever runs it")]

#[path = "../support/mod.rs"]
mod support;

/// Runs each behaviour on the stores that are named before it.
macro_rules! on {
    (@only $module:ident $store:ident $names:tt) => {
        mod $module {
            on!(@tests $store $names);
        }
    };
    ([$($store:ident)*] $names:tt) => {$(
        mod $store {
            on!(@tests $store $names);
        }
    )*};
    (@tests $store:ident [$($name:ident)*]) => {$(
        #[test]
        fn $name() {
            crate::support::shop::run(on!(@kind $store), super::$name);
        }
    )*};
    (@kind sqlite) => { crate::support::store::Kind::Sqlite };
    (@kind postgres) => { crate::support::store::Kind::Postgres };
    (@kind memory) => { crate::support::store::Kind::Memory };
}

mod audit;
mod batch;
mod customers;
mod doubt;
mod exchanges;
mod external_refs;
mod idempotency;
mod keys;
mod living;
mod people;
mod queue;
mod serving;
mod stocktakes;
mod terminals;
mod trade;
mod transfers;
mod two_hubs;
mod unreferenced_returns;
mod webhooks;
