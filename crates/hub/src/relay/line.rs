//! One connection of one terminal, as the rest of the hub sees it: a queue of messages, the answers that are waited for, the
//! one money command that is under way, and how the terminal is.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connectors::terminal::{Accepted, InquiryResult, Status, TerminalResult, ToTerminal};
use domain::id::{MerchantId, OperationId, RegisterId, TerminalId};
use domain::time::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Messages that wait for the socket. A terminal is sent a few for each payment: one that does not take so many is stuck.
pub const QUEUE_MAX: usize = 64;
/// Latencies that are remembered: the payments of a busy hour.
const LATENCIES_MAX: usize = 128;
/// Answers that are waited for at the same time, of a terminal that does one thing at a time.
const ANSWERS_MAX: usize = 32;

/// A connection of a terminal.
pub struct Line {
    /// Which terminal.
    pub terminal: TerminalId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Which of its connections: a later one is greater.
    pub epoch: u32,
    queue: mpsc::Sender<ToTerminal>,
    answers: Mutex<HashMap<String, oneshot::Sender<Heard>>>,
    busy: Mutex<Option<Busy>>,
    live: Mutex<Live>,
    ending: watch::Sender<Option<&'static str>>,
}

/// What a terminal answers to a message of ours.
#[derive(Debug)]
pub enum Heard {
    /// It took the command.
    Accepted(Accepted),
    /// It did not take the command.
    Refused(String),
    /// The command had ended already.
    Result(Box<TerminalResult>),
    /// What a call-off came to.
    Cancel(String),
    /// The answer to an inquiry.
    Inquiry(Box<InquiryResult>),
}

/// The money command that is under way. It is given up after a while: a result that is lost must not block the terminal, which
/// says itself that it is busy if it is.
#[derive(Debug, Clone, Copy)]
struct Busy {
    operation: OperationId,
    until: Instant,
}

/// How a terminal is.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// What it does just now, in the words of its progress; empty at rest.
    pub step: String,
    /// What it told of itself.
    pub status: Status,
    /// The register that it was told last that it belongs to.
    pub register: Option<RegisterId>,
    /// It shows a pairing code, and waits for the register that it will belong to.
    pub is_offering: bool,
    /// When it was last written down how it is.
    pub noted_at: Option<Instant>,
    /// When it said something last.
    pub heard_at: Option<Timestamp>,
    /// From a command to its acceptance, the latest last.
    latencies: VecDeque<Duration>,
}

impl Live {
    /// The latency that a part of all, in hundredths, does not exceed; `None` before the first command.
    pub fn latency(&self, hundredths: usize) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.latencies.iter().copied().collect();
        sorted.sort_unstable();
        let place = (sorted.len() * hundredths).div_ceil(100).checked_sub(1)?;
        sorted.get(place).copied()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    /// A connection, and the queue that its socket is fed from.
    pub fn new(terminal: TerminalId, merchant: MerchantId, epoch: u32) -> (Self, mpsc::Receiver<ToTerminal>) {
        let (queue, fed) = mpsc::channel(QUEUE_MAX);
        let line = Self {
            terminal,
            merchant,
            epoch,
            queue,
            answers: Mutex::default(),
            busy: Mutex::default(),
            live: Mutex::default(),
            ending: watch::Sender::new(None),
        };
        (line, fed)
    }

    /// Puts a message in the queue; false if the connection is over or stuck: then not a byte of it leaves.
    pub fn say(&self, message: ToTerminal) -> bool {
        self.queue.try_send(message).is_ok()
    }

    /// Ends the connection, with a last word.
    pub fn close(&self, why: &'static str) {
        self.ending.send_replace(Some(why));
    }

