//! The hub's certificate: read at the start, and again when its files change, so that a renewal needs no restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How often the files are looked at: a renewal is in effect within seconds, and looking costs nothing.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Certificate and key, as PEM files.
#[derive(Debug, Clone)]
pub struct Files {
    /// The chain, the hub's own certificate first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Makes ring the process's crypto provider. A second call changes nothing.
pub fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Files {
    /// What the files hold now.
    pub fn load(&self) -> anyhow::Result<RustlsConfig> {
        Ok(RustlsConfig::from_config(self.read()?))
    }

    /// Looks at the files for ever and loads them when they changed. Files that make no sense, as during a renewal,
    /// leave the old certificate in effect.
    pub async fn watch(self, config: RustlsConfig) {
        let mut seen = self.modified();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.modified();
            if now == seen {
                continue;
            }
            match self.read() {
                Ok(fresh) => {
                    config.reload_from_config(fresh);
                    seen = now;
                    tracing::info!("The certificate changed and is in effect.");
                }
                Err(error) => tracing::warn!(%error, "The certificate changed and cannot be read; the old one stays."),
            }
        }
    }

    fn read(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let chain = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("The certificate {} cannot be read", self.cert.display()))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .with_context(|| format!("The private key {} cannot be read", self.key.display()))?;
        let builder = ServerConfig::builder().with_no_client_auth();
        let mut config = builder.with_single_cert(chain, key).context("Certificate and key do not fit together")?;
        // HTTP/1.1 only, see `connection.rs`.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn modified(&self) -> [Option<SystemTime>; 2] {
        [modified(&self.cert), modified(&self.key)]
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|found| found.modified()).ok()
}
