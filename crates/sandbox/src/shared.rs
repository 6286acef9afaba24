//! What outlives one server: the ledger, and the things that happen by themselves. Money goes on moving while the line
//! is down, as it does at a real provider.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use crate::fault::Fault;
use crate::in_process::Receiver;
use crate::ledger::{Ledger, Refusal, View};
use crate::notify::Notifier;
use crate::options::{DELAY_MS_MAX, Options};
use crate::wire::Problem;

/// Things that wait to happen. Each is a sleeping task of about a kilobyte.
const SEQUELS_MAX: usize = 10_000;
/// How long after the reply a scripted notification leaves: long enough for the reply to be read first.
const AFTER_REPLY: Duration = Duration::from_millis(50);

/// The provider.
#[derive(Debug)]
pub(crate) struct Shared {
    pub options: Options,
    /// The one right value of the header `Authorization`.
    pub authorization: String,
    /// Keeps the ids of two runs apart.
    pub boot: u32,
    notifier: Notifier,
    /// One mutex, held for a few map operations and never across a wait: a million entries cost about a microsecond.
    ledger: Mutex<Ledger>,
    unreachable_until: Mutex<Option<Instant>>,
    places: Arc<Semaphore>,
}

impl Shared {
    pub fn new(options: Options) -> Self {
        let boot = boot_number();
        Self {
            authorization: format!("Bearer {}", options.secret),
            boot,
            notifier: Notifier::new(&options.notify_secret, boot),
            ledger: Mutex::default(),
            unreachable_until: Mutex::default(),
            places: Arc::new(Semaphore::new(SEQUELS_MAX)),
            options,
        }
    }

    /// What is told is told to this receiver from now on.
    pub fn deliver_to(&self, receiver: Receiver) {
        self.notifier.deliver_to(receiver);
    }

    /// The ledger. A panic of another holder leaves it whole: no change there spans two steps that could part.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more thing that happens later.
    pub fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Problem::FULL)
    }

    /// Whether the whole provider is out of reach.
    pub fn is_unreachable(&self, now: Instant) -> bool {
        let until = *self.unreachable_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| now < until)
    }

    /// Puts the whole provider out of reach. False if that would be for too long.
    pub fn go_unreachable(&self, ms: u64) -> bool {
        if ms > DELAY_MS_MAX {
            return false;
        }
        let until = Instant::now() + Duration::from_millis(ms);
        *self.unreachable_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        true
    }

    /// The customer decides on a pending charge.
    pub fn play(self: &Arc<Self>, reference: &str, reason: Option<&'static str>) -> Result<View, Refusal> {
        let view = self.ledger().decide(reference, reason)?;
        self.announce(reference);
        Ok(view)
    }

    /// Sends the news about a charge in the background. With no room for it the news is lost, as news can be.
    pub fn announce(self: &Arc<Self>, reference: &str) {
        let Ok(place) = self.place() else {
            tracing::warn!("a notification was dropped: too many wait already");
            return;
        };
        let (shared, reference) = (Arc::clone(self), reference.to_owned());
        tokio::spawn(async move {
            shared.send_news(&reference, 1).await;
            drop(place);
        });
    }

    /// What happens by itself after a charge under this fault.
    pub async fn sequel(self: Arc<Self>, fault: Fault, reference: String, place: OwnedSemaphorePermit) {
        match fault {
            Fault::PendApprove => self.decide_later(&reference, None).await,
            Fault::PendDecline => self.decide_later(&reference, Some("customer_declined")).await,
            Fault::LateApproval => {
                sleep(self.options.late()).await;
                self.ledger().surface(&reference);
                self.send_news(&reference, 1).await;
            }
            Fault::DuplicateNotification => {
                sleep(AFTER_REPLY).await;
                self.send_news(&reference, 2).await;
            }
            Fault::Contradict => {
                sleep(AFTER_REPLY).await;
                self.send_news(&reference, 1).await;
            }
            Fault::NotificationFirst => self.send_news(&reference, 1).await,
            _ => {}
        }
        drop(place);
    }

    async fn decide_later(&self, reference: &str, reason: Option<&'static str>) {
        sleep(self.options.pend()).await;
        let decided = self.ledger().decide(reference, reason);
        // Reversed or played meanwhile: then that was announced.
        if decided.is_ok() {
            self.send_news(reference, 1).await;
        }
    }

    /// Delivers one notification so many times.
    async fn send_news(&self, reference: &str, copies: u32) {
        let Some((url, view)) = self.ledger().news(reference) else { return };
        let body = self.notifier.compose(reference, &view);
        for _ in 0..copies {
            self.notifier.deliver(&url, body.clone()).await;
        }
    }
}

/// Differs from run to run. Not secret: the seed of the standard hash maps is random enough.
pub(crate) fn boot_number() -> u32 {
    let random = RandomState::new().hash_one(0_u8);
    u32::try_from(random >> 32).unwrap_or_default()
}
