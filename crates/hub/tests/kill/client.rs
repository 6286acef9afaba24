//! A bare HTTP/1.1 client on one connection. It tells apart "no byte has left" from "nobody knows", and keeps the bytes of
//! an answer as they came.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A loopback connection comes about in this time or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A hub that lives answers in this time: longer than every timeout of its own.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// Its body as JSON; null where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Status and body, for a person.
    pub fn words(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// Why there is no whole answer to a request of which bytes may have left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// The connection ended.
    Cut,
    /// Nothing came for [`ANSWER_TIMEOUT`].
    TimedOut,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub key: Option<&'a str>,
    pub prefer: Option<&'a str>,
    pub body: &'a str,
}

impl<'a> Request<'a> {
    /// A read.
    pub const fn get(path: &'a str) -> Self {
        Self { method: "GET", path, key: None, prefer: None, body: "" }
    }
}

/// A client with at most one connection.
pub struct Client {
    addr: SocketAddr,
    authorization: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client that presents this API key.
    pub fn new(addr: SocketAddr, api_key: &str) -> Self {
        Self { addr, authorization: format!("Bearer {api_key}"), stream: None }
    }

    /// Presents another API key from now on.
    pub fn present(&mut self, api_key: &str) {
        self.authorization = format!("Bearer {api_key}");
    }

    /// Sees to it that there is a connection. False: no byte of anything has left.
    pub fn connect(&mut self) -> bool {
        if self.stream.is_none() {
            let Ok(stream) = TcpStream::connect_timeout(&self.addr, CONNECT_TIMEOUT) else { return false };
            let is_set = stream.set_read_timeout(Some(ANSWER_TIMEOUT)).is_ok() && stream.set_nodelay(true).is_ok();
            if !is_set {
                return false;
            }
            self.stream = Some(BufReader::new(stream));
        }
        true
    }

    /// The own port of the connection, if there is one.
    pub fn port(&self) -> Option<u16> {
        Some(self.stream.as_ref()?.get_ref().local_addr().ok()?.port())
    }

    /// Sends a request on the connection that [`Client::connect`] made.
    pub fn send(&mut self, request: Request<'_>) -> Result<Answer, Silence> {
        let text = self.head(request) + request.body;
        let Some(stream) = self.stream.as_mut() else { return Err(Silence::Cut) };
        let outcome = stream.get_mut().write_all(text.as_bytes()).and_then(|()| read_answer(stream));
        match outcome {
            Ok((answer, is_kept)) => {
                if !is_kept {
                    self.stream = None;
                }
                Ok(answer)
            }
            Err(error) => {
                self.stream = None;
                match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(Silence::TimedOut),
                    _ => Err(Silence::Cut),
                }
            }
        }
    }

    fn head(&self, request: Request<'_>) -> String {
        let Request { method, path, key, prefer, body } = request;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: hub\r\nauthorization: {}\r\n", self.authorization);
        if let Some(key) = key {
            head += &format!("idempotency-key: {key}\r\n");
        }
        if let Some(prefer) = prefer {
            head += &format!("prefer: {prefer}\r\n");
        }
        if method != "GET" {
            head += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        head + "\r\n"
    }
}

/// Reads one answer, and whether the connection stays.
fn read_answer(stream: &mut BufReader<TcpStream>) -> io::Result<(Answer, bool)> {
    let status_line = read_line(stream)?;
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not a status line: {status_line}")))?;
    let (mut length, mut is_kept) = (None, true);
    loop {
        let line = read_line(stream)?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
        is_kept &= !line.starts_with("connection: close");
    }
    // The hub's answers to commands and reads are whole resources: it always knows how long they are.
    let length: usize = length.ok_or_else(|| io::Error::other("an answer without a length"))?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((Answer { status, body }, is_kept))
}

fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
