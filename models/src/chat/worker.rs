//! The engine's thread: serves one request from its prompt to its last token.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::progress::{Ahead, Progress};
use super::sequence::append;
use super::stop::{Matched, StopMatcher};
use super::{ChatModel, ChatRequest, Event, Finish, GenerateError, Usage};
use crate::load::{Ended, Estimates, Work};
use crate::queue::{Job, Meter, panic_message};
use crate::sample::Sampler;

/// A request on its way to the worker.
#[derive(Debug)]
pub(super) struct ChatJob {
    pub(super) request: ChatRequest,
    pub(super) events: mpsc::Sender<Event>,
    /// The engine's: how many tokens of a prompt are read at once.
    pub(super) prefill_chunk: usize,
}

impl Job for ChatJob {
    fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }

    fn work(&self, estimates: &Estimates) -> Work {
        let prompt = estimates.prompt.expected(self.request.bytes()).round() as usize;
        let answer = self.request.max_tokens.unwrap_or(usize::MAX);
        Ahead { position: 0, prompt, answer, chunk: self.prefill_chunk }.work(estimates)
    }
}

/// Owns the model.
pub(super) struct Worker {
    model: ChatModel,
    prefill_chunk: usize,
}

/// Why a request ended without an answer.
enum Interrupted {
    /// Nobody listens any more.
    Abandoned,
    Failed(GenerateError),
}

impl<E: Into<GenerateError>> From<E> for Interrupted {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Worker {
    /// Reads prompts in pieces of `prefill_chunk` tokens, at least one.
    pub(super) const fn new(model: ChatModel, prefill_chunk: usize) -> Self {
        Self { model, prefill_chunk }
    }

    /// Answers one request. A panic costs this request, not the engine: the model's weights are never written, and of
    /// its cache no request reads what it has not written itself.
    pub(super) fn serve(&mut self, job: ChatJob, meter: &Meter<'_, ChatJob>) {
        let ChatJob { request, events, .. } = job;
        let outcome = catch_unwind(AssertUnwindSafe(|| self.answer(request, &events, meter)));
        let last = match outcome {
            Ok(Ok((finish, usage))) => {
                let ended = match finish {
                    Finish::Stop => Ended::ByItself,
                    Finish::Length => Ended::ByLimit,
                };
                meter.learn(|estimates| estimates.answer.learn(usage.completion_tokens, ended));
                Event::Done { finish, usage }
            }
            Ok(Err(Interrupted::Abandoned)) => return,
            Ok(Err(Interrupted::Failed(error))) => Event::Failed(error),
            Err(payload) => Event::Failed(GenerateError::Panicked(panic_message(payload.as_ref()))),
        };
        if let Event::Failed(error) = &last {
            tracing::debug!(%error, "generation failed");
        }
        // A reader that left in this very moment needs no last event.
        let _left = send(&events, last);
    }

    fn answer(
        &mut self,
        request: ChatRequest,
        events: &mpsc::Sender<Event>,
        meter: &Meter<'_, ChatJob>,
    ) -> Result<(Finish, Usage), Interrupted> {
        let still_wanted = || still_wanted(events, request.deadline);
        still_wanted()?;

        let limit = self.model.decoder.context_length();
        let prompt = self.model.tokenizer.encode(&self.model.template.render(&request.messages)?)?;
        let prompt_tokens = prompt.len();
        meter.learn(|estimates| estimates.prompt.learn(request.bytes(), prompt_tokens));
        if prompt_tokens >= limit {
            return Err(GenerateError::ContextExceeded { prompt_tokens, limit }.into());
        }
        send(events, Event::Started { prompt_tokens })?;

        let room = limit - prompt_tokens;
        let longest = request.max_tokens.map_or(room, |asked| asked.min(room));
        let ahead = Ahead { position: 0, prompt: prompt_tokens, answer: longest, chunk: self.prefill_chunk };
        let mut progress = Progress::begin(ahead, meter);
        let mut logits = self.prefill(&prompt, &mut progress, still_wanted)?;
        let mut sampler = Sampler::new(request.sampling);
        let mut decoder = self.model.tokenizer.stream_decoder()?;
        let mut stops = StopMatcher::new(request.stop);
        let mut completion_tokens = 0;
        let usage = |completion_tokens| Usage { prompt_tokens, completion_tokens };

        let finish = loop {
            if completion_tokens == longest {
                break Finish::Length;
            }
            let token = sampler.sample(&logits)?;
            completion_tokens += 1;
            if self.model.stop_tokens.contains(&token) {
                break Finish::Stop;
            }
            match stops.push(&decoder.push(token)) {
                Matched::Pass(text) => send_text(events, text)?,
                Matched::Stop(text) => {
                    send_text(events, text)?;
                    return Ok((Finish::Stop, usage(completion_tokens)));
                }
            }
            if completion_tokens < longest {
                still_wanted()?;
                logits = append(self.model.decoder.as_mut(), &[token], prompt_tokens + completion_tokens - 1)?;
                progress.step();
            }
        };

        // Half a character at the very end may still complete a stop string.
        match stops.push(&decoder.finish()) {
            Matched::Pass(text) => {
                send_text(events, text)?;
                send_text(events, stops.finish())?;
            }
            Matched::Stop(text) => send_text(events, text)?,
        }
        Ok((finish, usage(completion_tokens)))
    }

    /// Reads the prompt and returns the logits after it.
    fn prefill(
        &mut self,
        prompt: &[u32],
        progress: &mut Progress<'_>,
        still_wanted: impl Fn() -> Result<(), Interrupted>,
    ) -> Result<Vec<f32>, Interrupted> {
        let mut logits = None;
        let mut start = 0;
        for chunk in prompt.chunks(self.prefill_chunk) {
            still_wanted()?;
            logits = Some(append(self.model.decoder.as_mut(), chunk, start)?);
            start += chunk.len();
            progress.step();
        }
        logits.ok_or(Interrupted::Failed(GenerateError::EmptyPrompt))
    }
}

fn still_wanted(events: &mpsc::Sender<Event>, deadline: Option<Instant>) -> Result<(), Interrupted> {
    if events.is_closed() {
        return Err(Interrupted::Abandoned);
    }
    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Err(GenerateError::DeadlineExceeded.into());
    }
    Ok(())
}

/// Sends without waiting: the channel has room for every event of the longest answer, so only a reader that left can
/// make this fail.
fn send(events: &mpsc::Sender<Event>, event: Event) -> Result<(), Interrupted> {
    events.try_send(event).map_err(|_| Interrupted::Abandoned)
}

fn send_text(events: &mpsc::Sender<Event>, text: String) -> Result<(), Interrupted> {
    if text.is_empty() { Ok(()) } else { send(events, Event::Text(text)) }
}
