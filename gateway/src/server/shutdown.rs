//! Ending: the handle, the signals, and the steps of a drain.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::accept::Connections;

/// How long streams have to say in-band that they end, once they were told to. They need one write; this bounds
/// those whose client does not read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long tasks have to notice that their connection was cut. They notice when next polled; this bounds those
/// that block.
const UNWINDING: Duration = Duration::from_secs(1);

/// Ends a server, in two steps. Clones are the same handle.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    begun: CancellationToken,
    forced: CancellationToken,
}

impl Shutdown {
    /// A handle of a server that is to run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes no more connections and requests; those in progress have the grace.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Ends the grace, or does without it.
    pub fn force(&self) {
        self.begun.cancel();
        self.forced.cancel();
    }

    /// Whether [`begin`](Self::begin) was called: what readiness probes report.
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Returns once [`begin`](Self::begin) was called.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// The signal of [`force`](Self::force) for one connection. A child, so that streams of different connections
    /// do not queue for one lock when they register with it.
    pub(super) fn forced(&self) -> CancellationToken {
        self.forced.child_token()
    }
}

/// What was left when a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were told to end early, because the grace was over.
    pub forced: usize,
    /// Of those, the ones cut off because they did not.
    pub cut: usize,
}

/// Begins a shutdown at the first SIGTERM or SIGINT and forces it at the second. Returns after that.
///
/// # Errors
/// When the system does not let the process listen for signals.
pub async fn on_signals(shutdown: Shutdown) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: draining; a second signal ends at once"),
        _ = interrupt.recv() => tracing::info!("SIGINT: draining; a second signal ends at once"),
    }
    shutdown.begin();
    tokio::select! {
        _ = terminate.recv() => (),
        _ = interrupt.recv() => (),
    }
    tracing::warn!("second signal: ending running requests");
    shutdown.force();
    Ok(())
}

/// Waits for the connections, step by step less patiently. No listener may be accepting any more.
pub(super) async fn drain(connections: &Connections, shutdown: &Shutdown, grace: Duration) -> Drained {
    let tasks = connections.tasks();
    tasks.close();
    tokio::select! {
        () = tasks.wait() => return Drained { forced: 0, cut: 0 },
        () = shutdown.forced.cancelled() => (),
        () = tokio::time::sleep(grace) => shutdown.force(),
    }
    let forced = connections.open();
    if timeout(LAST_WORDS, tasks.wait()).await.is_ok() {
        return Drained { forced, cut: 0 };
    }
    let cut = connections.open();
    connections.cut();
    if timeout(UNWINDING, tasks.wait()).await.is_err() {
        tracing::warn!(tasks = tasks.len(), "connections were cut off but are still being served");
    }
    Drained { forced, cut }
}
