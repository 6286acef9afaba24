//! Work that is finished even when nobody waits for it any longer.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that its owner drives, without a task of its own; if the owner goes away before the end, as a request whose
/// client hung up, a task takes it over.
pub struct CarriedOn<F>(Option<Pin<Box<F>>>)
where
    F: Future + Send + 'static,
    F::Output: Send;

impl<F> CarriedOn<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    /// Work that runs to its end, whatever becomes of the owner.
    pub fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F> Future for CarriedOn<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(work) = self.0.as_mut() else { return Poll::Pending };
        let outcome = work.as_mut().poll(context);
        if outcome.is_ready() {
            self.0 = None;
        }
        outcome
    }
}

impl<F> Drop for CarriedOn<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn drop(&mut self) {
        // Work that panicked is over, and without a runtime the process is ending.
        if let Some(rest) = self.0.take()
            && !std::thread::panicking()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn it_gives_its_outcome_to_its_owner() {
        assert_eq!(CarriedOn::new(async { 7 }).await, 7);
    }

    #[tokio::test]
    async fn it_is_finished_when_its_owner_goes_away() {
        let (go_on, (done, is_done)) = (Arc::new(Notify::new()), oneshot::channel());
        let waits = Arc::clone(&go_on);
        let mut work = Box::pin(CarriedOn::new(async move {
            waits.notified().await;
            let _ = done.send(());
        }));
        assert!(futures::poll!(work.as_mut()).is_pending());
        drop(work);
        go_on.notify_one();
        is_done.await.unwrap();
    }
}
