//! How much of a prompt the cache holds already.

/// What is left of earlier observations after each new one: some twenty count.
const KEPT: f64 = 0.95;

/// Prompts whose lengths differ by less than this share say nothing of how the length matters.
const ALIKE: f64 = 0.1;

/// What was found in the cache of late, as a line over the length of the prompt: instructions that all prompts begin with are a constant, and
/// what a conversation repeats of itself grows with it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Familiar {
    /// Of the observations, by weight: their number, and the sums of prompts, of what was found, and of their products.
    count: f64,
    prompts: f64,
    found: f64,
    squares: f64,
    products: f64,
}

impl Familiar {
    /// Learns that `found` tokens of a prompt of so many were in the cache.
    pub(super) fn learn(&mut self, found: usize, prompt: usize) {
        let (found, prompt) = (found as f64, prompt as f64);
        let sums = [&mut self.count, &mut self.prompts, &mut self.found, &mut self.squares, &mut self.products];
        for (sum, new) in sums.into_iter().zip([1.0, prompt, found, prompt * prompt, prompt * found]) {
            *sum = KEPT * *sum + new;
        }
    }

    /// Tokens to be read of `requests` whose prompts have so many together. The last one of each is read in any case.
    pub(super) fn unread(&self, requests: usize, tokens: f64) -> f64 {
        let requests = requests as f64;
        if self.count == 0.0 || requests == 0.0 {
            return tokens;
        }
        let (prompt, found) = (self.prompts / self.count, self.found / self.count);
        let variance = self.squares / self.count - prompt * prompt;
        let covariance = self.products / self.count - prompt * found;
        let slope = (covariance / (variance + (ALIKE * prompt).powi(2))).clamp(0.0, 1.0);
        let expected = requests * (found + slope * (tokens / requests - prompt));
        tokens - expected.clamp(0.0, (tokens - requests).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After prompts of these lengths, of which that much was found: what is to be read of three prompts.
    fn unread(lengths: impl IntoIterator<Item = usize>, found: impl Fn(usize) -> usize) -> [f64; 3] {
        let mut familiar = Familiar::default();
        lengths.into_iter().for_each(|prompt| familiar.learn(found(prompt), prompt));
        [60.0, 200.0, 1000.0].map(|prompt| familiar.unread(1, prompt).round())
    }

    fn various() -> impl Iterator<Item = usize> {
        (0..60).map(|number| 50 + number * 7919 % 450)
    }

    #[test]
    fn before_anything_is_known_all_is_to_be_read() {
        assert_eq!(unread([], |_| 0), [60.0, 200.0, 1000.0]);
        assert_eq!(unread(various(), |_| 0), [60.0, 200.0, 1000.0]);
    }

    #[test]
    fn a_common_beginning_is_found_in_prompts_of_any_length() {
        assert_eq!(unread(various(), |_| 32), [28.0, 168.0, 968.0]);
        assert_eq!(unread(std::iter::repeat_n(100, 9), |_| 32), [28.0, 168.0, 968.0]);
    }

    #[test]
    fn of_conversations_that_repeat_themselves_what_is_new_is_read() {
        for (unread, expected) in unread(various(), |prompt| prompt - 40).into_iter().zip([40.0, 40.0, 70.0]) {
            assert!((unread - expected).abs() < 20.0, "{unread} instead of {expected}");
        }
    }

    #[test]
    fn several_prompts_are_as_many_of_the_mean_length_and_none_is_nothing() {
        let mut familiar = Familiar::default();
        various().for_each(|prompt| familiar.learn(32, prompt));
        assert_eq!((familiar.unread(3, 600.0).round(), familiar.unread(0, 0.0)), (504.0, 0.0));
        assert_eq!((familiar.unread(1, 1.0), familiar.unread(1, 0.0)), (1.0, 0.0));
    }
}
