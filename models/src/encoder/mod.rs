//! The encoder engine: texts in, vectors or scores out, on threads of its own.
//!
//! # Batches
//! One thread makes texts tokens, another computes. Whenever that one is free it forms a batch of whatever waits at that
//! moment, from as many requests as there are, packed one sequence behind the other without padding; nothing waits for a
//! batch to become full. A batch is as large as makes it nearly as quick as any, token for token, and no larger, which is
//! found out at start: a small one ends sooner, and what has come meanwhile is in the next.
//!
//! # What is not computed
//! Sequences that are in a batch twice or have been computed not long ago, and those of requests whose [`Pending`] result was dropped.

mod cache;
mod engine;
mod error;
mod forward;
mod intake;
mod outlook;
mod reader;
mod rehearsal;
mod requests;
mod size;
mod waiting;
mod worker;

pub use self::engine::{EncoderEngine, EncoderModel, EncoderSettings, Pending, StartError};
pub use self::error::EncodeError;
pub use self::forward::{Encoder, Rows, TokenSequence};
pub use crate::queue::SubmitError;
pub use crate::tokenizer::{Overlong, TokenSpan};

/// One thing to encode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A text, to which the model's own special tokens are added.
    Text(String),
    /// Token ids of this model's vocabulary, used exactly as they are, special tokens included.
    Tokens(Vec<u32>),
    /// Two texts that are read together, such as a question and what may answer it.
    Pair {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// What to do where both are longer together than the model reads.
        overlong: Overlong,
    },
}

impl Input {
    /// The bytes of its texts or tokens.
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Tokens(tokens) => size_of_val::<[u32]>(tokens),
            Self::Pair { first, second, .. } => first.len() + second.len(),
        }
    }
}

/// What the inputs of one request have become, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The rows of each input, one behind the other.
    pub outputs: Vec<Vec<f32>>,
    /// Where each token of each text comes from, if the model makes a row for each token; else none.
    pub spans: Vec<Vec<TokenSpan>>,
    /// Tokens of all inputs together, special tokens included.
    pub prompt_tokens: usize,
}

#[cfg(test)]
mod tests;
