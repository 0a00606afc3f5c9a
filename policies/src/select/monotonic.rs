//! Time as this crate knows it: whatever the caller says it is.

use std::ops::Add;
use std::time::Duration;

/// A moment, as the time since an epoch of the caller's choosing, which must be the same for all moments that meet.
/// In the gateway that is the start of the process; in a simulation, the start of its world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(Duration);

impl Monotonic {
    /// The moment that long after the epoch.
    pub fn since_epoch(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later, as it may be when two threads report
    /// out of order.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The time from the epoch to this moment.
    pub fn elapsed_since_epoch(self) -> Duration {
        self.0
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}
