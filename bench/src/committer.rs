//! For the one who makes the hub faster: the committer alone, fed with payments, and the CPU that its thread takes.
//! No goal is judged by it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use domain::call::{Actor, Role};
use domain::money::Currency;
use domain::payment::CreatePayment;
use domain::time::Timestamp;
use storage::committer::{self, Connect};
use storage::postgres::Postgres;
use storage::sqlite::{Clock, Sqlite};
use storage::{Answer, Claim, Envelope, Idempotency, Lane};

use crate::process::cpu_seconds_of_thread;
use crate::random::{Ids, Random, now_ms};
use crate::world::{LARGE_MERCHANTS, World};

/// Commands under way: as many as P1 has connections.
const WINDOW: usize = 256;
/// As large as the hub's answer.
const ANSWER_BYTES: usize = 1_190;

/// Commits so many payments and says what each took.
pub fn measure(database: &str, world: &World, count: usize) -> anyhow::Result<String> {
    let clock: Clock = Arc::new(|| Timestamp(now_ms() as i64));
    let target = database.to_owned();
    let connect: Connect = if target.starts_with("postgres://") {
        Box::new(move || Ok(Box::new(Postgres::connect(&target)?)))
    } else {
        Box::new(move || Ok(Box::new(Sqlite::open(Path::new(&target), "FULL", Arc::clone(&clock))?)))
    };
    let (handle, thread) = committer::start(connect, Box::new(Ids::new(4)))?;
    let (mut ids, mut random, mut waiting) = (Ids::new(5), Random::new(5), VecDeque::new());
    let (begun, cpu) = (Instant::now(), cpu_seconds_of_thread("committer"));
    for number in 0..count {
        let shop = &world.shops[random.below(LARGE_MERCHANTS)];
        let command = CreatePayment {
            merchant: shop.merchant,
            location: shop.location,
            register: shop.registers[random.below(shop.registers.len())],
            connection: shop.manual,
            sale: None,
            amount_minor: Some(100 + random.below(800) as i64),
            currency: Currency::JPY,
            is_two_step: false,
            reference: format!("order {number}"),
            is_scanned: false,
        };
        let envelope = Envelope {
            merchant: shop.merchant,
            actor: Arc::new(Actor::new("bench", Role::Cashier)),
            request_id: ids.draw().to_string(),
            idempotency: Idempotency::Answer(Claim { key: ids.draw().to_string(), fingerprint: [7; 32] }),
            lane: Lane::Interactive,
            weight: 300,
        };
        let answer = |_: Result<&_, &_>| Answer {
            status: 201,
            content_type: "application/json".into(),
            body: vec![b' '; ANSWER_BYTES],
            subject: String::new(),
        };
        waiting.push_back(handle.send(envelope, command, answer)?);
        if waiting.len() >= WINDOW {
            let first = waiting.pop_front().context("somebody waits")?;
            let reply = first.blocking_recv().context("the committer ended")??.reply;
            anyhow::ensure!(matches!(reply, Some(Ok(_))), "a payment was refused");
        }
    }
    for last in waiting {
        last.blocking_recv().context("the committer ended")??;
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds_of_thread("committer") - cpu);
    handle.stop();
    thread.join().map_err(|_| anyhow::anyhow!("the committer panicked"))?;
    Ok(format!(
        "{:.0} payments/s, {:.1} us of the committer's thread each",
        count as f64 / seconds,
        cpu * 1e6 / count as f64
    ))
}
