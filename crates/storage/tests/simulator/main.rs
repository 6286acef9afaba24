//! The simulator: small worlds with faults at every step, thousands of them, each from its seed. It runs the rules of
//! `domain` and the batches of `storage` over the memory engine, and after each step holds what became durable, what was
//! answered, and what the providers did to the invariants.
//!
//! `TILLBRIDGE_SIMULATE` says how many payments (20,000), `TILLBRIDGE_SEED` replays one world and tells its history.

mod asking;
mod disk;
mod ending;
mod hub;
mod invariants;
mod mirror;
mod opening;
mod people;
mod provider;
mod purse;
mod rng;
mod sender;
mod taking;
mod telling;
mod wish;
mod world;

use std::sync::Mutex;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crate::mirror::Finding;
use crate::world::{Tally, World};

/// Payments that are simulated when nothing else is asked for.
const PAYMENTS: usize = 20_000;
/// The first world's seed; the others follow.
const FIRST_SEED: u64 = 1;
/// Lines of a history that are printed.
const LINES_MAX: usize = 300;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A simulated death of a process is no news; every other panic is.
fn quiet_crashes() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<storage::memory::Crash>() {
                before(info);
            }
        }));
    });
}

#[test]
fn no_fault_breaks_an_invariant() {
    quiet_crashes();
    if let Some(seed) = number("TILLBRIDGE_SEED") {
        let mut world = World::new(seed, true);
        let outcome = world.live();
        tell(&world, outcome.as_ref().err());
        assert!(outcome.is_ok(), "world {seed} breaks an invariant");
        return;
    }
    let wanted = number("TILLBRIDGE_SIMULATE").map_or(PAYMENTS, |wanted| wanted as usize);
    let started = Instant::now();
    let Run { payments, worlds, steps, tally, broken } = run(wanted);
    let seconds = started.elapsed().as_secs_f64();
    match broken {
        None => {
            let rate = payments as f64 / seconds;
            println!("{payments} payments in {worlds} worlds, {steps} steps: all invariants hold");
            println!("{tally:?}");
            println!("{seconds:.1} s, {rate:.0} payments/s");
        }
        Some((seed, finding)) => {
            println!("FOUND by {} after {payments} payments (world {seed}, {seconds:.1} s)", finding.invariant);
            let mut world = World::new(seed, true);
            let outcome = world.live();
            tell(&world, outcome.as_ref().err());
            println!("Replay: TILLBRIDGE_SEED={seed} cargo test -p storage --test simulator -- --nocapture");
            panic!("{}: {}", finding.invariant, finding.words);
        }
    }
}

#[test]
fn a_seed_replays_to_the_letter() {
    quiet_crashes();
    for seed in 900_001..900_006 {
        let digests: Vec<_> = (0..2).map(|_| World::new(seed, false).live().map_err(|finding| finding.words)).collect();
        let digest = digests[0].clone().expect("all invariants hold");
        println!("world {seed}: digest {digest:016x}");
        assert_eq!(digests[0], digests[1], "world {seed} went two ways");
    }
}

/// What came of many worlds.
#[derive(Default)]
struct Run {
    /// Up to and with the broken world.
    payments: usize,
    worlds: usize,
    steps: u64,
    tally: Tally,
    /// The finding of the lowest seed.
    broken: Option<(u64, Finding)>,
}

impl Run {
    fn add(&mut self, world: &World) {
        let Tally { batches, deaths, faults, lost, replays, late_approvals, exceptions } = world.tally;
        self.payments += world.payments();
        self.worlds += 1;
        self.steps += world.steps;
        self.tally.batches += batches;
        self.tally.deaths += deaths;
        self.tally.faults += faults;
        self.tally.lost += lost;
        self.tally.replays += replays;
        self.tally.late_approvals += late_approvals;
        self.tally.exceptions += exceptions;
    }
}

/// Lives worlds, one after another on each core, until so many payments were made or an invariant broke.
fn run(wanted: usize) -> Run {
    let (next, made, is_broken) = (AtomicU64::new(FIRST_SEED), AtomicUsize::new(0), AtomicBool::new(false));
    let runs: Mutex<Vec<(u64, usize, Option<Finding>)>> = Mutex::default();
    let sum: Mutex<Run> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while made.load(Ordering::Relaxed) < wanted && !is_broken.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let mut world = World::new(seed, false);
                    let outcome = world.live();
                    made.fetch_add(world.payments(), Ordering::Relaxed);
                    is_broken.fetch_or(outcome.is_err(), Ordering::Relaxed);
                    sum.lock().expect("no thread panicked").add(&world);
                    runs.lock().expect("no thread panicked").push((seed, world.payments(), outcome.err()));
                }
            });
        }
    });
    let mut run = sum.into_inner().expect("no thread panicked");
    let mut worlds = runs.into_inner().expect("no thread panicked");
    worlds.sort_by_key(|(seed, ..)| *seed);
    if let Some(place) = worlds.iter().position(|(.., finding)| finding.is_some()) {
        run.payments = worlds[..=place].iter().map(|(_, payments, _)| payments).sum();
        let (seed, _, finding) = worlds.swap_remove(place);
        run.broken = finding.map(|finding| (seed, finding));
    }
    run
}

/// Prints what happened to the record of a finding.
#[expect(clippy::print_stdout, reason = "a test tells what it found")]
fn tell(world: &World, finding: Option<&Finding>) {
    let Some(finding) = finding else {
        println!("world {}: all invariants hold over {} payments", world.seed, world.payments());
        return;
    };
    println!("world {}, step {}: {} is broken by {}", world.seed, world.steps, finding.invariant, finding.subject);
    println!("{}", finding.words);
    let id = finding.subject.get(4..).filter(|id| id.len() == 32);
    let is_about = |line: &&String| id.is_none_or(|id| line.contains(id));
    let is_news = |line: &str| {
        ["crashes", "killed", "starts", "meets", "clock", "all faults"].iter().any(|word| line.contains(word))
    };
    let is_about = |line: &&String| is_about(line) || is_news(line);
    let lines: Vec<&String> = world.history().iter().filter(is_about).collect();
    for line in lines.iter().skip(lines.len().saturating_sub(LINES_MAX)) {
        println!("{line}");
    }
}
