//! How long a step takes, and how much of a prompt may be read in it.

use tokio::time::Instant;

use crate::load::{Costs, Work};

/// How much longer a step may take that reads prompts as well, than one that only generates. Whoever reads an answer notices the longest
/// gap between two tokens: less than twice the usual one is still even.
const STRETCH: f64 = 1.75;

/// The fewest tokens of a prompt that are read in a step: where even they stretch it further, a prompt must be read in the end.
const LEAST: usize = 1;

/// Seconds: of a step, a token read, a token generated, a token attended to. The law of the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law([f64; Work::UNITS]);

impl Law {
    pub(crate) fn of(costs: &Costs, now: Instant) -> Self {
        Self(costs.per_unit(now))
    }

    /// How long a step takes in which `rows` answers get a token, and attend to so many, and `read` tokens of prompts are read, which
    /// attend to `reading`.
    pub(crate) fn step(&self, decoding: Decoding, read: f64, reading: f64) -> f64 {
        let [step, per_read, per_row, per_attended] = self.0;
        step + per_read * read + per_row * decoding.rows + per_attended * (decoding.attended + reading)
    }

    /// What may be spent on prompts in a step that also generates.
    pub(crate) fn allowance(&self, decoding: Decoding) -> Allowance {
        let seconds = if decoding.rows > 0.0 { (STRETCH - 1.0) * self.step(decoding, 0.0, 0.0) } else { f64::INFINITY };
        Allowance { law: *self, seconds, least: LEAST }
    }
}

/// The answers that a step adds a token to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Decoding {
    /// How many.
    pub(crate) rows: f64,
    /// Tokens that they have already, all together.
    pub(crate) attended: f64,
}

/// The time that a step has for prompts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    law: Law,
    seconds: f64,
    least: usize,
}

impl Allowance {
    /// Spends of it on a prompt of which `position` tokens are read and `left` are not: how many of them to read, at most `most`.
    pub(crate) fn spend(&mut self, position: usize, left: usize, most: usize) -> usize {
        self.spend_of(self.seconds, position, left, most)
    }

    /// The same, of half of it.
    pub(crate) fn spend_half(&mut self, position: usize, left: usize, most: usize) -> usize {
        self.spend_of(self.seconds / 2.0, position, left, most)
    }

    fn spend_of(&mut self, seconds: f64, position: usize, left: usize, most: usize) -> usize {
        let [_, per_read, _, per_attended] = self.law.0;
        let cost = |tokens: f64| tokens * (per_read + per_attended * (position as f64 + tokens / 2.0));
        let most = left.min(most);
        let tokens = if cost(most as f64) <= seconds {
            most
        } else {
            // The positive root of cost(tokens) = seconds, in the form that does not cancel.
            let per_token = per_read + per_attended * position as f64;
            let root = (per_token * per_token + 2.0 * per_attended * seconds).sqrt();
            let fitting = (2.0 * seconds / (per_token + root)) as usize;
            fitting.max(self.least).min(most)
        };
        if tokens > 0 {
            self.seconds = (self.seconds - cost(tokens as f64)).max(0.0);
            self.least = 0;
        }
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10 ms a step, a millisecond a token read, five a token generated, a microsecond a token attended to.
    const LAW: Law = Law([0.010, 0.001, 0.005, 1e-6]);

    const EIGHT: Decoding = Decoding { rows: 8.0, attended: 1000.0 };

    #[test]
    fn a_step_that_reads_as_well_takes_at_most_three_quarters_longer() {
        for position in [0, 1000, 2000] {
            let tokens = LAW.allowance(EIGHT).spend(position, 4000, 512);
            let reading = |tokens: f64| LAW.step(EIGHT, tokens, tokens * (position as f64 + tokens / 2.0));
            let most = STRETCH * LAW.step(EIGHT, 0.0, 0.0);
            assert!(
                tokens > LEAST && reading(tokens as f64) <= most && reading(tokens as f64 + 1.0) > most,
                "{tokens} at {position}"
            );
        }
    }

    #[test]
    fn where_nothing_is_generated_only_the_budget_limits_what_is_read() {
        assert_eq!(LAW.allowance(Decoding::default()).spend(0, 4000, 512), 512);
        assert_eq!(LAW.allowance(Decoding::default()).spend(0, 40, 512), 40);
    }

    #[test]
    fn a_prompt_is_read_however_slowly_and_a_second_one_only_in_the_time_left() {
        let slow = Law([0.001, 0.010, 0.001, 0.0]);
        let mut allowance = slow.allowance(Decoding { rows: 1.0, attended: 10.0 });
        assert_eq!(allowance.spend(0, 100, 64), LEAST);
        assert_eq!(allowance.spend(0, 100, 64), 0);
        let mut allowance = LAW.allowance(EIGHT);
        let first = allowance.spend(0, 20, 512);
        assert_eq!((first, allowance.spend(0, 100, 512)), (20, 17));
    }
}
