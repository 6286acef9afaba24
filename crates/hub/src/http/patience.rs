//! Waiting for the end of something on behalf of a caller that prefers it (`Prefer: wait`).

use std::sync::Arc;
use std::time::Duration;

use domain::id::MerchantId;
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::app::App;

/// How often a waiting request looks by itself, where no commit of this hub wakes it: another hub may have made the change
/// it waits for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A caller's patience with a merchant's records.
pub struct Patience<'a> {
    app: &'a App,
    merchant: MerchantId,
    commits: broadcast::Receiver<Arc<[MerchantId]>>,
    deadline: Instant,
}

impl<'a> Patience<'a> {
    /// Until `deadline`. Commits are listened for from now on, so that none between the first look and the first wait is
    /// missed.
    pub fn until(app: &'a App, merchant: MerchantId, deadline: Instant) -> Self {
        Self { app, merchant, commits: app.committer.commits(), deadline }
    }

    /// Waits until it is worth to look again; false when the patience is over.
    pub async fn look_again(&mut self) -> bool {
        if Instant::now() >= self.deadline || self.app.is_stopping() {
            return false;
        }
        let look = Instant::now() + LOOK_EVERY;
        let _ = tokio::time::timeout_at(look.min(self.deadline), async {
            // A listener that lagged behind looks at once.
            while let Ok(touched) = self.commits.recv().await {
                if touched.contains(&self.merchant) {
                    return;
                }
            }
        })
        .await;
        true
    }
}
