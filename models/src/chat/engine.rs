//! The engine's handle: how work gets in.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::answer::Vocabulary;
use super::grammars::Grammars;
use super::intake::{Door, Intake};
use super::outbox::ROOM;
use super::outlook::{Bounds, Outlook};
use super::prompt::{ChatJob, Prompter};
use super::rehearsal::{conversation, rehearse};
use super::scene::Recent;
use super::schedule::Limits;
use super::worker::Worker;
use super::{CacheUse, ChatRequest, Generation};
use crate::constrain::{Grammar, GrammarError, Pattern, STACK};
use crate::decoder::{CacheLayout, Decoder, ForwardError};
use crate::load::{Estimates, Forecast, Full};
use crate::queue::{Clock, SubmitError};
use crate::template::{ChatTemplate, TemplateError};
use crate::tokenizer::{Tokenizer, TokenizerError};
use crate::tools::{Offer, Toolbox};

/// Events that a channel has room for whatever is read: the start and the end.
const ENDS: usize = 2;

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
    /// How many requests may wait beside those that are being answered.
    pub queue: usize,
    /// How many tokens their prompts may have together: once there are as many, no further request is taken.
    pub queue_tokens: usize,
    /// How long a request may be expected to wait until its prompt is read: if it would be longer, no further one is taken.
    pub longest_wait: Duration,
    /// How many answers are generated at the same time, as far as the cache has room.
    pub rows: usize,
    /// How many tokens a step computes at most: more reads prompts faster, fewer notices sooner that a client has left. While answers are being
    /// generated it reads less, so that they do not stutter.
    pub step_tokens: usize,
    /// How many times a short conversation is computed at start, so that the first forecasts are right. Without that they are a
    /// guess, which the first requests correct.
    pub rehearsals: usize,
}

impl Default for ChatSettings {
    /// For a small model on a few cores, where sixteen answers take as long as they may, and a prompt of as many tokens as may wait takes
    /// half a minute to read. Whoever would have to wait longer is better served elsewhere.
    fn default() -> Self {
        Self { queue: 32, queue_tokens: 16_384, longest_wait: Duration::from_secs(30), rows: 16, step_tokens: 64, rehearsals: 2 }
    }
}

/// A running chat model. Clones share it; the engine's threads end, after its last request, with the last clone.
#[derive(Debug, Clone)]
pub struct ChatEngine {
    door: Door,
    context_length: usize,
    grammars: Arc<Grammars>,
}

impl ChatEngine {
    /// Rehearses, and starts the engine's threads. Blocks for the rehearsals.
    ///
    /// # Errors
    /// When the tokenizer cannot stream, the model cannot be computed, or the system gives no thread.
    pub fn start(model: ChatModel, settings: ChatSettings) -> Result<Self, StartError> {
        Self::start_holding(model, settings, ())
    }

