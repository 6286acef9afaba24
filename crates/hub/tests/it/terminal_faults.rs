//! Hub, terminal and line are taken away at each moment of a payment, one after another: whatever it hits, in the end hub and bank
//! tell the same, nobody is charged twice, and the database is whole. And the same between two hubs.

use std::time::Duration;

use sandbox::terminal::{Act, Script, Terminal};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::counter::{Counter, online};
use crate::world::{Kind, World, on_both_engines, text};

on_both_engines!(
    a_hub_killed_at_any_moment_charges_nobody_twice,
    a_plug_pulled_at_any_moment_charges_nobody_twice,
    a_line_cut_at_any_moment_charges_nobody_twice,
);

/// The moments, in milliseconds from the request on: the customer taps after twenty.
const MOMENTS: [u64; 14] = [0, 1, 2, 3, 5, 8, 12, 17, 22, 27, 33, 40, 55, 80];

/// A request of a register that nobody may answer.
fn ask(base_url: &str, world: &World, counter: &Counter, amount_minor: i64) -> tokio::task::JoinHandle<()> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let request = client
        .post(format!("{base_url}/v1/payments"))
        .bearer_auth(&world.shop.live_manager)
        .header("idempotency-key", world.fresh_key())
        .json(&world.payment_of(counter.connection, amount_minor));
    tokio::spawn(async move {
        let _ = request.send().await;
    })
}

/// Each command was charged once at most.
fn check_bank(world: &World, device: &Terminal) {
    for (id, charge) in world.bank.all() {
        let lines = device.journal().into_iter().filter(|line| line.id == id).count();
        assert_eq!(lines, 1, "{id}: {charge:?}");
    }
}

async fn a_hub_killed_at_any_moment_charges_nobody_twice(mut world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    let base_url = world.base_url();
    world.stop().await;
    let program = world.program();
    let listen = base_url.trim_start_matches("http://").to_owned();
    for (place, moment) in MOMENTS.into_iter().enumerate() {
        let mut hub = program.start(&format!("serve --listen {listen}"));
        online(&counter.device).await;
        let asked = ask(&base_url, &world, &counter, 1_000 + i64::try_from(place).unwrap());
        sleep(Duration::from_millis(moment)).await;
        hub.kill().await.unwrap();
        counter.device.wait_until_online(false).await;
        let _ = asked.await;
    }
    world.start().await;
    online(&counter.device).await;
    check_bank(&world, &counter.device);
    world.close().await;
}

async fn a_plug_pulled_at_any_moment_charges_nobody_twice(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    for (place, moment) in MOMENTS.into_iter().enumerate() {
        online(&counter.device).await;
        let asked = ask(&world.base_url(), &world, &counter, 1_000 + i64::try_from(place).unwrap());
        sleep(Duration::from_millis(moment)).await;
        counter.device.act(Act::PullPlug);
        counter.device.wait_until_online(false).await;
        sleep(Duration::from_millis(20)).await;
        counter.device.act(Act::PutPlugBack);
        let _ = asked.await;
    }
    online(&counter.device).await;
    check_bank(&world, &counter.device);
    world.close().await;
}

async fn a_line_cut_at_any_moment_charges_nobody_twice(world: World) {
    let counter = Counter::open(&world, Script::Approve).await;
    for (place, moment) in MOMENTS.into_iter().enumerate() {
        online(&counter.device).await;
        let asked = ask(&world.base_url(), &world, &counter, 1_000 + i64::try_from(place).unwrap());
        sleep(Duration::from_millis(moment)).await;
        counter.device.act(Act::CutLine);
        let _ = asked.await;
    }
    check_bank(&world, &counter.device);
    world.close().await;
}

/// Register and terminal at different hubs on one PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_register_at_one_hub_pays_on_a_terminal_at_another() {
    let Some(world) = World::open(Kind::Postgres).await else { return };
    let other = world.another().await;
    let counter = Counter::open_with(&world, Script::Approve, |options| options.hub = other.base_url()).await;
    for amount_minor in [1_200, 700] {
        let body = world.payment_of(counter.connection, amount_minor);
        let key = world.fresh_key();
        let wait = [("prefer", "wait=50")];
        let paid = world.post_as(&world.shop.live_manager, "/v1/payments", &key, &wait, &body).await.expect(201);
        assert_eq!((&paid["state"], &paid["captured_minor"]), (&json!("captured"), &json!(amount_minor)));
    }
    let path = format!("/v1/terminals/{}/state", counter.terminal);
    let state = world.get(&path).await.expect(200);
    assert_eq!((&state["is_online"], &state["verdict"]), (&json!(true), &json!("ready")), "{state}");
    other.stop().await.unwrap();
    world.close().await;
}

/// The terminal moves from hub to hub in the middle of payments that registers ask for at one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_moves_between_hubs_charges_nobody_twice() {
    let Some(world) = World::open(Kind::Postgres).await else { return };
    let other = world.another().await;
    let hubs = [world.base_url(), other.base_url()];
    let counter = Counter::open(&world, Script::Approve).await;
    for (place, moment) in MOMENTS.into_iter().enumerate() {
        online(&counter.device).await;
        let asked = ask(&hubs[place % 2], &world, &counter, 1_000 + i64::try_from(place).unwrap());
        sleep(Duration::from_millis(moment)).await;
        counter.device.call(&hubs[(place + 1) % 2]);
        counter.device.act(Act::CutLine);
        let _ = asked.await;
    }
    check_bank(&world, &counter.device);
    // The hub of the terminal goes away for good, with a payment in the customer's hands.
    counter.device.play(Script::Manual);
    counter.device.call(&hubs[1]);
    counter.device.act(Act::CutLine);
    world.wait_until("at the other hub", || async { counter.device.is_online() }).await;
    online(&counter.device).await;
    let body = world.payment_of(counter.connection, 5_000);
    let asked =
        world.post_as(&world.shop.live_manager, "/v1/payments", &world.fresh_key(), &[], &body).await.expect(201);
    world.wait_until("waits for the card", || async { counter.device.screen().step == "waiting_for_card" }).await;
    counter.device.call(&hubs[0]);
    other.stop().await.unwrap();
    // Called off as it is, or undone first where nobody heard of it in time: both are the truth.
    let ended: Value = world
        .wait_for_payment(&text(&asked["id"]), "over", |payment| {
            ["cancelled", "reversed"].iter().any(|state| payment["state"] == *state)
        })
        .await;
    assert_eq!(ended["customer_charged"], "no");
    world.close().await;
}
