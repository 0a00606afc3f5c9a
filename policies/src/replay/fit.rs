//! What a log tells of each backend.

use std::collections::BTreeMap;

use crate::decision::{AttemptOutcome, Candidate, Decision, Expected};

/// Fewer answers than this, and what is said of a backend is a guess.
pub(super) const FEW: usize = 30;
/// No factor is beyond this: a stall of a minute where a tenth of a second was expected tells of the stall alone.
const FACTORS: (f64, f64) = (0.02, 100.0);

/// A model of a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) backend: String,
    /// As the backend calls it.
    pub(super) model: String,
}

impl Key {
    /// Of a candidate that was not excluded.
    pub(super) fn of(candidate: &Candidate) -> Option<Self> {
        Some(Self { backend: candidate.backend.clone(), model: candidate.model.clone()? })
    }
}

/// What a log tells of one model of a backend.
#[derive(Clone, Debug, Default)]
pub(super) struct Fitted {
    /// What was first expected of it.
    pub(super) expected: Option<Expected>,
    /// First attempts that went there.
    pub(super) begun: usize,
    /// Of these, those that were not answered.
    pub(super) failed: usize,
    /// What first tokens take in the mean; none if there were too few.
    pub(super) law: Option<Law>,
    /// What first tokens took, as multiples of the law, sorted.
    pub(super) first_token: Vec<f64>,
    /// What answers took per token, as multiples of their law, sorted.
    pub(super) per_token: Vec<f64>,
    /// Seconds that one more request under way adds to the first token, before its factor.
    pub(super) load_slope: f64,
    /// Seconds that it adds to each further token.
    pub(super) pace_slope: f64,
    /// The most that were under way there.
    pub(super) most_in_flight: f64,
    load: Slope,
    pace: Slope,
    measured: Vec<Measured>,
}

/// An answer that was measured.
#[derive(Clone, Copy, Debug)]
struct Measured {
    prompt_tokens: f64,
    in_flight: f64,
    first_token: f64,
    per_token: Option<f64>,
}

/// What a backend takes in the mean, by what the log measured there and not by what the router expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Law {
    /// Seconds to the first token of an empty prompt.
    base: f64,
    /// Seconds more for each token of the prompt.
    per_prompt_token: f64,
    /// Seconds more for each request under way.
    per_request: f64,
    /// Seconds per token, and more for each request under way.
    pace: [f64; 2],
}

impl Law {
    /// Seconds to the first token.
    pub(super) fn first_token(&self, prompt_tokens: f64, in_flight: f64) -> f64 {
        (self.base + self.per_prompt_token * prompt_tokens + self.per_request * in_flight).max(1e-4)
    }

    /// Seconds per token.
    pub(super) fn per_token(&self, in_flight: f64) -> f64 {
        let [idle, per_request] = self.pace;
        (idle + per_request * in_flight).max(1e-6)
    }
}

impl Fitted {
    /// Fits the laws to what was measured. How load slows is taken from what the router learnt of it.
    fn fit(&mut self) {
        (self.load_slope, self.pace_slope) = (self.load.slope(), self.pace.slope());
        let paces: Vec<f64> =
            self.measured.iter().filter_map(|own| Some(own.per_token? - self.pace_slope * own.in_flight)).collect();
        if self.measured.len() < FEW || paces.is_empty() {
            return;
        }
        let mut line = Slope::default();
        for own in &self.measured {
            line.observe(own.prompt_tokens, own.first_token - self.load_slope * own.in_flight);
        }
        let law = Law {
            base: line.at_zero(),
            per_prompt_token: line.slope(),
            per_request: self.load_slope,
            pace: [paces.iter().sum::<f64>() / paces.len() as f64, self.pace_slope],
        };
        let of_first = self.measured.iter().map(|own| factor(own.first_token, law.first_token(own.prompt_tokens, own.in_flight)));
        self.first_token = of_first.collect();
        let of_pace = self.measured.iter().filter_map(|own| Some(factor(own.per_token?, law.per_token(own.in_flight))));
        self.per_token = of_pace.collect();
        self.first_token.sort_by(f64::total_cmp);
        self.per_token.sort_by(f64::total_cmp);
        self.law = Some(law);
    }
}

