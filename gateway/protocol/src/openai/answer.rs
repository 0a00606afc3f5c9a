//! Whole answers in OpenAI's form to and from the canonical form.

use super::EncodingFormat;
use crate::{
    Embeddings,
    chat::ChatResponse,
    rerank::{RerankRequest, Reranked},
};

/// What an answer says of itself where its provider did not tell.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// Unique; the prefix that OpenAI uses (`chatcmpl-`, `cmpl-`) is put before it.
    pub id: &'a str,
    /// Seconds since 1970.
    pub created: u64,
    /// The model, by the name that the caller used.
    pub model: &'a str,
}

/// Why an upstream's answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is not of its dialect.
    #[error("the answer is malformed: {0}")]
    Malformed(String),
    /// Its status is a success, and it tells of an error. `status` is the HTTP status that it corresponds to.
    #[error("a success with an error inside: {message}")]
    Told {
        /// Such as 429, 500.
        status: u16,
        /// The upstream's words.
        message: String,
    },
}

/// Reads a `chat.completion` of an OpenAI-shaped upstream.
///
/// # Errors
/// [`AnswerError`].
pub fn read_chat_answer(_body: &[u8]) -> Result<ChatResponse, AnswerError> {
    Err(AnswerError::Malformed("not there yet".to_owned()))
}

/// Writes a `chat.completion`.
#[must_use]
pub fn write_chat(_answer: &ChatResponse, _identity: &Identity<'_>) -> Vec<u8> {
    Vec::new()
}

/// Writes a `text_completion`.
#[must_use]
pub fn write_completion(_answer: &ChatResponse, _identity: &Identity<'_>) -> Vec<u8> {
    Vec::new()
}

/// Writes a list of embeddings.
#[must_use]
pub fn write_embeddings(_answer: &Embeddings, _format: EncodingFormat, _identity: &Identity<'_>) -> Vec<u8> {
    Vec::new()
}

/// Writes the answer to a rerank request: Cohere's form, with `usage` beside it.
#[must_use]
pub fn write_rerank(_answer: &Reranked, _request: &RerankRequest, _identity: &Identity<'_>) -> Vec<u8> {
    Vec::new()
}
