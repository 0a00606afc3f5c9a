//! How many requests may begin in a time.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::select::Monotonic;

/// What is unused of so long may be used at once.
const BURST: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

/// A rate that is kept to by the generic cell rate algorithm (ITU-T I.371, annex A): one moment says how far the requests so far have used up the
/// time to come.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// What one request uses.
    interval: Duration,
    /// The theoretical arrival time of the next request, if all kept the same distance.
    next: Monotonic,
}

impl Quota {
    /// So many requests a minute, none of which has been made. A sixth of them, or one, may come at once.
    #[must_use]
    pub fn per_minute(requests: NonZeroU32) -> Self {
        Self { interval: MINUTE / requests.get(), next: Monotonic::default() }
    }

    /// Takes one request out of the quota.
    ///
    /// # Errors
    /// When there will be one again: how long to wait.
    pub fn take(&mut self, now: Monotonic) -> Result<(), Duration> {
        let next = self.next.max(now) + self.interval;
        let ahead = next.since(now);
        let most = BURST.max(self.interval);
        if ahead > most {
            return Err(ahead - most);
        }
        self.next = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_millis(milliseconds))
    }

    fn taken(quota: &mut Quota, now: Monotonic) -> usize {
        (0..1000).take_while(|_| quota.take(now).is_ok()).count()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut quota = Quota::per_minute(NonZeroU32::new(60).unwrap());
        assert_eq!(taken(&mut quota, at(0)), 10);
        assert_eq!(quota.take(at(0)), Err(Duration::from_secs(1)));
        assert_eq!(quota.take(at(400)), Err(Duration::from_millis(600)));
        assert_eq!(taken(&mut quota, at(1000)), 1);
        assert_eq!(taken(&mut quota, at(4500)), 3);
        // What is not used is not kept for ever.
        assert_eq!(taken(&mut quota, at(3_600_000)), 10);
    }

    #[test]
    fn the_slowest_still_lets_one_through() {
        let mut quota = Quota::per_minute(NonZeroU32::new(1).unwrap());
        assert_eq!(taken(&mut quota, at(0)), 1);
        assert_eq!(quota.take(at(20_000)), Err(Duration::from_secs(40)));
        assert_eq!(taken(&mut quota, at(60_000)), 1);
    }
}
