//! How tokens are chosen: from 0 to 1 here, and not for the caller to say where the model thinks or is new.

use serde::Serialize;

use crate::chat::{ChatRequest, Dropped};

/// The members of the body.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sampling {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
}

/// Who chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chooser {
    /// The caller may.
    Caller,
    /// The model alone.
    Model,
}

impl Sampling {
    /// What `request` asks for, as far as it may. A value that is the default anyway is honoured by leaving it out.
    pub(super) fn of(request: &ChatRequest, chooser: Chooser, dropped: &mut Dropped) -> Self {
        let asked = request.sampling;
        dropped.note_if(&asked.seed, "seed");
        dropped.note_if(&asked.frequency_penalty.filter(|penalty| *penalty != 0.0), "frequency_penalty");
        dropped.note_if(&asked.presence_penalty.filter(|penalty| *penalty != 0.0), "presence_penalty");
        if chooser == Chooser::Model {
            dropped.note_if(&asked.temperature.filter(|temperature| *temperature != 1.0), "temperature");
            dropped.note_if(&asked.top_p.filter(|share| *share < 1.0), "top_p");
            dropped.note_if(&asked.top_k, "top_k");
            return Self::default();
        }
        dropped.note_if(&asked.temperature.filter(|temperature| *temperature > 1.0), "temperature");
        let temperature = asked.temperature.map(|temperature| temperature.clamp(0.0, 1.0));
        // Models from Claude 4.1 on refuse both at once.
        let mut top_p = asked.top_p;
        if temperature.is_some() {
            dropped.note_if(&top_p.filter(|share| *share < 1.0), "top_p");
            top_p = None;
        }
        Self { temperature, top_p, top_k: asked.top_k }
    }
}
