//! Which settings and which database a command works on.

use std::path::PathBuf;

use clap::Args;

use crate::config::Config;

/// Which settings and which database.
#[derive(Args)]
pub(super) struct Source {
    /// Settings file; what it leaves out keeps its default.
    #[arg(long, value_name = "FILE", env = "TILLBRIDGE_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of the embedded database and of the server's own secret.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// PostgreSQL instead of the embedded database.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    database: Option<String>,
}

impl Source {
    /// What was given of this, for a command that is to be run beside this one: a blank before each option, and nothing of an
    /// address of a server, which may have a password in it.
    pub(super) fn given(&self) -> String {
        let path =
            |name: &str, path: &Option<PathBuf>| path.as_ref().map(|path| format!(" --{name} {}", path.display()));
        let database = self.database.as_ref().map(|_| " --database …".to_owned());
        [path("config", &self.config), path("data", &self.data), database].into_iter().flatten().collect()
    }

    /// The settings in effect, with what the command line says on top.
    pub(super) fn settings(&self, more: &[(&str, Option<String>)]) -> anyhow::Result<Config> {
        let data = self.data.as_ref().map(|path| path.display().to_string());
        let own = [("database.data_dir", data), ("database.url", self.database.clone())];
        let given: Vec<(&str, String)> =
            own.iter().chain(more).filter_map(|(name, value)| Some((*name, value.clone()?))).collect();
        Ok(Config::load(self.config.as_deref(), &given)?)
    }
}
