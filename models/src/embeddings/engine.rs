//! The engine's handle: how work gets in and how its result comes back.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::rehearsal::rehearse;
use super::size::{Shape, Size};
use super::worker::{EmbedError, EmbedJob, Worker};
use super::{Embeddings, Input};
use crate::decoder::ForwardError;
use crate::encoder::Encoder;
use crate::load::{Estimates, Forecast, Full};
use crate::queue::{Bounds, Clock, Handle, Queue, SubmitError};
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
    /// How many tokens they may have together: once there are as many, no further request is taken.
    pub queue_tokens: usize,
    /// How many tokens one forward pass takes: more is hardly faster, fewer notices sooner that a client has left. An
    /// input is never divided.
    pub batch_tokens: usize,
    /// How many times a few made-up inputs are computed at start, so that the first forecasts are right. Without that they are a guess,
    /// which the first requests correct.
    pub rehearsals: usize,
}

impl Default for EmbeddingSettings {
    /// A small model on a few cores takes some ten seconds for as many tokens as may wait.
    fn default() -> Self {
        Self { queue: 64, queue_tokens: 32_768, batch_tokens: 512, rehearsals: 2 }
    }
}

/// A running embedding model. Clones share it; the engine's thread ends, after its last request, with the last clone.
#[derive(Debug, Clone)]
pub struct EmbeddingEngine {
    jobs: Handle<EmbedJob>,
    dimensions: usize,
    shape: Shape,
}

impl EmbeddingEngine {
    /// Rehearses, and starts the engine's thread. Blocks for the rehearsals.
    ///
    /// # Errors
    /// When the model cannot be computed, or the system gives no thread.
    pub fn start(model: EmbeddingModel, settings: EmbeddingSettings) -> Result<Self, StartError> {
        Self::start_by(Clock::real(), model, settings)
    }

    pub(super) fn start_by(clock: Clock, mut model: EmbeddingModel, settings: EmbeddingSettings) -> Result<Self, StartError> {
        let dimensions = model.encoder.dimensions();
        let shape = Shape { batch_tokens: settings.batch_tokens.max(1), longest: model.encoder.max_tokens() };
        let pace = rehearse(model.encoder.as_mut(), settings.rehearsals, &clock)?;
        let bounds = Bounds { requests: settings.queue, tokens: settings.queue_tokens };
        let queue = Queue::new(bounds, pace, Estimates::default(), clock);
        let jobs = Handle::new(Arc::clone(&queue));
        let mut worker = Worker::new(model, shape);
        thread::Builder::new().name("tw-embed".to_owned()).spawn(move || queue.serve(|job, meter| worker.serve(job, meter)))?;
        Ok(Self { jobs, dimensions, shape })
    }

    /// Queues a request.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is the result's error.
    pub fn submit(&self, inputs: Vec<Input>) -> Result<Pending, SubmitError> {
        let (result, receiver) = oneshot::channel();
        self.jobs.queue().push(EmbedJob { size: Size::of(&inputs), inputs, result, shape: self.shape })?;
        Ok(Pending(receiver))
    }

    /// The length of every vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How long a further request would take, with so many tokens in all its inputs. Takes no lock.
    pub fn forecast(&self, prompt_tokens: usize) -> Forecast {
        let work = self.shape.inputs(prompt_tokens);
        self.jobs.queue().outlook(|published, now| Forecast {
            first_token: published.wait(now).saturating_add(published.time(&work, now)),
            per_token: Duration::ZERO,
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
    /// The model cannot be computed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// The system gave no thread.
    #[error("cannot start the engine's thread: {0}")]
    Thread(#[from] io::Error),
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
