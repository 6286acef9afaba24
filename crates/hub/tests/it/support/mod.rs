//! What the tests stand on.

pub mod asking;
pub mod contract;
pub mod counter;
pub mod device;
pub mod hub;
pub mod log;
pub mod market;
pub mod program;
pub mod receiver;
pub mod request;
pub mod shop;

pub use hub::{On, TestHub};
pub use log::{log, logged};
pub use program::Program;
pub use receiver::Receiver;
pub use request::Answer;

/// Runs each story on both engines. Without a server the story on PostgreSQL says that it was skipped.
macro_rules! on_each_engine {
    ($($story:ident,)*) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                super::$story($crate::support::On::Sqlite).await;
            }
        )*}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                if $crate::support::hub::postgres_server().is_none() {
                    println!("skipped: TILLBRIDGE_TEST_POSTGRES names no server");
                    return;
                }
                super::$story($crate::support::On::Postgres).await;
            }
        )*}
    };
}
