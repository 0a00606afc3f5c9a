//! How long an answer to expect.

/// Tokens, before anything is known: about what the public traces of chat and code assistants average.
const PRIOR: f64 = 180.0;
/// How much one answer counts, once there are some.
const WEIGHT: f64 = 0.02;
/// The prior counts as so many answers.
const CONVICTION: f64 = 4.0;

/// The mean length of the answers to one kind of request, for example those of a tenant on a route.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedOutput {
    mean: f64,
    seen: f64,
}

impl Default for ExpectedOutput {
    fn default() -> Self {
        Self { mean: PRIOR, seen: 0.0 }
    }
}

impl ExpectedOutput {
    /// An answer had so many tokens.
    pub fn observe(&mut self, tokens: u64) {
        self.seen += 1.0;
        let weight = WEIGHT.max(1.0 / (self.seen + CONVICTION));
        self.mean += weight * (tokens as f64 - self.mean);
    }

    /// The tokens to expect, where the caller allows so many.
    pub fn tokens(&self, max_tokens: Option<u64>) -> f64 {
        max_tokens.map_or(self.mean, |most| self.mean.min(most as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_answers_and_obeys_the_caller() {
        let mut expected = ExpectedOutput::default();
        assert_eq!(expected.tokens(Some(10)), 10.0);
        (0..400).for_each(|_| expected.observe(1_000));
        assert!((900.0..=1_000.0).contains(&expected.tokens(None)));
    }
}
