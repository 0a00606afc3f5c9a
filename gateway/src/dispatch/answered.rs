//! A stream that is being passed on: its attempt ends with it, and what it teaches is learnt.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::Instant;
use tradewind_policies::{TenantId, decision::AttemptOutcome, select::Outcome};
use tradewind_protocol::{Operation, Usage};

use super::{attempt::pay, meter::Meter};
use crate::{
    body::EventStream,
    context::RequestContext,
    error::Error,
    route::{Deployment, Prefix, RouteState, Run},
};

/// After so many events the pace of a stream is told, if it is known how many tokens its events hold.
const EARLY: u64 = 16;
/// Fewer tokens tell no pace.
const FEW: u64 = 4;

/// What is to be learnt from an answer beyond how its deployment did.
#[derive(Debug)]
pub(super) struct Lesson {
    /// None of a copy: how long answers are is learnt from those that somebody gets.
    pub(super) state: Option<Arc<RouteState>>,
    pub(super) tenant: TenantId,
    pub(super) prefix: Prefix,
    pub(super) operation: Operation,
    /// How many answers are made at once.
    pub(super) answers: u64,
}

impl Lesson {
    /// What is to be learnt from the answer to a copy of the request.
    pub(super) fn of_copy(&self) -> Self {
        let (tenant, prefix) = (self.tenant.clone(), self.prefix.clone());
        Self { state: None, tenant, prefix, operation: self.operation, answers: self.answers }
    }

    /// An answer is complete.
    pub(super) fn learn(&self, deployment: &Deployment, usage: Option<Usage>) {
        deployment.saw_prompt(&self.prefix, usage.map(|usage| usage.cached_tokens));
        let has_output = matches!(self.operation, Operation::Chat | Operation::Completions);
        if let Some((usage, state)) = usage.filter(|_| has_output).zip(self.state.as_ref()) {
            state.observe_output(&self.tenant, self.of_each(usage.completion_tokens));
        }
    }

    /// How many of all these tokens each answer has.
    pub(super) fn of_each(&self, tokens: u64) -> u64 {
        tokens.div_ceil(self.answers.max(1))
    }
}

/// The events of an attempt. A stream that breaks off counts as a failure of its backend, however fast it began.
pub(super) struct Answered {
    events: EventStream,
    run: Option<Run>,
    context: Arc<RequestContext>,
    lesson: Arc<Lesson>,
    /// Of the prompt, about.
    prompt_tokens: u64,
    /// Until the answer is paid for.
    meter: Option<Meter>,
    begun: Instant,
    /// How many events came after the first piece.
    count: u64,
    is_first: bool,
    is_paced: bool,
    is_broken: bool,
}

impl Answered {
    pub(super) fn new(
        events: EventStream,
        run: Run,
        context: Arc<RequestContext>,
        lesson: Arc<Lesson>,
        prompt_tokens: u64,
        meter: Option<Meter>,
    ) -> Self {
        let begun = Instant::now();
        Self {
            events,
            run: Some(run),
            context,
            lesson,
            prompt_tokens,
            meter,
            begun,
            count: 0,
            is_first: true,
            is_paced: false,
            is_broken: false,
        }
    }

    /// Events went by.
    fn count(&mut self, piece: &Bytes) {
        if let Some(meter) = &mut self.meter {
            meter.received(piece.len());
        }
        if self.is_first {
            self.is_first = false;
            self.begun = Instant::now();
            return;
        }
        self.count += events(piece);
        if self.is_paced || self.count < EARLY {
            return;
        }
        if let Some((run, tokens)) = self.run.as_ref().and_then(|run| Some((run, run.deployment().tokens_per_event()?))) {
            run.pace(self.begun.elapsed().as_secs_f64() * self.lesson.answers as f64 / (self.count as f64 * tokens));
            self.is_paced = true;
        }
    }

    /// The stream is complete.
    fn complete(&mut self) {
        let Some(run) = self.run.take() else { return };
        self.context.trace(|trace| trace.came_to(run.deployment(), AttemptOutcome::Answered, self.context.elapsed()));
        let usage = self.context.attempt_usage();
        let tokens = usage.map_or(self.count, |usage| usage.completion_tokens);
        if usage.is_some() && self.count >= FEW && tokens >= FEW {
            run.deployment().observe_tokens_per_event(tokens as f64 / self.count as f64);
        }
        let each = self.lesson.of_each(tokens);
        if !self.is_paced && each >= FEW {
            run.pace(self.begun.elapsed().as_secs_f64() / (each - 1) as f64);
        }
        self.lesson.learn(run.deployment(), usage);
        self.pay(run.deployment(), usage);
    }

    /// Nobody told the token counts, or not yet. What has come was made, and has its price.
    fn estimate(&self, deployment: &Deployment) -> Usage {
        let events = self.count + u64::from(!self.is_first);
        let tokens = events as f64 * deployment.tokens_per_event().unwrap_or(1.0);
        let estimate = Usage::new(self.prompt_tokens, tokens.round() as u64);
        self.context.add_estimate(estimate);
        estimate
    }

    /// The answer has ended, and used what its backend told, or about as much as came of it.
    fn pay(&mut self, deployment: &Deployment, told: Option<Usage>) {
        let usage = told.unwrap_or_else(|| self.estimate(deployment));
        pay(&self.context, deployment, self.meter.take().and_then(|mut meter| meter.end(usage)));
    }
}

impl Drop for Answered {
    /// Called off, or broken off, before its end.
    fn drop(&mut self) {
        let Some(run) = self.run.take() else { return };
        let outcome = if self.is_broken { AttemptOutcome::BrokenOff } else { AttemptOutcome::CalledOff };
        self.context.trace(|trace| trace.came_to(run.deployment(), outcome, self.context.elapsed()));
        self.pay(run.deployment(), self.context.attempt_usage());
    }
}

impl Stream for Answered {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let polled = this.events.as_mut().poll_next(cx);
        match &polled {
            Poll::Ready(None) => this.complete(),
            Poll::Ready(Some(Err(_))) => {
                this.is_broken = true;
                if let Some(run) = &mut this.run {
                    run.ended(Outcome::Failure { retry_after: None });
                }
            }
            Poll::Ready(Some(Ok(piece))) => this.count(piece),
            Poll::Pending => {}
        }
        polled
    }
}

/// How many events end in a piece: each ends with a blank line.
fn events(piece: &Bytes) -> u64 {
    let is_blank = |end: &usize| piece.get(end + 1) == Some(&b'\n');
    memchr::memchr_iter(b'\n', piece).filter(is_blank).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_their_blank_lines() {
        for (piece, count) in [("data: 1\n\n", 1), ("data: 1\n\ndata: 2\n\n", 2), ("data: 1\ndata: 2\n", 0), ("", 0)] {
            assert_eq!(events(&Bytes::from_static(piece.as_bytes())), count, "{piece:?}");
        }
    }
}
