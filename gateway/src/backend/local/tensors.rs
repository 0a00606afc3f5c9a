//! What a local model takes and gives by the Open Inference Protocol.

use tradewind_models::manifest::{Manifest, Task};
use tradewind_protocol::oip::{Datatype, TensorMetadata};

use super::Engine;

/// The texts that are asked about.
pub(super) const TEXT: &str = "text";
/// What is read together with each of them.
pub(super) const TEXT_PAIR: &str = "text_pair";
/// A vector for each text.
pub(super) const EMBEDDING: &str = "embedding";
/// The best label of each text, or the label of each entity.
pub(super) const LABEL: &str = "label";
/// The score of that.
pub(super) const SCORE: &str = "score";
/// Of all labels.
pub(super) const SCORES: &str = "scores";
/// The number of the text that an entity is in.
pub(super) const INDEX: &str = "text_index";
/// Where an entity begins, in characters.
pub(super) const START: &str = "start";
/// Where it ends.
pub(super) const END: &str = "end";

/// Tensors that go in and come out. How many labels there are is known once the model is loaded.
pub(super) fn of(manifest: &Manifest, engine: &Engine) -> Option<(Vec<TensorMetadata>, Vec<TensorMetadata>)> {
    let texts = |name| TensorMetadata::list(name, Datatype::Bytes);
    let scores = |name| TensorMetadata::list(name, Datatype::Fp32);
    let integers = |name| TensorMetadata::list(name, Datatype::Int64);
    Some(match manifest.task {
        Task::Chat => return None,
        Task::Embeddings { dimensions } => (vec![texts(TEXT)], vec![TensorMetadata::rows(EMBEDDING, Some(dimensions))]),
        Task::Rerank => (vec![texts(TEXT), texts(TEXT_PAIR)], vec![scores(SCORE)]),
        Task::Classification => {
            let labels = match engine {
                Engine::Classification(classifier) => Some(classifier.labels().names().len()),
                _ => None,
            };
            (vec![texts(TEXT), texts(TEXT_PAIR)], vec![texts(LABEL), scores(SCORE), TensorMetadata::rows(SCORES, labels)])
        }
        Task::TokenClassification { .. } => {
            (vec![texts(TEXT)], vec![integers(INDEX), texts(LABEL), scores(SCORE), integers(START), integers(END)])
        }
    })
}
