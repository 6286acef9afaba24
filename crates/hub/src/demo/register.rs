//! One register: what it sends, and what it expects back. An answer that no register could go on with is an error; one that
//! is merely wrong is a surprise, told at the end.

use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::sync::{Barrier, watch};

use super::answers::{Payment, Return, Sale};
use super::api::{Answer, Post};
use super::cart::Cart;
use super::plan::{Customer, REGISTERS};
use super::shop::{Place, Shop};
use super::tally::{Found, Tally, Tender, quantity};
use super::wallet::WALLETS;

/// How often a payment is asked for that was undone because the hub died before it had asked the provider.
pub const ATTEMPTS_MAX: u32 = 5;

/// Where the two registers meet.
pub struct Meeting {
    /// Both are about to sell the last piece.
    pub last_piece: Barrier,
    /// The sale that the first has set aside for the second.
    pub parked: watch::Sender<Option<String>>,
}

impl Meeting {
    /// Nobody is there yet.
    pub fn new() -> Self {
        Self { last_piece: Barrier::new(REGISTERS), parked: watch::Sender::new(None) }
    }
}

/// A register of the shop.
pub struct Register<'a> {
    /// Where it stands.
    pub shop: &'a Shop,
    /// Which one it is.
    pub place: &'a Place,
    /// Where it meets the other.
    pub meeting: &'a Meeting,
    /// Its open shift.
    pub shift: String,
    /// What it remembers.
    pub tally: Tally,
}

/// What the sandbox plays for a payment, and in which state that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    Nothing,
    Decline,
    LoseReply,
    ApproveLater,
    ApproveTooLate,
}

impl Play {
    /// The sandbox is asked for it by name, whatever the amount ends in.
    const fn fault(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Decline => "decline",
            Self::LoseReply => "lose_reply",
            Self::ApproveLater => "pend_approve",
            Self::ApproveTooLate => "late_approval",
        }
    }

    const fn is_paid(self) -> bool {
        matches!(self, Self::Nothing | Self::LoseReply | Self::ApproveLater)
    }
}

/// An electronic tender at rest.
pub struct Paid {
    pub payment: Payment,
    pub sale: Sale,
    /// From the request to the truth.
    ms: u128,
}

impl Paid {
    /// How the truth came.
    pub fn found(&self) -> Found {
        Found::of(&self.payment, self.ms)
    }
}