/// What a log tells of all backends.
#[derive(Clone, Debug, Default)]
pub(super) struct Fits(BTreeMap<Key, Fitted>);

impl Fits {
    pub(super) fn of(log: &[&Decision]) -> Self {
        let mut fits = Self::default();
        log.iter().for_each(|decision| fits.observe(decision));
        fits.0.values_mut().for_each(Fitted::fit);
        fits
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Fitted> {
        self.0.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Fitted)> {
        self.0.iter()
    }

    /// What was expected of the slowest backend.
    pub(super) fn worst(&self) -> Option<Expected> {
        let seconds = |expected: &Expected| (expected.base_s + expected.load_s) * expected.factor + 100.0 * expected.per_token_s;
        self.0.values().filter_map(|fitted| fitted.expected).max_by(|a, b| seconds(a).total_cmp(&seconds(b)))
    }

    fn observe(&mut self, decision: &Decision) {
        let first = decision.first_attempt();
        for candidate in &decision.candidates {
            let (Some(key), Some(expected)) = (Key::of(candidate), candidate.expected) else { continue };
            let fitted = self.0.entry(key).or_default();
            fitted.expected.get_or_insert(expected);
            fitted.most_in_flight = fitted.most_in_flight.max(expected.in_flight);
            fitted.load.observe(expected.in_flight, expected.load_s);
            fitted.pace.observe(expected.in_flight, expected.per_token_s);
            let Some(first) = first.filter(|first| first.backend == candidate.backend) else { continue };
            fitted.begun += 1;
            let is_failure = matches!(
                first.outcome,
                AttemptOutcome::Failed | AttemptOutcome::RateLimited | AttemptOutcome::Misconfigured | AttemptOutcome::BrokenOff
            );
            fitted.failed += usize::from(is_failure);
            // An attempt at a model that it was too long for took time, too.
            let is_straight = decision.attempts.iter().all(|attempt| attempt.outgrown.is_none());
            let Some(first_token) = first_token(decision).filter(|_| is_straight) else { continue };
            let stayed = decision.chosen.as_ref() == Some(&first.backend);
            let per_token = decision.per_token_s.filter(|_| stayed);
            let (prompt_tokens, in_flight) = (decision.prompt_tokens as f64, expected.in_flight);
            fitted.measured.push(Measured { prompt_tokens, in_flight, first_token, per_token });
        }
    }
}

/// The time to the first token that the caller saw, of a stream that began.
pub(super) fn first_token(decision: &Decision) -> Option<f64> {
    decision.first_token_s.filter(|_| decision.streamed && decision.status < 400)
}

/// The seconds to the first token that were expected.
pub(super) fn first_token_of(expected: &Expected) -> f64 {
    (expected.base_s + expected.prompt_s + expected.load_s).max(1e-6) * expected.factor
}

fn factor(measured: f64, expected: f64) -> f64 {
    (measured / expected.max(1e-6)).clamp(FACTORS.0, FACTORS.1)
}

/// A straight line by least squares, as far as its slope is asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Slope {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Slope {
    fn observe(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// Where the line begins.
    fn at_zero(&self) -> f64 {
        if self.count > 0.0 { ((self.y - self.slope() * self.x) / self.count).max(0.0) } else { 0.0 }
    }

    /// Never negative: more load is never quicker.
    fn slope(&self) -> f64 {
        let spread = self.count * self.xx - self.x * self.x;
        if spread > 1e-9 { ((self.count * self.xy - self.x * self.y) / spread).max(0.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_that_of_the_line_and_never_negative() {
        let mut rising = Slope::default();
        let mut falling = Slope::default();
        for x in 0..10 {
            let x = f64::from(x);
            rising.observe(x, 1.0 + 0.25 * x);
            falling.observe(x, -x);
        }
        assert!((rising.slope() - 0.25).abs() < 1e-9);
        assert_eq!(falling.slope(), 0.0);
        assert_eq!(Slope::default().slope(), 0.0);
    }
}
