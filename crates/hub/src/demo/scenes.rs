//! The scenes of the day, each as a register would play it.

use anyhow::Context;
use serde_json::{Value, json};

use super::answers::{Made, Payment, Points, Sale};
use super::cart::Cart;
use super::goods::{ONIGIRI, RARE, RARE_PIECES};
use super::plan::{Customer, Scene, second_choice};
use super::register::{Play, Register, key};
use super::tally::Tender;
use super::wallet::{WALLET_THAT_LOSES, WALLETS, WALLETS_WITH_SHOWN_CODES};

/// What is taken off what is dented, in basis points: as much as a cashier may.
const DENTED_BASIS_POINTS: i64 = 1_000;
/// The played wallets play a fault where an amount ends in these three digits or higher ones.
const FAULT_DIGITS_MIN: i64 = 900;
/// Of so many customers one is shown a code, and one shows one.
const CUSTOMERS_A_TURN: u64 = 20;
/// Points that the customer of the house spends; each takes a yen off.
const POINTS_REDEEMED: i64 = 20;

impl Register<'_> {
    /// Serves a customer to the end: one completed sale.
    pub async fn serve(&mut self, customer: &Customer) -> anyhow::Result<()> {
        match customer.scene {
            Scene::Cash => self.ring_cash(customer, &customer.cart).await.map(drop),
            Scene::Electronic => self.pay_by_card(customer).await,
            Scene::WalletShown => self.pay_by_wallet(customer, false).await,
            Scene::WalletScanned => self.pay_by_wallet(customer, true).await,
            Scene::Declined => self.decline(customer).await,
            Scene::LostReply => self.lose_reply(customer).await,
            Scene::WalletLostReply => self.lose_reply_of_wallet(customer).await,
            Scene::PendingThenApproved => self.confirm(customer).await,
            Scene::LateApproval => self.approve_late(customer).await,
            Scene::Return => self.take_all_back(customer).await,
            Scene::PartReturn => self.take_part_back(customer).await,
            Scene::StepByStep => self.step_by_step(customer).await,
            Scene::StockOut => self.run_out(customer).await,
            Scene::LastPiece => self.sell_last_piece(customer).await,
            Scene::Repeat => self.repeat(customer).await,
            Scene::PlugPulled => self.pull_plug(customer).await,
            Scene::KeyedByHand => self.key_by_hand(customer).await,
            Scene::Promotion => self.promote(customer).await,
            Scene::Discount => self.discount(customer).await,
            Scene::EatIn => self.eat_in(customer).await,
            Scene::Regular => self.earn_points(customer).await,
            Scene::Redeem => self.redeem_points(customer).await,
            Scene::TakeUp => self.take_up(customer).await,
        }
    }

    /// An amount that plays a fault is paid at the sandbox, where faults are asked for by name.
    async fn pay_by_wallet(&mut self, customer: &Customer, is_scanned: bool) -> anyhow::Result<()> {
        let total_minor = customer.cart.total_minor(&self.shop.goods);
        if total_minor % 1_000 >= FAULT_DIGITS_MIN {
            return self.pay(customer, Play::Nothing).await.map(drop);
        }
        let turns = if is_scanned { WALLETS.len() } else { WALLETS_WITH_SHOWN_CODES };
        let turn = usize::try_from(customer.number / CUSTOMERS_A_TURN)? % turns;
        self.pay_with_code(customer, turn, is_scanned).await?;
        let sum = if is_scanned { &mut self.tally.codes_scanned } else { &mut self.tally.codes_shown };
        sum.add(total_minor);
        Ok(())
    }

    async fn decline(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let paid = self.pay(customer, Play::Decline).await?;
        self.expect(
            paid.payment.next_action == "use_another_tender",
            "a declined customer is not asked to pay otherwise",
        );
        self.tally.declined.add(paid.sale.total_minor);
        self.take_cash(customer, &paid.sale).await
    }

    async fn lose_reply(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let paid = self.pay(customer, Play::LoseReply).await?;
        self.tally.lost_reply = Some(paid.found());
        Ok(())
    }

    /// The sandbox is asked for a lost reply by name; a wallet, by the amount.
    async fn lose_reply_of_wallet(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let paid = self.pay_with_code(customer, WALLET_THAT_LOSES, true).await?;
        self.tally.codes_scanned.add(paid.sale.total_minor);
        self.tally.lost_wallet_reply = Some(paid.found());
        Ok(())
    }

    async fn confirm(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let paid = self.pay(customer, Play::ApproveLater).await?;
        self.tally.confirmed = Some(paid.found());
        Ok(())
    }

    /// The hub undoes what the provider does not know of; the money comes later all the same and is given back.
    async fn approve_late(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let paid = self.pay(customer, Play::ApproveTooLate).await?;
        self.tally.late = Some((paid.payment.id, paid.sale.total_minor));
        self.take_cash(customer, &paid.sale).await
    }

    async fn take_all_back(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let paid = self.pay(customer, Play::Nothing).await?;
        let back = self.take_back(customer, &paid.sale, paid.sale.lines.len()).await?;
        let is_whole =
            back.total_minor == paid.sale.total_minor && back.refunds.iter().all(|one| one.kind == "electronic");
        self.expect(is_whole, "a return did not give all the money back by the provider");
        Ok(())
    }

    async fn take_part_back(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let sale = self.ring_cash(customer, &customer.cart).await?;
        let back = self.take_back(customer, &sale, 1).await?;
        let is_cash = back.refunds.iter().all(|one| one.kind == "cash");
        self.expect(is_cash && back.total_minor <= sale.total_minor, "a return did not come out of the drawer");
        Ok(())
    }

    /// One article too many is rung and taken off again.
    async fn step_by_step(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let open = self.scan(customer).await?;
        let path = format!("/v1/sales/{}/lines", open.id);
        let mistake = self.lines(&Cart::of(&[(ONIGIRI, 1)])).remove(0);
        let more: Sale = self.post(&path, &key(customer, "mistake"), mistake).await?.read(200)?;
        let number = more.lines.last().context("a sale without lines")?.number;
        let path = format!("{path}/{number}");
        let sale: Sale = self.shop.cashier.delete(&path, &key(customer, "undo")).await?.read(200)?;
        self.expect(sale.total_minor == open.total_minor, "a line that was taken off still counts");
        self.tally.lines_taken_off += 1;
        self.take_cash(customer, &sale).await
    }

    async fn run_out(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let too_many = self.cash_sale(&Cart::of(&[(RARE, RARE_PIECES + 1)]));
        let answer = self.post("/v1/sales", &key(customer, "too-many"), too_many).await?;
        self.expect(answer.code() == "stock_insufficient", "more was sold than there is");
        self.tally.stock_outs += 1;
        self.ring_cash(customer, &customer.cart).await.map(drop)
    }

    /// Both registers sell the last piece in the same moment. Who comes too late takes the other one.
    async fn sell_last_piece(&mut self, customer: &Customer) -> anyhow::Result<()> {
        self.meeting.last_piece.wait().await;
        let answer = self.post("/v1/sales", &key(customer, "last"), self.cash_sale(&customer.cart)).await?;
        if answer.code() == "stock_insufficient" {
            self.tally.last_piece_refused += 1;
            return self.ring_cash(customer, &second_choice()).await.map(drop);
        }
        self.tally.last_piece_sold += 1;
        self.note(&answer.read(201)?, customer.cart.total_minor(&self.shop.goods), Tender::Cash)
    }

    /// The second answer has to be the first, byte for byte, and the goods are sold once.
    async fn repeat(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let key = key(customer, "sale");
        let first = self.post("/v1/sales", &key, self.cash_sale(&customer.cart)).await?;
        let second = self.post("/v1/sales", &key, self.cash_sale(&customer.cart)).await?;
        let is_same = (first.status, &first.bytes) == (second.status, &second.bytes);
        self.expect(is_same, "the same request twice was answered in two ways");
        self.tally.repeats += u64::from(is_same);
        self.note(&first.read(201)?, customer.cart.total_minor(&self.shop.goods), Tender::Cash)
    }

    async fn key_by_hand(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let open = self.scan(customer).await?;
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
        self.note(&sale, customer.cart.total_minor(&self.shop.goods), Tender::Manual)
    }

    async fn promote(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let sale = self.ring_cash(customer, &customer.cart).await?;
        let off: i64 = sale.discounts.iter().map(|discount| discount.amount_minor).sum();
        self.expect(off == customer.cart.promoted_minor(&self.shop.goods), "the promotion was not given");
        Ok(())
    }

    async fn discount(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let full = customer.cart.total_minor(&self.shop.goods);
        // Half up, as the hub rounds it.
        let off = (full * DENTED_BASIS_POINTS + 5_000) / 10_000;
        let discounts = json!([{ "line_number": 1, "basis_points": DENTED_BASIS_POINTS, "reason": "dented" }]);
        let sale = self.ring_with(customer, "sale", &[("discounts", discounts)]).await?;
        self.note(&sale, full - off, Tender::Cash)
    }

    async fn eat_in(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let sale = self.ring_with(customer, "sale", &[("consumption", json!("eat_in"))]).await?;
        let is_standard = sale.taxes.iter().all(|tax| tax.rate_basis_points == 1_000);
        self.expect(is_standard, "what is eaten in the shop does not bear the full rate");
        self.tally.eaten_in.add(sale.total_minor);
        self.note(&sale, customer.cart.total_minor(&self.shop.goods), Tender::Cash)
    }

    async fn earn_points(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let sale = self.ring_with(customer, "sale", &[("customer_id", json!(self.shop.regular))]).await?;
        self.expect(sale.points_earned == Some(sale.total_minor / 100), "the points are not one for each hundred yen");
        self.note(&sale, customer.cart.total_minor(&self.shop.goods), Tender::Cash)
    }

    /// The shop gives a yen off for each point.
    async fn redeem_points(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let path = format!("/v1/customers/{}/points", self.shop.regular);
        let body = json!({ "kind": "redeem", "points": POINTS_REDEEMED });
        let spent: Points = self.post(&path, &key(customer, "points"), body).await?.read(201)?;
        self.tally.points_redeemed -= spent.points;
        let discounts = json!([{ "amount_minor": POINTS_REDEEMED, "reason": "points" }]);
        let more = [("customer_id", json!(self.shop.regular)), ("discounts", discounts)];
        let sale = self.ring_with(customer, "sale", &more).await?;
        self.note(&sale, customer.cart.total_minor(&self.shop.goods) - POINTS_REDEEMED, Tender::Cash)
    }

    /// A cash sale with something more in its body.
    async fn ring_with(&mut self, customer: &Customer, step: &str, more: &[(&str, Value)]) -> anyhow::Result<Sale> {
        let mut body = self.cash_sale(&customer.cart);
        for (name, value) in more {
            body[*name] = value.clone();
        }
        self.post("/v1/sales", &key(customer, step), body).await?.read(201)
    }

    /// The customer has to fetch the purse: the sale is set aside, and the next one is served.
    pub async fn park(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let open = self.scan(customer).await?;
        let path = format!("/v1/sales/{}/park", open.id);
        let parked: Made =
            self.post(&path, &key(customer, "park"), json!({ "name": "fetches the purse" })).await?.read(200)?;
        self.meeting.parked.send_replace(Some(parked.id));
        Ok(())
    }

    async fn take_up(&mut self, customer: &Customer) -> anyhow::Result<()> {
        let mut parked = self.meeting.parked.subscribe();
        let sale = parked.wait_for(Option::is_some).await?.clone().context("nothing was parked")?;
        let path = format!("/v1/sales/{sale}/take-up");
        let body = json!({ "register_id": self.place.id });
        let open: Sale = self.post(&path, &key(customer, "take-up"), body).await?.read(200)?;
        self.expect(open.register_id == self.place.id, "a sale that was taken up stays at the other register");
        self.tally.taken_up += 1;
        self.take_cash(customer, &open).await
    }
}
