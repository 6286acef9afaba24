//! Whether the customers of a played wallet pay by themselves.

use std::sync::{Mutex, PoisonError};

/// After how long customers pay by themselves what is shown to them; not at all where it is `None`.
#[derive(Debug)]
pub struct Habit(Mutex<Option<u64>>);

impl Habit {
    pub(crate) const fn new(pays_after_ms: Option<u64>) -> Self {
        Self(Mutex::new(pays_after_ms))
    }

    /// After how long they do now, in milliseconds.
    pub fn pays_after_ms(&self) -> Option<u64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on they do so.
    pub fn set(&self, pays_after_ms: Option<u64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = pays_after_ms;
    }
}
