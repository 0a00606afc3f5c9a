//! Encoders that answer with scores: of a text, of how well one text answers another, or of each token of a text.
//!
//! Each is a typed handle on an [`EncoderEngine`], so that what is asked of them shares batches, queue and memory of earlier answers with
//! whatever else is asked of the same model.

mod classifier;
mod entities;
mod label;
mod reranker;
mod windows;

pub use self::classifier::{Classified, Classifier};
pub use self::entities::{Aggregation, Entity, Tagged, TokenClassifier};
pub use self::label::{Activation, Labels};
pub use self::reranker::{Reranker, Scored};
use crate::encoder::{EncoderEngine, EncoderModel, EncoderSettings, Rows, StartError};

/// Starts an engine for a model whose rows are scores, one for each label. What it holds is dropped once the model's memory is free again.
fn start(
    model: EncoderModel,
    settings: EncoderSettings,
    rows: Rows,
    held: impl Send + 'static,
) -> Result<(EncoderEngine, Labels), StartError> {
    let scores = model.encoder.dimensions();
    let labels = model.labels.clone().filter(|labels| labels.names().len() == scores && model.encoder.rows() == rows);
    let labels = labels.ok_or(StartError::NoScores { scores })?;
    Ok((EncoderEngine::start_holding(model, settings, held)?, labels))
}
