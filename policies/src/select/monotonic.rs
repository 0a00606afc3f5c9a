//! Time as this crate knows it: whatever the caller says it is.

use std::ops::Add;
use std::time::Duration;

/// A moment, as the time since an epoch of the caller's choosing, which must be the same for all moments that meet.
/// In the gateway that is the start of the process; in a simulation, the start of its world.
///
/// One number, because a decision compares and subtracts dozens of them. It lasts for 292 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic {
    nanoseconds: u64,
}

impl Monotonic {
    /// The moment that long after the epoch.
    pub fn since_epoch(elapsed: Duration) -> Self {
        Self { nanoseconds: nanoseconds(elapsed) }
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later, as it may be when two threads report
    /// out of order.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanoseconds.saturating_sub(earlier.nanoseconds))
    }

    /// The same in seconds.
    pub(super) fn seconds_since(self, earlier: Self) -> f64 {
        seconds(self.nanoseconds.saturating_sub(earlier.nanoseconds))
    }

    /// The seconds from the epoch to this moment.
    pub(super) fn seconds(self) -> f64 {
        seconds(self.nanoseconds)
    }

    /// The time from the epoch to this moment.
    pub fn elapsed_since_epoch(self) -> Duration {
        Duration::from_nanos(self.nanoseconds)
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self { nanoseconds: self.nanoseconds.saturating_add(nanoseconds(duration)).min(i64::MAX.cast_unsigned()) }
    }
}

/// The highest bit is never set: numbers with a sign are converted in one instruction, those without in six.
fn nanoseconds(duration: Duration) -> u64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX).cast_unsigned()
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds.cast_signed() as f64 * 1e-9
}
