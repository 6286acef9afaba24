//! Payments on terminals: what a register sees, what the device remembers, and what the bank took, with whatever goes wrong on the
//! way between them.

use std::time::Duration;

use sandbox::terminal::{Act, Options, Script, Terminal};
use serde_json::{Value, json};

use crate::support::counter::{Counter, online};
use crate::support::shop::run;
use crate::world::{Reply, World, journey, on_both_engines, operations, text};

on_both_engines!(
    a_payment_is_taken_on_the_terminal_and_leaves_its_slip,
    a_tip_is_approved_with_the_payment,
    a_card_that_is_declined_charges_nobody,
    a_wrong_pin_is_no_card,
    a_refund_and_a_void_go_to_the_terminal_of_the_charge,
    a_promise_is_captured_later,
    a_terminal_that_is_away_was_not_asked,
    a_register_without_a_terminal_is_told_what_to_do,
    a_charge_is_called_off_before_the_card,
    a_call_off_that_comes_too_late_tells_the_truth,
    a_charge_that_nobody_claimed_is_called_off_at_once,
    another_amount_on_the_screen_stops_it_before_the_card,
    a_plug_pulled_before_the_card_charges_nobody,
    a_plug_pulled_after_the_approval_is_found_out,
    a_plug_pulled_at_the_command_charges_nobody,
    a_terminal_that_takes_no_command_is_asked_and_charges_nobody,
    a_result_that_comes_twice_counts_once,
    a_result_for_another_command_changes_nothing,
    a_hub_that_stops_in_the_middle_finds_the_result,
    one_thing_at_a_time_is_asked_of_a_terminal,
    a_newer_connection_ends_the_older_one,
    a_device_without_the_key_is_not_let_in,
    a_terminal_that_was_retired_is_let_go_and_not_let_in_again,
    a_clock_ten_minutes_off_is_told_and_pays_all_the_same,
    the_terminal_tells_how_it_is,
);

const WAIT: [(&str, &str); 1] = [("prefer", "wait=50")];

impl World {
    /// A manager's POST with a key for real providers.
    async fn post_live(&self, path: &str, body: &Value, more: &[(&str, &str)]) -> Reply {
        self.post_as(&self.shop.live_manager, path, &self.fresh_key(), more, body).await
    }

    /// Asks for money on the terminal, and waits for the end.
    async fn pay(&self, counter: &Counter, amount_minor: i64) -> Value {
        self.post_live("/v1/payments", &self.payment_of(counter.connection, amount_minor), &WAIT).await.expect(201)
    }

    /// Asks for money on the terminal, and gives the payment's id at once.
    async fn ask(&self, counter: &Counter, amount_minor: i64) -> String {
        let begun = self.post_live("/v1/payments", &self.payment_of(counter.connection, amount_minor), &[]).await;
        text(&begun.expect(201)["id"])
    }

    async fn sub(&self, id: &str, action: &str, body: &Value) -> Value {
        let reply = self.post_live(&format!("/v1/payments/{id}/{action}"), body, &WAIT).await;
        assert!(reply.status < 300, "{}", String::from_utf8_lossy(&reply.bytes));
        reply.json()
    }

    /// What the bank took for a payment.
    fn banked(&self, id: &str) -> i64 {
        self.bank.find(&Self::charge_of(id)).map_or(0, |charge| charge.net_minor())
    }

    async fn wait_for_screen(&self, device: &Terminal, step: &str) {
        self.wait_until(step, || async { device.screen().step == step }).await;
    }
}

