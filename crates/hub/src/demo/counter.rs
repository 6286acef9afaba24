//! A terminal to tap, once the day is over and the hub stays up: a page for a phone beside the first register.

use std::sync::Arc;

use anyhow::Context;
use reqwest::Client;
use sandbox::terminal::{Bank, Options, Script, Terminal, page};
use tokio::net::TcpListener;

use super::shop::Shop;
use crate::cli::terminal::{Place, VIRTUAL, make};

/// A played terminal with its page. Both end when it is dropped.
pub struct Counter {
    /// A manager's key for real providers: to the hub a terminal is one.
    pub key: String,
    /// The connection that payments on it are taken with.
    pub connection: String,
    server: sandbox::Server,
}

impl Counter {
    /// Enrols a terminal, pairs it with the first register, and shows its page.
    pub async fn open(shop: &Shop, key: String, connection: String) -> anyhow::Result<Self> {
        let register = shop.registers.first().context("The shop has no register")?;
        let place = Place { hub: &shop.hub_url, key: &key, location: &shop.location.id, connection: &connection };
        let identity = make(&Client::new(), &place, "Phone", VIRTUAL, Some(&register.id)).await?;
        let options = Options { script: Script::Manual, ..Options::new(&shop.hub_url, &identity.terminal_id) };
        let terminal = Terminal::start(options, identity.key()?, Bank::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.context("No port for the page of the terminal")?;
        let server = page::serve(listener, Arc::new(vec![terminal]))?;
        Ok(Self { key, connection, server })
    }

    /// Where its page is.
    pub fn page(&self) -> String {
        format!("{}/1", self.server.base_url())
    }
}
