//! The answers to one request, as they are being made.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::constrain::ConstraintError;
use crate::decoder::ForwardError;
use crate::sample::NoFiniteLogit;
use crate::template::TemplateError;
use crate::tokenizer::TokenizerError;

/// One step of the answers to a request. The first is `Started` or `Failed`, the last `Done` or `Failed`.
#[derive(Debug)]
pub enum Event {
    /// The prompt was accepted and waits to be read.
    Started {
        /// Its tokens, the template's included.
        prompt_tokens: usize,
    },
    /// More of an answer.
    Text {
        /// Of which, from 0.
        choice: usize,
        /// Whole characters. Empty only at the end, where the likelihood of a token without text is still to be told.
        text: String,
        /// The tokens that it was made of, if that was asked.
        tokens: Vec<TokenLikelihood>,
    },
    /// An answer calls a function.
    Call {
        /// Which answer, from 0.
        choice: usize,
        /// Which of its calls, from 0.
        call: usize,
        /// The function.
        name: String,
    },
    /// More of the arguments of a call.
    Arguments {
        /// Which answer, from 0.
        choice: usize,
        /// Which of its calls, from 0.
        call: usize,
        /// A piece of JSON.
        json: String,
    },
    /// An answer is complete.
    Finished {
        /// Which, from 0.
        choice: usize,
        /// Why it ended.
        finish: Finish,
    },
    /// All answers are complete.
    Done {
        /// What they cost.
        usage: Usage,
    },
    /// There will be no more of any answer.
    Failed(GenerateError),
}

/// How likely a token of an answer was.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLikelihood {
    /// The token.
    pub chosen: LikelyToken,
    /// The likeliest in its place, in that order; as many as were asked for.
    pub top: Vec<LikelyToken>,
}

/// A token, and how likely it was.
#[derive(Debug, Clone, PartialEq)]
pub struct LikelyToken {
    /// What it adds to the text: part of a character perhaps, and nothing if it is structure.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability, by the model itself.
    pub logprob: f32,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended its turn, or a stop string came up.
    Stop,
    /// The model called functions, and waits for what they give.
    Calls,
    /// The limit asked for, or the model's context, is used up.
    Length,
}

/// Tokens that the model read and made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, the template's included.
    pub prompt_tokens: usize,
    /// Of those, the ones that were computed for an earlier request already.
    pub cached_tokens: usize,
    /// Tokens generated for all answers, counting those that end the turn and those of a stop string.
    pub completion_tokens: usize,
}

/// An answer that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The prompt is too long for the model.
    #[error("the prompt has {prompt_tokens} tokens, and the model's context is {limit}: shorten it")]
    ContextExceeded {
        /// Tokens of the prompt.
        prompt_tokens: usize,
        /// Tokens of the model's context, of which the answer needs at least one.
        limit: usize,
    },
    /// There is nothing to continue.
    #[error("the prompt is empty: it needs at least one token")]
    EmptyPrompt,
    /// The model's chat template does not take the conversation, or there is none.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The prompt has no tokens in the model's vocabulary.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A token whose logit was to be changed is none of the model's.
    #[error("the model has no token {token}: its ids end before {vocabulary}")]
    UnknownToken {
        /// The token.
        token: u32,
        /// How many there are.
        vocabulary: usize,
    },
    /// A token of the prompt is none of the model's.
    #[error("token {place} of the prompt is none of the model's: their ids end before {vocabulary}")]
    UnknownPromptToken {
        /// Which, from 0.
        place: usize,
        /// How many the model has.
        vocabulary: usize,
    },
    /// The model could not be computed. All that were in the same batch fail.
    #[error(transparent)]
    Forward(#[from] Arc<ForwardError>),
    /// The model computed nonsense.
    #[error(transparent)]
    Sample(#[from] NoFiniteLogit),
    /// The grammar that the answer is held to turned out to be too complex.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// Whoever reads the answer did not, for too long.
    #[error("the answer was given up: nobody read it for {} s", .0.as_secs())]
    NotRead(Duration),
    /// The caller's deadline came first.
    #[error("the deadline passed before the answer was complete")]
    DeadlineExceeded,
    /// A bug; the engine goes on with other requests.
    #[error("the engine panicked during this request: {0}")]
    Panicked(Arc<str>),
    /// The engine ended with the request unfinished.
    #[error("the engine stopped before the answer was complete")]
    Stopped,
}

/// The answers to one request. Dropping it cancels the work.
#[derive(Debug)]
pub struct Generation {
    events: mpsc::Receiver<Event>,
    is_over: bool,
}

impl Generation {
    pub(super) fn new(events: mpsc::Receiver<Event>) -> Self {
        Self { events, is_over: false }
    }

    /// The next event, or `None` after the last one.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// The next event, in the form that a stream or a response body can be made of without a task between.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.events.poll_recv(context).map(|event| {
            // A sender that is gone without a last event means that the engine's thread is.
            let event = event.unwrap_or(Event::Failed(GenerateError::Stopped));
            self.is_over = matches!(event, Event::Done { .. } | Event::Failed(_));
            Some(event)
        })
    }
}
