//! One client's connection: counted, and ended when the client is too slow. A request head has to arrive in seconds, an
//! answer has to be taken, and an idle connection is kept for a while only; so a slow or half-open client holds nothing.
//!
//! The hub speaks HTTP/1.1 only: there the end of a head is known, a stuck client concerns one request, and WebSocket is
//! plain. A proxy in front may speak HTTP/2 to browsers.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready as poll_ready};
use std::time::Duration;

use axum_server::accept::Accept;
use hyper::{Request, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};
use tower::Service;

/// Connections at the same time: every register of a large chain with some to spare; each costs a few kilobytes.
pub const CONNECTIONS_MAX: usize = 16_384;
/// From the first byte of a request's head to its last: a head fits into one packet.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is kept this long: longer than the pause between two customers, shorter than most proxies' patience.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A client that takes no byte of its answer for this long has gone.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Lets connections in, up to [`CONNECTIONS_MAX`].
#[derive(Clone)]
pub struct Door {
    places: Arc<Semaphore>,
}

impl Door {
    /// A door with all places free.
    pub fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }

    /// How many connections there are.
    pub fn taken(&self) -> usize {
        CONNECTIONS_MAX.saturating_sub(self.places.available_permits())
    }
}

impl Default for Door {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Guarded<TcpStream>;
    type Service = Noticing<S>;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return ready(Err(io::Error::other("too many connections")));
        };
        let phase = Phase::new();
        // An answer is one small write: waiting for more to send would only delay it.
        let stream = stream.set_nodelay(true).map(|()| Guarded::new(stream, phase.clone(), place));
        ready(stream.map(|stream| (stream, Noticing { inner: service, phase })))
    }
}

/// Where a connection stands, shared by its stream and its service.
#[derive(Clone)]
struct Phase(Arc<AtomicU8>);

/// Waiting for a request.
const IDLE: u8 = 0;
/// In the middle of a head.
const HEAD: u8 = 1;
/// The head is whole: body and handler have timeouts of their own.
const BUSY: u8 = 2;
/// The handler is done: what is written next is the answer.
const ANSWERING: u8 = 3;
/// It is about to become a WebSocket, which keeps its own time.
const UPGRADED: u8 = 4;

impl Phase {
    fn new() -> Self {
        Self(Arc::new(AtomicU8::new(IDLE)))
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// A service that notices when a request's head is whole and when its handler is done.
#[derive(Clone)]
pub struct Noticing<S> {
    inner: S,
    phase: Phase,
}

impl<B, S: Service<Request<B>>> Service<Request<B>> for Noticing<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = NoticingFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.phase.set(if request.headers().contains_key(header::UPGRADE) { UPGRADED } else { BUSY });
        NoticingFuture { inner: self.inner.call(request), phase: self.phase.clone() }
    }
}

pin_project_lite::pin_project! {
    /// The future of a request.
    pub struct NoticingFuture<F> {
        #[pin]
        inner: F,
        phase: Phase,
    }
}

impl<F: Future> Future for NoticingFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let output = poll_ready!(this.inner.poll(context));
        if this.phase.get() == BUSY {
            this.phase.set(ANSWERING);
        }
        Poll::Ready(output)
    }
}

/// A stream that fails when its client is too slow.
pub struct Guarded<S> {
    stream: S,
    phase: Phase,
    /// When the present phase began.
    since: Instant,
    read_timer: Option<Pin<Box<Sleep>>>,
    write_timer: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Guarded<S> {
    fn new(stream: S, phase: Phase, place: OwnedSemaphorePermit) -> Self {
        Self { stream, phase, since: Instant::now(), read_timer: None, write_timer: None, _place: place }
    }

    fn note_read(&mut self) {
        if self.phase.get() == IDLE {
            self.phase.set(HEAD);
            self.since = Instant::now();
        }
    }

    fn note_written(&mut self) {
        // What is written while a handler is at work is a "100 Continue".
        if matches!(self.phase.get(), IDLE | HEAD | ANSWERING) {
            self.phase.set(IDLE);
            self.since = Instant::now();
        }
        self.write_timer = None;
    }

    /// Nothing to read: how long may that go on? The timer is set once and only looked at when it fires, so that a busy
    /// connection does not set one per request.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let patience = match self.phase.get() {
            IDLE => KEEP_ALIVE,
            HEAD => HEAD_TIMEOUT,
            _ => return Poll::Pending,
        };
        let deadline = self.since + patience;
        let timer = self.read_timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            poll_ready!(timer.as_mut().poll(context));
            if Instant::now() >= deadline {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(deadline);
        }
    }

    /// Nothing taken: the client has until the timer fires.
    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + WRITE_TIMEOUT)));
        timer.as_mut().poll(context).map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(outcome) => {
                if buffer.filled().len() > before {
                    self.note_read();
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => self.poll_patience(context).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    fn written<T>(&mut self, outcome: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        match outcome {
            Poll::Ready(outcome) => {
                self.note_written();
                Poll::Ready(outcome)
            }
            Poll::Pending => self.poll_stalled(context).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn a_connection() -> (Guarded<DuplexStream>, Phase, DuplexStream) {
        let (server, client) = duplex(64);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let phase = Phase::new();
        (Guarded::new(server, phase.clone(), place), phase, client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_head_is_cut_off_however_often_a_byte_comes() {
        let (mut server, _, mut client) = a_connection();
        let slow = tokio::spawn(async move {
            while client.write_all(b"G").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let start = Instant::now();
        let error = server.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() <= HEAD_TIMEOUT + Duration::from_secs(1));
        drop(server);
        slow.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_for_a_while() {
        let (mut server, _, _client) = a_connection();
        let start = Instant::now();
        assert!(server.read_u8().await.is_err());
        assert!((KEEP_ALIVE..KEEP_ALIVE + Duration::from_secs(1)).contains(&start.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_at_work_is_not_cut_off() {
        let (mut server, phase, mut client) = a_connection();
        client.write_all(b"G").await.unwrap();
        server.read_u8().await.unwrap();
        phase.set(BUSY);
        let wait = tokio::time::timeout(Duration::from_secs(600), server.read_u8()).await;
        assert!(wait.is_err(), "still waiting");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_cut_off() {
        let (mut server, _, _client) = a_connection();
        let start = Instant::now();
        let error = server.write_all(&[0; 1_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() >= WRITE_TIMEOUT);
    }
}
