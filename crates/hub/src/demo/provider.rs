//! The provider's side of the day: the ledger of the sandbox, read over HTTP like everything else.

use anyhow::Context;
use serde::Deserialize;

/// The sandbox, as whoever holds its secret sees it.
pub struct Provider {
    client: reqwest::Client,
    url: String,
    secret: String,
}

/// A charge in its ledger.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// That of the hub's operation, payment, hyphen, number; at some wallets the payment's number alone.
    pub reference: String,
    /// Taken and not given back.
    pub net_amount: i64,
    /// Promised and not taken.
    pub held_amount: i64,
    /// Where it stands.
    #[serde(default)]
    pub state: String,
}

impl Entry {
    /// The number of the payment that it is of.
    pub fn payment(&self) -> &str {
        let payment = self.reference.rsplit_once('-').map_or(self.reference.as_str(), |(payment, _)| payment);
        number_of_payment(payment)
    }
}

/// Its id without the head: some providers know no more of it.
pub fn number_of_payment(id: &str) -> &str {
    id.strip_prefix("pay_").unwrap_or(id)
}

impl Provider {
    /// The sandbox there.
    pub fn try_new(url: &str, secret: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), secret: secret.to_owned() })
    }

    /// Where it puts itself out of reach for a while, when it is told to.
    pub fn unreachable_url(&self) -> String {
        format!("{}/control/unreachable", self.url)
    }

    /// Where the ledger is read.
    pub fn ledger_url(&self) -> String {
        format!("{}/ledger", self.url)
    }

    /// What opens it.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// All charges.
    pub async fn ledger(&self) -> anyhow::Result<Vec<Entry>> {
        #[derive(Deserialize)]
        struct Page {
            charged: Vec<Entry>,
            next: Option<String>,
        }
        let (mut all, mut query) = (Vec::new(), String::new());
        loop {
            let url = format!("{}{query}", self.ledger_url());
            let response = self.client.get(&url).bearer_auth(&self.secret).send().await;
            let response = response.and_then(reqwest::Response::error_for_status);
            let page: Page = response.with_context(|| format!("The sandbox does not answer at {url}"))?.json().await?;
            all.extend(page.charged);
            match page.next {
                Some(after) => query = format!("?after={after}"),
                None => return Ok(all),
            }
        }
    }

    /// Whether it has the charge of a payment, or will have it: one that never came, or was called off before it came, is
    /// none.
    pub async fn has_charge(&self, payment: &str) -> anyhow::Result<bool> {
        let ledger = self.ledger().await?;
        let payment = number_of_payment(payment);
        Ok(ledger.iter().any(|entry| entry.payment() == payment && matches!(entry.state.as_str(), "late" | "approved")))
    }
}
