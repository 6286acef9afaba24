//! An engine that fails on command, and a line to PostgreSQL that breaks on command.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::id::BatchId;
use storage::committer::Connect;
use storage::durability::Durability;
use storage::prune::{Prune, Pruned};
use storage::{Begun, Engine, EngineError, Read, Row, Write};

/// Says before each operation, by its name, whether it fails.
pub type Script = Arc<Mutex<dyn FnMut(&str) -> Option<EngineError> + Send>>;

/// Engines that follow a script.
pub fn scripted(mut connect: Connect, script: impl FnMut(&str) -> Option<EngineError> + Send + 'static) -> Connect {
    let script: Script = Arc::new(Mutex::new(script));
    Box::new(move || {
        if let Some(error) = (script.lock().unwrap())("connect") {
            return Err(error);
        }
        Ok(Box::new(Faulty { inner: connect()?, script: Arc::clone(&script) }) as Box<dyn Engine>)
    })
}

struct Faulty {
    inner: Box<dyn Engine>,
    script: Script,
}

impl Faulty {
    fn may(&mut self, operation: &str) -> Result<(), EngineError> {
        (self.script.lock().unwrap())(operation).map_or(Ok(()), Err)
    }
}

impl Engine for Faulty {
    fn begin(&mut self, batch: BatchId) -> Result<Begun, EngineError> {
        self.may("begin")?;
        self.inner.begin(batch)
    }
    fn read(&mut self, reads: &[Read<'_>]) -> Result<Vec<Vec<Row>>, EngineError> {
        self.may("read")?;
        self.inner.read(reads)
    }
    fn write(&mut self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        self.may("write")?;
        self.inner.write(writes)
    }
    fn commit(&mut self) -> Result<(), EngineError> {
        self.may("commit")?;
        self.inner.commit()
    }
    fn prune(&mut self, prune: &Prune) -> Result<Pruned, EngineError> {
        self.may("prune")?;
        self.inner.prune(prune)
    }
    fn durability(&mut self) -> Result<Durability, EngineError> {
        self.may("durability")?;
        self.inner.durability()
    }
    fn rollback(&mut self) {
        self.inner.rollback();
    }
}

/// What the line does at the next COMMIT that comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    Never,
    /// It breaks, and the server never hears of the COMMIT.
    BeforeCommit,
    /// It breaks once the server has answered, and the answer is lost.
    AfterCommit,
    /// It breaks while the COMMIT is on its way.
    DuringCommit,
    /// The client's end breaks; the server hears of the COMMIT so many milliseconds later.
    Late(u64),
    /// It breaks before the message that has so many before it, whatever that is.
    Message(u32),
}

/// A line to the server.
pub struct Line {
    pub url: String,
    next: Arc<Mutex<Cut>>,
}

impl Line {
    /// A line to the database at `url`.
    pub fn to(url: &str) -> Self {
        let (head, database) = url.rsplit_once('/').unwrap();
        let (user, server) = head.rsplit_once('@').unwrap();
        let server: SocketAddr = server.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{user}@{}/{database}", listener.local_addr().unwrap());
        let next = Arc::new(Mutex::new(Cut::Never));
        let cut = Arc::clone(&next);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                carry(client, server, Arc::clone(&cut));
            }
        });
        Self { url, next }
    }

    /// Breaks it at the next opportunity of that kind, once.
    pub fn cut(&self, cut: Cut) {
        *self.next.lock().unwrap() = cut;
    }

    /// Whether it was broken since.
    pub fn was_cut(&self) -> bool {
        *self.next.lock().unwrap() == Cut::Never
    }
}

fn carry(client: TcpStream, server: TcpStream, next: Arc<Mutex<Cut>>) {
    let is_mute = Arc::new(AtomicBool::new(false));
    let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let is_muted = Arc::clone(&is_mute);
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(count @ 1..) = from_server.read(&mut buffer) {
            if is_muted.load(Ordering::SeqCst) {
                let _ = to_client.shutdown(Shutdown::Both);
            } else if to_client.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let (mut from_client, mut to_server) = (client, server);
        let mut buffer = [0; 65_536];
        let hang_up = |client: &TcpStream, server: &TcpStream| {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        };
        while let Ok(count @ 1..) = from_client.read(&mut buffer) {
            let message = &buffer[..count];
            let cut = {
                let mut next = next.lock().unwrap();
                match *next {
                    Cut::Never => Cut::Never,
                    Cut::Message(0) => std::mem::replace(&mut *next, Cut::Never),
                    Cut::Message(before) => {
                        *next = Cut::Message(before - 1);
                        Cut::Never
                    }
                    _ if message.windows(7).any(|window| window == b"COMMIT\0") => {
                        std::mem::replace(&mut *next, Cut::Never)
                    }
                    _ => Cut::Never,
                }
            };
            match cut {
                Cut::Never => {
                    if to_server.write_all(message).is_err() {
                        break;
                    }
                }
                Cut::BeforeCommit | Cut::Message(_) => break,
                Cut::AfterCommit => {
                    is_mute.store(true, Ordering::SeqCst);
                    to_server.write_all(message).unwrap();
                }
                Cut::DuringCommit => {
                    to_server.write_all(message).unwrap();
                    break;
                }
                Cut::Late(ms) => {
                    is_mute.store(true, Ordering::SeqCst);
                    let _ = from_client.shutdown(Shutdown::Both);
                    std::thread::sleep(Duration::from_millis(ms));
                    let _ = to_server.write_all(message);
                }
            }
        }
        if !is_mute.load(Ordering::SeqCst) {
            hang_up(&from_client, &to_server);
        }
    });
}
