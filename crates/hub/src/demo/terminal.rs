//! The payment terminal beside the first register. It is played, and speaks the terminal channel like any other: by day its
//! customers tap by themselves, afterwards somebody plays them on its page.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use reqwest::Client;
use sandbox::terminal::{Bank, Options, Script, Terminal, page};
use serde_json::json;
use tokio::net::TcpListener;

use super::answers::{Payment, Sale};
use super::plan::Customer;
use super::provider::Entry;
use super::register::{ATTEMPTS_MAX, Play, Register};
use super::shop::Shop;
use super::tally::{Found, Tender};
use crate::cli::terminal::{Place, VIRTUAL, make};

/// A terminal with its page and its acquirer. All end when it is dropped.
pub struct CardTerminal {
    /// The register that it stands beside.
    register: String,
    /// It alone.
    devices: Arc<Vec<Terminal>>,
    bank: Bank,
    page: sandbox::Server,
}

impl CardTerminal {
    /// Enrols a terminal, pairs it with the first register, and waits until the hub has let it in.
    pub async fn set_up(shop: &Shop) -> anyhow::Result<Self> {
        if !shop.hub_url.starts_with("http://") {
            bail!(
                "The demo's terminal speaks no TLS. Give the hub's address as http://…, or that of a proxy before it."
            );
        }
        let register = shop.registers.first().context("The shop has no register")?.id.clone();
        let place = Place {
            hub: &shop.hub_url,
            key: shop.manager.key(),
            location: &shop.location.id,
            connection: &shop.terminal_connection,
        };
        let identity =
            make(&Client::builder().no_proxy().build()?, &place, "Card terminal", VIRTUAL, Some(&register)).await?;
        let bank = Bank::default();
        let options = Options::new(&shop.hub_url, &identity.terminal_id);
        let devices = Arc::new(vec![Terminal::start(options, identity.key()?, bank.clone())]);
        let listener = TcpListener::bind("127.0.0.1:0").await.context("No port for the page of the terminal")?;
        let page = page::serve(listener, Arc::clone(&devices))?;
        let terminal = Self { register, devices, bank, page };
        terminal.device().wait_until_online(true).await;
        Ok(terminal)
    }

    fn device(&self) -> &Terminal {
        &self.devices[0]
    }

    /// Where its page is.
    pub fn page_url(&self) -> String {
        format!("{}/1", self.page.base_url())
    }

    /// The day is over: from now on nobody taps who is not played on the page.
    pub fn leave_customers_to_people(&self) {
        self.device().play(Script::Manual);
    }

    /// What its acquirer has taken.
    pub fn charges(&self) -> Vec<Entry> {
        let charges = self.bank.all().into_iter();
        let entry = |(reference, charge): (String, sandbox::terminal::Charge)| Entry {
            reference,
            net_amount: charge.net_minor(),
            held_amount: 0,
            state: "approved".to_owned(),
        };
        charges.map(entry).collect()
    }
}

impl Register<'_> {
    /// A customer with a card: on the terminal, where one stands beside the register, and else by the sandbox.
    pub async fn pay_by_card(&mut self, customer: &Customer) -> anyhow::Result<()> {
        if self.shop.terminal()?.register == self.place.id {
            self.pay_on_terminal(customer).await.map(drop)
        } else {
            self.pay(customer, Play::Nothing).await.map(drop)
        }
    }

    /// The plug comes out after the card was charged and before the terminal could tell. With power again it tells.
    pub async fn pull_plug(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let terminal = self.shop.terminal()?;
        terminal.device().play(Script::PlugAfterApproval);
        let found = self.pay_on_terminal(customer).await?;
        // The script is played once, and leaves the next customers alone.
        self.expect(terminal.device().script() == Script::Approve, "nobody has pulled the plug of the terminal");
        self.tally.plug_pulled = Some(found);
        Ok(())
    }

    /// An open sale that is paid on the terminal; tells how that became known.
    async fn pay_on_terminal(&mut self, customer: &Customer) -> anyhow::Result<Found> {
        let open = self.scan(customer).await?;
        for attempt in 1..=ATTEMPTS_MAX {
            let start = Instant::now();
            let body = json!({
                "register_id": self.place.id,
                "connection_id": self.shop.terminal_connection,
                "sale_id": open.id,
            });
            let payment = self.post_payment(customer, body, Play::Nothing, attempt).await?;
            if !is_taken(&payment)? {
                continue;
            }
            let ms = start.elapsed().as_millis();
            self.expect(payment.customer_charged == "yes", "who has tapped is not said to be charged");
            let sale: Sale = self.shop.cashier.get(&format!("/v1/sales/{}", open.id)).await?;
            self.note(&sale, customer.cart.total_minor(&self.shop.goods), Tender::Terminal)?;
            return Ok(Found::of(&payment, ms));
        }
        bail!("after {ATTEMPTS_MAX} payments the terminal has taken none")
    }
}

/// Where a hub dies, the line of its terminal breaks, and a card that was not presented yet is not asked for any more.
fn is_taken(payment: &Payment) -> anyhow::Result<bool> {
    match payment.state.as_str() {
        "captured" => Ok(true),
        "cancelled" | "reversed" | "not_sent" => Ok(false),
        state => bail!("the payment {} on the terminal is {state} ({})", payment.id, payment.next_action),
    }
}
