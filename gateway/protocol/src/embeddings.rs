//! The canonical answer of an embeddings request. The request's canonical form is [`openai::EmbeddingRequest`](crate::openai::EmbeddingRequest).

use crate::Usage;

/// Vectors, one an input, in the order of the inputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embeddings {
    /// `[inputs][dimensions]`.
    pub vectors: Vec<Vec<f32>>,
    /// The model that made them, if the provider told.
    pub model: Option<String>,
    /// Tokens read, if the provider told.
    pub usage: Option<Usage>,
}
