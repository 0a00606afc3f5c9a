//! How the time of a server is shared among its requests, so that each can be billed its part of what an hour costs.

use std::time::Duration;

use crate::select::Monotonic;

/// The time of one server, as the requests on it share it.
///
/// A server that is paid by the hour costs as much with one request as with fifty. At each moment the requests under way share it equally: a
/// request that ran from `t₀` to `t₁`, among `n(t)` of them, has used `∫ dt / n(t)` of the server, and `per_hour` times that is what it cost. The
/// shares of all requests add up to the time in which the server was not idle; idle time is nobody's.
///
/// As all requests use up the server equally fast, one clock serves them all: it runs at `1 / n`, and a share is what it shows at the end less what it
/// showed at the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Occupancy {
    under_way: u32,
    /// What the clock of the shares shows.
    clock: Duration,
    /// When it was last set.
    at: Monotonic,
}

/// What the clock of the shares showed when a request began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered(Duration);

impl Occupancy {
    /// A request begins.
    pub fn enter(&mut self, now: Monotonic) -> Entered {
        self.run_until(now);
        self.under_way += 1;
        Entered(self.clock)
    }

    /// A request has ended: what of the server's time was its.
    pub fn leave(&mut self, now: Monotonic, entered: Entered) -> Duration {
        self.run_until(now);
        self.under_way = self.under_way.saturating_sub(1);
        self.clock.saturating_sub(entered.0)
    }

    /// How many requests are under way.
    pub const fn under_way(&self) -> u32 {
        self.under_way
    }

    fn run_until(&mut self, now: Monotonic) {
        if let Some(share) = now.since(self.at).checked_div(self.under_way) {
            self.clock += share;
        }
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn shares_add_up_to_the_time_that_was_not_idle() {
        let mut server = Occupancy::default();
        let alone = server.enter(at(10));
        assert_eq!(server.leave(at(16), alone), Duration::from_secs(6));
        // Nobody from 16 to 20; one from 20 to 24, two from 24 to 30, three from 30 to 36, one from 36 to 40.
        let (a, b) = (server.enter(at(20)), server.enter(at(24)));
        let c = server.enter(at(30));
        let (b, c) = (server.leave(at(36), b), server.leave(at(36), c));
        let a = server.leave(at(40), a);
        assert_eq!([a, b, c], [4 + 3 + 2 + 4, 3 + 2, 2].map(Duration::from_secs));
        assert_eq!(a + b + c, Duration::from_secs(20));
        assert_eq!(server.under_way(), 0);
    }

    #[test]
    fn a_clock_that_is_read_late_takes_nothing_back() {
        let mut server = Occupancy::default();
        let late = server.enter(at(10));
        assert_eq!(server.leave(at(9), late), Duration::ZERO);
    }
}
