//! Who may be called. Somebody who can register a URL must not reach what only this machine can reach: other services
//! here, the network behind it, the metadata of a cloud. A URL is judged when it is registered and again before each
//! request; a name is judged by the addresses it has when the connection is made, by the resolver that makes it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;

/// The port of HTTPS.
const HTTPS_PORT: u16 = 443;
/// Below it are the ports of mail, of names, of remote shells: nobody receives webhooks there.
const UNPRIVILEGED_PORT: u16 = 1_024;

/// IPv4 networks that are not public, from IANA's registry of special-purpose addresses.
const REFUSED_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),
    // Private.
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    // Shared by the customers of a carrier.
    v4([100, 64, 0, 0], 10),
    // This machine.
    v4([127, 0, 0, 0], 8),
    // Link-local, the metadata of clouds among it.
    v4([169, 254, 0, 0], 16),
    // The metadata of one cloud, at a public address.
    v4([168, 63, 129, 16], 32),
    // Protocol assignments.
    v4([192, 0, 0, 0], 24),
    // Relays of 6to4.
    v4([192, 88, 99, 0], 24),
    // Benchmarks.
    v4([198, 18, 0, 0], 15),
    // Documentation.
    v4([192, 0, 2, 0], 24),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    // Multicast.
    v4([224, 0, 0, 0], 4),
    // Reserved, and broadcast.
    v4([240, 0, 0, 0], 4),
];

/// Where public IPv6 addresses are. Loopback, mapped and translated IPv4 (`::ffff:0:0/96`, `64:ff9b::/96`), local, link-local
/// and multicast addresses are all outside.
const PUBLIC_V6: Ipv6Net = v6([0x2000, 0, 0], 3);

/// Networks in there that are not public, or that lead to an IPv4 address.
const REFUSED_V6: [Ipv6Net; 4] = [
    // Protocol assignments, Teredo and benchmarks among them.
    v6([0x2001, 0, 0], 23),
    // Documentation.
    v6([0x2001, 0xdb8, 0], 32),
    v6([0x3fff, 0, 0], 20),
    // 6to4.
    v6([0x2002, 0, 0], 16),
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c]: [u16; 3], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// Which addresses may be called. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Addresses {
    allowed: Arc<[IpNet]>,
}

/// How far a URL may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, and the networks that the settings allow.
    Anywhere,
    /// The networks that the settings allow, and nothing else: the URL has no TLS, or an odd port.
    Inside,
}

/// A URL that may be called, as far as it tells by itself.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL.
    pub url: Url,
    /// How far it may reach.
    pub reach: Reach,
}

/// What is wrong with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Not an absolute URL of the kind that is wanted.
    #[error("A URL is absolute, begins with https://, and has no user name, no password and no fragment.")]
    Invalid,
    /// Nobody there may be called.
    #[error(
        "Nothing is sent there. A receiver has a public address, TLS, and port 443 or one above 1023; one inside your own \
         network has to be in webhook.allowed_networks of the hub's settings."
    )]
    Refused,
}

impl Addresses {
    /// Public addresses and these networks.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Whether an address may be called.
    pub fn may_call(&self, address: IpAddr, reach: Reach) -> bool {
        self.allowed.iter().any(|network| network.contains(&address))
            || (reach == Reach::Anywhere && is_public(address))
    }

    /// Judges a URL by what it says. Its host is read as browsers read it: any spelling of an IPv4 address is one.
    pub fn judge(&self, text: &str) -> Result<Target, Unfit> {
        let url = Url::parse(text).map_err(|_| Unfit::Invalid)?;
        let has_form = matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none();
        let (Some(host), Some(port), true) = (url.host_str(), url.port_or_known_default(), has_form) else {
            return Err(Unfit::Invalid);
        };
        let is_usual = url.scheme() == "https" && (port == HTTPS_PORT || port >= UNPRIVILEGED_PORT);
        let reach = if is_usual { Reach::Anywhere } else { Reach::Inside };
        let is_refused = match literal(host) {
            Some(address) => !self.may_call(address, reach),
            None => reach == Reach::Inside && self.allowed.is_empty(),
        };
        if is_refused { Err(Unfit::Refused) } else { Ok(Target { url, reach }) }
    }
}

/// The address that a host is; `None` for a name. The parser of the URL has turned every spelling into this one.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !REFUSED_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            PUBLIC_V6.contains(&address) && !REFUSED_V6.iter().any(|network| network.contains(&address))
        }
    }
}
