//! Printing: `worker` sees to the print jobs of printers in the network and ends what nobody acknowledged, `sender` talks to
//! a printer, `document` makes the bytes.

pub mod document;
pub mod sender;
pub mod worker;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::call::{Actor, Role};
use domain::id::PrinterId;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

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
    at_work: watch::Sender<BTreeSet<PrinterId>>,
}

impl Printing {
    /// Ready to print.
    pub fn new(config: &Config) -> Self {
        Self {
            addresses: Addresses::new(config.allowed_networks.clone()),
            actor: Arc::new(Actor::new("printing", Role::System)),
            at_work: watch::Sender::new(BTreeSet::new()),
        }
    }

    /// Begins to see to a printer, until the guard is dropped; `None` while somebody is at it, or at too many others. A printer
    /// takes one connection at a time.
    fn enter(&self, printer: PrinterId) -> Option<AtWork> {
        let has_entered = |printers: &mut BTreeSet<_>| printers.len() < PRINTERS_MAX && printers.insert(printer);
        let is_mine = self.at_work.send_if_modified(has_entered);
        is_mine.then(|| AtWork { at_work: self.at_work.clone(), printer })
    }

    /// Waits until nothing is under way, but not for longer than this: a print that is broken off by a hub that stops is a
    /// doubt that somebody has to look at.
    pub async fn wait_for_rest(&self, longest: Duration) {
        let mut at_work = self.at_work.subscribe();
        let _ = tokio::time::timeout(longest, at_work.wait_for(BTreeSet::is_empty)).await;
    }
}

/// Somebody sees to a printer, as long as this lives.
struct AtWork {
    at_work: watch::Sender<BTreeSet<PrinterId>>,
    printer: PrinterId,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.at_work.send_modify(|printers| {
            printers.remove(&self.printer);
        });
    }
}
