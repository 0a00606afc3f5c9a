//! The thread that computes: one step after the other, each with a token for every answer and a piece of the prompts that wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::answer::{Answer, Next, Vocabulary};
use super::intake::{Intake, StopOnDrop};
use super::masks::Masks;
use super::ongoing::Requests;
use super::outlook::Outlook;
use super::pass::Pass;
use super::prompt::Ready;
use super::scene::Recent;
use super::schedule::{Law, Limits, Pool, Schedule, Share};
use super::{Finish, GenerateError};
use crate::decoder::{Decoder, ForwardError};
use crate::load::{Ended, Pace, Work};
use crate::queue::panic_message;

/// After so many failed steps in a row the engine gives up: what fails every time is not going to mend itself.
const MOST_FAILURES: usize = 3;

/// How soon it is noticed that a reader reads again, where there is nothing else to do. A channel holds more than is read in that time.
const GLANCE: Duration = Duration::from_millis(10);

/// Owns the model.
pub(super) struct Worker {
    decoder: Box<dyn Decoder>,
    vocabulary: Vocabulary,
    /// Tokens of the longest sequence.
    limit: usize,
    schedule: Schedule<Answer>,
    requests: Requests,
    pace: Pace,
    recent: Recent,
    masks: Masks,
    failures: usize,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stepped {
    /// Something was computed, or was to be.
    Computed,
    /// All that there is to do waits for its readers.
    Held,
    /// There is nothing to do.
    Idle,
}

/// Why a step gave nothing.
enum Fault {
    Failed(Arc<ForwardError>),
    Panicked(Arc<str>),
}

impl Fault {
    fn error(&self) -> GenerateError {
        match self {
            Self::Failed(error) => GenerateError::Forward(Arc::clone(error)),
            Self::Panicked(message) => GenerateError::Panicked(Arc::clone(message)),
        }
    }
}

impl Worker {
    /// Computes sequences of at most `limit` tokens.
    pub(super) fn new(decoder: Box<dyn Decoder>, vocabulary: Vocabulary, limit: usize, limits: Limits, pace: Pace) -> Self {
        let schedule = Schedule::new(limits, Pool::new(decoder.cache()));
        let (requests, recent, masks) = (Requests::default(), Recent::default(), Masks::default());
        Self { decoder, vocabulary, limit, schedule, requests, pace, recent, masks, failures: 0 }
    }

    /// Serves until there are no more requests, or until it is of no use to go on.
    pub(super) fn serve(&mut self, intake: &Intake) {
        let _stopped_when_this_thread_ends = StopOnDrop(intake);
        let mut stepped = Stepped::Idle;
        while self.failures < MOST_FAILURES {
            if intake.has_stopped() {
                return;
            }
            let came = match stepped {
                Stepped::Computed => Some(intake.take()),
                Stepped::Held => Some(intake.wait_at_most(GLANCE)),
                Stepped::Idle => intake.wait(),
            };
            let Some(came) = came else { return };
            stepped = self.step(came, intake);
        }
        tracing::error!(failures = self.failures, "the chat engine stops: its model cannot be computed");
    }

    /// There is nothing to compute.
    fn rest(&self, intake: &Intake) {
        intake.publish(&Outlook::idle(self.pace.costs(), self.schedule.limits(), self.recent, self.schedule.cache_use()));
    }

    /// Takes on what has come, and computes the next step, if there is anything to compute.
    pub(super) fn step(&mut self, came: impl IntoIterator<Item = Ready>, intake: &Intake) -> Stepped {
        for ready in came {
            if let Some(first) = self.requests.accept(ready, &self.vocabulary, self.limit) {
                self.schedule.push(first);
            }
        }
        let began = intake.now();
        self.requests.see_to_readers(began, &mut self.schedule);
        let costs = self.pace.costs();
        let shares = self.schedule.plan(&Law::of(&costs, began));
        if shares.is_empty() {
            self.rest(intake);
            return self.stands();
        }
        let work = self.work(&shares);
        let scene = self.recent.scene(&self.schedule, &shares, costs.time(&work, began), &intake.estimates());
        intake.publish(&Outlook::of(&scene, costs, began));
        let masks = self.masks.begin(&mut self.schedule, &shares);
        let computed = self.compute(&shares);
        masks.end(&mut self.schedule);
        match computed {
            Ok(logits) => {
                self.settle(&shares, &logits, intake);
                let ended = intake.now();
                self.pace.learn(&work, ended.saturating_duration_since(began), ended);
            }
            Err(fault) => self.start_over(&shares, &fault),
        }
        if self.schedule.is_idle() {
            self.rest(intake);
        }
        self.stands()
    }

