//! What providers speak. Sans-IO: a connector builds a request and reads a response or a notification; it opens no
//! connection and knows no clock. One file, `exchange.rs`, does the networking for all of them.
//!
//! The invariant: nothing here ever says that money did not move unless the provider's contract proves it. Whatever is
//! lost, late or not understood is [`domain::payment::Outcome::Unknown`].

mod alipay;
mod antom;
mod card_app;
mod china;
mod contract;
mod exchange;
mod fact;
mod manual;
mod mpos_gateway;
mod paypay;
mod registry;
mod sandbox;
mod secret;
mod signature;
pub mod terminal;
mod unwired;
mod wechat;

pub use card_app::{CARD_APP_CONTRACT, CardAppLaunch, CardAppResult};
pub use contract::{
    Access, Acknowledgement, Advised, Ask, CannotAsk, Connector, Identity, Method, News, Notice, PATH, Probe,
    ReaderBlob, Rejected, Request, Response, Stamp, Token, Told, Variant,
};
pub use exchange::{BODY_BYTES_MAX, Exchange, ExchangeError, InProcess, Telling};
pub use fact::Fact;
pub use mpos_gateway::sign as gateway_signature;
pub use registry::{find_connector, find_variant, names};
pub use secret::Secret;
