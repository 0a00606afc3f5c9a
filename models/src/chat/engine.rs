//! The engine's handle: how work gets in.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc;

use super::rehearsal::rehearse;
use super::worker::{ChatJob, Worker};
use super::{ChatRequest, Generation};
use crate::decoder::{Decoder, ForwardError};
use crate::load::{Forecast, Full, Work};
use crate::queue::{Bounds, Clock, Handle, Queue, SubmitError};
use crate::template::{ChatTemplate, TemplateError};
use crate::tokenizer::{Tokenizer, TokenizerError};

/// Events of an answer that are not text: its start, its end, and the text held back until the end.
const EVENTS_BESIDE_TEXT: usize = 4;

/// The parts of a chat model, as a loader hands them over.
pub struct ChatModel {
    /// The forward pass.
    pub decoder: Box<dyn Decoder>,
    /// Text to tokens and back.
    pub tokenizer: Tokenizer,
    /// Conversation to prompt.
    pub template: ChatTemplate,
    /// The tokens that end a turn.
    pub stop_tokens: Vec<u32>,
}

impl fmt::Debug for ChatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatModel").field("stop_tokens", &self.stop_tokens).finish_non_exhaustive()
    }
}

/// The engine's dimensions.
#[derive(Debug, Clone, Copy)]
pub struct ChatSettings {
    /// How many requests may wait behind the one being served.
    pub queue: usize,
    /// How many tokens their prompts may have together: once there are as many, no further request is taken.
    pub queue_tokens: usize,
    /// How many tokens of a prompt are read at once: more is faster, fewer notices sooner that a client has left.
    pub prefill_chunk: usize,
    /// How many times a short conversation is computed at start, so that the first forecasts are right. Without that they are a
    /// guess, which the first requests correct.
    pub rehearsals: usize,
}

impl Default for ChatSettings {
    /// Eight waiting requests: behind a model that answers in seconds, more would only wait for their timeouts. The same holds of
    /// prompts that take a small model on a few cores half a minute to read.
    fn default() -> Self {
        Self { queue: 8, queue_tokens: 16_384, prefill_chunk: 64, rehearsals: 2 }
    }
}

/// A running chat model. Clones share it; the engine's thread ends, after its last request, with the last clone.
#[derive(Debug, Clone)]
pub struct ChatEngine {
    jobs: Handle<ChatJob>,
    context_length: usize,
    prefill_chunk: usize,
}

impl ChatEngine {
    /// Rehearses, and starts the engine's thread. Blocks for the rehearsals.
    ///
    /// # Errors
    /// When the tokenizer cannot stream, the model cannot be computed, or the system gives no thread.
    pub fn start(model: ChatModel, settings: ChatSettings) -> Result<Self, StartError> {
        Self::start_by(Clock::real(), model, settings)
    }

    pub(super) fn start_by(clock: Clock, mut model: ChatModel, settings: ChatSettings) -> Result<Self, StartError> {
        // Asked here, so that a model which cannot stream fails at start and not at its first request.
        model.tokenizer.stream_decoder()?;
        let context_length = model.decoder.context_length();
        let prefill_chunk = settings.prefill_chunk.max(1);
        let (pace, estimates) = rehearse(&mut model, settings.rehearsals, &clock)?;
        let bounds = Bounds { requests: settings.queue, tokens: settings.queue_tokens };
        let queue = Queue::new(bounds, pace, estimates, clock);
        let jobs = Handle::new(Arc::clone(&queue));
        let mut worker = Worker::new(model, prefill_chunk);
        thread::Builder::new().name("tw-chat".to_owned()).spawn(move || queue.serve(|job, meter| worker.serve(job, meter)))?;
        Ok(Self { jobs, context_length, prefill_chunk })
    }

    /// Queues a request.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is an event of the generation.
    pub fn submit(&self, request: ChatRequest) -> Result<Generation, SubmitError> {
        let longest = request.max_tokens.unwrap_or(usize::MAX).min(self.context_length);
        let (events, receiver) = mpsc::channel(longest + EVENTS_BESIDE_TEXT);
        self.jobs.queue().push(ChatJob { request, events, prefill_chunk: self.prefill_chunk })?;
        Ok(Generation::new(receiver))
    }

    /// The most tokens of a conversation and its answer together.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// How long a further request would take, with so many tokens in its prompt and so many expected in its answer. Takes no lock.
    pub fn forecast(&self, prompt_tokens: usize, output_tokens: usize) -> Forecast {
        let prompt = Work::prefill(0, prompt_tokens, self.prefill_chunk);
        let midway = Work::decode(prompt_tokens + output_tokens / 2, 1.0);
        self.jobs.queue().outlook(|published, now| Forecast {
            first_token: published.wait(now).saturating_add(published.time(&prompt, now)),
            per_token: published.time(&midway, now),
        })
    }

    /// Whether a further request would be taken. Takes no lock.
    ///
    /// # Errors
    /// [`Full`], with the time after which it would.
    pub fn room(&self) -> Result<(), Full> {
        self.jobs.queue().room()
    }

    /// Takes no more requests; those already queued are still answered.
    pub fn close(&self) {
        self.jobs.queue().close();
    }
}

/// An engine that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The model's tokenizer does not fit a chat engine.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The model's chat template does not take a conversation.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The model cannot be computed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// The system gave no thread.
    #[error("cannot start the engine's thread: {0}")]
    Thread(#[from] io::Error),
}
