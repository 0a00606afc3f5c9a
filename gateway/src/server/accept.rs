//! Accepts connections until a shutdown begins, whatever happens to the single ones.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Shared;
use super::{Connection, ConnectionService, Listeners, Shutdown, Tls};
use crate::config::ConnectionSettings;

/// First and longest pause when the system has no file descriptor or memory for another connection. Waiting in the
/// backlog costs a client less than a refusal, and connections that end free what is missing.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What Linux lets a backlog hold by default; the bound keeps a flood from holding up a shutdown.
const LONGEST_BACKLOG: usize = 4096;

/// The connections of one server, over all its listeners.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    shared: Shared,
    places: Arc<Semaphore>,
    capacity: usize,
    /// Turned away since there was last a free place.
    refused: Arc<AtomicU64>,
}

impl Connections {
    pub(super) fn new(tls: Option<Tls>, settings: ConnectionSettings, shutdown: Shutdown) -> Self {
        let capacity = settings.connections.get();
        Self {
            places: Arc::new(Semaphore::new(capacity)),
            capacity,
            refused: Arc::default(),
            shared: Shared { tls, settings, shutdown, cut: CancellationToken::new(), tasks: TaskTracker::new() },
        }
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.capacity - self.places.available_permits()
    }

    /// The tasks that serve them.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.shared.tasks
    }

    /// Drops all of them.
    pub(super) fn cut(&self) {
        self.shared.cut.cancel();
    }

    /// Serves the connection, or closes it at once where there are too many: a load balancer in front then goes
    /// elsewhere, where waiting in the backlog would only look like a slow answer.
    fn admit<S: ConnectionService>(&self, socket: TcpStream, peer: SocketAddr, make: &impl Fn(Connection) -> S) {
        let Some(place) = self.place() else { return };
        let connection = Connection { peer, forced: self.shared.shutdown.forced() };
        let serving = self.shared.clone().serve(socket, make(connection));
        self.shared.tasks.spawn(async move {
            serving.await;
            drop(place);
        });
    }

    /// Logs the first refusal of a row and its length, not each: a flood must not also fill the log.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => {
                let refused = self.refused.swap(0, Ordering::Relaxed);
                if refused > 0 {
                    tracing::info!(refused, "there is room for connections again");
                }
                Some(place)
            }
            Err(_) => {
                if self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
                    tracing::warn!(limit = self.capacity, "refusing connections: limits.connections are open already");
                }
                None
            }
        }
    }
}

/// Accepts on all listeners until the shutdown begins, then closes them.
pub(super) async fn run<M, S>(listeners: Listeners, connections: &Connections, make: M)
where
    M: Fn(Connection) -> S + Clone + Send + Sync + 'static,
    S: ConnectionService,
{
    let mut loops = JoinSet::new();
    for listener in listeners.into_sockets() {
        let (connections, make) = (connections.clone(), make.clone());
        loops.spawn(async move {
            tokio::select! {
                () = connections.shared.shutdown.begun() => (),
                () = accept_forever(&listener, &connections, &make) => (),
            }
            if let Err(error) = accept_backlog(listener, &connections, &make) {
                tracing::warn!(%error, "connections that were not accepted yet are reset");
            }
        });
    }
    loops.join_all().await;
}

/// Accepts those that had connected when the shutdown began: closing the listener would reset them, although for their
/// clients the connection stands.
fn accept_backlog<S: ConnectionService>(
    listener: TcpListener,
    connections: &Connections,
    make: &impl Fn(Connection) -> S,
) -> io::Result<()> {
    // Asked of the system directly: tokio's listener would answer from what it last heard.
    let listener = listener.into_std()?;
    for _ in 0..LONGEST_BACKLOG {
        match listener.accept() {
            Ok((socket, peer)) => {
                socket.set_nonblocking(true)?;
                connections.admit(TcpStream::from_std(socket)?, peer, make);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if concerns_one_connection(&error) => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn accept_forever<S: ConnectionService>(
    listener: &TcpListener,
    connections: &Connections,
    make: &impl Fn(Connection) -> S,
) {
    let mut pause = Pause::default();
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                pause.over();
                connections.admit(socket, peer, make);
            }
            Err(error) if concerns_one_connection(&error) => {
                tracing::debug!(%error, "connection ended before it was accepted");
            }
            Err(error) => tokio::time::sleep(pause.after(&error)).await,
        }
    }
}

/// Whether the failure is that of the connection in question, so that the next one can be accepted at once.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown, NetworkUnreachable, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | HostUnreachable | NetworkDown | NetworkUnreachable | TimedOut
    )
}

/// How long to wait before the next accept, while the system refuses.
#[derive(Debug, Default)]
struct Pause {
    last: Option<Duration>,
}

impl Pause {
    /// Doubles up to the longest, and logs the first of a row.
    fn after(&mut self, error: &io::Error) -> Duration {
        let pause = match self.last {
            Some(last) => (last * 2).min(LONGEST_PAUSE),
            None => {
                tracing::error!(%error, "cannot accept connections; trying again until it works (raise the limit on open files?)");
                FIRST_PAUSE
            }
        };
        self.last = Some(pause);
        pause
    }

    fn over(&mut self) {
        if self.last.take().is_some() {
            tracing::info!("accepting connections again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_descriptors_is_waited_out_ever_longer_and_forgotten_after_success() {
        let mut pause = Pause::default();
        let lack = io::Error::from_raw_os_error(24);
        assert!(!concerns_one_connection(&lack));
        let pauses: Vec<_> = (0..10).map(|_| pause.after(&lack)).collect();
        assert_eq!(pauses.first(), Some(&FIRST_PAUSE));
        assert!(pauses.is_sorted());
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
        pause.over();
        assert_eq!(pause.after(&lack), FIRST_PAUSE);
    }

    #[test]
    fn a_client_that_left_does_not_delay_the_next() {
        assert!(concerns_one_connection(&io::ErrorKind::ConnectionAborted.into()));
    }
}
