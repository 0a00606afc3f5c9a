//! Which label a text has.

use super::label::{Labels, best};
use super::start;
use crate::encoder::{EncodeError, EncoderEngine, EncoderModel, EncoderSettings, Input, Rows, StartError, SubmitError};

/// A running model that gives texts, or pairs of texts, scores for each of its labels. Clones share it.
#[derive(Debug, Clone)]
pub struct Classifier {
    engine: EncoderEngine,
    labels: Labels,
}

/// Scores of the inputs of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// For each input, in order, a score for each label, in the order of [`Classifier::labels`].
    pub scores: Vec<Vec<f32>>,
    /// Tokens of all inputs together, special tokens included.
    pub prompt_tokens: usize,
}

impl Classifier {
    /// Rehearses, and starts the engine's threads. Blocks for the rehearsals.
    ///
    /// # Errors
    /// When the model does not score whole inputs, or the engine cannot be started.
    pub fn start(model: EncoderModel, settings: EncoderSettings) -> Result<Self, StartError> {
        Self::start_holding(model, settings, ())
    }

    /// The same, and drops `held` once the engine has ended and the memory of its model is free again.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub fn start_holding(model: EncoderModel, settings: EncoderSettings, held: impl Send + 'static) -> Result<Self, StartError> {
        let (engine, labels) = start(model, settings, Rows::One, held)?;
        Ok(Self { engine, labels })
    }

    /// Queues a request. Dropping what is returned cancels what is in no batch yet.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is the result's error.
    pub fn submit(
        &self,
        inputs: Vec<Input>,
    ) -> Result<impl Future<Output = Result<Classified, EncodeError>> + Send + use<>, SubmitError> {
        let pending = self.engine.submit(inputs)?;
        let activation = self.labels.activation();
        Ok(async move {
            let mut encoded = pending.await?;
            encoded.outputs.iter_mut().for_each(|row| activation.apply(row));
            Ok(Classified { scores: encoded.outputs, prompt_tokens: encoded.prompt_tokens })
        })
    }

    /// What the scores are for.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The engine behind it.
    pub fn engine(&self) -> &EncoderEngine {
        &self.engine
    }

    /// The label with the highest of these scores, and that score.
    pub fn best(&self, scores: &[f32]) -> Option<(&str, f32)> {
        let (place, score) = best(scores)?;
        Some((self.labels.names().get(place)?, score))
    }
}
