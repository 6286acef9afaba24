//! Printing: `worker` sees to the print jobs of printers in the network and ends what nobody acknowledged, `sender` talks to
//! a printer, `document` makes the bytes.

pub mod document;
pub mod sender;
pub mod worker;

use std::sync::Arc;

use domain::call::{Actor, Role};
use domain::id::PrinterId;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::rounds::AtWork;
use crate::webhook::address::Addresses;

/// Printers that are talked to at the same time: each holds a socket, for as long as a receipt takes to print.
const PRINTERS_MAX: usize = 64;

/// Where printers may stand.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Networks that the hub may send to printers in. Nothing is sent anywhere else.
    pub allowed_networks: Vec<IpNet>,
}

/// The hub's side of all printers.
pub struct Printing {
    /// Which addresses may be called.
    pub addresses: Addresses,
    actor: Arc<Actor>,
    /// A printer takes one connection at a time. A print that is broken off by a hub that stops is a doubt that somebody has to
    /// look at: it is waited for.
    pub at_work: AtWork<PrinterId>,
}

impl Printing {
    /// Ready to print.
    pub fn new(config: &Config) -> Self {
        Self {
            addresses: Addresses::new(config.allowed_networks.clone()),
            actor: Arc::new(Actor::new("printing", Role::System)),
            at_work: AtWork::new(PRINTERS_MAX),
        }
    }
}
