//! TLS in front of v2, with an authority of its own that is made anew at each start: the server's certificate, and that of the
//! merchant, without which nothing is given back.

use std::fmt;
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

/// Where the server is: names that its certificate is made out to.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// The certificates of one start.
pub(super) struct Certificates {
    /// What a hub has to trust, PEM.
    pub authority: String,
    /// What the merchant shows, PEM.
    pub client_certificate: String,
    /// The key to it, PEM.
    pub client_key: String,
    acceptor: TlsAcceptor,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    /// New ones; the merchant's is made out to its number.
    pub fn new(merchant: &str) -> Self {
        let key = KeyPair::generate().expect("a random key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = params.self_signed(&key).expect("a certificate");
        let issuer = Issuer::new(params, key);
        let (server, server_key) = signed(&issuer, NAMES.map(str::to_owned).to_vec());
        let (client, client_key) = signed(&issuer, vec![merchant.to_owned()]);
        Self {
            authority: authority.pem(),
            client_certificate: client.pem(),
            client_key: client_key.serialize_pem(),
            acceptor: acceptor(&authority, &server, &server_key),
        }
    }

    /// Takes connections: with the merchant's certificate, or with none.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }
}

fn signed(issuer: &Issuer<'_, KeyPair>, names: Vec<String>) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().expect("a random key");
    let params = CertificateParams::new(names).expect("names");
    (params.signed_by(&key, issuer).expect("a certificate"), key)
}

fn acceptor(authority: &Certificate, server: &Certificate, key: &KeyPair) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.der().to_vec())).expect("an authority");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = verifier.allow_unauthenticated().build().expect("an authority");
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("the usual versions").with_client_cert_verifier(verifier);
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = builder.with_single_cert(vec![server.der().clone()], key.into()).expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}
