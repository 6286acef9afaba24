//! How a PostgreSQL server is reached: on this machine in the clear, anywhere else by TLS with the server's certificate and
//! name checked. Nothing between two machines is sent that somebody could read or change on the way.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::EngineError;

/// What flows between this hub and the server.
pub(crate) type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// A server's address, ready to be connected to.
pub(crate) struct Dial {
    pub config: Config,
    pub tls: MakeRustlsConnect,
}

impl Dial {
    /// Reads a `postgres://` URL. Its parameters `sslmode` and `sslrootcert` mean what they mean to `psql`, but that a
    /// certificate is always checked where there is TLS: `sslmode` is `disable`, `require`, `verify-ca` or `verify-full`, and
    /// `sslrootcert` a file of certificates instead of the system's.
    pub fn parse(url: &str) -> Result<Self, EngineError> {
        let Parts { plain_url, mode, root_file } = Parts::of(url);
        let mut config: Config = plain_url.parse().map_err(EngineError::engine)?;
        let is_secret = match mode {
            None => !config.get_hosts().iter().all(is_on_this_machine),
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => {
                return Err(EngineError::Engine(
                    "sslmode is disable, require, verify-ca or verify-full: nothing is left to chance".to_owned(),
                ));
            }
        };
        config.ssl_mode(if is_secret { SslMode::Require } else { SslMode::Disable });
        let roots = if is_secret { roots(root_file)? } else { RootCertStore::empty() };
        Ok(Self { config, tls: MakeRustlsConnect::new(client_config(roots)?) })
    }

    /// Connects.
    pub async fn connect(&self) -> Result<(Client, Connection<Socket, Stream>), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }
}

/// A URL taken apart: what the driver knows, and what it does not.
struct Parts<'a> {
    plain_url: String,
    mode: Option<&'a str>,
    root_file: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut parts = Parts { plain_url: address.to_owned(), mode: None, root_file: None };
        let mut joint = '?';
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", mode)) => parts.mode = Some(mode),
                Some(("sslrootcert", file)) => parts.root_file = Some(file),
                _ => {
                    parts.plain_url.push(joint);
                    parts.plain_url.push_str(parameter);
                    joint = '&';
                }
            }
        }
        parts
    }
}

fn is_on_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// Who may vouch for the server.
fn roots(file: Option<&str>) -> Result<RootCertStore, EngineError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let certificates = CertificateDer::pem_file_iter(Path::new(file)).map_err(EngineError::engine)?;
            for certificate in certificates {
                roots.add(certificate.map_err(EngineError::engine)?).map_err(EngineError::engine)?;
            }
        }
        None => {
            // A certificate of the system that cannot be read vouches for nobody; the others still do.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(EngineError::Engine(
            "there is no certificate to check the server by: name a file with sslrootcert in the URL".to_owned(),
        ));
    }
    Ok(roots)
}

fn client_config(roots: RootCertStore) -> Result<ClientConfig, EngineError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(EngineError::engine)?.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        Dial::parse(url).unwrap().config.get_ssl_mode()
    }

    #[test]
    fn another_machine_is_reached_by_tls_only() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, rcgen::generate_simple_self_signed(vec!["db.shop".to_owned()]).unwrap().cert.pem())
            .unwrap();
        let by = |address: &str| format!("{address}?sslrootcert={}", file.path().display());
        for (url, expected) in [
            ("postgres://till@127.0.0.1:5432/till".to_owned(), SslMode::Disable),
            ("postgres://till@[::1]/till".to_owned(), SslMode::Disable),
            ("postgres://till@localhost/till?connect_timeout=3".to_owned(), SslMode::Disable),
            (by("postgres://till@db.shop/till"), SslMode::Require),
            (by("postgres://till@10.0.0.7/till"), SslMode::Require),
            (by("postgres://till@localhost,db.shop/till"), SslMode::Require),
            (by("postgres://till@localhost/till") + "&sslmode=verify-full", SslMode::Require),
            ("postgres://till@db.shop/till?sslmode=disable".to_owned(), SslMode::Disable),
        ] {
            assert_eq!(mode(&url), expected, "{url}");
        }
        for wrong in ["prefer", "allow", "", "Require"] {
            assert!(Dial::parse(&format!("postgres://till@db.shop/till?sslmode={wrong}")).is_err(), "{wrong}");
        }
        assert!(Dial::parse("postgres://till@db.shop/till?sslrootcert=nowhere.pem").is_err());
    }
}
