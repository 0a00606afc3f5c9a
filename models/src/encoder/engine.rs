//! The engine's handle: how work gets in and how its result comes back.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::intake::Intake;
use super::outlook::Bounds;
use super::reader::Reader;
use super::rehearsal::{Rehearsal, rehearse};
use super::requests::Outcome;
use super::worker::Worker;
use super::{EncodeError, Encoder, Input};
use crate::classify::Labels;
use crate::decoder::ForwardError;
use crate::load::{Forecast, Full};
use crate::queue::{Clock, SubmitError};
use crate::tokenizer::Tokenizer;

/// The parts of an encoder, as a loader hands them over.
pub struct EncoderModel {
    /// The forward pass.
    pub encoder: Box<dyn Encoder>,
    /// Text to tokens.
    pub tokenizer: Tokenizer,
    /// What the numbers of a row are scores of; none where a row is a vector.
    pub labels: Option<Labels>,
}

impl fmt::Debug for EncoderModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncoderModel").finish_non_exhaustive()
    }
}

/// The engine's dimensions.
#[derive(Debug, Clone, Copy)]
pub struct EncoderSettings {
    /// How many requests may wait for their first or a further batch.
    pub queue: usize,
    /// How many tokens they may have together: once there are as many, no further request is taken.
    pub queue_tokens: usize,
    /// How many tokens one forward pass takes. An input is never divided. Without a number, the rehearsals find the least that is nearly as
    /// quick, token for token, as more would be.
    pub batch_tokens: Option<usize>,
    /// The longest that a forward pass may take for that: what comes meanwhile has to wait for its end.
    pub batch_time: Duration,
    /// How many bytes of outputs are kept for inputs that come again; 0 keeps none. Whoever shares the engine can tell from the time
    /// that an answer takes whether the very same input was asked for before.
    pub cache_bytes: usize,
    /// How many times made-up inputs of every size are computed at start, so that the first forecasts are right. Without that they are a
    /// guess, which the first requests correct.
    pub rehearsals: usize,
}

impl Default for EncoderSettings {
    /// A small model on a few cores takes some ten seconds for as many tokens as may wait.
    fn default() -> Self {
        Self {
            queue: 1024,
            queue_tokens: 32_768,
            batch_tokens: None,
            batch_time: Duration::from_millis(50),
            cache_bytes: 32 << 20,
            rehearsals: 3,
        }
    }
}

/// A running encoder. Clones share it; the engine's threads end, after their last request, with the last clone.
#[derive(Debug, Clone)]
pub struct EncoderEngine {
    intake: Arc<CloseOnDrop>,
    dimensions: usize,
    batch_tokens: usize,
}

impl EncoderEngine {
    /// Rehearses, and starts the engine's threads. Blocks for the rehearsals.
    ///
    /// # Errors
    /// When the model cannot be computed, or the system gives no thread.
    pub fn start(model: EncoderModel, settings: EncoderSettings) -> Result<Self, StartError> {
        Self::start_holding(model, settings, ())
    }

    /// The same, and drops `held` once the engine has ended and the memory of its model is free again.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub fn start_holding(model: EncoderModel, settings: EncoderSettings, held: impl Send + 'static) -> Result<Self, StartError> {
        let Parts { intake, reader, mut worker, dimensions, batch_tokens } = Parts::new(Clock::real(), model, settings)?;
        let intake = Arc::new(intake);
        let (reading, computing) = (Arc::clone(&intake), Arc::clone(&intake));
        // Should one thread start and not the other, this lets it end.
        let handle = Arc::new(CloseOnDrop(intake));
        thread::Builder::new().name("tw-encode-read".to_owned()).spawn(move || reader.serve(&reading))?;
        thread::Builder::new().name("tw-encode".to_owned()).spawn(move || {
            worker.serve(&computing);
            drop(worker);
            drop(held);
        })?;
        Ok(Self { intake: handle, dimensions, batch_tokens })
    }

    /// Queues a request.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is the result's error.
    pub fn submit(&self, inputs: Vec<Input>) -> Result<Pending, SubmitError> {
        self.intake.0.push(inputs).map(Pending)
    }

    /// How many numbers a row of an output has.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many tokens a forward pass takes at most, unless a single input has more.
    pub fn batch_tokens(&self) -> usize {
        self.batch_tokens
    }

    /// How long a further request would take, with so many tokens in all its inputs. Takes no lock.
    pub fn forecast(&self, prompt_tokens: usize) -> Forecast {
        self.intake.0.forecast(prompt_tokens)
    }

    /// About how many tokens an input of so many bytes has: learnt from those that came.
    pub fn expected_tokens(&self, bytes: usize) -> usize {
        self.intake.0.expected_tokens(bytes)
    }

    /// Whether a further request would be taken. Takes no lock.
    ///
    /// # Errors
    /// [`Full`], with the time after which it would.
    pub fn room(&self) -> Result<(), Full> {
        self.intake.0.room()
    }

    /// Whether it takes no more requests: it was closed, or its thread has died.
    pub fn has_stopped(&self) -> bool {
        !self.intake.0.is_open()
    }

    /// Takes no more requests; those already queued are still answered.
    pub fn close(&self) {
        self.intake.0.close();
    }
}

/// An engine before its threads have started.
pub(super) struct Parts {
    pub(super) intake: Intake,
    pub(super) reader: Reader,
    pub(super) worker: Worker,
    dimensions: usize,
    pub(super) batch_tokens: usize,
}

impl Parts {
    /// Rehearses.
    pub(super) fn new(clock: Clock, model: EncoderModel, settings: EncoderSettings) -> Result<Self, ForwardError> {
        let EncoderModel { mut encoder, tokenizer, labels: _ } = model;
        let Rehearsal { pace, batch_tokens } = rehearse(encoder.as_mut(), &settings, &clock)?;
        let bounds = Bounds { requests: settings.queue, tokens: settings.queue_tokens, batch: batch_tokens };
        Ok(Self {
            intake: Intake::new(bounds, settings.cache_bytes, pace, clock),
            reader: Reader::new(tokenizer, encoder.as_ref()),
            dimensions: encoder.dimensions(),
            worker: Worker(encoder),
            batch_tokens,
        })
    }
}

#[derive(Debug)]
struct CloseOnDrop(Arc<Intake>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// An engine that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The model cannot be computed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// A model without the scores that are asked of it.
    #[error("the model makes rows of {scores} numbers, and they are not the scores that this task asks for")]
    NoScores {
        /// How many numbers a row has.
        scores: usize,
    },
    /// The system gave no thread.
    #[error("cannot start the engine's thread: {0}")]
    Thread(#[from] io::Error),
}

/// The outputs to come. Dropping it cancels what is in no batch yet.
#[derive(Debug)]
pub struct Pending(pub(super) oneshot::Receiver<Outcome>);

impl Future for Pending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A sender that is gone without a result means that the engine's thread is.
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(context)).unwrap_or(Err(EncodeError::Stopped)))
    }
}
