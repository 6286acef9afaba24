//! The real program as an operator runs it: with a settings file, as a process of its own.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use hub::config::Config;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The program with the settings of a hub.
pub struct Program {
    folder: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// What it printed, if it ended as is expected.
    #[track_caller]
    pub fn expect(self, status: i32) -> String {
        assert_eq!(self.status, status, "{}\n{}", self.out, self.err);
        self.out
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.expect(0);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Why it was not done.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!(self.status, 2, "{}\n{}", self.out, self.err);
        self.err
    }
}

impl Program {
    /// With these settings. Written by hand, because the settings hide their secrets.
    pub fn with(config: &Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut text = format!("[database]\ndata_dir = {:?}\n", config.database.data_dir);
        if let Some(url) = &config.database.url {
            text.push_str(&format!("url = {:?}\n", url.expose()));
        }
        text.push_str("[provider.secrets]\n");
        for (id, secret) in &config.provider.secrets {
            text.push_str(&format!("{id} = {:?}\n", secret.expose()));
        }
        std::fs::write(folder.path().join("tillbridge.toml"), text).unwrap();
        Self { folder }
    }

    /// A place for files of the test.
    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it to its end. The words are those of the command line, with blanks between them.
    pub async fn run(&self, words: &str) -> Ended {
        self.run_with(&words.split(' ').collect::<Vec<_>>()).await
    }

    /// Runs it to its end; a word may have blanks in it.
    pub async fn run_with(&self, words: &[&str]) -> Ended {
        let Output { status, stdout, stderr } = self.command(words).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { status: status.code().expect("it was not killed"), out: text(stdout), err: text(stderr) }
    }

    /// Starts it. It is killed when it is dropped.
    pub fn start(&self, words: &str) -> Child {
        self.command(&words.split(' ').collect::<Vec<_>>()).spawn().unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillbridge"));
        command.args(words).env("TILLBRIDGE_CONFIG", self.place("tillbridge.toml")).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}
