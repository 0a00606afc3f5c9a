//! What the queues in front of the engines have in common.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::load::Full;

/// Work that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// There is no room now.
    #[error(transparent)]
    Full(#[from] Full),
    /// The engine has ended and takes no more work.
    #[error("the engine has stopped: restart the process")]
    Stopped,
}

/// What tells the time; a test has its own.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    pub(crate) fn real() -> Self {
        Self(Arc::new(Instant::now))
    }

    pub(crate) fn now(&self) -> Instant {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// What a panic said.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    /// A clock that stands still until it is moved.
    #[derive(Debug, Clone)]
    pub(crate) struct ManualClock(Arc<Mutex<Instant>>);

    impl ManualClock {
        pub(crate) fn new() -> Self {
            Self(Arc::new(Mutex::new(Instant::now())))
        }

        pub(crate) fn now(&self) -> Instant {
            *self.0.lock().unwrap()
        }

        pub(crate) fn pass(&self, time: Duration) {
            *self.0.lock().unwrap() += time;
        }

        pub(crate) fn clock(&self) -> Clock {
            let clock = self.clone();
            Clock(Arc::new(move || clock.now()))
        }
    }
}
