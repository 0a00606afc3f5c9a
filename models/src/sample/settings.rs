//! How a request wants its tokens chosen.

/// What can be asked. The fields are neutral by default: the model's own distribution, with a seed that nobody knows.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingOptions {
    /// 0 always takes the likeliest token, 1 follows the model's own distribution, more flattens it; at most 2.
    pub temperature: f32,
    /// Keeps so many of the likeliest tokens; 0 keeps all.
    pub top_k: usize,
    /// Keeps the fewest likeliest tokens that together have at least this probability; more than 0, at most 1.
    pub top_p: f32,
    /// Keeps the tokens that are at least this share as likely as the likeliest; 0 to 1.
    pub min_p: f32,
    /// Taken from the logit of a token for every time that the answer has it already; -2 to 2.
    pub frequency_penalty: f32,
    /// Taken from the logit of every token that the answer has already; -2 to 2.
    pub presence_penalty: f32,
    /// Divides the positive logits of all tokens of prompt and answer, and multiplies the negative ones (Keskar et al. 2019); above 0, at
    /// most 10.
    pub repetition_penalty: f32,
    /// Added to the logits of these tokens; -100 to 100.
    pub logit_bias: Vec<(u32, f32)>,
    /// Makes the choice repeatable.
    pub seed: Option<u64>,
}

impl SamplingOptions {
    /// Neutral but for these two. A function, because a constant cannot be made of another's rest.
    pub(super) const fn at(temperature: f32, seed: Option<u64>) -> Self {
        Self {
            temperature,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            repetition_penalty: 1.0,
            logit_bias: Vec::new(),
            seed,
        }
    }
}

impl Default for SamplingOptions {
    fn default() -> Self {
        Self::at(1.0, None)
    }
}

/// How to choose among the tokens that the model finds likely: options within their ranges.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling(SamplingOptions);

impl Sampling {
    /// Always the likeliest token.
    pub const GREEDY: Self = Self(SamplingOptions::at(0.0, None));

    /// Checks what is asked.
    ///
    /// # Errors
    /// The first option that is out of its range.
    pub fn new(options: SamplingOptions) -> Result<Self, SamplingError> {
        let SamplingOptions { temperature, top_p, min_p, frequency_penalty, presence_penalty, repetition_penalty, .. } = options;
        let checks = [
            ("temperature", temperature, (0.0..=2.0).contains(&temperature), "0 to 2"),
            ("top_p", top_p, top_p > 0.0 && top_p <= 1.0, "more than 0 and at most 1"),
            ("min_p", min_p, (0.0..=1.0).contains(&min_p), "0 to 1"),
            ("frequency_penalty", frequency_penalty, (-2.0..=2.0).contains(&frequency_penalty), "-2 to 2"),
            ("presence_penalty", presence_penalty, (-2.0..=2.0).contains(&presence_penalty), "-2 to 2"),
            (
                "repetition_penalty",
                repetition_penalty,
                repetition_penalty > 0.0 && repetition_penalty <= 10.0,
                "more than 0 and at most 10",
            ),
        ];
        let wrong_bias = options.logit_bias.iter().find(|(_, bias)| !(-100.0..=100.0).contains(bias));
        let wrong_bias = wrong_bias.map(|(_, bias)| ("logit_bias", *bias, false, "-100 to 100"));
        match checks.into_iter().chain(wrong_bias).find(|(_, _, is_within, _)| !is_within) {
            Some((option, value, _, accepted)) => Err(SamplingError { option, value, accepted }),
            None => Ok(Self(options)),
        }
    }

    /// What was asked.
    pub const fn options(&self) -> &SamplingOptions {
        &self.0
    }
}

impl Default for Sampling {
    /// The model's own distribution, unseeded.
    fn default() -> Self {
        Self(SamplingOptions::default())
    }
}

/// A sampling setting out of its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{option} {value} is out of range: use {accepted}")]
pub struct SamplingError {
    /// Its name.
    pub option: &'static str,
    /// What was asked.
    pub value: f32,
    /// What can be.
    pub accepted: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let neutral = SamplingOptions::default;
        for (options, name) in [
            (SamplingOptions { temperature: 2.5, ..neutral() }, "temperature"),
            (SamplingOptions { temperature: f32::NAN, ..neutral() }, "temperature"),
            (SamplingOptions { top_p: 0.0, ..neutral() }, "top_p"),
            (SamplingOptions { min_p: 1.5, ..neutral() }, "min_p"),
            (SamplingOptions { frequency_penalty: -3.0, ..neutral() }, "frequency_penalty"),
            (SamplingOptions { presence_penalty: 3.0, ..neutral() }, "presence_penalty"),
            (SamplingOptions { repetition_penalty: 0.0, ..neutral() }, "repetition_penalty"),
            (SamplingOptions { logit_bias: vec![(1, 5.0), (2, 101.0)], ..neutral() }, "logit_bias"),
        ] {
            assert_eq!(Sampling::new(options).unwrap_err().option, name);
        }
        assert_eq!(Sampling::new(neutral()), Ok(Sampling::default()));
    }
}
