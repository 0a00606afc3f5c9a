//! A server that is paid by the hour, and the shares that requests have of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tradewind_policies::{Entered, Occupancy, select::Monotonic};

/// The server of one backend, whichever of its models is asked.
#[derive(Debug)]
pub struct Server {
    epoch: Instant,
    /// Held for a few additions.
    occupancy: Mutex<Occupancy>,
}

impl Default for Server {
    fn default() -> Self {
        Self { epoch: Instant::now(), occupancy: Mutex::default() }
    }
}

impl Server {
    /// A request begins there.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Occupied {
        let entered = self.with(Occupancy::enter);
        Occupied { server: Arc::clone(self), entered: Some(entered) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Occupancy, Monotonic) -> T) -> T {
        let mut occupancy = self.occupancy.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut occupancy, Monotonic::since_epoch(self.epoch.elapsed()))
    }
}

/// A request on a server; it leaves when this is dropped.
#[derive(Debug)]
pub struct Occupied {
    server: Arc<Server>,
    entered: Option<Entered>,
}

impl Occupied {
    /// It leaves: what of the server's time was its.
    #[must_use]
    pub fn leave(mut self) -> Duration {
        self.left().unwrap_or_default()
    }

    fn left(&mut self) -> Option<Duration> {
        let entered = self.entered.take()?;
        Some(self.server.with(|occupancy, now| occupancy.leave(now, entered)))
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        let _nobodys = self.left();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_requests_share_the_time_in_which_both_are_there() {
        let server = Arc::new(Server::default());
        let long = server.enter();
        advance(Duration::from_secs(2)).await;
        let called_off = server.enter();
        advance(Duration::from_secs(4)).await;
        drop(called_off);
        advance(Duration::from_secs(1)).await;
        assert_eq!(long.leave(), Duration::from_secs(2 + 2 + 1));
    }
}
