//! Times, counted in buckets of equal ratio.

use std::time::Duration;

/// So many buckets double the time: each is 4.4 % wider than the one before, which is how exact a percentile is.
const PER_OCTAVE: f64 = 16.0;
/// What is shorter counts as this, in seconds.
const SHORTEST: f64 = 1e-4;
/// The last takes whatever is longer: an hour.
const BUCKETS: usize = 404;

/// How many times there were of each length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Histogram {
    buckets: Box<[u32]>,
    count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS].into(), count: 0 }
    }
}

impl Histogram {
    /// There was one of so many seconds.
    pub(super) fn add(&mut self, seconds: f64) {
        if let Some(bucket) = self.buckets.get_mut(place(seconds)) {
            *bucket = bucket.saturating_add(1);
            self.count += 1;
        }
    }

    /// Takes out what `other` counted, all of which was added.
    pub(super) fn subtract(&mut self, other: &Self) {
        for (bucket, taken) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket = bucket.saturating_sub(*taken);
        }
        self.count = self.count.saturating_sub(other.count);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.buckets.fill(0);
        self.count = 0;
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// How many were certainly longer than so many seconds.
    pub(super) fn longer_than(&self, seconds: f64) -> u64 {
        self.buckets.iter().skip(place(seconds).saturating_add(1)).map(|count| u64::from(*count)).sum()
    }

    /// The seconds that at least this share of them took at most; none if there were none.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (share.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0);
        let mut below = 0;
        let reached = |count: &u32| {
            below += u64::from(*count);
            below as f64 >= wanted
        };
        self.buckets.iter().position(reached).map(end)
    }
}

/// The bucket of a time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the number of buckets")]
fn place(seconds: f64) -> usize {
    let place = (seconds.max(SHORTEST) / SHORTEST).log2() * PER_OCTAVE;
    place.min((BUCKETS - 1) as f64) as usize
}

/// Where a bucket ends, in seconds.
fn end(place: usize) -> f64 {
    SHORTEST * ((place + 1) as f64 / PER_OCTAVE).exp2()
}

/// A time in seconds, for messages.
pub(super) fn written(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    let rounded = if seconds < 1.0 { Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)) } else { time };
    if rounded < Duration::from_secs(1) { format!("{}ms", rounded.as_millis()) } else { format!("{seconds:.2}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_a_bucket() {
        let mut times = Histogram::default();
        for number in 1..=1_000_u32 {
            times.add(f64::from(number) / 100.0);
        }
        for (share, seconds) in [(0.5, 5.0), (0.95, 9.5), (0.99, 9.9), (1.0, 10.0)] {
            let told = times.quantile(share).unwrap();
            assert!(told >= seconds && told <= seconds * 1.045, "{share}: {told}");
        }
        let longer = times.longer_than(9.5);
        assert!((7..=50).contains(&longer), "{longer}");
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn what_was_added_can_be_taken_out() {
        let (mut all, mut some) = (Histogram::default(), Histogram::default());
        for seconds in [0.0, 1e-9, 0.3, 7.0, 1e9, f64::NAN] {
            all.add(seconds);
            some.add(seconds);
        }
        all.add(2.0);
        all.subtract(&some);
        assert_eq!(all.count(), 1);
        assert!(all.longer_than(1.5) == 1 && all.longer_than(2.0) == 0);
    }
}
