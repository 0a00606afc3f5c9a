//! Why there is no output.

use std::sync::Arc;

use crate::decoder::ForwardError;
use crate::tokenizer::TokenizerError;

/// Outputs that could not be made. `index` counts the request's inputs from 0.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// An input without tokens.
    #[error("input {index} is empty: send at least one token")]
    Empty {
        /// Which input.
        index: usize,
    },
    /// An input longer than the model was made for.
    #[error("input {index} has {tokens} tokens, and the model takes at most {limit}: split it into shorter texts")]
    TooLong {
        /// Which input.
        index: usize,
        /// Its tokens, special tokens included.
        tokens: usize,
        /// The most that the model takes.
        limit: usize,
    },
    /// A token id that the model does not have.
    #[error("input {index} has token {token}, and the model's ids end before {vocabulary}: send text instead")]
    UnknownToken {
        /// Which input.
        index: usize,
        /// The id.
        token: u32,
        /// How many ids there are.
        vocabulary: usize,
    },
    /// A text without tokens in the model's vocabulary.
    #[error("input {index}: {source}")]
    Tokenizer {
        /// Which input.
        index: usize,
        /// Why.
        source: TokenizerError,
    },
    /// The model could not be computed.
    #[error(transparent)]
    Forward(#[from] Arc<ForwardError>),
    /// A bug; the engine goes on with other requests.
    #[error("the engine panicked during this request: {0}")]
    Panicked(Arc<str>),
    /// The engine ended with the request unfinished.
    #[error("the engine stopped before the answer was complete")]
    Stopped,
}

impl EncodeError {
    /// The same of another input: `number` has its number.
    pub(crate) fn of_input(self, number: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::Empty { index } => Self::Empty { index: number(index) },
            Self::TooLong { index, tokens, limit } => Self::TooLong { index: number(index), tokens, limit },
            Self::UnknownToken { index, token, vocabulary } => Self::UnknownToken { index: number(index), token, vocabulary },
            Self::Tokenizer { index, source } => Self::Tokenizer { index: number(index), source },
            other @ (Self::Forward(_) | Self::Panicked(_) | Self::Stopped) => other,
        }
    }
}
