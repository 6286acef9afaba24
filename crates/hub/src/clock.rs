//! The only place that reads the system's clock and its random source. Everything else is given a [`Clock`] and an id
//! source, so that a test can turn the clock by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::id::IdSource;
use domain::time::Timestamp;
use uuid::Uuid;

/// Random bytes drawn at once: one system call serves some hundred ids.
const RANDOM_BYTES: usize = 4_096;
/// The random part of an id has 74 bits; a fresh one leaves the highest clear, so that there is room to count up.
const FRESH_TAIL_MASK: u128 = (1 << 73) - 1;
const TAIL_MAX: u128 = (1 << 74) - 1;
const LOW_BITS: u32 = 62;

/// Tells the time. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Source>);

trait Source: Send + Sync {
    fn now(&self) -> Timestamp;
    fn uptime(&self) -> Duration;
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(SystemClock { start: Instant::now() }))
    }

    /// The runtime's own clock, which says `now` at this moment. On paused time it goes on to the next thing that is waited for.
    pub fn of_runtime(now: Timestamp) -> Self {
        Self(Arc::new(RuntimeClock { now, start: tokio::time::Instant::now() }))
    }

    /// What the calendar and the clock on the wall say. It may jump, back too.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// How long this clock has run: never goes back. Whatever waits or expires inside the process is measured by it.
    pub fn uptime(&self) -> Duration {
        self.0.uptime()
    }

    /// The same clock for the embedded database.
    pub fn for_storage(&self) -> storage::sqlite::Clock {
        let source = Arc::clone(&self.0);
        Arc::new(move || source.now())
    }
}

struct RuntimeClock {
    now: Timestamp,
    start: tokio::time::Instant,
}

impl Source for RuntimeClock {
    fn now(&self) -> Timestamp {
        self.now.plus_ms(i64::try_from(self.uptime().as_millis()).unwrap_or(i64::MAX))
    }

    fn uptime(&self) -> Duration {
        self.start.elapsed()
    }
}

struct SystemClock {
    start: Instant,
}

impl Source for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 is broken; zero keeps the hub alive, and no batch is earlier than the one before it.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn uptime(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands still until it is turned by hand. Clones turn the same clock.
#[derive(Clone)]
pub struct Hand(Arc<Turned>);

struct Turned {
    now_ms: AtomicI64,
    uptime_ms: AtomicI64,
}

impl Hand {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Turned { now_ms: AtomicI64::new(now.0), uptime_ms: AtomicI64::new(0) }))
    }

    /// Lets time pass.
    pub fn advance(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.0.now_ms.fetch_add(ms, Ordering::SeqCst);
        self.0.uptime_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the clock on the wall by so many milliseconds, back too, while no time passes.
    pub fn jump(&self, ms: i64) {
        self.0.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// The clock that this hand turns.
    pub fn clock(&self) -> Clock {
        Clock(Arc::clone(&self.0) as Arc<dyn Source>)
    }
}

impl Source for Turned {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.uptime_ms.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

/// UUIDs version 7 from the system's random source: they grow with time, within a millisecond too.
pub struct RandomIds {
    random: Random,
    last_ms: u64,
    tail: u128,
}

impl RandomIds {
    /// A source of its own; two of them never give the same id.
    pub fn new() -> Self {
        Self { random: Random::new(), last_ms: 0, tail: 0 }
    }

    fn draw_tail(&mut self, ms: u64) {
        self.last_ms = ms;
        self.tail = u128::from_le_bytes(self.random.draw()) & FRESH_TAIL_MASK;
    }
}

impl Default for RandomIds {
    fn default() -> Self {
        Self::new()
    }
}

impl IdSource for RandomIds {
    fn next(&mut self, now: Timestamp) -> Uuid {
        let ms = u64::try_from(now.0).unwrap_or(0);
        if ms > self.last_ms {
            self.draw_tail(ms);
        } else {
            // A random step, so that one id does not tell the next.
            self.tail += 1 + u128::from(u32::from_le_bytes(self.random.draw()));
            if self.tail > TAIL_MAX {
                self.draw_tail(self.last_ms + 1);
            }
        }
        let (high, low) = (self.tail >> LOW_BITS, self.tail & ((1 << LOW_BITS) - 1));
        Uuid::from_u128((u128::from(self.last_ms) << 80) | (0x7 << 76) | (high << 64) | (0b10 << LOW_BITS) | low)
    }
}

/// Bytes of the system's random source, fetched in blocks.
struct Random {
    block: Box<[u8; RANDOM_BYTES]>,
    used: usize,
}

impl Random {
    fn new() -> Self {
        Self { block: Box::new([0; RANDOM_BYTES]), used: RANDOM_BYTES }
    }

    fn draw<const N: usize>(&mut self) -> [u8; N] {
        if self.used + N > RANDOM_BYTES {
            *self.block = random_bytes();
            self.used = 0;
        }
        let mut drawn = [0; N];
        drawn.copy_from_slice(&self.block[self.used..self.used + N]);
        self.used += N;
        drawn
    }
}

/// Bytes for secrets and ids.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system's random source answers once the system is up");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_within_a_millisecond_and_when_the_clock_goes_back() {
        let mut ids = RandomIds::new();
        let mut last = Uuid::nil();
        for ms in [1_700_000_000_000, 1_700_000_000_001, 0, 1_700_000_000_000] {
            for _ in 0..10_000 {
                let id = ids.next(Timestamp(ms));
                assert!(id > last);
                assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
                last = id;
            }
        }
    }

    #[test]
    fn a_hand_turns_the_clock() {
        let hand = Hand::at(Timestamp(5_000));
        let clock = hand.clock();
        hand.advance(Duration::from_secs(2));
        hand.jump(-6_000);
        assert_eq!((clock.now(), clock.uptime()), (Timestamp(1_000), Duration::from_secs(2)));
    }
}
