//! What is expected of a request that nobody has computed yet.

use super::evidence::{Evidence, predict};

/// What is learnt of requests: how many tokens their text has, and how long their answers are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Estimates {
    /// Tokens of a prompt. A text is made tokens only when its turn has come.
    pub(crate) prompt: PromptLength,
    /// Tokens of an answer.
    pub(crate) answer: AnswerLength,
}

/// What is left of earlier observations after each new one: some fifty count.
const KEPT: f64 = 0.98;

/// English, in the vocabulary of a small model: what is assumed before the first text, as (bytes, tokens).
const PROSE: [(f64, f64); 2] = [(40.0, 14.0), (4000.0, 1004.0)];

/// The tokens of a text, from its bytes: so many for the form it is brought into, and so many per byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PromptLength {
    seen: Evidence<2>,
    coefficients: [f64; 2],
}

impl Default for PromptLength {
    fn default() -> Self {
        let mut new = Self { seen: Evidence::NONE, coefficients: [0.0; 2] };
        for (bytes, tokens) in PROSE {
            new.seen.add([1.0, bytes], tokens, tokens);
        }
        new.seen.fit(&mut new.coefficients);
        new
    }
}

impl PromptLength {
    /// The tokens to expect of a text of so many bytes; every text has at least one.
    pub(crate) fn expected(&self, bytes: usize) -> f64 {
        predict(&self.coefficients, [1.0, bytes as f64]).max(1.0)
    }

    /// The tokens to expect of several texts together, and the sum of their squares.
    pub(crate) fn expected_of(&self, texts: &Texts) -> (f64, f64) {
        let [form, per_byte] = self.coefficients;
        let tokens = form * texts.count + per_byte * texts.bytes;
        let squares = form * form * texts.count + 2.0 * form * per_byte * texts.bytes + per_byte * per_byte * texts.squares;
        (tokens, squares)
    }

    /// Learns that a text of so many bytes had so many tokens.
    pub(crate) fn learn(&mut self, bytes: usize, tokens: usize) {
        let expected = self.expected(bytes);
        self.seen.keep(KEPT);
        self.seen.add([1.0, bytes as f64], tokens as f64, expected);
        self.seen.fit(&mut self.coefficients);
    }
}

/// How long some texts are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Texts {
    count: f64,
    bytes: f64,
    squares: f64,
}

impl Texts {
    /// Counts one of them.
    pub(crate) fn add(&mut self, bytes: usize) {
        let bytes = bytes as f64;
        self.count += 1.0;
        self.bytes += bytes;
        self.squares += bytes * bytes;
    }
}

/// However many answers were cut, some would have ended.
const LEAST_ENDS: f64 = 1e-6;

/// Why an answer has the length that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was complete.
    ByItself,
    /// It would have been longer.
    ByLimit,
}

/// The length of answers, as if every token were the last one with the same probability. That is the simplest law which
/// makes use of answers that were cut short, and by which what is left of an answer does not depend on how long it is already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerLength {
    tokens: f64,
    ends: f64,
}

impl Default for AnswerLength {
    /// Two answers of some paragraphs.
    fn default() -> Self {
        Self { tokens: 300.0, ends: 2.0 }
    }
}

impl AnswerLength {
    /// The tokens to expect of an answer, or of the rest of one, that is cut at `most`.
    pub(crate) fn expected(&self, most: usize) -> f64 {
        let mean = self.tokens / self.ends;
        mean * -(-(most as f64) / mean).exp_m1()
    }

    /// Learns the length of an answer.
    pub(crate) fn learn(&mut self, tokens: usize, ended: Ended) {
        let end = match ended {
            Ended::ByItself => 1.0,
            Ended::ByLimit => 0.0,
        };
        self.tokens = self.tokens * KEPT + tokens as f64;
        self.ends = (self.ends * KEPT + end).max(LEAST_ENDS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_of_a_text_are_learnt_from_those_before_it() {
        let mut prompt = PromptLength::default();
        assert!((900.0..1100.0).contains(&prompt.expected(4000)));
        for bytes in (0..200).map(|text| 100 * (text % 20)) {
            prompt.learn(bytes, 30 + bytes / 2);
        }
        for bytes in [0, 500, 3000] {
            let error = prompt.expected(bytes) / (30 + bytes / 2) as f64;
            assert!((0.95..1.05).contains(&error), "{bytes}: {error}");
        }
    }

    #[test]
    fn several_texts_are_expected_to_have_what_each_of_them_is() {
        let prompt = PromptLength::default();
        let mut texts = Texts::default();
        let (mut tokens, mut squares) = (0.0, 0.0);
        for bytes in [100, 200, 3000] {
            texts.add(bytes);
            tokens += prompt.expected(bytes);
            squares += prompt.expected(bytes).powi(2);
        }
        let expected = prompt.expected_of(&texts);
        assert!((expected.0 / tokens - 1.0).abs() < 1e-9 && (expected.1 / squares - 1.0).abs() < 1e-9, "{expected:?}");
    }

    #[test]
    fn answers_that_are_always_cut_are_expected_to_be_cut_again() {
        let mut answer = AnswerLength::default();
        for _ in 0..200 {
            answer.learn(64, Ended::ByLimit);
        }
        assert!((62.0..=64.0).contains(&answer.expected(64)), "{}", answer.expected(64));
    }

    #[test]
    fn answers_that_end_by_themselves_give_their_mean() {
        let mut answer = AnswerLength::default();
        for length in (0..200).map(|place| 20 + place % 21) {
            answer.learn(length, Ended::ByItself);
        }
        assert!((28.0..32.0).contains(&answer.expected(10_000)), "{}", answer.expected(10_000));
        assert!(answer.expected(5) < 5.0);
        assert_eq!(answer.expected(0), 0.0);
    }
}
