//! The requests that are being answered: who is told what, and when it is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::answer::{Answer, Parts, Vocabulary};
use super::guide::Guide;
use super::outbox::{Outbox, PATIENCE};
use super::prompt::{ChatJob, Ready};
use super::scene::Recent;
use super::schedule::{Cached, Prefix, Schedule, Sequence, Share, Ticket};
use super::speech::Speech;
use super::{Event, GenerateError, Usage};
use crate::sample::Sampler;
use crate::tokenizer::TokenizerError;
use crate::tools::Listener;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    by_number: BTreeMap<u64, Ongoing>,
    /// Of sequences: one that came later has a greater one. A request has that of its first.
    numbers: u64,
    /// Sequences that may run now.
    begun: Vec<Sequence<Answer>>,
    is_any_over: bool,
}

/// One request.
#[derive(Debug)]
struct Ongoing {
    outbox: Outbox,
    deadline: Option<Instant>,
    usage: Usage,
    /// Whether anything of it was computed.
    is_begun: bool,
    /// Answers that are not complete.
    unfinished: usize,
    /// All answers but the first. They begin when the prompt has been read, and find it in the cache.
    others: Vec<Sequence<Answer>>,
}

impl Requests {
    /// Takes a request on, and gives the sequence that is to be computed first; none if it has failed.
    pub(super) fn accept(&mut self, ready: Ready, vocabulary: &Vocabulary, limit: usize) -> Option<Sequence<Answer>> {
        let request = self.numbers + 1;
        match self.sequences(&ready, vocabulary, limit) {
            Ok(mut sequences) => {
                let Ready { job: ChatJob { request: asked, events }, prompt } = ready;
                let usage = Usage { prompt_tokens: prompt.len(), cached_tokens: 0, completion_tokens: 0 };
                let others = sequences.split_off(1);
                let unfinished = others.len() + 1;
                let (outbox, deadline) = (Outbox::new(events), asked.deadline);
                let ongoing = Ongoing { outbox, deadline, usage, is_begun: false, unfinished, others };
                self.by_number.insert(request, ongoing);
                sequences.pop()
            }
            Err(error) => {
                // A reader that left in this very moment needs no last event.
                let _left = ready.job.events.try_send(Event::Failed(error.into()));
                None
            }
        }
    }

    /// One sequence for each answer.
    fn sequences(
        &mut self,
        ready: &Ready,
        vocabulary: &Vocabulary,
        limit: usize,
    ) -> Result<Vec<Sequence<Answer>>, TokenizerError> {
        let (asked, prompt) = (&ready.job.request, &ready.prompt);
        let room = limit.saturating_sub(prompt.len());
        let sampling = Arc::new(asked.sampling.clone());
        let (request, root) = (self.numbers + 1, Prefix::root(&asked.tenant.name));
        let style = asked.toolbox.as_ref().map(|toolbox| toolbox.style);
        let marker = asked.toolbox.as_ref().and_then(|toolbox| toolbox.marker.zip(toolbox.style.marker()));
        let sequence = |choice: usize| {
            self.numbers += 1;
            let decoder = vocabulary.tokenizer.stream_decoder()?;
            let parts = Parts {
                request,
                choice,
                sampler: Sampler::new(Arc::clone(&sampling), prompt, choice),
                guide: Guide::new(asked),
                speech: Speech::new(choice, decoder, style.map(Listener::new), asked.stop.clone()),
                marker,
                longest: asked.max_tokens.map_or(room, |most| most.min(room)),
                logprobs: asked.logprobs,
            };
            let ticket = Ticket { tenant: asked.tenant.clone(), priority: asked.priority, order: self.numbers };
            Ok(Sequence::new(ticket, Cached::new(prompt.clone(), root), Answer::new(parts)))
        };
        (0..asked.choices.get()).map(sequence).collect()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Hands over what was not read, and ends those that nobody waits for, or that are too late.
    pub(super) fn see_to_readers(&mut self, now: Instant, schedule: &mut Schedule<Answer>) {
        self.by_number.values_mut().for_each(|ongoing| ongoing.outbox.flush(now));
        let is_late = |ongoing: &Ongoing| ongoing.deadline.is_some_and(|deadline| now >= deadline);
        for request in self.of(is_late) {
            self.fail(request, GenerateError::DeadlineExceeded);
        }
        for request in self.of(|ongoing| ongoing.outbox.is_overdue(now)) {
            self.fail(request, GenerateError::NotRead(PATIENCE));
        }
        for request in self.of(|ongoing| ongoing.unfinished == 0) {
            self.end_if_told(request);
        }
        let before = self.by_number.len();
        self.by_number.retain(|_, ongoing| !ongoing.outbox.is_closed());
        self.is_any_over |= self.by_number.len() < before;
        self.let_go(schedule);
        schedule.hold(|answer| self.by_number.get(&answer.request).is_some_and(|ongoing| ongoing.outbox.is_held()));
    }

    /// The numbers of some.
    fn of(&self, is_one: impl Fn(&Ongoing) -> bool) -> Vec<u64> {
        self.by_number.iter().filter(|(_, ongoing)| is_one(ongoing)).map(|(number, _)| *number).collect()
    }

    /// Notes, when a prompt is begun, how much of it was found in the cache; and when it is read, that its other answers may begin.
    pub(super) fn note_what_was_cached(&mut self, schedule: &Schedule<Answer>, shares: &[Share], recent: &mut Recent) {
        for share in shares {
            let Some(sequence) = schedule.running().get(share.place) else { continue };
            let Some(ongoing) = self.by_number.get_mut(&sequence.answer.request) else { continue };
            if !ongoing.is_begun {
                ongoing.is_begun = true;
                ongoing.usage.cached_tokens = sequence.cached.computed();
                recent.familiar.learn(ongoing.usage.cached_tokens, ongoing.usage.prompt_tokens);
            }
            if sequence.cached.left() == share.tokens {
                self.begun.append(&mut ongoing.others);
            }
        }
    }

    /// Tells something.
    pub(super) fn tell(&mut self, request: u64, event: Event) {
        if let Some(ongoing) = self.by_number.get_mut(&request) {
            ongoing.outbox.tell(event);
        }
    }

    /// An answer of so many tokens is complete.
    pub(super) fn finish(&mut self, request: u64, generated: usize) {
        self.is_any_over = true;
        let Some(ongoing) = self.by_number.get_mut(&request) else { return };
        ongoing.usage.completion_tokens += generated;
        ongoing.unfinished -= 1;
        if ongoing.unfinished == 0 {
            self.end_if_told(request);
        }
    }

    /// Ends a request that is answered, unless there is something that was not read.
    fn end_if_told(&mut self, request: u64) {
        if self.by_number.get(&request).is_some_and(|ongoing| !ongoing.outbox.is_held())
            && let Some(ongoing) = self.by_number.remove(&request)
        {
            ongoing.outbox.done(ongoing.usage);
        }
    }

    /// A request cannot be answered.
    pub(super) fn fail(&mut self, request: u64, error: GenerateError) {
        self.is_any_over = true;
        tracing::debug!(%error, "generation failed");
        if let Some(ongoing) = self.by_number.remove(&request) {
            ongoing.outbox.end(Event::Failed(error));
        }
    }

    /// Hands over what may run now, and takes out what is over.
    pub(super) fn let_go(&mut self, schedule: &mut Schedule<Answer>) {
        for sequence in self.begun.drain(..) {
            schedule.push(sequence);
        }
        if std::mem::take(&mut self.is_any_over) {
            schedule.remove_if(|answer| answer.is_over() || !self.by_number.contains_key(&answer.request));
        }
    }
}
