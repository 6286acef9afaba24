//! The scenarios on virtual time: hub and providers in one process, without a socket, on the clock of a runtime that goes on to
//! the next thing that is waited for. A lost answer, a late one, a minute of inquiries take no time here, and what a machine is
//! busy with besides moves nothing: a lot of numbers ends the same each time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{Ends, TARGETS, Target, asked_for, check_ends, play_all};
use crate::world::World;

/// Scenarios of each target in the gate. `TILLBRIDGE_VIRTUAL` asks for another number.
const SCENARIOS: u64 = 100;
/// Scenarios that share a hub, which begins anew with the next lot.
const LOT: u64 = 100;
/// A line is written each time so many lots are done.
const LOTS_OF_A_LINE: u64 = 100;

/// Scenarios of one target that share a hub.
struct Lot {
    target: &'static Target,
    from: u64,
    to: u64,
}

/// Says how a lot is played again where it fails.
struct PlayedBy<'a>(&'a Lot);

impl Drop for PlayedBy<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Lot { target, from, to } = self.0;
            eprintln!(
                "{}: to play these scenarios again set TILLBRIDGE_VIRTUAL={}, TILLBRIDGE_VIRTUAL_FROM={from} and \
                 TILLBRIDGE_VIRTUAL_TARGET=\"{}\".",
                target.name,
                to - from,
                target.name
            );
        }
    }
}

/// The lots that are asked for, those of each target side by side.
fn lots() -> Vec<Lot> {
    let count = asked_for("TILLBRIDGE_VIRTUAL").unwrap_or(SCENARIOS);
    let first = asked_for("TILLBRIDGE_VIRTUAL_FROM").unwrap_or(0);
    let only = std::env::var("TILLBRIDGE_VIRTUAL_TARGET").ok();
    let targets = TARGETS.iter().filter(|target| only.as_ref().is_none_or(|only| only == target.name));
    let of = |target: &'static Target| {
        let begins = (0..count.div_ceil(LOT)).map(move |lot| first + lot * LOT);
        begins.map(move |from| Lot { target, from, to: (from + LOT).min(first + count) })
    };
    targets.flat_map(of).collect()
}

fn play_lot(lot: &Lot) -> Ends {
    let _played = PlayedBy(lot);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::open_in_process(lot.target.currency).await;
        let ends = play_all(&world, lot.target, lot.from..lot.to).await;
        world.close().await;
        ends
    })
}

#[test]
fn all_providers_and_the_hub_agree_on_virtual_time() {
    let lots = lots();
    assert!(!lots.is_empty(), "there is no such target");
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let ends = Mutex::new(vec![Ends::new(); TARGETS.len()]);
    let work = || {
        while let Some(lot) = lots.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap()) {
            let ended = play_lot(lot);
            let place = TARGETS.iter().position(|target| target.name == lot.target.name).unwrap();
            for (state, times) in ended {
                *ends.lock().unwrap()[place].entry(state).or_default() += times;
            }
            if (lot.to / LOT).is_multiple_of(LOTS_OF_A_LINE) {
                eprintln!("{}: {} scenarios, {} s", lot.target.name, lot.to, begun.elapsed().as_secs());
            }
        }
    };
    // Each with a runtime, and a time, of its own.
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    for (target, ends) in TARGETS.iter().zip(ends.into_inner().unwrap()).filter(|(_, ends)| !ends.is_empty()) {
        check_ends(target, &ends);
    }
    eprintln!("{} lots in {:.1} s on {workers} threads", lots.len(), begun.elapsed().as_secs_f64());
}