async fn a_payment_is_taken_on_the_terminal_and_leaves_its_slip(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    let paid = world.pay(&counter, 1_200).await;
    let id = text(&paid["id"]);
    assert_eq!((&paid["state"], &paid["captured_minor"]), (&json!("captured"), &json!(1_200)));
    assert_eq!(world.banked(&id), 1_200);
    let charge = &operations(&world.payment(&id).await)[0];
    assert_eq!(charge["terminal_id"], counter.terminal.to_string());
    assert_eq!(charge["slip"]["texts"]["card_last_four"], "4444");
    assert_eq!(charge["slip"]["texts"]["aid"], "A0000000041010");
    let rows = world.rows_of("operation").await;
    assert!(!rows.contains("5555555555554444") && !rows.contains("CUSTOMER"), "{rows}");
    world.wait_until("the device knows", || async { counter.device.journal()[0].is_kept_by_hub }).await;
    world.close().await;
}

async fn a_tip_is_approved_with_the_payment(world: World) {
    let counter = Counter::open(&world, Script::Manual).await;
    let id = world.ask(&counter, 1_000).await;
    world.wait_for_screen(&counter.device, "waiting_for_card").await;
    counter.device.act(Act::Tip(150));
    counter.device.act(Act::Tap);
    let paid = world.wait_for_state(&id, "captured").await;
    assert_eq!((&paid["asked_minor"], &paid["captured_minor"]), (&json!(1_000), &json!(1_150)));
    assert_eq!(operations(&paid)[0]["slip"]["tip_minor"], 150);
    world.close().await;
}

async fn a_card_that_is_declined_charges_nobody(world: World) {
    let counter = Counter::open(&world, Script::Decline).await;
    let declined = world.pay(&counter, 1_200).await;
    assert_eq!((&declined["state"], &declined["customer_charged"]), (&json!("declined"), &json!("no")));
    assert_eq!(operations(&declined)[0]["reason"], "insufficient_funds");
    world.close().await;
}

async fn a_wrong_pin_is_no_card(world: World) {
    let counter = Counter::open(&world, Script::Manual).await;
    let id = world.ask(&counter, 1_000).await;
    world.wait_for_screen(&counter.device, "waiting_for_card").await;
    counter.device.act(Act::Insert);
    for _ in 0..3 {
        counter.device.act(Act::Pin { is_right: false });
    }
    let declined = world.wait_for_state(&id, "declined").await;
    assert_eq!(operations(&declined)[0]["reason"], "wrong_pin");
    world.close().await;
}

async fn a_refund_and_a_void_go_to_the_terminal_of_the_charge(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    let id = text(&world.pay(&counter, 1_200).await["id"]);
    let part = world.sub(&id, "refunds", &json!({ "amount_minor": 200 })).await;
    assert_eq!(part["refunded_minor"], 200, "{part}");
    let rest = world.sub(&id, "refunds", &json!({})).await;
    assert_eq!((&rest["state"], world.banked(&id)), (&json!("refunded"), 0));
    let other = text(&world.pay(&counter, 500).await["id"]);
    let voided = world.sub(&other, "void", &json!({})).await;
    assert_eq!((&voided["state"], world.banked(&other)), (&json!("voided"), 0));
    world.close().await;
}

async fn a_promise_is_captured_later(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    let mut body = world.payment_of(counter.connection, 2_000);
    body["capture"] = json!("manual");
    let promised = world.post_live("/v1/payments", &body, &WAIT).await.expect(201);
    let id = text(&promised["id"]);
    assert_eq!((&promised["state"], world.banked(&id)), (&json!("authorized"), 0));
    let captured = world.sub(&id, "capture", &json!({ "amount_minor": 1_500 })).await;
    assert_eq!((&captured["state"], world.banked(&id)), (&json!("captured"), 1_500));
    world.close().await;
}

async fn a_terminal_that_is_away_was_not_asked(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    counter.device.act(Act::PullPlug);
    counter.device.wait_until_online(false).await;
    let ended = world.pay(&counter, 1_200).await;
    assert_eq!((&ended["state"], &ended["customer_charged"]), (&json!("not_sent"), &json!("no")));
    assert_eq!(operations(&ended)[0]["reason"], "terminal_not_reached");
    // It comes too late for that one, and in time for the next.
    counter.device.act(Act::PutPlugBack);
    online(&counter.device).await;
    let paid = world.pay(&counter, 1_200).await;
    assert_eq!((&paid["state"], counter.device.journal().len()), (&json!("captured"), 1));
    world.close().await;
}

