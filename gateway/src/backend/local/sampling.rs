//! The fields that shape the choice of tokens, which OpenAI's APIs spell alike.

use std::collections::BTreeMap;

use tradewind_models::sample::{Sampling, SamplingOptions};

use super::chat_request::out_of_range;
use crate::inference::Failure;

/// Those fields, as they were sent.
pub(super) struct SamplingFields<'r> {
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_k: Option<i64>,
    pub(super) min_p: Option<f64>,
    pub(super) repetition_penalty: Option<f64>,
    pub(super) frequency_penalty: Option<f64>,
    pub(super) presence_penalty: Option<f64>,
    pub(super) logit_bias: Option<&'r BTreeMap<String, f64>>,
    pub(super) seed: Option<i64>,
}

/// What they ask of the engine.
pub(super) fn sampling(asked: &SamplingFields<'_>) -> Result<Sampling, Failure> {
    let neutral = SamplingOptions::default();
    let or = |asked: Option<f64>, neutral: f32| asked.map_or(neutral, |value| value as f32);
    let top_k = match asked.top_k {
        // vLLM's word for all.
        None | Some(-1) => 0,
        Some(most) => usize::try_from(most).map_err(|_| out_of_range("top_k", "use 1 or more, or -1 for all"))?,
    };
    let bias = |(token, bias): (&String, &f64)| {
        let token = token.parse().map_err(|_| out_of_range("logit_bias", "use the ids of tokens as keys"))?;
        Ok((token, *bias as f32))
    };
    let options = SamplingOptions {
        temperature: or(asked.temperature, neutral.temperature),
        top_k,
        top_p: or(asked.top_p, neutral.top_p),
        min_p: or(asked.min_p, neutral.min_p),
        frequency_penalty: or(asked.frequency_penalty, neutral.frequency_penalty),
        presence_penalty: or(asked.presence_penalty, neutral.presence_penalty),
        repetition_penalty: or(asked.repetition_penalty, neutral.repetition_penalty),
        logit_bias: asked.logit_bias.into_iter().flatten().map(bias).collect::<Result<_, _>>()?,
        // The bits of a negative seed are as good as any.
        seed: asked.seed.map(i64::cast_unsigned),
    };
    Sampling::new(options).map_err(|error| out_of_range(error.option, &format!("use {}", error.accepted)))
}