    /// The same, and drops `held` once the engine has ended and the memory of its model is free again.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub fn start_holding(model: ChatModel, settings: ChatSettings, held: impl Send + 'static) -> Result<Self, StartError> {
        let (engine, prompter, mut worker) = Self::assemble(Clock::real(), model, settings)?;
        let intake = engine.intake_of_thread();
        thread::Builder::new().name("tw-chat-text".to_owned()).spawn(move || prompter.serve(&intake))?;
        let intake = engine.intake_of_thread();
        // It follows grammars as well.
        thread::Builder::new().name("tw-chat".to_owned()).stack_size(STACK).spawn(move || {
            worker.serve(&intake);
            drop(worker);
            drop(held);
        })?;
        Ok(engine)
    }

    /// An engine whose threads are not started.
    pub(super) fn assemble(
        clock: Clock,
        model: ChatModel,
        settings: ChatSettings,
    ) -> Result<(Self, Prompter, Worker), StartError> {
        let ChatModel { mut decoder, tokenizer, template, stop_tokens } = model;
        // Asked here, so that a model which cannot stream fails at start and not at its first request.
        tokenizer.stream_decoder()?;
        let CacheLayout { blocks, block_size } = decoder.cache();
        let context_length = decoder.context_length().min(blocks.saturating_mul(block_size));
        if context_length == 0 {
            return Err(StartError::NoCache);
        }
        let rows = settings.rows.max(1);
        let limits = Limits { rows, tokens: settings.step_tokens.max(rows) };
        let mut estimates = Estimates::default();
        let tokens = conversation(&tokenizer, &template, &mut estimates, settings.rehearsals)?;
        let pace = rehearse(decoder.as_mut(), &tokens, limits, settings.rehearsals, &clock)?;
        let bounds = Bounds { requests: settings.queue, tokens: settings.queue_tokens, wait: settings.longest_wait };
        let outlook = Outlook::idle(pace.costs(), limits, Recent::default(), CacheUse { blocks, free: blocks, steps: 0 });
        let intake = Arc::new(Intake::new(bounds, estimates, outlook, clock));
        let vocabulary = decoder.vocabulary_size();
        let grammars = Arc::new(Grammars::new(tokenizer.clone(), stop_tokens.clone(), template.style()));
        let prompter = Prompter { tokenizer: tokenizer.clone(), template, limit: context_length, vocabulary };
        let vocabulary = Vocabulary { tokenizer, stop_tokens, grammars: Arc::clone(&grammars) };
        let worker = Worker::new(decoder, vocabulary, context_length, limits, pace);
        Ok((Self { door: Door::new(intake), context_length, grammars }, prompter, worker))
    }

    /// What its threads share with the handles.
    pub(super) fn intake_of_thread(&self) -> Arc<Intake> {
        self.door.intake_of_thread()
    }

    /// Queues a request.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is an event of the generation.
    pub fn submit(&self, request: ChatRequest) -> Result<Generation, SubmitError> {
        let (events, receiver) = mpsc::channel(ROOM + ENDS);
        self.door.intake().push(ChatJob { request, events })?;
        Ok(Generation::new(receiver))
    }

    /// Makes a grammar ready for answers of this model. Needs a runtime; no answer waits for it.
    ///
    /// # Errors
    /// What is wrong with the grammar, or not supported.
    pub async fn compile(&self, grammar: Grammar) -> Result<Pattern, GrammarError> {
        Arc::clone(&self.grammars).compile(grammar).await
    }

    /// Makes functions ready to be called by this model, in the same way.
    ///
    /// # Errors
    /// Which function has a schema that is not taken.
    pub async fn offer(&self, offer: Offer) -> Result<Toolbox, GrammarError> {
        Arc::clone(&self.grammars).offer(offer).await
    }

    /// The most tokens of a prompt and its answer together.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// How long a further request would take, with so many tokens in its prompt and so many expected in its answer. Takes no lock.
    pub fn forecast(&self, prompt_tokens: usize, output_tokens: usize) -> Forecast {
        self.door.intake().forecast(prompt_tokens, output_tokens)
    }

    /// About how many tokens a request's prompt has, with what the model's template adds to a conversation: learnt from those that came.
    pub fn expected_tokens(&self, request: &ChatRequest) -> usize {
        request.expected_tokens(&self.door.intake().estimates()).round() as usize
    }

    /// How long a request that came now would wait until its prompt is read. Takes no lock.
    pub fn wait(&self) -> Duration {
        self.door.intake().time_to_wait()
    }

    /// Whether a further request would be taken. Takes no lock.
    ///
    /// # Errors
    /// [`Full`], with the time after which it would.
    pub fn room(&self) -> Result<(), Full> {
        self.door.intake().room()
    }

    /// How much of the cache is held, by the last step that was begun or the rest after it. Takes no lock.
    pub fn cache_use(&self) -> CacheUse {
        self.door.intake().cache_use()
    }

    /// Whether the engine has ended: it was closed and has answered all that it had, or its model could not be computed several times in a row.
    /// Takes no lock.
    pub fn has_stopped(&self) -> bool {
        self.door.intake().has_stopped()
    }

    /// Takes no more requests; those already queued are still answered.
    pub fn close(&self) {
        self.door.intake().close();
    }

    /// Ends after the step that is being computed. Requests that are not answered by then fail with [`GenerateError::Stopped`].
    ///
    /// [`GenerateError::Stopped`]: super::GenerateError::Stopped
    pub fn stop(&self) {
        self.door.intake().stop();
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
    /// There is no room for a single token.
    #[error("the model's cache has no room: give it at least one block")]
    NoCache,
    /// The system gave no thread.
    #[error("cannot start the engine's thread: {0}")]
    Thread(#[from] io::Error),
}
