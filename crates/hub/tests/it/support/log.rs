//! What the process of the tests logs, for those that look for what must not be in it.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

/// What the process logs, from the finest level on.
pub fn log() -> &'static Arc<Mutex<Vec<u8>>> {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&log);
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
        subscriber.with_writer(move || Lines(Arc::clone(&writer))).try_init().expect("no other test takes the log");
        log
    })
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All of it so far, of every test that runs in this process.
pub fn logged() -> String {
    String::from_utf8_lossy(&log().lock().unwrap()).into_owned()
}
