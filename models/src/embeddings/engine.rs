//! The engine's handle: how work gets in and how its result comes back.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::sync::oneshot;

use super::worker::{EmbedError, EmbedJob, Worker};
use super::{Embeddings, Input};
use crate::encoder::Encoder;
use crate::queue::{Handle, Load, Queue, SubmitError};
use crate::tokenizer::Tokenizer;

/// The parts of an embedding model, as a loader hands them over.
pub struct EmbeddingModel {
    /// The forward pass.
    pub encoder: Box<dyn Encoder>,
    /// Text to tokens.
    pub tokenizer: Tokenizer,
}

impl fmt::Debug for EmbeddingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddingModel").finish_non_exhaustive()
    }
}

/// The engine's dimensions.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddingSettings {
    /// How many requests may wait behind the one being served.
    pub queue: usize,
    /// How many tokens one forward pass takes: more is hardly faster, fewer notices sooner that a client has left. An
    /// input is never divided.
    pub batch_tokens: usize,
}

impl Default for EmbeddingSettings {
    fn default() -> Self {
        Self { queue: 64, batch_tokens: 512 }
    }
}

/// A running embedding model. Clones share it; the engine's thread ends, after its last request, with the last clone.
#[derive(Debug, Clone)]
pub struct EmbeddingEngine {
    jobs: Handle<EmbedJob>,
    dimensions: usize,
}

impl EmbeddingEngine {
    /// Starts the engine's thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(model: EmbeddingModel, settings: EmbeddingSettings) -> io::Result<Self> {
        let dimensions = model.encoder.dimensions();
        let queue = Queue::new(settings.queue);
        let jobs = Handle::new(std::sync::Arc::clone(&queue));
        let mut worker = Worker::new(model, settings);
        thread::Builder::new().name("tw-embed".to_owned()).spawn(move || queue.serve(|job| worker.serve(job)))?;
        Ok(Self { jobs, dimensions })
    }

    /// Queues a request.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is the result's error.
    pub fn submit(&self, inputs: Vec<Input>) -> Result<Pending, SubmitError> {
        let (result, receiver) = oneshot::channel();
        self.jobs.queue().push(EmbedJob { inputs, result })?;
        Ok(Pending(receiver))
    }

    /// The length of every vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
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

/// The vectors to come. Dropping it cancels the work.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Embeddings, EmbedError>>);

impl Future for Pending {
    type Output = Result<Embeddings, EmbedError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A sender that is gone without a result means that the engine's thread is.
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(context)).unwrap_or(Err(EmbedError::Stopped)))
    }
}
