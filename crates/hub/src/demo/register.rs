//! One register: what it sends for each scene, and what it expects back. An answer that no register could go on with is an
//! error; one that is merely wrong is a surprise, told at the end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::api::{Answer, Payment, Post, Return, Sale};
use super::goods::{Cart, RARE, RARE_PIECES};
use super::plan::{Customer, Scene};
use super::shop::{Place, Shop};
use super::tally::{Found, Tally, Tender, quantity};

/// The sandbox is asked to play none of its faults, whatever the amount ends in.
const NO_FAULT: &str = "none";

/// A register of the shop.
pub struct Register<'a> {
    /// Where it stands.
    pub shop: &'a Shop,
    /// Which one it is.
    pub place: &'a Place,
    /// What it remembers.
    pub tally: &'a Mutex<Tally>,
}

impl Register<'_> {
    /// Serves a customer to the end: one completed sale.
    pub async fn serve(&self, customer: &Customer) -> anyhow::Result<()> {
        let cart = Cart::of_customer(customer.number);
        match customer.scene {
            Scene::Cash => self.ring_cash(customer, &cart).await.map(drop),
            Scene::Electronic => self.pay(customer, &cart, NO_FAULT, "hand_over_goods").await.map(drop),
            Scene::Declined => self.decline(customer, &cart).await,
            Scene::LostReply => self.lose_reply(customer, &cart).await,
            Scene::PendingThenApproved => self.confirm(customer, &cart).await,
            Scene::LateApproval => self.approve_late(customer, &cart).await,
            Scene::Return => self.take_all_back(customer, &cart).await,
            Scene::PartReturn => self.take_part_back(customer, &cart).await,
            Scene::StepByStep => self.step_by_step(customer, &cart).await,
            Scene::StockOut => self.run_out(customer).await,
            Scene::Repeat => self.repeat(customer, &cart).await,
            Scene::KeyedByHand => self.key_by_hand(customer, &cart).await,
        }
    }

    async fn ring_cash(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<Sale> {
        let start = Instant::now();
        let sale: Sale = self.post("/v1/sales", &key(customer, "sale"), self.cash_sale(cart)).await?.read(201)?;
        let took = start.elapsed();
        self.tally().cash_us.push(took.as_micros());
        self.expect_completed(&sale, cart, Tender::Cash)?;
        Ok(sale)
    }

    /// An open sale and a payment for it; gives both as they stand when the payment is at rest.
    async fn pay(&self, customer: &Customer, cart: &Cart, fault: &str, action: &str) -> anyhow::Result<Paid> {
        let open = self.open(customer, cart).await?;
        let start = Instant::now();
        let body = json!({
            "register_id": self.place.id,
            "connection_id": self.shop.sandbox_connection,
            "sale_id": open.id,
        });
        let post = Post { path: "/v1/payments", key: &key(customer, "payment"), body };
        let payment = self.shop.cashier.post_payment(&post, fault).await?;
        let ms = start.elapsed().as_millis();
        if payment.next_action != action {
            bail!("the hub said {} ({}), where {action} was expected", payment.next_action, payment.state);
        }
        let sale: Sale = self.shop.cashier.get(&format!("/v1/sales/{}", open.id)).await?;
        if action == "hand_over_goods" {
            self.expect(payment.customer_charged == "yes", "a paid customer is not said to be charged");
            self.expect_completed(&sale, cart, Tender::Sandbox)?;
        } else {
            self.expect(payment.customer_charged == "no", "who did not pay is not said to be not charged");
        }
        Ok(Paid { payment, sale, ms })
    }

    /// An open sale, line by line.
    async fn open(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<Sale> {
        let body = json!({ "register_id": self.place.id });
        let mut sale: Sale = self.post("/v1/sales", &key(customer, "sale"), body).await?.read(201)?;
        for number in 0..cart.lines.len() {
            let (path, key) = (format!("/v1/sales/{}/lines", sale.id), key(customer, &format!("line-{number}")));
            sale = self.post(&path, &key, self.line(cart, number)).await?.read(200)?;
        }
        Ok(sale)
    }

    async fn pay_rest_by_cash(&self, customer: &Customer, sale: &Sale, cart: &Cart) -> anyhow::Result<()> {
        let body = json!({ "kind": "cash", "given_minor": banknotes(sale.total_minor) });
        let path = format!("/v1/sales/{}/tenders", sale.id);
        let paid: Sale = self.post(&path, &key(customer, "cash"), body).await?.read(200)?;
        self.expect_completed(&paid, cart, Tender::Cash)
    }

    async fn decline(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<()> {
        let paid = self.pay(customer, cart, "decline", "use_another_tender").await?;
        self.tally().declined.add(paid.sale.total_minor);
        self.pay_rest_by_cash(customer, &paid.sale, cart).await
    }

    async fn lose_reply(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<()> {
        let paid = self.pay(customer, cart, "lose_reply", "hand_over_goods").await?;
        self.tally().lost_reply = Some(paid.found());
        Ok(())
    }

    async fn confirm(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<()> {
        let paid = self.pay(customer, cart, "pend_approve", "hand_over_goods").await?;
        self.tally().pending = Some(paid.found());
        Ok(())
    }

    /// The hub undoes what the provider does not know of; the money comes later all the same and is given back.
    async fn approve_late(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<()> {
        let paid = self.pay(customer, cart, "late_approval", "use_another_tender").await?;
        self.tally().late = Some((paid.payment.id, paid.sale.total_minor));
        self.pay_rest_by_cash(customer, &paid.sale, cart).await
    }

    async fn take_all_back(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<()> {
        let paid = self.pay(customer, cart, NO_FAULT, "hand_over_goods").await?;
        let back = self.take_back(customer, &paid.sale, paid.sale.lines.len()).await?;
        let is_whole =
            back.total_minor == paid.sale.total_minor && back.refunds.iter().all(|one| one.kind == "electronic");
        self.expect(is_whole, "a return did not give all the money back by the provider");
        Ok(())
    }

    async fn take_part_back(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<()> {
        let sale = self.ring_cash(customer, cart).await?;
        let back = self.take_back(customer, &sale, 1).await?;
        let is_cash = back.refunds.iter().all(|one| one.kind == "cash");
        self.expect(is_cash && back.total_minor <= sale.total_minor, "a return did not come out of the drawer");
        Ok(())
    }

    /// So many lines of the sale come back whole, and the money for them goes back.
    async fn take_back(&self, customer: &Customer, sale: &Sale, lines: usize) -> anyhow::Result<Return> {
        let lines = sale.lines.iter().take(lines);
        let lines: Vec<Value> = lines.map(|line| json!({ "number": line.number, "quantity": line.quantity })).collect();
        let body = json!({ "register_id": self.place.id, "lines": lines, "reason": "brought back" });
        let path = format!("/v1/sales/{}/returns", sale.id);
        let made: Return = self.post(&path, &key(customer, "return"), body).await?.read(201)?;
        let ended: Return = self.shop.cashier.get_at_rest(&format!("/v1/returns/{}", made.id)).await?;
        self.expect(ended.next_action == "none", "money for returned goods has not gone back");
        self.tally().note_return(&ended);
        Ok(ended)
    }

    /// One article too many is rung and taken off again.
    async fn step_by_step(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<()> {
        let open = self.open(customer, cart).await?;
        let path = format!("/v1/sales/{}/lines", open.id);
        let more: Sale = self.post(&path, &key(customer, "mistake"), self.line(&Cart::of(0, 1), 0)).await?.read(200)?;
        let mistake = more.lines.last().context("a sale without lines")?.number;
        let path = format!("{path}/{mistake}");
        let sale: Sale = self.shop.cashier.delete(&path, &key(customer, "undo")).await?.read(200)?;
        self.expect(sale.total_minor == open.total_minor, "a line that was taken off still counts");
        self.tally().steps += 1;
        self.pay_rest_by_cash(customer, &sale, cart).await
    }

    async fn run_out(&self, customer: &Customer) -> anyhow::Result<()> {
        let too_many = self.cash_sale(&Cart::of(RARE, RARE_PIECES + 1));
        let answer = self.post("/v1/sales", &key(customer, "too-many"), too_many).await?;
        self.expect(answer.code() == "stock_insufficient", "more was sold than there is");
        self.tally().stock_outs += 1;
        self.ring_cash(customer, &Cart::of(RARE, 1)).await.map(drop)
    }

    /// The second answer has to be the first, byte for byte, and the goods are sold once.
    async fn repeat(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<()> {
        let key = key(customer, "sale");
        let first = self.post("/v1/sales", &key, self.cash_sale(cart)).await?;
        let second = self.post("/v1/sales", &key, self.cash_sale(cart)).await?;
        let is_same = (first.status, &first.bytes) == (second.status, &second.bytes);
        self.expect(is_same, "the same request twice was answered in two ways");
        self.tally().repeats += u64::from(is_same);
        self.expect_completed(&first.read(201)?, cart, Tender::Cash)
    }

    async fn key_by_hand(&self, customer: &Customer, cart: &Cart) -> anyhow::Result<()> {
        let open = self.open(customer, cart).await?;
        let body = json!({
            "register_id": self.place.id,
            "connection_id": self.shop.manual_connection,
            "sale_id": open.id,
        });
        let asked: Payment = self.post("/v1/payments", &key(customer, "payment"), body).await?.read(201)?;
        let path = format!("/v1/payments/{}/outcome", asked.id);
        let body = json!({ "outcome": "approved", "provider_reference": "slip-0042" });
        let payment: Payment = self.post(&path, &key(customer, "slip"), body).await?.read(200)?;
        self.expect(payment.next_action == "hand_over_goods", "what was keyed by hand is not paid");
        let sale: Sale = self.shop.cashier.get(&format!("/v1/sales/{}", open.id)).await?;
        self.expect_completed(&sale, cart, Tender::Manual)
    }

    fn cash_sale(&self, cart: &Cart) -> Value {
        let lines: Vec<Value> = (0..cart.lines.len()).map(|number| self.line(cart, number)).collect();
        let given = banknotes(cart.total_minor(&self.shop.articles));
        json!({
            "register_id": self.place.id,
            "lines": lines,
            "tenders": [{ "kind": "cash", "given_minor": given }],
        })
    }

    fn line(&self, cart: &Cart, number: usize) -> Value {
        let (place, thousandths) = cart.lines[number];
        json!({ "article_id": self.shop.articles[place].id, "quantity": quantity(thousandths) })
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> anyhow::Result<Answer> {
        self.shop.cashier.post(&Post { path, key, body }).await
    }

    fn expect_completed(&self, sale: &Sale, cart: &Cart, electronic: Tender) -> anyhow::Result<()> {
        if sale.state != "completed" || sale.due_minor != Some(0) || sale.receipt_number.is_none() {
            bail!("the sale {} is {}, {:?} due", sale.id, sale.state, sale.due_minor);
        }
        let total = cart.total_minor(&self.shop.articles);
        self.expect(sale.total_minor == total, &format!("the sale {} is {}, not {total}", sale.id, sale.total_minor));
        self.tally().note_sale(sale, electronic);
        Ok(())
    }

    fn expect(&self, holds: bool, surprise: &str) {
        if !holds {
            self.tally().surprises.push(format!("{}: {surprise}", self.place.name));
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An electronic tender at rest.
struct Paid {
    payment: Payment,
    sale: Sale,
    /// From the request to the truth.
    ms: u128,
}

impl Paid {
    fn found(&self) -> Found {
        let witness = self.payment.operations.first().and_then(|operation| operation.witness.clone());
        Found { ms: self.ms, witness: witness.unwrap_or_default() }
    }
}

/// The idempotency key of one step with one customer.
fn key(customer: &Customer, step: &str) -> String {
    format!("demo-{}-{step}", customer.number)
}

/// What a customer hands over: whole thousand-yen notes.
const fn banknotes(total_minor: i64) -> i64 {
    (total_minor + 999) / 1_000 * 1_000
}