async fn a_register_without_a_terminal_is_told_what_to_do(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    let unpair = domain::terminal::UnpairTerminal { terminal: counter.terminal };
    run(world.app(), world.merchant().await, unpair).await;
    let refused = world.post_live("/v1/payments", &world.payment_of(counter.connection, 1_200), &[]).await;
    refused.expect_problem(409, "register_has_no_terminal");
    // The device hears of it.
    world.wait_until("unpaired", || async { counter.device.screen().register.is_none() }).await;
    world.close().await;
}

async fn a_charge_is_called_off_before_the_card(world: World) {
    let counter = Counter::open(&world, Script::Manual).await;
    let id = world.ask(&counter, 1_200).await;
    world.wait_for_screen(&counter.device, "waiting_for_card").await;
    let cancelled = world.sub(&id, "cancel", &json!({})).await;
    assert_eq!((&cancelled["customer_charged"], world.banked(&id)), (&json!("no"), 0), "{cancelled}");
    world.wait_for_screen(&counter.device, "cancelled").await;
    counter.device.act(Act::Tap);
    assert_eq!(world.banked(&id), 0);
    world.close().await;
}

async fn a_call_off_that_comes_too_late_tells_the_truth(world: World) {
    let counter = Counter::open_with(&world, Script::PlugAfterApproval, |options| {
        options.unplugged = Duration::from_secs(2);
    })
    .await;
    let id = world.ask(&counter, 1_200).await;
    counter.device.wait_until_online(false).await;
    // The customer was charged, and nobody knows. The cashier calls it off.
    let reply = world.post_live(&format!("/v1/payments/{id}/cancel"), &json!({}), &[]).await;
    assert!(reply.status < 300, "{}", String::from_utf8_lossy(&reply.bytes));
    let ended = world
        .wait_for_payment(&id, "at rest", |payment| journey(payment) == ["purchase approved", "reversal declined"])
        .await;
    assert_eq!((&ended["state"], &ended["customer_charged"]), (&json!("captured"), &json!("yes")), "{ended}");
    assert_eq!(world.banked(&id), 1_200);
    world.close().await;
}

async fn a_charge_that_nobody_claimed_is_called_off_at_once(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    counter.device.act(Act::PullPlug);
    counter.device.wait_until_online(false).await;
    let id = world.ask(&counter, 1_200).await;
    let cancelled = world.sub(&id, "cancel", &json!({})).await;
    assert_eq!(
        (&cancelled["state"], journey(&cancelled)),
        (&json!("cancelled"), vec!["purchase cancelled".to_owned()])
    );
    counter.device.act(Act::PutPlugBack);
    online(&counter.device).await;
    assert!(counter.device.journal().is_empty());
    world.close().await;
}

async fn another_amount_on_the_screen_stops_it_before_the_card(world: World) {
    let counter = Counter::open(&world, Script::WrongAmount).await;
    let stopped = world.pay(&counter, 1_200).await;
    assert_eq!(stopped["customer_charged"], "no", "{stopped}");
    assert_eq!(world.banked(&text(&stopped["id"])), 0);
    counter.device.play(Script::Approve);
    assert_eq!(world.pay(&counter, 1_200).await["state"], "captured");
    world.close().await;
}

async fn a_plug_pulled_before_the_card_charges_nobody(world: World) {
    let counter = Counter::open(&world, Script::PlugBeforeCard).await;
    let ended = world.pay(&counter, 1_200).await;
    assert_eq!((&ended["state"], world.banked(&text(&ended["id"]))), (&json!("cancelled"), 0), "{ended}");
    world.close().await;
}