    /// Waits for the end, and says why.
    pub async fn ended(&self) -> &'static str {
        let mut ending = self.ending.subscribe();
        let why = ending.wait_for(Option::is_some).await;
        why.ok().and_then(|why| *why).unwrap_or("closed")
    }

    /// Whether it is ending.
    pub fn is_ending(&self) -> bool {
        self.ending.borrow().is_some()
    }

    /// The next answer about an id. Whoever waited for one before waits no longer.
    pub fn expect(&self, id: String) -> oneshot::Receiver<Heard> {
        let (sender, answer) = oneshot::channel();
        let mut answers = locked(&self.answers);
        answers.retain(|_, waiting| !waiting.is_closed());
        if answers.len() < ANSWERS_MAX {
            answers.insert(id, sender);
        }
        answer
    }

    /// Hands an answer to whoever waits for it; gives it back if nobody does.
    pub fn answer(&self, id: &str, heard: Heard) -> Option<Heard> {
        match locked(&self.answers).remove(id) {
            Some(waiting) => waiting.send(heard).err(),
            None => Some(heard),
        }
    }

    /// Takes the terminal for a money command; false while another one is under way.
    pub fn take(&self, operation: OperationId, longest: Duration) -> bool {
        let mut busy = locked(&self.busy);
        let is_free = busy.is_none_or(|busy| busy.operation == operation || busy.until <= Instant::now());
        if is_free {
            *busy = Some(Busy { operation, until: Instant::now() + longest });
        }
        is_free
    }

    /// The money command is over.
    pub fn release(&self, operation: OperationId) {
        let mut busy = locked(&self.busy);
        if busy.is_some_and(|busy| busy.operation == operation) {
            *busy = None;
            locked(&self.live).step.clear();
        }
    }

    /// Whether this money command is under way on this connection.
    pub fn is_at(&self, operation: OperationId) -> bool {
        locked(&self.busy).is_some_and(|busy| busy.operation == operation && busy.until > Instant::now())
    }

    /// Whether any is.
    pub fn is_busy(&self) -> bool {
        locked(&self.busy).is_some_and(|busy| busy.until > Instant::now())
    }

    /// How the terminal is.
    pub fn live(&self) -> Live {
        locked(&self.live).clone()
    }

    /// Changes what is known of how it is.
    pub fn note(&self, change: impl FnOnce(&mut Live)) {
        change(&mut locked(&self.live));
    }

    /// A command was accepted after so long.
    pub fn note_latency(&self, latency: Duration) {
        let mut live = locked(&self.live);
        if live.latencies.len() >= LATENCIES_MAX {
            live.latencies.pop_front();
        }
        live.latencies.push_back(latency);
        metrics::histogram!("tillbridge_terminal_command_seconds").record(latency.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use domain::id::PaymentId;
    use uuid::Uuid;

    use super::*;

    fn a_line() -> (Line, mpsc::Receiver<ToTerminal>) {
        Line::new(TerminalId::from_uuid(Uuid::from_u128(1)), MerchantId::from_uuid(Uuid::from_u128(2)), 1)
    }

    fn operation(number: u32) -> OperationId {
        OperationId { payment: PaymentId::from_uuid(Uuid::from_u128(3)), number }
    }

    #[tokio::test(start_paused = true)]
    async fn one_money_command_is_under_way_until_it_is_over_or_given_up() {
        let (line, _fed) = a_line();
        let minute = Duration::from_secs(60);
        assert!(line.take(operation(1), minute) && line.is_at(operation(1)));
        assert!(!line.take(operation(2), minute));
        line.release(operation(2));
        assert!(line.is_at(operation(1)));
        line.release(operation(1));
        assert!(line.take(operation(2), minute));
        tokio::time::advance(minute).await;
        assert!(!line.is_busy() && line.take(operation(3), minute));
    }

    #[tokio::test]
    async fn a_message_that_finds_no_room_or_no_socket_has_not_left() {
        let (line, fed) = a_line();
        for number in 0..QUEUE_MAX {
            assert!(line.say(ToTerminal::Ping { number: number as u64 }));
        }
        assert!(!line.say(ToTerminal::Ping { number: 0 }));
        drop(fed);
        assert!(!line.say(ToTerminal::Ping { number: 0 }));
    }

    #[tokio::test]
    async fn an_answer_finds_who_waits_for_it() {
        let (line, _fed) = a_line();
        let answer = line.expect("a".to_owned());
        assert!(line.answer("b", Heard::Refused("busy".to_owned())).is_some());
        assert!(line.answer("a", Heard::Refused("busy".to_owned())).is_none());
        assert!(matches!(answer.await, Ok(Heard::Refused(code)) if code == "busy"));
        assert!(line.answer("a", Heard::Cancel("too_late".to_owned())).is_some());
    }

    #[test]
    fn latencies_are_told_by_their_rank() {
        let mut live = Live::default();
        assert_eq!(live.latency(50), None);
        live.latencies = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(live.latency(50), Some(Duration::from_millis(50)));
        assert_eq!(live.latency(99), Some(Duration::from_millis(99)));
    }
}
