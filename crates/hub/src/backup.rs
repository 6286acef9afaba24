//! Backups of the embedded database: a folder with a copy of the database, the server's own secret that belongs to it, and a
//! description by which a restore knows that both are whole. Made beside a hub that serves; what was answered before the
//! backup began is in it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::config::Config;
use crate::database::{Database, FILE_NAME as DATABASE};
use crate::pepper::{FILE_NAME as PEPPER, hex};

/// The description in a backup.
const DESCRIPTION: &str = "backup.json";
/// How a backup is written. Another way of writing will have another number, and an older program refuses it.
const FORM: u32 = 1;
/// Bytes of a file that are read at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// What became of the server's own secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// It is in the backup.
    Included,
    /// It was left out on request.
    LeftOut,
    /// It is in the settings (`auth.pepper`), and no file.
    InSettings,
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// How it is written.
    pub form: u32,
    /// The version of the program that made it.
    pub made_by: String,
    /// When it was begun: everything that was answered before is in it.
    pub begun_at: String,
    /// The number of the database's last migration.
    pub schema: i64,
    /// The merchants in it.
    pub merchants: i64,
    /// The events in it, of all merchants.
    pub events: i64,
    /// Bytes of the database.
    pub bytes: u64,
    /// SHA-256 of the database, in hexadecimal digits.
    pub sha256: String,
    /// What became of the server's own secret.
    pub pepper: Secret,
}

/// Makes a backup in the folder `target`, which must not exist. It gets its name when it is whole. Blocks.
pub fn make(settings: &Config, target: &Path, is_pepper_left_out: bool) -> anyhow::Result<Description> {
    let Database::Sqlite(source, _) = Database::of(&settings.database) else { bail!("{}", ON_A_SERVER) };
    if !source.exists() {
        bail!("There is no database {}. Name its folder with --data.", source.display());
    }
    if target.exists() {
        bail!("{} is there already. A backup goes into a folder of its own that does not exist yet.", target.display());
    }
    let begun_at = jiff::Timestamp::from_millisecond(Clock::system().now().0)?.to_string();
    let draft = draft_of(target);
    private_folder(&draft).with_context(|| format!("The folder {} cannot be made", draft.display()))?;
    let described = fill(settings, &source, &draft, begun_at, is_pepper_left_out);
    let described = described.and_then(|described| {
        std::fs::rename(&draft, target).with_context(|| format!("{} cannot be named", target.display()))?;
        sync_folder(target.parent())?;
        Ok(described)
    });
    if described.is_err() {
        // What is half written is of no use to anybody; the error says what went wrong.
        let _ = std::fs::remove_dir_all(&draft);
    }
    described
}

/// Why a server is not backed up by this program, and what to do.
const ON_A_SERVER: &str = "A database on PostgreSQL is backed up by PostgreSQL's own tools, which know its users, its replicas and \
     its log: pg_dump --format=custom --file tillbridge.dump \"$URL\", and restored into an empty database by pg_restore \
     --exit-on-error --single-transaction --no-owner --dbname \"$URL\" tillbridge.dump. Keep the file `pepper` of the data \
     folder, or auth.pepper of the settings, with it: without it no API key opens the restored database. Then run `tillbridge \
     check`.";

fn draft_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".unfinished-{}", std::process::id()));
    PathBuf::from(name)
}

fn fill(
    settings: &Config,
    source: &Path,
    folder: &Path,
    begun_at: String,
    is_pepper_left_out: bool,
) -> anyhow::Result<Description> {
    let copy = folder.join(DATABASE);
    storage::backup::copy(source, &copy).context("The database could not be copied")?;
    let copied = storage::backup::verify(&copy).context("The copy does not hold")?;
    let pepper = settings.database.data_dir.join(PEPPER);
    let secret = match &settings.auth.pepper {
        Some(_) => Secret::InSettings,
        None if is_pepper_left_out || !pepper.exists() => Secret::LeftOut,
        None => Secret::Included,
    };
    if secret == Secret::Included {
        copy_private(&pepper, &folder.join(PEPPER))?;
    }
    let (bytes, sha256) = digest(&copy)?;
    let description = Description {
        form: FORM,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        begun_at,
        schema: copied.schema,
        merchants: copied.merchants,
        events: copied.events,
        bytes,
        sha256,
        pepper: secret,
    };
    write_private(&folder.join(DESCRIPTION), &serde_json::to_vec_pretty(&description)?)?;
    sync_folder(Some(folder))?;
    Ok(description)
}

/// Puts a backup into the data folder of the settings, which has to be empty or absent, and brings it to the schema of this
/// version. What is in it is looked at by `check` afterwards.
pub async fn restore(settings: &Config, backup: &Path) -> anyhow::Result<Description> {
    let Database::Sqlite(target, _) = Database::of(&settings.database) else { bail!("{}", ON_A_SERVER) };
    let folder = settings.database.data_dir.clone();
    let is_empty = match std::fs::read_dir(&folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", folder.display())),
    };
    if !is_empty {
        bail!(
            "{} is not empty. A backup is restored into an empty place only: name another folder with --data, or move what \
             is there away.",
            folder.display()
        );
    }
    let description = described(backup)?;
    if description.schema > storage::migrate::latest() {
        bail!(
            "The backup was made by version {}, whose database (schema {}) is newer than this program. Restore it with that \
             version.",
            description.made_by,
            description.schema
        );
    }
    let (bytes, sha256) = digest(&backup.join(DATABASE))?;
    if (bytes, &sha256) != (description.bytes, &description.sha256) {
        bail!("The database in {} is not the one that was backed up: it was changed or cut off.", backup.display());
    }
    crate::serve::make_folder(&folder)?;
    copy_private(&backup.join(DATABASE), &target)?;
    if description.pepper == Secret::Included {
        copy_private(&backup.join(PEPPER), &folder.join(PEPPER))?;
    }
    sync_folder(Some(&folder))?;
    Database::of(&settings.database).migrate().await?;
    Ok(description)
}

fn described(backup: &Path) -> anyhow::Result<Description> {
    let file = backup.join(DESCRIPTION);
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("{} is no backup: {} cannot be read", backup.display(), file.display()))?;
    let description: Description = serde_json::from_str(&text)
        .with_context(|| format!("{} was not written by this version or an older one", file.display()))?;
    if description.form > FORM {
        bail!("The backup was made by version {}, which is newer. Restore it with that version.", description.made_by);
    }
    Ok(description)
}

fn private_folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// A new file that only its owner reads.
fn new_private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = new_private(path).with_context(|| format!("{} cannot be made", path.display()))?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

fn copy_private(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut source = File::open(from).with_context(|| format!("{} cannot be read", from.display()))?;
    let mut target = new_private(to).with_context(|| format!("{} cannot be made", to.display()))?;
    std::io::copy(&mut source, &mut target).with_context(|| format!("{} cannot be written", to.display()))?;
    Ok(target.sync_all()?)
}

/// A name is on the disk when its folder is.
fn sync_folder(folder: Option<&Path>) -> anyhow::Result<()> {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

/// The length and the hash of a file.
fn digest(path: &Path) -> anyhow::Result<(u64, String)> {
    let mut file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK_BYTES]);
    loop {
        let read = file.read(&mut chunk)?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += u64::try_from(read)?;
    }
    Ok((bytes, hex(&hash.finalize())))
}
