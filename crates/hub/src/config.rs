//! The settings: embedded defaults, then a file, then `TILLBRIDGE__SECTION__KEY`, then the command line. An unknown name
//! is refused. Each section stands beside the code that uses it.

use std::fmt;
use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::{Deserialize, Serialize, Serializer};

use crate::http::auth;
use crate::{database, log, print, provider, serve, terminal, webhook};

/// The defaults, with their documentation.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// All settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where requests come in.
    pub serve: serve::Config,
    /// Where records live.
    pub database: database::Config,
    /// Who is let in.
    pub auth: auth::Config,
    /// How many requests a key may make.
    pub rate_limit: crate::http::limit::Config,
    /// How providers are called.
    pub provider: provider::Config,
    /// Who may be sent webhooks.
    pub webhook: webhook::Config,
    /// Where printers may stand.
    pub printing: print::Config,
    /// Which terminals are let in.
    pub terminals: terminal::Config,
    /// What is logged.
    pub log: log::Config,
}

impl Config {
    /// The settings in effect. `overrides` come from the command line: dotted name and value.
    pub fn load(file: Option<&Path>, overrides: &[(&str, String)]) -> Result<Self, Box<figment::Error>> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        figment = figment.merge(Env::prefixed("TILLBRIDGE__").split("__"));
        for (name, value) in overrides {
            figment = figment.merge((*name, value));
        }
        figment.extract().map_err(Box::new)
    }

    /// Settings for a test or a demo: a free port on loopback, receivers on loopback, everything in `folder`, no file and
    /// no environment.
    pub fn for_test(folder: &Path) -> Self {
        let figment = Figment::from(Toml::string(DEFAULTS))
            .merge(("serve.listen", "127.0.0.1:0"))
            .merge(("database.data_dir", folder))
            .merge(("webhook.allowed_networks", ["127.0.0.0/8"]))
            .merge(("printing.allowed_networks", ["127.0.0.0/8"]));
        figment.extract().expect("the embedded defaults are complete")
    }

    /// The settings in the words of the settings file, secrets hidden.
    pub fn print(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

/// A setting that nobody may read by accident. Prints as `***`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, Box<figment::Error>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tillbridge.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file), &[("serve.listen", "127.0.0.1:9".to_owned())])
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let config = load("[serve]\nlisten = \"127.0.0.1:8\"\nbehind_proxy = true").unwrap();
        assert_eq!(config.serve.listen.to_string(), "127.0.0.1:9");
        assert!(config.serve.behind_proxy);
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert!(load("[serve]\nlisten_on = \"127.0.0.1:8\"").unwrap_err().to_string().contains("listen_on"));
        assert!(load("[sevre]\n").unwrap_err().to_string().contains("sevre"));
    }

    #[test]
    fn secrets_are_not_printed() {
        let text = "[auth]\npepper = \"hunter2\"\n[database]\nurl = \"postgres://u:hunter2@h/d\"";
        let config = load(text).unwrap();
        assert!(!config.print().unwrap().contains("hunter2"));
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
