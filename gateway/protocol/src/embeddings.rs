//! The canonical answer of an embeddings request. The request's canonical form is [`openai::EmbeddingRequest`](crate::openai::EmbeddingRequest).

use crate::{
    Usage,
    chat::ConvertError,
    openai::{AnswerError, EmbeddingInput, EmbeddingRequest},
};

/// Vectors, one an input, in the order of the inputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embeddings {
    /// `[inputs][dimensions]`.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read, if the provider told.
    pub usage: Option<Usage>,
}

impl Embeddings {
    /// The same, where all values are numbers: JSON has no word for infinity, and an application no use for it.
    pub(crate) fn finite(self) -> Result<Self, AnswerError> {
        if self.vectors.iter().flatten().all(|value| value.is_finite()) {
            Ok(self)
        } else {
            Err(AnswerError::Malformed("a vector holds a value that is no finite number".to_owned()))
        }
    }
}

impl EmbeddingRequest {
    /// The texts to embed, for targets that take texts only.
    ///
    /// # Errors
    /// [`ConvertError::Unsupported`] where the caller sent token ids: they mean nothing to another model's tokenizer.
    /// [`ConvertError::Invalid`] where there is no text.
    pub fn texts(&self) -> Result<Vec<&str>, ConvertError> {
        match &self.input {
            EmbeddingInput::Text(text) => Ok(vec![text]),
            EmbeddingInput::Texts(texts) if texts.is_empty() => {
                Err(ConvertError::invalid("input", "`input` is an empty list. Accepted: a string, or a list of strings."))
            }
            EmbeddingInput::Texts(texts) => Ok(texts.iter().map(String::as_str).collect()),
            EmbeddingInput::Tokens(_) | EmbeddingInput::TokenLists(_) => Err(ConvertError::unsupported(
                "input",
                "`input` holds token ids, which this model does not take. Accepted: a string, or a list of strings.",
            )),
        }
    }
}