impl Register<'_> {
    /// Rings a cart and takes cash for it, in one request.
    pub async fn ring_cash(&mut self, customer: &Customer, cart: &Cart) -> anyhow::Result<Sale> {
        let start = Instant::now();
        let sale: Sale = self.post("/v1/sales", &key(customer, "sale"), self.cash_sale(cart)).await?.read(201)?;
        self.tally.cash_us.push(start.elapsed().as_micros());
        self.note(&sale, cart.total_minor(&self.shop.goods), Tender::Cash)?;
        Ok(sale)
    }

    /// An open sale, scanned line by line.
    pub async fn scan(&self, customer: &Customer) -> anyhow::Result<Sale> {
        let body = json!({ "register_id": self.place.id });
        let mut sale: Sale = self.post("/v1/sales", &key(customer, "sale"), body).await?.read(201)?;
        for (number, line) in self.lines(&customer.cart).into_iter().enumerate() {
            let (path, key) = (format!("/v1/sales/{}/lines", sale.id), key(customer, &format!("line-{number}")));
            sale = self.post(&path, &key, line).await?.read(200)?;
        }
        Ok(sale)
    }

    /// An open sale and a payment for it, while the sandbox plays its part; gives both when the payment is at rest.
    pub async fn pay(&mut self, customer: &Customer, play: Play) -> anyhow::Result<Paid> {
        let open = self.scan(customer).await?;
        for attempt in 1..=ATTEMPTS_MAX {
            let start = Instant::now();
            let payment = self.ask_for_money(customer, &open, play, attempt).await?;
            let ms = start.elapsed().as_millis();
            if !self.is_played(&payment, play).await? {
                // The hub died before it had asked the provider, and the next one undid the payment: nobody was charged.
                continue;
            }
            let sale: Sale = self.shop.cashier.get(&format!("/v1/sales/{}", open.id)).await?;
            if play.is_paid() {
                self.expect(payment.customer_charged == "yes", "a paid customer is not said to be charged");
                self.note(&sale, customer.cart.total_minor(&self.shop.goods), Tender::Sandbox)?;
            }
            return Ok(Paid { payment, sale, ms });
        }
        bail!("after {ATTEMPTS_MAX} payments the sandbox has not played {:?}", play)
    }

    /// An open sale that is paid by wallet: with a code that the shop shows, or with the customer's, of which nobody says
    /// whose it is. The turn is the wallet's place in the list.
    pub async fn pay_with_code(&mut self, customer: &Customer, turn: usize, is_scanned: bool) -> anyhow::Result<Paid> {
        let open = self.scan(customer).await?;
        let (wallet, connection) = (WALLETS[turn], &self.shop.wallet_connections[turn]);
        for attempt in 1..=ATTEMPTS_MAX {
            let mut body = json!({ "register_id": self.place.id, "sale_id": open.id });
            if is_scanned {
                body["customer_code"] = json!(self.shop.customers.draw_code(wallet).await?);
            } else {
                body["connection_id"] = json!(connection);
            }
            let start = Instant::now();
            let payment = self.post_payment(customer, body, Play::Nothing, attempt).await?;
            let ms = start.elapsed().as_millis();
            let is_right = payment.connection_id == *connection;
            self.expect(is_right, "a scanned code was taken for that of another wallet");
            if !self.is_played(&payment, Play::Nothing).await? {
                // The hub died before it had asked the wallet, and the next one undid the payment.
                continue;
            }
            let sale: Sale = self.shop.cashier.get(&format!("/v1/sales/{}", open.id)).await?;
            self.note(&sale, customer.cart.total_minor(&self.shop.goods), Tender::Wallet(wallet))?;
            return Ok(Paid { payment, sale, ms });
        }
        bail!("after {ATTEMPTS_MAX} payments {} has taken none", wallet.label)
    }

    async fn ask_for_money(
        &self,
        customer: &Customer,
        sale: &Sale,
        play: Play,
        attempt: u32,
    ) -> anyhow::Result<Payment> {
        let body = json!({
            "register_id": self.place.id,
            "connection_id": self.shop.sandbox_connection,
            "sale_id": sale.id,
        });
        self.post_payment(customer, body, play, attempt).await
    }

    /// Asks for a payment, and waits until it is at rest.
    pub async fn post_payment(
        &self,
        customer: &Customer,
        body: Value,
        play: Play,
        attempt: u32,
    ) -> anyhow::Result<Payment> {
        let post = Post { path: "/v1/payments", key: &key(customer, &format!("payment-{attempt}")), body };
        let answer = self.shop.cashier.post_for_money(&post, play.fault()).await?;
        let mut payment: Payment = answer.read(201)?;
        // A hub answers before a payment is at rest when the customer has a move, or when the patience is over.
        while matches!(payment.next_action.as_str(), "wait" | "check_now" | "show_code" | "ask_customer_to_confirm") {
            payment = self.shop.cashier.get_at_rest(&format!("/v1/payments/{}", payment.id)).await?;
        }
        Ok(payment)
    }

    /// Whether the provider has played its part. A payment that it was never asked for is one that was undone.
    async fn is_played(&self, payment: &Payment, play: Play) -> anyhow::Result<bool> {
        let state = payment.state.as_str();
        let is_played = match play {
            Play::Nothing | Play::LoseReply | Play::ApproveLater => state == "captured",
            Play::Decline => state == "declined",
            Play::ApproveTooLate => self.shop.provider.has_charge(&payment.id).await?,
        };
        if !is_played && !matches!(state, "reversed" | "not_sent") {
            bail!("the payment {} is {state} ({}), and {play:?} was played", payment.id, payment.next_action);
        }
        Ok(is_played)
    }

    /// Takes what is due of an open sale in cash.
    pub async fn take_cash(&mut self, customer: &Customer, sale: &Sale) -> anyhow::Result<()> {
        let body = json!({ "kind": "cash", "given_minor": banknotes(sale.total_minor) });
        let path = format!("/v1/sales/{}/tenders", sale.id);
        let paid: Sale = self.post(&path, &key(customer, "cash"), body).await?.read(200)?;
        self.note(&paid, customer.cart.total_minor(&self.shop.goods), Tender::Cash)
    }

    /// So many lines of the sale come back whole, and the money for them goes back.
    pub async fn take_back(&mut self, customer: &Customer, sale: &Sale, lines: usize) -> anyhow::Result<Return> {
        let lines = sale.lines.iter().take(lines);
        let lines: Vec<Value> = lines.map(|line| json!({ "number": line.number, "quantity": line.quantity })).collect();
        let body = json!({ "register_id": self.place.id, "lines": lines, "reason": "brought back" });
        let path = format!("/v1/sales/{}/returns", sale.id);
        let made: Return = self.post(&path, &key(customer, "return"), body).await?.read(201)?;
        let ended: Return = self.shop.cashier.get_at_rest(&format!("/v1/returns/{}", made.id)).await?;
        self.expect(ended.next_action == "none", "money for returned goods has not gone back");
        self.tally.note_return(&ended);
        Ok(ended)
    }

    /// A whole sale with cash for it, in one request.
    pub fn cash_sale(&self, cart: &Cart) -> Value {
        let given = banknotes(cart.total_minor(&self.shop.goods));
        json!({
            "register_id": self.place.id,
            "lines": self.lines(cart),
            "tenders": [{ "kind": "cash", "given_minor": given }],
        })
    }

    /// What the scanner reads. The label of a scale has its quantity in it, and is scanned once.
    pub fn lines(&self, cart: &Cart) -> Vec<Value> {
        let line = |(place, thousandths): &(usize, i64)| {
            let goods = &self.shop.goods[*place];
            let quantity = if goods.is_weighed() { "1".to_owned() } else { quantity(*thousandths) };
            json!({ "barcode": goods.scanned(*thousandths), "quantity": quantity })
        };
        cart.lines.iter().map(line).collect()
    }

    pub async fn post(&self, path: &str, key: &str, body: Value) -> anyhow::Result<Answer> {
        self.shop.cashier.post(&Post { path, key, body }).await
    }

    /// Remembers a sale that has to be over, at this total.
    pub fn note(&mut self, sale: &Sale, total_minor: i64, electronic: Tender) -> anyhow::Result<()> {
        if sale.state != "completed" || sale.due_minor != Some(0) {
            bail!("the sale {} is {}, {:?} due", sale.id, sale.state, sale.due_minor);
        }
        sale.receipt_number.as_ref().context("a completed sale has no receipt number")?;
        let surprise = format!("the sale {} is {}, not {total_minor}", sale.id, sale.total_minor);
        self.expect(sale.total_minor == total_minor, &surprise);
        self.tally.note_sale(sale, electronic);
        Ok(())
    }

    pub fn expect(&mut self, holds: bool, surprise: &str) {
        if !holds {
            self.tally.surprises.push(format!("{}: {surprise}", self.place.name));
        }
    }
}

/// The idempotency key of one step with one customer.
pub fn key(customer: &Customer, step: &str) -> String {
    format!("demo-{}-{step}", customer.number)
}

/// What a customer hands over: whole thousand-yen notes.
const fn banknotes(total_minor: i64) -> i64 {
    (total_minor + 999) / 1_000 * 1_000
}
