//! The one client program, the same for subject and floor: HTTP/1.1, keep-alive, one request in flight per connection,
//! all connections on one thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::process::cpu_seconds;
use crate::stats::Histogram;

/// No request of a bench takes longer unless something is stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of a refusal is shown.
const SHOWN_BYTES: usize = 300;

/// What one connection sends, one request after another.
pub trait Script {
    /// The next request.
    fn next(&mut self) -> Request<Full<Bytes>>;
}

/// How hard and how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections, each with one request in flight.
    pub connections: usize,
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub run: Duration,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Answers of 2xx in the counted time.
    pub answered: u64,
    /// The counted time, in seconds.
    pub seconds: f64,
    /// From the first byte sent to the last received.
    pub latency: Histogram,
    /// CPU that each watched process took in the counted time, in seconds.
    pub cpu: Vec<f64>,
    /// CPU of this client, in seconds.
    pub client_cpu: f64,
}

impl Outcome {
    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.seconds
    }

    /// Microseconds of CPU per answer: of each watched process, and of the client.
    pub fn cpu_us(&self) -> Vec<f64> {
        let each = self.cpu.iter().chain([&self.client_cpu]);
        each.map(|seconds| seconds * 1e6 / self.answered.max(1) as f64).collect()
    }
}

#[derive(Default)]
struct Counts {
    answered: u64,
    latency: Histogram,
    refused: BTreeMap<u16, (u64, String)>,
    broken: Option<String>,
}

#[derive(Clone, Copy)]
struct Window {
    from: Instant,
    until: Instant,
}

/// Sends what the scripts say to the servers in turn, and fails when anything but success was answered: a refused
/// request costs less than a served one.
pub fn run<S: Script + 'static>(
    servers: &[SocketAddr],
    load: Load,
    watched: &[u32],
    script: impl Fn(usize) -> S + Send,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let from = begun + load.warm_up;
    let window = Window { from, until: from + load.run };
    let snapshot =
        || (watched.iter().map(|pid| cpu_seconds(*pid)).collect::<Vec<_>>(), cpu_seconds(std::process::id()));
    let (before, after, counts) = std::thread::scope(|scope| {
        let client = std::thread::Builder::new()
            .name("client".to_owned())
            .spawn_scoped(scope, move || drive(servers, load, window, script))?;
        std::thread::sleep(window.from.saturating_duration_since(Instant::now()));
        let before = snapshot();
        std::thread::sleep(window.until.saturating_duration_since(Instant::now()));
        let after = snapshot();
        let counts = client.join().map_err(|_| anyhow::anyhow!("the client panicked"))??;
        anyhow::Ok((before, after, counts))
    })?;
    if let Some(broken) = counts.broken {
        bail!("a connection broke: {broken}");
    }
    if let Some((status, (count, body))) = counts.refused.into_iter().next() {
        bail!("{count} requests were answered {status}, for example: {body}");
    }
    Ok(Outcome {
        answered: counts.answered,
        seconds: load.run.as_secs_f64(),
        latency: counts.latency,
        cpu: after.0.iter().zip(&before.0).map(|(after, before)| after - before).collect(),
        client_cpu: after.1 - before.1,
    })
}

/// One request, whole answer.
pub fn ask(server: SocketAddr, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Bytes>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut sender = connect(server).await?;
        tokio::time::timeout(ANSWER_TIMEOUT, exchange(&mut sender, request)).await.context("no answer")?
    })
}

fn drive<S: Script + 'static>(
    servers: &[SocketAddr],
    load: Load,
    window: Window,
    script: impl Fn(usize) -> S,
) -> anyhow::Result<Counts> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let counts = Rc::new(RefCell::new(Counts::default()));
    let tasks = LocalSet::new();
    for connection in 0..load.connections {
        let server = servers[connection % servers.len()];
        let (script, counts) = (script(connection), Rc::clone(&counts));
        tasks.spawn_local(async move {
            if let Err(error) = converse(server, window, script, &counts).await {
                counts.borrow_mut().broken.get_or_insert(format!("{error:#}"));
            }
        });
    }
    // One timer for all: a timer per request would cost a part of the request.
    let patience = window.until.saturating_duration_since(Instant::now()) + ANSWER_TIMEOUT;
    runtime.block_on(async { tokio::time::timeout(patience, tasks).await }).context("a request was not answered")?;
    Ok(counts.take())
}

async fn converse(
    server: SocketAddr,
    window: Window,
    mut script: impl Script,
    counts: &RefCell<Counts>,
) -> anyhow::Result<()> {
    let mut sender = connect(server).await?;
    while Instant::now() < window.until {
        let request = script.next();
        let begun = Instant::now();
        let response = exchange(&mut sender, request).await?;
        let ended = Instant::now();
        let counts = &mut *counts.borrow_mut();
        if !response.status().is_success() {
            let shown = response.body().slice(..response.body().len().min(SHOWN_BYTES));
            let text = || String::from_utf8_lossy(&shown).into_owned();
            counts.refused.entry(response.status().as_u16()).or_insert_with(|| (0, text())).0 += 1;
        } else if ended >= window.from && ended < window.until {
            counts.answered += 1;
            counts.latency.record((ended - begun).as_nanos() as u64);
        }
    }
    Ok(())
}

async fn connect(server: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(server).await.with_context(|| format!("connecting to {server}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Response<Bytes>> {
    sender.ready().await?;
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(parts, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floor::echo;
    use crate::process::free_addr;

    struct Posts(&'static str);

    impl Script for Posts {
        fn next(&mut self) -> Request<Full<Bytes>> {
            let request = Request::post("/").header("host", "localhost").header("content-type", "application/json");
            request.body(Full::new(Bytes::from_static(self.0.as_bytes()))).unwrap()
        }
    }

    fn echo_server() -> SocketAddr {
        let addr = free_addr().unwrap();
        std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(echo::serve(addr, 400)).unwrap();
        });
        while std::net::TcpStream::connect(addr).is_err() {}
        addr
    }

    const LOAD: Load = Load { connections: 8, warm_up: Duration::from_millis(50), run: Duration::from_millis(200) };

    #[test]
    fn answers_are_counted_and_timed() {
        let addr = echo_server();
        let outcome = run(&[addr], LOAD, &[std::process::id()], |_| Posts(r#"{"amount_minor":1}"#)).unwrap();
        assert!(outcome.answered > 100, "{}", outcome.answered);
        assert_eq!(outcome.latency.count(), outcome.answered);
        assert_eq!(outcome.cpu_us().len(), 2);
        assert_eq!(ask(addr, Posts("[1,2]").next()).unwrap().body().len(), 400);
    }

    #[test]
    fn a_refused_request_spoils_the_run() {
        let error = run(&[echo_server()], LOAD, &[], |_| Posts("{not json")).unwrap_err().to_string();
        assert!(error.contains("answered 400"), "{error}");
    }
}
