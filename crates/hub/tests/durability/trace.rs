//! The system calls of a hub, as `strace` wrote them down, in the order in which they began and ended. If one thing
//! happened because another was over, the other stands before it.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What is traced: every way of writing, and both ways of syncing.
pub const CALLS: &str = "trace=write,writev,sendto,sendmsg,pwrite64,pwritev,fdatasync,fsync";
/// Bytes of each write that are kept: a whole page of the database.
pub const BYTES_KEPT: &str = "4200";

/// The log file of the embedded database.
const WAL_SUFFIX: &str = "-wal";
/// Bytes of the head of a frame in the log; its second number is not zero in the last frame of a commit (SQLite,
/// "Database File Format", section 4.1).
const FRAME_HEAD_BYTES: usize = 24;
const COMMIT_MARK: std::ops::Range<usize> = 4..8;

/// A system call. Lines of the trace are its clock.
struct Call {
    name: String,
    /// What the descriptor stands for.
    target: String,
    /// What is written: the first piece of it.
    data: Vec<u8>,
    begun: usize,
    ended: usize,
    has_succeeded: bool,
}

/// What matters of a trace.
#[derive(Default)]
pub struct Trace {
    /// When the log was synced: begin and end of each.
    pub syncs: Vec<(usize, usize)>,
    /// The ends of the writes to the log.
    pub writes: Vec<usize>,
    /// The end of the write that made the transaction whole in which a key was first written.
    pub commits: HashMap<String, usize>,
    /// The begins of the answers on each connection, by the client's port.
    pub answers: BTreeMap<u16, Vec<(usize, u16)>>,
}

impl Trace {
    /// Reads a trace. Keys are what begins with `key_head` and has `key_bytes` bytes.
    pub fn read(path: &Path, key_head: &[u8], key_bytes: usize) -> Self {
        let mut calls = calls(path);
        calls.sort_by_key(|call| call.begun);
        let mut trace = Self::default();
        let mut is_commit = false;
        let mut uncommitted: Vec<String> = Vec::new();
        for call in calls.into_iter().filter(|call| call.has_succeeded) {
            let is_wal = call.target.ends_with(WAL_SUFFIX);
            match call.name.as_str() {
                "fdatasync" | "fsync" if is_wal => trace.syncs.push((call.begun, call.ended)),
                "pwrite64" if is_wal => {
                    trace.writes.push(call.ended);
                    if call.data.len() == FRAME_HEAD_BYTES {
                        is_commit = call.data[COMMIT_MARK] != [0; 4];
                        continue;
                    }
                    uncommitted.extend(keys(&call.data, key_head, key_bytes));
                    if is_commit {
                        for key in uncommitted.drain(..) {
                            trace.commits.entry(key).or_insert(call.ended);
                        }
                    }
                }
                _ if is_wal => panic!("the log is written by {}, which this test does not know", call.name),
                _ => trace.note_answer(&call),
            }
        }
        trace
    }

    fn note_answer(&mut self, call: &Call) {
        let status = call
            .data
            .strip_prefix(b"HTTP/1.1 ")
            .and_then(|rest| std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok());
        // `TCP:[127.0.0.1:20001->127.0.0.1:50000]`: the hub's side first.
        let port = call.target.strip_suffix(']').and_then(|target| target.rsplit_once(':')?.1.parse().ok());
        if let (Some(status), Some(port)) = (status, port) {
            self.answers.entry(port).or_default().push((call.begun, status));
        }
    }

    /// When a sync of the log that began after `written` was over; `None` if there is none.
    pub fn durable_at(&self, written: usize) -> Option<usize> {
        self.syncs.iter().filter(|(begun, _)| *begun > written).map(|(_, ended)| *ended).min()
    }
}

fn calls(path: &Path) -> Vec<Call> {
    let file = BufReader::new(File::open(path).expect("strace made a trace"));
    let mut under_way: HashMap<String, Call> = HashMap::new();
    let mut calls = Vec::new();
    for (line, text) in file.lines().enumerate() {
        let text = text.expect("a trace is text");
        let Some((thread, rest)) = head(&text) else { continue };
        if let Some(rest) = rest.strip_prefix("<... ") {
            let Some(call) = under_way.remove(thread) else { continue };
            calls.push(Call { ended: line, has_succeeded: has_succeeded(rest), ..call });
            continue;
        }
        let Some(call) = begin(rest, line) else { continue };
        if rest.ends_with("<unfinished ...>") {
            under_way.insert(thread.to_owned(), call);
        } else {
            calls.push(Call { has_succeeded: has_succeeded(rest), ..call });
        }
    }
    calls
}

/// The thread and the call of a line; its time is left out. A thread's id of fewer than five digits is followed by more
/// than one blank.
fn head(line: &str) -> Option<(&str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (_time, rest) = rest.trim_start().split_once(' ')?;
    Some((thread, rest.trim_start()))
}

/// `pwrite64(9<path>, "data"..., 4096, 32) = 4096`; with `-xx` path and data are hexadecimal.
fn begin(text: &str, line: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let target = rest.split_once('<')?.1;
    // A socket's own arrow ends in the same sign as the target.
    let end = if target.starts_with("TCP") { target.find("]>")? + 1 } else { target.find('>')? };
    let (target, rest) = target.split_at(end);
    let data = rest.split('"').nth(1).map(unescape).unwrap_or_default();
    let target = String::from_utf8_lossy(&unescape(target)).into_owned();
    Some(Call { name: name.to_owned(), target, data, begun: line, ended: line, has_succeeded: false })
}

fn has_succeeded(text: &str) -> bool {
    text.rsplit_once(" = ").is_some_and(|(_, result)| !result.starts_with('-') && !result.starts_with('?'))
}

/// Bytes of `\x41\x42`, and of what is not escaped.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 + 1);
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        match rest {
            [b'\\', b'x', high, low, tail @ ..] => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0) as u8;
                bytes.push(digit(high) * 16 + digit(low));
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = &rest[1..];
            }
        }
    }
    bytes
}

fn keys(page: &[u8], head: &[u8], key_bytes: usize) -> Vec<String> {
    let starts = page.windows(head.len()).enumerate().filter(|(_, window)| *window == head).map(|(start, _)| start);
    let keys = starts.filter_map(|start| std::str::from_utf8(page.get(start..start + key_bytes)?).ok());
    keys.map(str::to_owned).collect()
}
