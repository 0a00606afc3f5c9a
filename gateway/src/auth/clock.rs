//! The wall clock as an argument: tokens are judged by it, and tests must not wait for them to expire.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time of day.
///
/// Intervals (refresh, back-off) are measured with `tokio::time::Instant` instead: a wall clock may jump.
pub trait Clock: Send + Sync + 'static {
    /// Seconds since 1970-01-01T00:00:00Z, without leap seconds, as in a JWT's NumericDate.
    fn unix_seconds(&self) -> u64;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_seconds(&self) -> u64 {
        // A clock before 1970 reads as 0: then every `nbf` and `iat` lies in the future, and every token is refused.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}
