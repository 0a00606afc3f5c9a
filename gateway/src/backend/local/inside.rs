//! The local models for the gateway's own use: what compares or inspects texts asks here, without HTTP and without a route.

use tradewind_models::{
    classify::{Aggregation, Entity},
    encoder::{EncodeError, Input, SubmitError},
};

use super::{Engine, LocalEngines, Unloaded};

/// A local model, by its id in the registry. Cheap to clone; the model may be asked as soon as it is loaded.
///
/// What is asked here shares the model's queue and batches with the requests of applications.
#[derive(Debug, Clone)]
pub struct LocalModel {
    engines: LocalEngines,
    id: String,
}

/// Why a local model did not answer the gateway itself.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It is not there yet.
    #[error("the local model `{0}` is still being loaded")]
    Loading(String),
    /// It is not there.
    #[error("the local model `{id}` is not available: {reason}")]
    Unavailable {
        /// The model.
        id: String,
        /// Why.
        reason: String,
    },
    /// It does something else.
    #[error("the local model `{id}` is no model that {does}")]
    OtherTask {
        /// The model.
        id: String,
        /// What is asked of it.
        does: &'static str,
    },
    /// Its queue is full, or it has stopped.
    #[error(transparent)]
    NotTaken(#[from] SubmitError),
    /// It did not get to an answer.
    #[error(transparent)]
    Failed(#[from] EncodeError),
}

impl LocalModel {
    /// The model of that id among `engines`.
    #[must_use]
    pub const fn new(engines: LocalEngines, id: String) -> Self {
        Self { engines, id }
    }

    /// A vector for each text, in order.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, AskError> {
        let engine = self.engine()?;
        let Engine::Embeddings(embeddings) = &*engine else { return Err(self.other_task("makes vectors")) };
        Ok(embeddings.submit(texts.into_iter().map(Input::Text).collect())?.await?.outputs)
    }

    /// For each text, in order, each label with its score.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn classify(&self, texts: Vec<String>) -> Result<Vec<Vec<(String, f32)>>, AskError> {
        let engine = self.engine()?;
        let Engine::Classification(classifier) = &*engine else { return Err(self.other_task("classifies texts")) };
        let classified = classifier.submit(texts.into_iter().map(Input::Text).collect())?.await?;
        let names = classifier.labels().names();
        let labelled = |scores: Vec<f32>| names.iter().cloned().zip(scores).collect();
        Ok(classified.scores.into_iter().map(labelled).collect())
    }

    /// For each text, in order, what it names and where.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn entities(&self, texts: Vec<String>) -> Result<Vec<Vec<Entity>>, AskError> {
        let engine = self.engine()?;
        let Engine::TokenClassification(classifier) = &*engine else { return Err(self.other_task("labels tokens")) };
        Ok(classifier.submit(texts, Aggregation::Simple)?.await?.entities)
    }

    fn engine(&self) -> Result<std::sync::Arc<Engine>, AskError> {
        let unavailable = |reason: &str| AskError::Unavailable { id: self.id.clone(), reason: reason.to_owned() };
        let engine = self.engines.take(&self.id).ok_or_else(|| unavailable("the policy does not name it"))?;
        match &*engine {
            Engine::Loading | Engine::Unloaded(Unloaded::Idle) => Err(AskError::Loading(self.id.clone())),
            Engine::Unloaded(_) => Err(unavailable("it is not loaded")),
            Engine::Unavailable(reason) => Err(unavailable(reason)),
            _ => Ok(engine),
        }
    }

    fn other_task(&self, does: &'static str) -> AskError {
        AskError::OtherTask { id: self.id.clone(), does }
    }
}
