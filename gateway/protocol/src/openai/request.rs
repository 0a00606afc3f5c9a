//! Requests in OpenAI's form to and from the canonical form.

use super::EmbeddingRequest;
use crate::{
    chat::{ChatRequest, ConvertError, Dropped, Target},
    rerank::RerankRequest,
};

/// Reads the body of `POST /v1/chat/completions`.
///
/// # Errors
/// [`ConvertError::Invalid`] with the field at fault.
pub fn read_chat(_body: &[u8]) -> Result<ChatRequest, ConvertError> {
    Err(ConvertError::unsupported("messages", "not there yet"))
}

/// Reads the body of `POST /v1/completions` as a chat with one message of the user.
///
/// # Errors
/// [`ConvertError::Invalid`] with the field at fault; [`ConvertError::Unsupported`] for what a chat cannot do: several prompts,
/// token ids, `suffix`, `echo`, `best_of` above 1.
pub fn read_completion(_body: &[u8]) -> Result<ChatRequest, ConvertError> {
    Err(ConvertError::unsupported("prompt", "not there yet"))
}

/// Reads the body of `POST /v1/embeddings`.
///
/// # Errors
/// [`ConvertError::Invalid`] with the field at fault.
pub fn read_embeddings(body: &[u8]) -> Result<EmbeddingRequest, ConvertError> {
    serde_json::from_slice(body).map_err(|error| ConvertError::invalid("input", error.to_string()))
}

/// Reads the body of `POST /v1/rerank`.
///
/// # Errors
/// [`ConvertError::Invalid`] with the field at fault.
pub fn read_rerank(body: &[u8]) -> Result<RerankRequest, ConvertError> {
    serde_json::from_slice(body).map_err(|error| ConvertError::invalid("documents", error.to_string()))
}

/// Writes a chat request as the body of `POST /v1/chat/completions`, for OpenAI-shaped targets whose client spoke another dialect.
///
/// # Errors
/// [`ConvertError`], for what the target does not take.
pub fn encode_chat(_request: &ChatRequest, _target: &Target<'_>, _dropped: &mut Dropped) -> Result<Vec<u8>, ConvertError> {
    Err(ConvertError::unsupported("messages", "not there yet"))
}
