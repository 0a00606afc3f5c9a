//! A request's body, parsed as far as somebody asked.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::{
    chat::{ChatRequest, ConvertError},
    openai::{self, EmbeddingRequest, Head},
    rerank::RerankRequest,
};

/// A request's body with its cheap head. The canonical forms are made when the first target asks for one, and kept for the next.
#[derive(Debug)]
pub struct Payload {
    head: Head,
    body: Bytes,
    begun: Option<String>,
    chat: OnceLock<Result<ChatRequest, ConvertError>>,
    completion: OnceLock<Result<ChatRequest, ConvertError>>,
    embeddings: OnceLock<Result<EmbeddingRequest, ConvertError>>,
    rerank: OnceLock<Result<RerankRequest, ConvertError>>,
}

impl Payload {
    /// The body whose head was read.
    #[must_use]
    pub const fn new(head: Head, body: Bytes) -> Self {
        Self {
            head,
            body,
            begun: None,
            chat: OnceLock::new(),
            completion: OnceLock::new(),
            embeddings: OnceLock::new(),
            rerank: OnceLock::new(),
        }
    }

    /// A body that ends with `begun`, the beginning of the answer to it: the model is to go on with that.
    #[must_use]
    pub fn going_on(head: Head, body: Bytes, begun: String) -> Self {
        Self { begun: Some(begun), ..Self::new(head, body) }
    }

    /// The beginning of the answer, where the model is to go on with one. It is the last message of the body.
    #[must_use]
    pub fn begun(&self) -> Option<&str> {
        self.begun.as_deref()
    }

    /// The fields that routing needs.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The body as it came.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as a chat request.
    ///
    /// # Errors
    /// It is none.
    pub fn chat(&self) -> Result<&ChatRequest, ConvertError> {
        self.chat.get_or_init(|| openai::read_chat(&self.body)).as_ref().map_err(Clone::clone)
    }

    /// The body of a text completion, as a chat request with one message.
    ///
    /// # Errors
    /// It is none, or asks for what a chat cannot do.
    pub fn completion(&self) -> Result<&ChatRequest, ConvertError> {
        self.completion.get_or_init(|| openai::read_completion(&self.body)).as_ref().map_err(Clone::clone)
    }

    /// The body as an embeddings request.
    ///
    /// # Errors
    /// It is none.
    pub fn embeddings(&self) -> Result<&EmbeddingRequest, ConvertError> {
        self.embeddings.get_or_init(|| openai::read_embeddings(&self.body)).as_ref().map_err(Clone::clone)
    }

    /// The body as a rerank request.
    ///
    /// # Errors
    /// It is none.
    pub fn rerank(&self) -> Result<&RerankRequest, ConvertError> {
        self.rerank.get_or_init(|| openai::read_rerank(&self.body)).as_ref().map_err(Clone::clone)
    }
}
