//! All connectors, one line each.

use crate::contract::{Connector, Variant};
use crate::{alipay, antom, card_app, manual, mpos_gateway, paypay, sandbox, terminal, wechat};

/// The order of this list is the order in which a console offers them.
static CONNECTORS: [&dyn Connector; 9] = [
    &paypay::PayPay,            // QR codes of PayPay, Japan
    &wechat::WeChat,            // WeChat Pay, by codes that the shop or the customer shows
    &alipay::Alipay,            // QR codes of Alipay, China
    &antom::Antom,              // wallets of many countries by Alipay+, the customer's code
    &mpos_gateway::MposGateway, // card readers, at a gateway of the Payneteasy family
    &terminal::TERMINAL,        // terminals on the hub's own channel
    &sandbox::Sandbox,          // the provider of the `sandbox` crate
    &card_app::CONNECTOR,       // an app on the register's own device
    &manual::MANUAL,            // a stand-alone terminal, keyed by hand
];

/// The connector of that name.
pub fn find_connector(name: &str) -> Option<&'static dyn Connector> {
    CONNECTORS.into_iter().find(|connector| connector.name() == name)
}

/// The protocol that a connection with these settings speaks; `None` if the connector has none of that name.
pub fn find_variant(connector: &dyn Connector, name: &str) -> Option<&'static Variant> {
    let mut variants = connector.variants().iter();
    if name.is_empty() { variants.next() } else { variants.find(|variant| variant.name == name) }
}

/// The names of all connectors.
pub fn names() -> impl Iterator<Item = &'static str> {
    CONNECTORS.into_iter().map(|connector| connector.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_one_connector() {
        for name in names() {
            assert_eq!(names().filter(|other| *other == name).count(), 1, "{name}");
            assert_eq!(find_connector(name).map(|connector| connector.name()), Some(name));
        }
        assert!(find_connector("nobody").is_none());
    }
}
