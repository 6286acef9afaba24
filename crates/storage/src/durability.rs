//! Whether what is answered survives power loss: asked of the very connection that writes, at start and every minute.

use crate::cell::Cell;
use crate::committer::Handle;
use crate::engine::Row;
use crate::error::EngineError;
use crate::reader::Reader;
use crate::submission::Failure;

/// SQLite's word for `synchronous = FULL`; what is larger is stricter.
const SQLITE_FULL: i64 = 2;

/// What a session and its server are set to.
pub(crate) const SERVER_SETTINGS: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
     current_setting('synchronous_commit'), current_setting('synchronous_standby_names')";

/// What was found. Without a weakness an answer that was given is not lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Durability {
    /// The settings that may lose an answer, as `name = value`.
    pub weaknesses: Vec<String>,
    /// Each commit waits for a standby, too: a failover loses nothing.
    pub is_replicated: bool,
}

impl Durability {
    /// Whether an answer that was given survives power loss.
    pub fn is_full(&self) -> bool {
        self.weaknesses.is_empty()
    }

    pub(crate) fn of_sqlite(synchronous: i64, journal_mode: &str) -> Self {
        let mut weaknesses = Vec::new();
        if synchronous < SQLITE_FULL {
            weaknesses.push(format!("synchronous = {synchronous}"));
        }
        if journal_mode != "wal" {
            weaknesses.push(format!("journal_mode = {journal_mode}"));
        }
        Self { weaknesses, is_replicated: false }
    }

    /// From the rows of [`SERVER_SETTINGS`].
    pub(crate) fn of_postgres(rows: &[Row]) -> Self {
        let setting = |place: usize| match rows.first().and_then(|row| row.get(place)) {
            Some(Cell::Text(text)) => text.as_ref(),
            _ => "",
        };
        let (commit, standbys) = (setting(2), setting(3));
        let mut weaknesses = Vec::new();
        for (place, name) in [(0, "fsync"), (1, "full_page_writes")] {
            if setting(place) != "on" {
                weaknesses.push(format!("{name} = {}", setting(place)));
            }
        }
        let is_replicated = !standbys.is_empty();
        // Where a standby may take over, its disk has to have the commit; `local` and `remote_write` do not wait for it.
        let is_strict = matches!(commit, "on" | "remote_apply");
        if commit == "off" || (is_replicated && !is_strict) {
            weaknesses.push(format!("synchronous_commit = {commit}"));
        }
        Self { weaknesses, is_replicated }
    }
}

/// Asks the committer's own connection.
pub async fn check(handle: &Handle) -> Result<Durability, Failure> {
    handle.run_errand(|engine| engine.durability()).await
}

impl Reader {
    /// What weakens a PostgreSQL server, as `name = value`, as a reader sees it. [`check`] asks the one who writes.
    pub async fn weak_server_settings(&self) -> Result<Vec<String>, EngineError> {
        let rows = self.query(SERVER_SETTINGS, Vec::new()).await?;
        Ok(Durability::of_postgres(&rows).weaknesses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_postgres(settings: [&'static str; 4]) -> Durability {
        Durability::of_postgres(&[settings.into_iter().map(|text| Cell::Text(text.into())).collect()])
    }

    #[test]
    fn sqlite_is_durable_with_full_or_extra_and_a_log() {
        assert!(Durability::of_sqlite(2, "wal").is_full());
        assert!(Durability::of_sqlite(3, "wal").is_full());
        assert_eq!(Durability::of_sqlite(1, "wal").weaknesses, ["synchronous = 1"]);
        assert!(!Durability::of_sqlite(2, "memory").is_full());
    }

    #[test]
    fn postgresql_is_durable_with_all_three_on() {
        assert_eq!(of_postgres(["on", "on", "on", ""]), Durability::default());
        assert!(of_postgres(["on", "on", "local", ""]).is_full());
        for weak in [["off", "on", "on", ""], ["on", "off", "on", ""], ["on", "on", "off", ""]] {
            assert_eq!(of_postgres(weak).weaknesses.len(), 1, "{weak:?}");
        }
        assert_eq!(Durability::of_postgres(&[]).weaknesses, ["fsync = ", "full_page_writes = "]);
    }

    #[test]
    fn with_a_standby_the_commit_waits_for_its_disk() {
        for (commit, is_full) in [("on", true), ("remote_apply", true), ("remote_write", false), ("local", false)] {
            let durability = of_postgres(["on", "on", commit, "FIRST 1 (a, b)"]);
            assert_eq!((durability.is_full(), durability.is_replicated), (is_full, true), "{commit}");
        }
    }
}
