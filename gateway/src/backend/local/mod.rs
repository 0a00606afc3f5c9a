//! Layers 19 to 21 for a model that runs in this process: the engine instead of a socket.

mod budget;
mod chat;
mod chat_events;
mod chat_form;
mod chat_request;
mod completion_events;
mod completion_request;
mod completions;
mod embeddings;
mod engines;
mod events;
mod generations;
mod infer;
mod inside;
mod keeper;
mod manifests;
mod named;
mod place;
mod report;
mod rerank;
mod sampling;
mod tensors;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde::Deserialize;
use tower::Service;
use tradewind_models::{Full, chat::SubmitError, encoder::EncodeError};
use tradewind_protocol::{Operation, Usage};

pub use self::{
    budget::{Budget, DoesNotFit, Hold, Lease, Mebibytes, Memory},
    engines::{Engine, LocalEngines, Unloaded, operations},
    inside::{AskError, LocalModel},
    keeper::{Keeper, KeeperSettings, LoadFailure, Loaded, Loader},
    manifests::Manifests,
    named::Named,
    place::Wish,
    report::ModelReport,
};

use super::Attempt;
use crate::{
    error::{Error, Kind},
    inference::{Answer, Blame, Failure, Whole},
};

/// When to ask again for a model that is being loaded.
const WHILE_LOADING: Duration = Duration::from_secs(5);

/// The engines of this process, as a backend.
#[derive(Debug, Clone)]
pub struct Local {
    engines: LocalEngines,
}

impl Local {
    /// A backend that asks `engines`.
    #[must_use]
    pub const fn new(engines: LocalEngines) -> Self {
        Self { engines }
    }
}

impl Service<Attempt> for Local {
    type Response = Answer;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Answer, Failure>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, attempt: Attempt) -> Self::Future {
        let engine = self.engines.take(attempt.model.as_str());
        Box::pin(async move {
            match engine.as_deref() {
                Some(Engine::Chat(engine)) if attempt.inference.operation == Operation::Completions => {
                    completions::answer(engine, attempt).await
                }
                Some(Engine::Chat(engine)) => chat::answer(engine, attempt).await,
                Some(Engine::Embeddings(engine)) if is_infer(&attempt) => infer::embed(engine, attempt).await,
                Some(Engine::Embeddings(engine)) => embeddings::answer(engine, attempt).await,
                Some(Engine::Rerank(reranker)) if is_infer(&attempt) => infer::rerank(reranker, attempt).await,
                Some(Engine::Rerank(reranker)) => rerank::answer(reranker, attempt).await,
                Some(Engine::Classification(classifier)) => infer::classify(classifier, attempt).await,
                Some(Engine::TokenClassification(classifier)) => infer::tag(classifier, attempt).await,
                Some(Engine::Loading) => Err(loading()),
                Some(Engine::Unloaded(Unloaded::Idle)) => Err(loading()),
                Some(Engine::Unloaded(_)) => Err(unloaded()),
                Some(Engine::Unavailable(reason)) => Err(Failure::backend(Kind::UpstreamFailed, reason.as_str())),
                None => Err(Failure::backend(Kind::UpstreamFailed, format!("model {} is not loaded", attempt.model))),
            }
        })
    }
}

/// Reads a body in full; what is wrong with it is told with the field it is wrong with.
fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Failure> {
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (field, reason) = (error.path().to_string(), error.inner());
        // The path of a fault that is not within a field is a dot.
        let at_top = field == ".";
        let place = if at_top { "The request".to_owned() } else { format!("`{field}`") };
        let refusal = Error::new(Kind::InvalidRequest, format!("{place} is not valid: {reason}."));
        Failure::request(if at_top { refusal } else { refusal.with_param(field) })
    })
}

fn is_infer(attempt: &Attempt) -> bool {
    attempt.inference.operation == Operation::Infer
}

/// A whole answer, of a model that only reads.
fn answered(body: Vec<u8>, usage: Usage) -> Answer {
    Answer::whole(Whole { status: http::StatusCode::OK, body: body.into(), usage: Some(usage) })
}

/// Inputs, in the field of that name, that an encoder did not get to an answer for.
fn encode_failure(error: EncodeError, field: &'static str) -> Failure {
    let sentence = format!("{error}.");
    match error {
        EncodeError::TooLong { .. } => Failure::unsuited(Error::new(Kind::ContextLengthExceeded, sentence).with_param(field)),
        EncodeError::Empty { .. } | EncodeError::UnknownToken { .. } | EncodeError::Tokenizer { .. } => {
            Failure::unsuited(Error::new(Kind::InvalidRequest, sentence).with_param(field))
        }
        EncodeError::Forward(_) | EncodeError::Panicked(_) | EncodeError::Stopped => {
            Failure::backend(Kind::UpstreamFailed, sentence)
        }
    }
}

/// A model that will be there soon. That is no failure, and must not count as one.
fn loading() -> Failure {
    let error = Error::new(Kind::NoHealthyUpstream, "The model is still being loaded.").with_retry_after(WHILE_LOADING);
    Failure::unsuited(error)
}

/// A model that was unloaded on purpose. That is no failure either, and nobody knows when it will be back.
fn unloaded() -> Failure {
    Failure::unsuited(Error::new(Kind::NoHealthyUpstream, "The model is not loaded."))
}

/// An engine that takes no more. A full one is a backend at its limit: another is asked, and the caller is told to come back when there
/// should be room only where there is no other.
fn not_taken(error: SubmitError) -> Failure {
    match error {
        SubmitError::Full(Full { retry_after }) => {
            // A client can only be told whole seconds.
            let after = retry_after.max(Duration::from_secs(1));
            let error = Error::new(Kind::RateLimited, "The local model's queue is full.").with_retry_after(after);
            let detail = "the queue is full".to_owned();
            Failure { blame: Blame::RateLimited(Some(retry_after)), error, detail, original: None }
        }
        SubmitError::Stopped => Failure::backend(Kind::UpstreamFailed, "the engine has stopped"),
    }
}
