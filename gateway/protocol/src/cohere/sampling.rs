//! How tokens are chosen. Cohere's ranges are narrower than OpenAI's, and it refuses what is outside.

use serde::Serialize;

use crate::chat::{ChatRequest, Dropped, Target};

/// The range of `p`. OpenAI's neutral value, 1, is outside.
/// Source of all ranges: Cohere's API reference of chat.
const LEAST_P: f64 = 0.01;
const MOST_P: f64 = 0.99;

/// How tokens are chosen, in Cohere's words.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sampling {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
}

impl Sampling {
    pub(super) fn of(request: &ChatRequest, target: &Target<'_>, dropped: &mut Dropped) -> Self {
        let asked = request.sampling;
        let mut sampling = Self {
            seed: asked.seed.and_then(|seed| u64::try_from(seed).ok()),
            frequency_penalty: penalty(asked.frequency_penalty, "frequency_penalty", dropped),
            presence_penalty: penalty(asked.presence_penalty, "presence_penalty", dropped),
            ..Self::default()
        };
        if sampling.seed.is_none() {
            dropped.note_if(&asked.seed, "seed");
        }
        if target.capabilities.sampling.is_yes() {
            sampling.temperature = asked.temperature;
            sampling.p = asked.top_p.map(|p| p.clamp(LEAST_P, MOST_P));
            sampling.k = asked.top_k;
        } else {
            dropped.note_if(&asked.temperature, "temperature");
            dropped.note_if(&asked.top_p, "top_p");
            dropped.note_if(&asked.top_k, "top_k");
        }
        sampling
    }
}

/// Cohere penalises from 0 to 1. More than 1 means as much as it can; a reward has no form.
fn penalty(asked: Option<f64>, name: &'static str, dropped: &mut Dropped) -> Option<f64> {
    let value = asked?;
    if !(0.0..=1.0).contains(&value) {
        dropped.note(name);
    }
    (value >= 0.0).then(|| value.min(1.0))
}
