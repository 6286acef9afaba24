//! Hubs on one PostgreSQL wake each other: of what one has committed the others hear the merchant's id and nothing else. The
//! bell is rung after the commit and outside of it, so that no commit waits for it; one that is not heard costs time only,
//! because every wait also ends by looking.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use domain::id::MerchantId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_postgres::{AsyncMessage, Client, Connection, Notification, Socket};

use crate::committer::Handle;
use crate::dial::{Dial, Stream};
use crate::error::EngineError;
use crate::postgres::{BELL_LISTEN, BELL_NAME, BELL_OTHERS, BELL_PROCESS, BELL_RING, translate};

/// Ids in one notification: its payload has less than 8,000 bytes, an id and its comma 37.
const IDS_MAX: usize = 200;
/// How often a hub looks whether there is another one to be woken: one that is alone rings for nobody.
const OTHERS_EVERY: Duration = Duration::from_secs(5);
/// The pause before a bell that is broken is hung up again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Rings for this hub's commits, and tells its waiters of those of the others, until it is dropped.
pub async fn keep(url: &str, handle: &Handle) {
    loop {
        if let Err(error) = hang(url, handle).await {
            tracing::warn!(%error, "Other hubs are not heard at once; what waits for them looks by itself.");
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn hang(url: &str, handle: &Handle) -> Result<(), EngineError> {
    let mut dial = Dial::parse(url)?;
    dial.config.application_name(BELL_NAME);
    let (client, connection) = dial.connect().await.map_err(translate)?;
    let own_process = Arc::new(AtomicI32::new(0));
    // Dropped with this future, and the connection with it.
    let mut listening = JoinSet::new();
    listening.spawn(listen(connection, Arc::clone(&own_process), handle.clone()));
    let process = client.query_one(BELL_PROCESS, &[]).await.map_err(translate)?;
    own_process.store(process.get(0), Ordering::Relaxed);
    client.batch_execute(BELL_LISTEN).await.map_err(translate)?;
    ring(&client, &mut handle.own_commits()).await
}

/// Hears the others until the connection ends.
async fn listen(mut connection: Connection<Socket, Stream>, own_process: Arc<AtomicI32>, handle: Handle) {
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            AsyncMessage::Notification(heard) if heard.process_id() != own_process.load(Ordering::Relaxed) => {
                handle.hear(merchants(&heard));
            }
            _ => {}
        }
    }
}

fn merchants(heard: &Notification) -> Vec<MerchantId> {
    heard.payload().split(',').filter_map(|id| id.parse().ok()).collect()
}

async fn ring(client: &Client, commits: &mut Receiver<Arc<[MerchantId]>>) -> Result<(), EngineError> {
    let mut others = Others { are_there: count_others(client).await?, seen_at: Instant::now() };
    loop {
        let Some(touched) = next_touched(commits).await else { return Ok(()) };
        if others.seen_at.elapsed() >= OTHERS_EVERY {
            others = Others { are_there: count_others(client).await?, seen_at: Instant::now() };
        }
        if !others.are_there {
            continue;
        }
        for some in touched.chunks(IDS_MAX) {
            let ids: Vec<String> = some.iter().map(MerchantId::to_string).collect();
            client.execute(BELL_RING, &[&ids.join(",")]).await.map_err(translate)?;
        }
    }
}

/// Whether there are other hubs, as last seen.
struct Others {
    are_there: bool,
    seen_at: Instant,
}

async fn count_others(client: &Client) -> Result<bool, EngineError> {
    let row = client.query_one(BELL_OTHERS, &[&BELL_NAME]).await.map_err(translate)?;
    Ok(row.get::<_, i64>(0) > 0)
}

/// The merchants of all commits since the last ring, each once; `None` when the committer is gone.
async fn next_touched(commits: &mut Receiver<Arc<[MerchantId]>>) -> Option<Vec<MerchantId>> {
    let mut touched = BTreeSet::new();
    match commits.recv().await {
        Ok(merchants) => touched.extend(merchants.iter().copied()),
        // Those that were passed over are found by looking.
        Err(RecvError::Lagged(_)) => {}
        Err(RecvError::Closed) => return None,
    }
    loop {
        match commits.try_recv() {
            Ok(merchants) => touched.extend(merchants.iter().copied()),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(touched.into_iter().collect()),
        }
    }
}
