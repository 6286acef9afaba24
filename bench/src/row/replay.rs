//! P5's floor under a replay: half a year of a wholesaler's trade through the bulk lane, against inserts of the rows it left.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{Frame, short, whole};
use crate::floor::multi_row;
use crate::fsync::Fsync;
use crate::process::{self, peak_mib};
use crate::report::{Goal, Measure, Report};
use crate::store::{Cluster, DATABASE_FILE};

/// The export: somebody else's data, which lies beside the project where it is worked on.
const EXPORT: &str = "../shared/data/retail/online_retail_2010-12_2011-05.csv.zst";
const MAP: &str = "docs/maps/online-retail.toml";
/// Lines of the export.
const LINES: f64 = 209_029.0;
/// The pause between two looks at the memory.
const LOOK: Duration = Duration::from_millis(20);

/// P5R.
pub fn replay(frame: &Frame) -> anyhow::Result<Report> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let export = root.join(EXPORT);
    anyhow::ensure!(export.exists(), "the export is not beside the project");
    let columns =
        ["engine", "fsync p50/p99/max ms", "replay s", "lines /s", "peak MiB", "rows", "inserts s", "rows /s", "ratio"];
    let title = "`tillbridge replay` of 209,029 lines, the whole program from start to end, against multi-row inserts of the rows it left into an empty database of the same schema";
    let mut report = Report::new("P5R", title, &columns);
    let cluster = Cluster::start(&frame.work.join("postgres"))?;
    let trade = Trade { frame, cluster: &cluster, export, map: root.join(MAP) };
    let mut memory = Vec::new();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut ratios = Vec::new();
        for round in 0..frame.rounds {
            let measured = trade.round(engine, round == 0)?;
            ratios.push(measured.ratio);
            memory.push(measured.peak_mib);
            report.round(measured.cells);
        }
        report.measures.push(Measure::new(
            format!("replay / inserts, {}", engine.name()),
            Goal::AtLeast(0.40, 0.60),
            ratios,
        ));
    }
    report.measures.push(Measure::new("peak memory of the replay, MiB", Goal::AtMost(200.0, 100.0), memory));
    report.notes.push("`tillbridge check` is clean after the first round of each engine.".to_owned());
    Ok(report)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

struct Trade<'a> {
    frame: &'a Frame,
    cluster: &'a Cluster,
    export: PathBuf,
    map: PathBuf,
}

struct Measured {
    ratio: f64,
    peak_mib: f64,
    cells: Vec<String>,
}

impl Trade<'_> {
    /// A replay into one fresh database, and the inserts into another.
    fn round(&self, engine: Engine, is_checked: bool) -> anyhow::Result<Measured> {
        let (subject, floor) = (self.place(engine, "replay-subject")?, self.place(engine, "replay-floor")?);
        self.tillbridge(&subject, &["merchants", "add", "--name", "Wholesaler", "--currency", "GBP"], |command| {
            command.args(["--zone", "Europe/London", "--location", "Warehouse", "--register", "HISTORY"]);
        })?;
        let fsync = Fsync::probe(&self.frame.work)?;
        let (took, peak_mib) = self.replay(&subject)?;
        if is_checked {
            self.tillbridge(&subject, &["check"], |_| {}).context("after the replay")?;
        }
        let (rows, bare) = match engine {
            Engine::Sqlite => {
                let tables = multi_row::tables_of_sqlite(&subject.folder.join(DATABASE_FILE))?;
                let bare = multi_row::fill_sqlite(&floor.folder.join(DATABASE_FILE), &tables)?;
                (multi_row::count(&tables), bare)
            }
            Engine::Postgres => {
                tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                    let tables = multi_row::tables_of_postgres(&subject.url()).await?;
                    anyhow::Ok((multi_row::count(&tables), multi_row::fill_postgres(&floor.url(), &tables).await?))
                })?
            }
        };
        let (took, bare) = (took.as_secs_f64(), bare.as_secs_f64());
        let ratio = bare / took;
        let cells = vec![
            engine.name().to_owned(),
            fsync.to_string(),
            short(took),
            whole(LINES / took),
            whole(peak_mib),
            rows.to_string(),
            short(bare),
            whole(rows as f64 / bare),
            short(ratio),
        ];
        subject.remove()?;
        floor.remove()?;
        Ok(Measured { ratio, peak_mib, cells })
    }

    /// An empty database of the schema.
    fn place(&self, engine: Engine, name: &str) -> anyhow::Result<Place<'_>> {
        let folder = self.frame.work.join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let mut place = Place { folder, database: None };
        if engine == Engine::Postgres {
            let database = name.replace('-', "_");
            self.cluster.execute("postgres", &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))?;
            self.cluster.execute("postgres", &format!("CREATE DATABASE {database}"))?;
            place.database = Some((self.cluster, database));
        }
        self.tillbridge(&place, &["migrate"], |_| {})?;
        Ok(place)
    }

    fn command(&self, place: &Place<'_>, words: &[&str]) -> Command {
        let mut command = process::tied(&self.frame.binary);
        command.args(words).arg("--data").arg(&place.folder);
        if place.database.is_some() {
            command.args(["--database", &place.url()]);
        }
        command
    }

    fn tillbridge(&self, place: &Place<'_>, words: &[&str], more: impl FnOnce(&mut Command)) -> anyhow::Result<()> {
        let mut command = self.command(place, words);
        more(&mut command);
        process::run(&mut command).map(|_| ())
    }

    /// From start to end, and the most memory that was seen.
    fn replay(&self, place: &Place<'_>) -> anyhow::Result<(Duration, f64)> {
        let mut command = self.command(place, &["replay"]);
        command.arg(&self.export).arg("--map").arg(&self.map).stdin(Stdio::null());
        let log = std::fs::File::create(place.folder.join("replay.log"))?;
        command.stdout(log.try_clone()?).stderr(log);
        let begun = Instant::now();
        let mut child = command.spawn().context("starting the replay")?;
        let mut peak = 0.0_f64;
        loop {
            peak = peak.max(peak_mib(child.id()));
            if let Some(status) = child.try_wait()? {
                anyhow::ensure!(
                    status.success(),
                    "the replay ended with {status}; see replay.log in {}",
                    place.folder.display()
                );
                return Ok((begun.elapsed(), peak));
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Where records lie.
struct Place<'a> {
    folder: PathBuf,
    database: Option<(&'a Cluster, String)>,
}

impl Place<'_> {
    fn url(&self) -> String {
        self.database.as_ref().map(|(cluster, name)| cluster.url(name)).unwrap_or_default()
    }

    fn remove(self) -> anyhow::Result<()> {
        if let Some((cluster, name)) = &self.database {
            cluster.execute("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"))?;
        }
        Ok(std::fs::remove_dir_all(&self.folder)?)
    }
}