async fn a_plug_pulled_after_the_approval_is_found_out(world: World) {
    let counter = Counter::open(&world, Script::PlugAfterApproval).await;
    let paid = world.pay(&counter, 1_200).await;
    let id = text(&paid["id"]);
    assert_eq!((&paid["state"], world.banked(&id)), (&json!("captured"), 1_200), "{paid}");
    assert_eq!(journey(&paid), ["purchase approved"]);
    assert_eq!(world.bank.all().len(), 1);
    world.close().await;
}

async fn a_plug_pulled_at_the_command_charges_nobody(world: World) {
    let counter = Counter::open(&world, Script::PlugAtCommand).await;
    let id = world.ask(&counter, 1_200).await;
    let ended = world.wait_for_payment(&id, "at rest", |payment| payment["customer_charged"] == "no").await;
    assert!(
        counter.device.journal().iter().all(|line| line.kind == "cancel" || line.id == World::charge_of(&id)),
        "{ended}"
    );
    assert_eq!(world.banked(&id), 0);
    assert_eq!(world.pay(&counter, 700).await["state"], "captured");
    world.close().await;
}

async fn a_terminal_that_takes_no_command_is_asked_and_charges_nobody(world: World) {
    let counter = Counter::open(&world, Script::NeverAnswer).await;
    let id = world.ask(&counter, 1_200).await;
    let doubt = world.wait_for_state(&id, "in_doubt").await;
    assert_eq!(doubt["next_action"], "check_now");
    // The device answers to questions: it never heard of it, and will not begin with it.
    let ended = world.wait_for_payment(&id, "at rest", |payment| payment["customer_charged"] == "no").await;
    assert_eq!((&ended["state"], world.banked(&id)), (&json!("reversed"), 0), "{ended}");
    world.close().await;
}

async fn a_result_that_comes_twice_counts_once(world: World) {
    let counter = Counter::open(&world, Script::ResultTwice).await;
    let paid = world.pay(&counter, 1_200).await;
    let id = text(&paid["id"]);
    assert_eq!(paid["captured_minor"], 1_200);
    assert_eq!(world.events_of(&id).await.iter().filter(|kind| *kind == "payment.captured").count(), 1);
    world.close().await;
}

async fn a_result_for_another_command_changes_nothing(world: World) {
    let counter =
        Counter::open_with(&world, Script::Approve, |options| options.tell_again = Duration::from_millis(500)).await;
    let first = text(&world.pay(&counter, 300).await["id"]);
    counter.device.play(Script::WrongCommand);
    let paid = world.pay(&counter, 1_200).await;
    // The word about the right command came a little later.
    assert_eq!((&paid["state"], &paid["captured_minor"]), (&json!("captured"), &json!(1_200)), "{paid}");
    assert_eq!(world.payment(&first).await["captured_minor"], 300);
    assert_eq!(journey(&paid), ["purchase approved"]);
    world.close().await;
}

async fn a_hub_that_stops_in_the_middle_finds_the_result(mut world: World) {
    let counter = Counter::open(&world, Script::Manual).await;
    let id = world.ask(&counter, 1_200).await;
    world.wait_for_screen(&counter.device, "waiting_for_card").await;
    world.stop().await;
    counter.device.wait_until_online(false).await;
    world.start().await;
    online(&counter.device).await;
    let ended = world.wait_for_state(&id, "cancelled").await;
    assert_eq!((journey(&ended), world.banked(&id)), (vec!["purchase cancelled".to_owned()], 0));
    world.close().await;
}

async fn one_thing_at_a_time_is_asked_of_a_terminal(world: World) {
    let counter = Counter::open(&world, Script::Manual).await;
    let first = world.ask(&counter, 1_200).await;
    world.wait_for_screen(&counter.device, "waiting_for_card").await;
    let second = world.ask(&counter, 900).await;
    // It waits until the first is over, and not for ever.
    let waiting = world.wait_for_state(&second, "not_sent").await;
    assert_eq!(operations(&waiting)[0]["reason"], "terminal_not_reached");
    counter.device.act(Act::Tap);
    world.wait_for_state(&first, "captured").await;
    let third = world.ask(&counter, 700).await;
    world.wait_for_screen(&counter.device, "waiting_for_card").await;
    counter.device.act(Act::Tap);
    world.wait_for_state(&third, "captured").await;
    assert_eq!(world.bank.all().len(), 2);
    world.close().await;
}