    /// What there is to do now.
    fn stands(&self) -> Stepped {
        if !self.schedule.is_idle() && !self.schedule.is_held() {
            Stepped::Computed
        } else if self.requests.is_empty() {
            Stepped::Idle
        } else {
            Stepped::Held
        }
    }

    /// The sequences that are being computed, and those that wait.
    #[cfg(test)]
    pub(super) const fn schedule(&self) -> &Schedule<Answer> {
        &self.schedule
    }

    fn work(&self, shares: &[Share]) -> Work {
        let computed = |place: usize| self.schedule.running().get(place).map_or(0, |sequence| sequence.cached.computed());
        Work::step(shares.iter().map(|share| (computed(share.place), share.tokens)))
    }

    /// A panic costs those in the batch, not the engine: the model's weights are never written.
    fn compute(&mut self, shares: &[Share]) -> Result<Vec<f32>, Fault> {
        let (decoder, running) = (&mut self.decoder, self.schedule.running());
        let sequences = shares.iter().filter_map(|share| Some((&running.get(share.place)?.cached, share.tokens)));
        let sequences: Vec<_> = sequences.collect();
        match catch_unwind(AssertUnwindSafe(|| Pass::forward(decoder.as_mut(), &sequences))) {
            Ok(logits) => logits.map_err(|error| Fault::Failed(Arc::new(error))),
            Err(payload) => Err(Fault::Panicked(panic_message(payload.as_ref()).into())),
        }
    }

    /// The step is done: every sequence of which nothing is left gets a token.
    fn settle(&mut self, shares: &[Share], logits: &[f32], intake: &Intake) {
        self.failures = 0;
        self.recent.learn(&self.schedule, shares);
        self.requests.note_what_was_cached(&self.schedule, shares, &mut self.recent);
        self.schedule.advance(shares);
        let mut rows = logits.chunks_exact(self.decoder.vocabulary_size().max(1));
        for share in shares {
            let Some(sequence) = self.schedule.at(share.place).filter(|sequence| sequence.cached.left() == 0) else { continue };
            let Some(logits) = rows.next() else { continue };
            let (answer, place) = (&mut sequence.answer, sequence.cached.tokens().len());
            let request = answer.request;
            match answer.next(logits, place, &self.vocabulary, |event| self.requests.tell(request, event)) {
                Ok(Next::Tokens(tokens)) => tokens.into_iter().for_each(|token| sequence.cached.push(token)),
                Ok(Next::End(finish)) => {
                    let (generated, ended) = (answer.generated(), ended(finish));
                    intake.learn(|estimates| estimates.answer.learn(generated, ended));
                    self.requests.finish(request, generated);
                }
                Err(error) => self.requests.fail(request, error),
            }
        }
        self.requests.let_go(&mut self.schedule);
    }

    /// Fails those that were in the batch. All others are computed again: what the cache holds is undefined.
    fn start_over(&mut self, shares: &[Share], fault: &Fault) {
        self.failures += 1;
        let error = fault.error();
        tracing::error!(%error, failures = self.failures, "a forward pass failed");
        let failed = shares.iter().filter_map(|share| Some(self.schedule.running().get(share.place)?.answer.request));
        for request in failed.collect::<Vec<_>>() {
            self.requests.fail(request, fault.error());
        }
        self.requests.let_go(&mut self.schedule);
        self.schedule.forget_cache();
        let decoder = &mut self.decoder;
        let rebuilt = catch_unwind(AssertUnwindSafe(|| decoder.rebuild_cache()));
        match rebuilt {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the cache cannot be made anew");
                self.failures = MOST_FAILURES;
            }
            Err(payload) => {
                tracing::error!(message = panic_message(payload.as_ref()), "a panic while the cache was made anew");
                self.failures = MOST_FAILURES;
            }
        }
    }
}

const fn ended(finish: Finish) -> Ended {
    match finish {
        Finish::Stop | Finish::Calls => Ended::ByItself,
        Finish::Length => Ended::ByLimit,
    }
}
