//! Stands between the hub and PostgreSQL, and cuts the committer's connection around its COMMIT: before the hub has the
//! answer, the server may have committed, may commit later, or never. Otherwise it passes everything on.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

/// What the committer says when it has a connection; no other connection says it.
const COMMITTER_MARK: &[u8] = b"tillbridge committer";
const COMMIT: &[u8] = b"COMMIT\0";
const CHUNK: usize = 64 * 1024;

/// How a connection is cut at the COMMIT that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server gets the COMMIT and carries it out; its answer is lost.
    AnswerLost,
    /// The server gets the COMMIT, and both sides are dropped at once.
    Dropped,
    /// The server never gets the COMMIT.
    Withheld,
    /// The hub is cut off at once; the server gets the COMMIT after a while, and holds all its locks until then.
    Late(Duration),
    /// The hub is cut off at once; the server holds the transaction for a while and then gives it up.
    LateWithheld(Duration),
}

/// The proxy.
pub struct Proxy {
    pub addr: SocketAddr,
    state: Arc<State>,
}

struct State {
    server: SocketAddr,
    armed: Mutex<Option<Cut>>,
    cuts: AtomicU64,
}

impl Proxy {
    /// Listens on `addr` for a server at `server`.
    pub fn start(runtime: &Handle, addr: SocketAddr, server: SocketAddr) -> Self {
        let state = Arc::new(State { server, armed: Mutex::default(), cuts: AtomicU64::new(0) });
        let listener = runtime.block_on(TcpListener::bind(addr)).expect("the proxy's port is free");
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            loop {
                let Ok((hub, _)) = listener.accept().await else { return };
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    // Where the server is away the hub sees its connection end, as it would without a proxy.
                    if let Ok(server) = TcpStream::connect(shared.server).await {
                        let _ = hub.set_nodelay(true);
                        let _ = server.set_nodelay(true);
                        let _ = pass(hub, server, &shared).await;
                    }
                });
            }
        });
        Self { addr, state }
    }

    /// Cuts at the next COMMIT of a committer.
    pub fn arm(&self, cut: Cut) {
        *self.state.armed.lock().expect("no holder panics") = Some(cut);
    }

    /// Cuts no more.
    pub fn disarm(&self) {
        *self.state.armed.lock().expect("no holder panics") = None;
    }

    /// How often it has cut.
    pub fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::SeqCst)
    }
}

async fn pass(mut hub: TcpStream, mut server: TcpStream, state: &State) -> std::io::Result<()> {
    let (mut from_hub, mut from_server) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut frames = Frames::default();
    let mut is_committer = false;
    loop {
        tokio::select! {
            count = hub.read(&mut from_hub) => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                frames.pending.extend_from_slice(&from_hub[..count]);
                while let Some(frame) = frames.next() {
                    let text = frame.strip_prefix(b"Q").and_then(|rest| rest.get(4..));
                    is_committer |= text.is_some_and(|text| text.windows(COMMITTER_MARK.len()).any(|at| at == COMMITTER_MARK));
                    if is_committer && text == Some(COMMIT) {
                        let cut = state.armed.lock().expect("no holder panics").take();
                        if let Some(cut) = cut {
                            state.cuts.fetch_add(1, Ordering::SeqCst);
                            return carry_out(cut, hub, server, &frame).await;
                        }
                    }
                    server.write_all(&frame).await?;
                }
            }
            count = server.read(&mut from_server) => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                hub.write_all(&from_server[..count]).await?;
            }
        }
    }
}

async fn carry_out(cut: Cut, hub: TcpStream, mut server: TcpStream, commit: &[u8]) -> std::io::Result<()> {
    match cut {
        Cut::AnswerLost => {
            server.write_all(commit).await?;
            drop(hub);
            let _ = server.read(&mut [0; 64]).await?;
        }
        Cut::Dropped => server.write_all(commit).await?,
        Cut::Withheld => {}
        Cut::Late(time) => {
            drop(hub);
            tokio::time::sleep(time).await;
            server.write_all(commit).await?;
            let _ = server.read(&mut [0; 64]).await?;
        }
        Cut::LateWithheld(time) => {
            drop(hub);
            tokio::time::sleep(time).await;
        }
    }
    Ok(())
}

/// Splits what the hub sends into the messages of the protocol.
#[derive(Default)]
struct Frames {
    pending: Vec<u8>,
    /// The first message has no type.
    has_begun: bool,
}

impl Frames {
    fn next(&mut self) -> Option<Vec<u8>> {
        let length_at = usize::from(self.has_begun);
        let length = self.pending.get(length_at..length_at + 4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize + length_at;
        if self.pending.len() < length {
            return None;
        }
        self.has_begun = true;
        Some(self.pending.drain(..length).collect())
    }
}
