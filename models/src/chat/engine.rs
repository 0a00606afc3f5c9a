//! The engine's handle: how work gets in.

use std::fmt;
use std::io;
use std::thread;

use tokio::sync::mpsc;

use super::worker::{ChatJob, Worker};
use super::{ChatRequest, Generation};
use crate::decoder::Decoder;
use crate::queue::{Handle, Load, Queue, SubmitError};
use crate::template::ChatTemplate;
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
    /// How many tokens of a prompt are read at once: more is faster, fewer notices sooner that a client has left.
    pub prefill_chunk: usize,
}

impl Default for ChatSettings {
    /// Eight waiting requests: behind a model that answers in seconds, more would only wait for their timeouts.
    fn default() -> Self {
        Self { queue: 8, prefill_chunk: 64 }
    }
}

/// A running chat model. Clones share it; the engine's thread ends, after its last request, with the last clone.
#[derive(Debug, Clone)]
pub struct ChatEngine {
    jobs: Handle<ChatJob>,
    context_length: usize,
}

impl ChatEngine {
    /// Starts the engine's thread.
    ///
    /// # Errors
    /// When the tokenizer cannot stream, or the system gives no thread.
    pub fn start(model: ChatModel, settings: ChatSettings) -> Result<Self, StartError> {
        // Asked here, so that a model which cannot stream fails at start and not at its first request.
        model.tokenizer.stream_decoder()?;
        let context_length = model.decoder.context_length();
        let queue = Queue::new(settings.queue);
        let jobs = Handle::new(std::sync::Arc::clone(&queue));
        let mut worker = Worker::new(model, settings);
        thread::Builder::new().name("tw-chat".to_owned()).spawn(move || queue.serve(|job| worker.serve(job)))?;
        Ok(Self { jobs, context_length })
    }

    /// Queues a request.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is an event of the generation.
    pub fn submit(&self, request: ChatRequest) -> Result<Generation, SubmitError> {
        let longest = request.max_tokens.unwrap_or(usize::MAX).min(self.context_length);
        let (events, receiver) = mpsc::channel(longest + EVENTS_BESIDE_TEXT);
        self.jobs.queue().push(ChatJob { request, events })?;
        Ok(Generation::new(receiver))
    }

    /// The most tokens of a conversation and its answer together.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// How busy the engine is.
    pub fn load(&self) -> Load {
        self.jobs.queue().load()
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
    /// The system gave no thread.
    #[error("cannot start the engine's thread: {0}")]
    Thread(#[from] io::Error),
}
