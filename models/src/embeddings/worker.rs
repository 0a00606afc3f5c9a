//! The engine's thread: tokenises, checks, packs, computes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::{EmbeddingModel, EmbeddingSettings, Embeddings, Input};
use crate::decoder::ForwardError;
use crate::queue::{Job, panic_message};
use crate::tokenizer::TokenizerError;

/// Vectors that could not be made. `index` counts the request's inputs from 0.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
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
    Forward(#[from] ForwardError),
    /// A bug; the engine goes on with the next request.
    #[error("the engine panicked during this request: {0}")]
    Panicked(String),
    /// The engine ended with the request unfinished.
    #[error("the engine stopped before the vectors were complete")]
    Stopped,
}

/// A request on its way to the worker.
#[derive(Debug)]
pub(super) struct EmbedJob {
    pub(super) inputs: Vec<Input>,
    pub(super) result: oneshot::Sender<Result<Embeddings, EmbedError>>,
}

impl Job for EmbedJob {
    fn is_abandoned(&self) -> bool {
        self.result.is_closed()
    }
}

/// Owns the model.
pub(super) struct Worker {
    model: EmbeddingModel,
    batch_tokens: usize,
}

impl Worker {
    pub(super) fn new(model: EmbeddingModel, settings: EmbeddingSettings) -> Self {
        Self { model, batch_tokens: settings.batch_tokens }
    }

    /// Answers one request. A panic costs this request, not the engine.
    pub(super) fn serve(&mut self, job: EmbedJob) {
        let EmbedJob { inputs, result } = job;
        let outcome = catch_unwind(AssertUnwindSafe(|| self.embed(inputs, || result.is_closed())))
            .unwrap_or_else(|payload| Err(EmbedError::Panicked(panic_message(payload.as_ref()))));
        if let Err(error) = &outcome {
            tracing::debug!(%error, "embedding failed");
        }
        // A caller that left in this very moment needs no result.
        let _left = result.send(outcome);
    }

    fn embed(&mut self, inputs: Vec<Input>, is_abandoned: impl Fn() -> bool) -> Result<Embeddings, EmbedError> {
        let sequences =
            inputs.into_iter().enumerate().map(|(index, input)| self.tokens(index, input)).collect::<Result<Vec<_>, _>>()?;
        let prompt_tokens = sequences.iter().map(Vec::len).sum();
        let mut vectors = Vec::with_capacity(sequences.len());
        for batch in batches(&sequences, self.batch_tokens) {
            if is_abandoned() {
                break;
            }
            vectors.extend(self.model.encoder.encode(batch)?);
        }
        Ok(Embeddings { vectors, prompt_tokens })
    }

    /// The checked tokens of one input.
    fn tokens(&self, index: usize, input: Input) -> Result<Vec<u32>, EmbedError> {
        let tokens = match input {
            Input::Tokens(tokens) => tokens,
            Input::Text(text) => self.model.tokenizer.encode(&text).map_err(|source| EmbedError::Tokenizer { index, source })?,
        };
        let limit = self.model.encoder.max_tokens();
        let vocabulary = self.model.encoder.vocabulary_size();
        if tokens.is_empty() {
            return Err(EmbedError::Empty { index });
        }
        if tokens.len() > limit {
            return Err(EmbedError::TooLong { index, tokens: tokens.len(), limit });
        }
        let is_unknown = |token: &&u32| usize::try_from(**token).is_ok_and(|id| id >= vocabulary);
        if let Some(token) = tokens.iter().find(is_unknown) {
            return Err(EmbedError::UnknownToken { index, token: *token, vocabulary });
        }
        Ok(tokens)
    }
}

/// Divides sequences, in order, into runs of at most `limit` tokens, or of one sequence.
fn batches(sequences: &[Vec<u32>], limit: usize) -> impl Iterator<Item = &[Vec<u32>]> {
    let mut rest = sequences;
    std::iter::from_fn(move || {
        let mut tokens = 0;
        let fitting = rest.iter().take_while(|sequence| {
            tokens += sequence.len();
            tokens <= limit
        });
        let (batch, after) = rest.split_at_checked(fitting.count().max(1))?;
        rest = after;
        Some(batch)
    })
}
