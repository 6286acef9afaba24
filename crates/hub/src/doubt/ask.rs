//! Asks the provider now, from the command line: what the settle job would ask next is asked by this process, with the
//! credentials of the settings, and recorded by the same commands as ever. A hub that serves may be at work on the same
//! payment; both say what they heard, and the merge of witnesses does not mind hearing it twice.

use anyhow::bail;
use domain::id::{ConnectionId, MerchantId, PaymentId};
use domain::merchant::Connection;
use domain::payment::{Moved, Settle, Task};

use crate::clock::Clock;
use crate::config::Config;
use crate::operator::Operator;
use crate::provider::{OneTime, Providers};

/// Rounds of tasks that follow from each other: an inquiry, a reversal after it, and an inquiry about that. What is left
/// then is the job's, which comes by itself.
const ROUNDS_MAX: u32 = 4;

/// What came of asking.
pub struct Asked {
    /// How many requests were made.
    pub requests: usize,
}

/// Whether this process can talk to a provider.
pub enum Provided {
    /// With these.
    By(Box<Providers>),
    /// Neither the database nor the settings have credentials for the connection.
    WithoutCredentials(ConnectionId),
}

impl Provided {
    /// The provider of a connection, as far as its credentials are known.
    pub fn of(operator: &Operator, settings: &Config, connection: &Connection) -> anyhow::Result<Self> {
        let is_known = connection.credentials.is_some() || settings.provider.secrets.contains_key(&connection.id);
        if !is_known && !connection.profile.is_keyed_by_hand {
            return Ok(Self::WithoutCredentials(connection.id));
        }
        crate::tls::install_provider();
        Ok(Self::By(Box::new(Providers::try_new(&settings.provider, operator.seal())?)))
    }
}

/// Takes the next step of a payment now.
pub async fn ask(
    operator: &Operator,
    provided: &Provided,
    merchant: MerchantId,
    payment: PaymentId,
) -> anyhow::Result<Asked> {
    let Provided::By(providers) = provided else {
        let Provided::WithoutCredentials(connection) = provided else { return Ok(Asked { requests: 0 }) };
        bail!(
            "The settings have no credentials for connection {connection}. Give --config with the file that the hub has: \
             without them the provider cannot be asked from here."
        );
    };
    let moved = operator.run(merchant, Settle { payment, expected_due: false }).await?;
    finish(operator, providers, moved).await
}

/// Does what a command left to be done after its commit, if this process can; else the payment's job does it.
pub async fn carry_on(operator: &Operator, provided: &Provided, moved: Moved) -> anyhow::Result<Asked> {
    match provided {
        Provided::By(providers) => finish(operator, providers, moved).await,
        Provided::WithoutCredentials(_) => Ok(Asked { requests: 0 }),
    }
}

async fn finish(operator: &Operator, providers: &Providers, moved: Moved) -> anyhow::Result<Asked> {
    let (mut tasks, mut requests) = (moved.tasks, 0);
    for _ in 0..ROUNDS_MAX {
        let mut follow: Vec<Task> = Vec::new();
        for task in &tasks {
            let told = providers.carry_out(task, &OneTime::default(), Clock::system().now()).await;
            requests += 1;
            follow.extend(operator.run(task.payment.merchant, told).await?.tasks);
        }
        tasks = follow;
    }
    Ok(Asked { requests })
}
