//! What providers speak. Sans-IO: a connector builds a request and reads a response or a notification; it opens no
//! connection and knows no clock. One file, `exchange.rs`, does the networking for all of them.
//!
//! The invariant: nothing here ever says that money did not move unless the provider's contract proves it. Whatever is
//! lost, late or not understood is [`domain::payment::Outcome::Unknown`].

mod contract;
mod exchange;
mod manual;
mod paypay;
mod registry;
mod sandbox;
mod secret;
mod signature;
pub mod terminal;

pub use contract::{
    Access, Ask, CannotAsk, Connector, Method, News, Notice, Probe, Rejected, Request, Response, Stamp, Token, Told,
    Variant,
};
pub use exchange::{BODY_BYTES_MAX, Exchange, ExchangeError};
pub use registry::{find_connector, find_variant, names};
pub use secret::Secret;
