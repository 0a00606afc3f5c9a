//! The engine's thread: tokenises, checks, packs, computes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::size::{Shape, Size, work_of};
use super::{EmbeddingModel, Embeddings, Input};
use crate::decoder::ForwardError;
use crate::load::{Estimates, Work};
use crate::queue::{Job, Meter, Plan, panic_message};
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
    pub(super) size: Size,
    /// The engine's.
    pub(super) shape: Shape,
}

impl Job for EmbedJob {
    fn is_abandoned(&self) -> bool {
        self.result.is_closed()
    }

    fn work(&self, estimates: &Estimates) -> Work {
        self.size.work(self.shape, estimates)
    }
}

/// Owns the model.
pub(super) struct Worker {
    model: EmbeddingModel,
    shape: Shape,
}

impl Worker {
    pub(super) const fn new(model: EmbeddingModel, shape: Shape) -> Self {
        Self { model, shape }
    }

    /// Answers one request. A panic costs this request, not the engine.
    pub(super) fn serve(&mut self, job: EmbedJob, meter: &Meter<'_, EmbedJob>) {
        let EmbedJob { inputs, result, .. } = job;
        let outcome = catch_unwind(AssertUnwindSafe(|| self.embed(inputs, meter, || result.is_closed())))
            .unwrap_or_else(|payload| Err(EmbedError::Panicked(panic_message(payload.as_ref()))));
        if let Err(error) = &outcome {
            tracing::debug!(%error, "embedding failed");
        }
        // A caller that left in this very moment needs no result.
        let _left = result.send(outcome);
    }

    fn embed(
        &mut self,
        inputs: Vec<Input>,
        meter: &Meter<'_, EmbedJob>,
        is_abandoned: impl Fn() -> bool,
    ) -> Result<Embeddings, EmbedError> {
        let sequences = inputs
            .into_iter()
            .enumerate()
            .map(|(index, input)| self.tokens(index, input, meter))
            .collect::<Result<Vec<_>, _>>()?;
        let prompt_tokens = sequences.iter().map(Vec::len).sum();
        let mut vectors = Vec::with_capacity(sequences.len());
        let batches: Vec<_> = batches(&sequences, self.shape.batch_tokens).collect();
        meter.begin(|_| plan(&batches));
        let mut rest = batches.as_slice();
        while let Some((batch, after)) = rest.split_first() {
            if is_abandoned() {
                break;
            }
            vectors.extend(self.model.encoder.encode(batch)?);
            meter.advance(|_| plan(after));
            rest = after;
        }
        Ok(Embeddings { vectors, prompt_tokens })
    }

    /// The checked tokens of one input.
    fn tokens(&self, index: usize, input: Input, meter: &Meter<'_, EmbedJob>) -> Result<Vec<u32>, EmbedError> {
        let tokens = match input {
            Input::Tokens(tokens) => tokens,
            Input::Text(text) => {
                let encoded = self.model.tokenizer.encode(&text);
                let tokens = encoded.map_err(|source| EmbedError::Tokenizer { index, source })?;
                meter.learn(|estimates| estimates.prompt.learn(text.len(), tokens.len()));
                tokens
            }
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

/// What is to be done about these batches: the first is the next step.
fn plan(batches: &[&[Vec<u32>]]) -> Plan {
    match batches.split_first() {
        None => Plan::default(),
        Some((next, after)) => Plan { step: work_of(next), rest: after.iter().map(|batch| work_of(batch)).sum() },
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
