//! How many attempts beyond the first the gateway allows itself: an outage must not be answered with a storm.

use super::monotonic::Monotonic;

/// How long a request entitles to a retry.
const MEMORY: usize = 10;
/// Retries that are allowed a second whatever the traffic: a quiet gateway must be able to retry at all.
const LEAST_PER_SECOND: f64 = 10.0;

/// A budget of retries: a share of the requests of the last ten seconds, and ten a second.
#[derive(Clone, Copy, Debug)]
pub struct RetryBudget {
    share: f64,
    seconds: [Second; MEMORY],
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: u64,
    requests: u32,
    retries: u32,
}

impl Default for RetryBudget {
    /// One retry for every five requests.
    fn default() -> Self {
        Self::new(0.2)
    }
}

impl RetryBudget {
    /// So many retries for each request.
    pub fn new(share: f64) -> Self {
        Self { share, seconds: [Second::default(); MEMORY] }
    }

    /// A request has come.
    pub fn request(&mut self, now: Monotonic) {
        if let Some(second) = self.second(now) {
            second.requests = second.requests.saturating_add(1);
        }
    }

    /// Takes a retry out of the budget; whether there was one.
    pub fn take(&mut self, now: Monotonic) -> bool {
        let oldest = number(now).saturating_sub(MEMORY as u64 - 1);
        let recent = self.seconds.iter().filter(|second| second.number >= oldest);
        let (requests, retries) = recent.fold((0.0, 0.0), |(requests, retries), second| {
            (requests + f64::from(second.requests), retries + f64::from(second.retries))
        });
        let allowed = self.share * requests + LEAST_PER_SECOND * MEMORY as f64;
        let granted = retries + 1.0 <= allowed;
        if granted && let Some(second) = self.second(now) {
            second.retries = second.retries.saturating_add(1);
        }
        granted
    }

    fn second(&mut self, now: Monotonic) -> Option<&mut Second> {
        let number = number(now);
        let second = self.seconds.get_mut((number % MEMORY as u64) as usize)?;
        if second.number < number {
            *second = Second { number, ..Second::default() };
        }
        Some(second)
    }
}

fn number(now: Monotonic) -> u64 {
    now.elapsed_since_epoch().as_secs()
}

/// How often a slow first token may be answered with a second request elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct HedgeBudget {
    share: f64,
    left: f64,
}

impl HedgeBudget {
    /// The most that gather.
    const BURST: f64 = 5.0;
    /// What there is at first.
    const START: f64 = 2.0;

    /// So many hedges for each request; for example 0.05.
    pub fn new(share: f64) -> Self {
        Self { share, left: Self::START }
    }

    /// A request has come.
    pub fn request(&mut self) {
        self.left = (self.left + self.share).min(Self::BURST);
    }

    /// Takes a hedge out of the budget; whether there was one.
    pub fn take(&mut self) -> bool {
        let granted = self.left >= 1.0;
        if granted {
            self.left -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: f64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn an_outage_costs_a_fifth_more_attempts_and_ten_a_second() {
        let mut budget = RetryBudget::default();
        let mut granted = 0_u32;
        for i in 0..60_000_u32 {
            let now = at(f64::from(i) * 0.001);
            budget.request(now);
            granted += u32::from(budget.take(now));
        }
        // A minute at a thousand a second.
        assert!((12_000..=12_800).contains(&granted), "{granted}");
    }

    #[test]
    fn a_quiet_gateway_can_retry() {
        let mut budget = RetryBudget::default();
        budget.request(at(1.0));
        assert!(budget.take(at(1.0)) && budget.take(at(1.0)));
        let exhausted = (0..1000).filter(|_| budget.take(at(1.0))).count();
        assert!(exhausted < 100);
        assert!(!budget.take(at(1.0)));
        assert!(budget.take(at(1.0 + MEMORY as f64)));
    }

    #[test]
    fn hedges_stay_within_their_share() {
        let mut budget = HedgeBudget::new(0.05);
        let granted = (0..10_000)
            .filter(|_| {
                budget.request();
                budget.take()
            })
            .count();
        assert!((480..=510).contains(&granted), "{granted}");
    }
}