async fn a_newer_connection_ends_the_older_one(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    let options = Options::new(world.base_url(), counter.terminal.to_string());
    let twin = Terminal::start(options, counter.key(), world.bank.clone());
    online(&twin).await;
    counter.device.wait_until_online(false).await;
    drop(twin);
    online(&counter.device).await;
    assert_eq!(world.pay(&counter, 1_200).await["state"], "captured");
    world.close().await;
}

async fn a_device_without_the_key_is_not_let_in(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    let forger = sandbox::terminal::Key::of([9; 32]).unwrap();
    for id in [counter.terminal.to_string(), "trm_00000000000000000000000000000001".to_owned(), "nobody".to_owned()] {
        let key = sandbox::terminal::Key::of([9; 32]).unwrap();
        assert_eq!(key.public(), forger.public());
        let forged = Terminal::start(Options::new(world.base_url(), id), key, world.bank.clone());
        world.wait_until("rejected", || async { forged.rejected().as_deref() == Some("proof_wrong") }).await;
        assert!(!forged.is_online());
    }
    assert!(counter.device.is_online());
    let not_upgraded = world.get_as(&world.shop.viewer, "/v1/terminal-channel", &[]).await;
    not_upgraded.expect_problem(426, "upgrade_required");
    world.close().await;
}

async fn a_terminal_that_was_retired_is_let_go_and_not_let_in_again(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    let retire = domain::terminal::RetireTerminal { terminal: counter.terminal };
    run(world.app(), world.merchant().await, retire).await;
    counter.device.wait_until_online(false).await;
    world.wait_until("rejected", || async { counter.device.rejected().as_deref() == Some("proof_wrong") }).await;
    let refused = world.post_live("/v1/payments", &world.payment_of(counter.connection, 1_200), &[]).await;
    refused.expect_problem(409, "register_has_no_terminal");
    world.close().await;
}

async fn a_clock_ten_minutes_off_is_told_and_pays_all_the_same(world: World) {
    for ahead_ms in [11 * 60 * 1_000, -11 * 60 * 1_000] {
        let counter = Counter::open_with(&world, Script::Approve, |options| options.clock_ahead_ms = ahead_ms).await;
        assert_eq!(counter.device.screen().notice.as_deref(), Some("clock_wrong"));
        assert_eq!(world.pay(&counter, 1_200).await["state"], "captured");
    }
    world.close().await;
}

async fn the_terminal_tells_how_it_is(world: World) {
    let counter = Counter::open(&world, Script::Manual).await;
    let path = format!("/v1/terminals/{}/state", counter.terminal);
    let state = async || world.get_as(&world.shop.viewer, &path, &[]).await.expect(200);
    world.wait_until("battery", || async { state().await["battery_percent"] == 87 }).await;
    let now = state().await;
    assert_eq!((&now["is_online"], &now["verdict"], &now["step"]), (&json!(true), &json!("ready"), &Value::Null));
    world.ask(&counter, 1_200).await;
    world.wait_until("waits for the card", || async { state().await["step"] == "waiting_for_card" }).await;
    assert_eq!(state().await["verdict"], "busy");
    counter.device.act(Act::Tap);
    world.wait_until("ready", || async { state().await["verdict"] == "ready" }).await;
    assert!(state().await["latency_p50_us"].as_i64().is_some());
    counter.device.act(Act::PullPlug);
    world.wait_until("offline", || async { state().await["verdict"] == "offline" }).await;
    world.close().await;
}
