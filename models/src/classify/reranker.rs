//! How well documents answer a query.

use super::label::sigmoid;
use super::start;
use crate::encoder::{EncodeError, EncoderEngine, EncoderModel, EncoderSettings, Input, Overlong, Rows, StartError, SubmitError};

/// A running cross-encoder: it reads a query and a document together and scores them (Nogueira and Cho,
/// <https://arxiv.org/abs/1901.04085>). Clones share it.
#[derive(Debug, Clone)]
pub struct Reranker {
    engine: EncoderEngine,
}

/// Scores of the documents of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Of each document, in order, between 0 and 1; higher is better.
    pub scores: Vec<f32>,
    /// Tokens of all pairs together, special tokens included, as far as they were read.
    pub prompt_tokens: usize,
}

impl Reranker {
    /// Rehearses, and starts the engine's threads. Blocks for the rehearsals.
    ///
    /// # Errors
    /// When the model does not give one score for each input, or the engine cannot be started.
    pub fn start(model: EncoderModel, settings: EncoderSettings) -> Result<Self, StartError> {
        Self::start_holding(model, settings, ())
    }

    /// The same, and drops `held` once the engine has ended and the memory of its model is free again.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub fn start_holding(model: EncoderModel, settings: EncoderSettings, held: impl Send + 'static) -> Result<Self, StartError> {
        let (engine, labels) = start(model, settings, Rows::One, held)?;
        if labels.names().len() == 1 { Ok(Self { engine }) } else { Err(StartError::NoScores { scores: labels.names().len() }) }
    }

    /// Queues a request. A document is read as far as there is room for it beside the query, and no further than `most_of_each` tokens.
    /// Dropping what is returned cancels what is in no batch yet.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is the result's error.
    pub fn submit(
        &self,
        query: &str,
        documents: Vec<String>,
        most_of_each: Option<usize>,
    ) -> Result<impl Future<Output = Result<Scored, EncodeError>> + Send + use<>, SubmitError> {
        let overlong = Overlong::CutSecond { most: most_of_each };
        let pair = |second| Input::Pair { first: query.to_owned(), second, overlong };
        self.submit_pairs(documents.into_iter().map(pair).collect())
    }

    /// The same of pairs that are put together already.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is the result's error.
    pub fn submit_pairs(
        &self,
        pairs: Vec<Input>,
    ) -> Result<impl Future<Output = Result<Scored, EncodeError>> + Send + use<>, SubmitError> {
        let pending = self.engine.submit(pairs)?;
        Ok(async move {
            let encoded = pending.await?;
            let scores = encoded.outputs.iter().flatten().map(|score| sigmoid(*score)).collect();
            Ok(Scored { scores, prompt_tokens: encoded.prompt_tokens })
        })
    }

    /// The engine behind it.
    pub fn engine(&self) -> &EncoderEngine {
        &self.engine
    }
}
