//! Stopping a service: by signal, by its owner, or because a part of it failed.

use std::future::Future;

use tokio_util::sync::{CancellationToken, DropGuard};

/// Tells all parts of a service to stop. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// One that nobody has triggered.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that stops with this one, but can also be triggered alone.
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Asks everything to stop.
    pub fn trigger(&self) {
        self.0.cancel();
    }

    /// Triggers it when the guard is dropped, by a panic too.
    pub fn trigger_on_drop(self) -> DropGuard {
        self.0.drop_guard()
    }

    /// Whether it was triggered.
    pub fn is_triggered(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is triggered.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// `future`'s output, or `None` if stopping came first.
    pub async fn unless<F: Future>(&self, future: F) -> Option<F::Output> {
        self.0.run_until_cancelled(future).await
    }

    /// Triggers on SIGTERM and SIGINT; a second signal ends the process at once.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            next().await;
            tracing::info!("stopping; a second signal stops at once");
            shutdown.trigger();
            next().await;
            std::process::exit(130);
        });
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn children_stop_with_their_parent_but_not_the_other_way() {
        let parent = Shutdown::new();
        let (first, second) = (parent.child(), parent.child());
        first.trigger();
        assert!(first.is_triggered() && !parent.is_triggered());
        assert_eq!(first.unless(std::future::pending::<()>()).await, None);
        assert_eq!(second.unless(async { 7 }).await, Some(7));
        drop(second.clone().trigger_on_drop());
        assert!(second.is_triggered() && !parent.is_triggered());
        parent.trigger();
        second.wait().await;
    }

    #[tokio::test]
    async fn a_signal_triggers() {
        let shutdown = Shutdown::new();
        shutdown.on_signals().unwrap();
        let kill = format!("kill -TERM {}", std::process::id());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        tokio::time::timeout(Duration::from_secs(5), shutdown.wait()).await.unwrap();
    }
}
