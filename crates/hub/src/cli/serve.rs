//! `serve`: where requests are taken.

use clap::Args;

use super::source::Source;
use crate::config::Config;

#[derive(Args)]
pub(super) struct Listener {
    /// Where requests are taken, for example 127.0.0.1:8080.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Certificate chain, PEM; read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<String>,
    /// Private key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<String>,
    /// A proxy in front speaks TLS and is the only one that can reach the address.
    #[arg(long)]
    behind_proxy: bool,
}

impl Listener {
    /// The settings in effect, with where the command line wants to listen.
    pub(super) fn settings(&self, source: &Source) -> anyhow::Result<Config> {
        let mut settings = source.settings(&[
            ("serve.listen", self.listen.clone()),
            ("serve.tls_cert", self.tls_cert.clone()),
            ("serve.tls_key", self.tls_key.clone()),
        ])?;
        settings.serve.behind_proxy |= self.behind_proxy;
        Ok(settings)
    }
}
