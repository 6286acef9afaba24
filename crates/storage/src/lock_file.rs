//! One `serve` per SQLite file: an exclusive lock that the kernel gives back when the process dies, and the pid of its
//! holder for the one who is refused.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs4::fs_std::FileExt;

/// The lock; held until it is dropped.
#[derive(Debug)]
pub struct LockFile {
    _file: File,
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process serves this file.
    #[error("the database {path} is served by process {pid}; stop it first, or use another --data folder")]
    Held {
        /// The database.
        path: PathBuf,
        /// What the holder wrote of itself.
        pid: String,
    },
    /// The file cannot be made or read.
    #[error("the lock file cannot be used: {0}")]
    Io(#[from] std::io::Error),
}

impl LockFile {
    /// Takes the lock of the database at `database`, in `<database>.lock`.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name)?;
        if !file.try_lock_exclusive()? {
            let mut pid = String::new();
            file.read_to_string(&mut pid)?;
            return Err(LockError::Held { path: database.to_owned(), pid: pid.trim().to_owned() });
        }
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", std::process::id())?;
        file.flush()?;
        Ok(Self { _file: file })
    }
}
