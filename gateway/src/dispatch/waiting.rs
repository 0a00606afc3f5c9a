//! The wait for a backend, which counts as an attempt however it ends.

use std::sync::Arc;

use tokio::time::Instant;
use tradewind_policies::decision::AttemptOutcome;
use tradewind_protocol::Usage;

use super::meter::Meter;
use crate::{
    context::{RequestContext, Tried, Turnout},
    error::Kind,
    inference::{Blame, Failure, Inference},
    route::Planned,
};

/// A request that waits for a backend. When this is dropped, the attempt and the time it took are counted: also where the client left,
/// or the deadline passed, before there was an answer.
pub(super) struct Waiting<'a> {
    context: &'a RequestContext,
    planned: &'a Planned,
    is_hedge: bool,
    since: Instant,
    /// None where the backend was not asked after all.
    turnout: Option<Turnout>,
    /// Whether it has read the prompt for nothing.
    has_read: bool,
    /// Until there is an answer, which goes on with it.
    meter: Option<Meter>,
}

impl<'a> Waiting<'a> {
    /// Begins to wait.
    pub(super) fn on_behalf_of(inference: &'a Inference, planned: &'a Planned, is_hedge: bool) -> Self {
        let meter = Some(Meter::begin(inference, planned));
        let (context, since, turnout) = (&*inference.context, Instant::now(), Some(Turnout::CalledOff));
        Self { context, planned, is_hedge, since, turnout, has_read: true, meter }
    }

    /// There is an answer, which is to be paid for.
    pub(super) fn answered(&mut self) -> Option<Meter> {
        (self.turnout, self.has_read) = (Some(Turnout::Answered), false);
        self.meter.take()
    }

    /// There is none, for this reason.
    pub(super) fn failed(&mut self, failure: &Failure) {
        // Who refuses or breaks has no claim; who was too slow has worked.
        self.has_read = failure.error.kind() == Kind::Timeout;
        self.turnout = match failure.blame {
            Blame::Unsuited | Blame::Invalid => None,
            Blame::Request | Blame::ContextLength => Some(Turnout::Refused),
            Blame::RateLimited(_) => Some(Turnout::RateLimited),
            Blame::Backend(_) => Some(Turnout::Failed),
            Blame::Misconfigured => Some(Turnout::Misconfigured),
        };
    }

    /// What it cost that the backend read the prompt for nothing. It is the caller's own if the caller did not wait for an answer.
    fn pay(&mut self, turnout: Turnout) {
        let read = Usage::new(self.planned.prompt_tokens(), 0);
        let Some(cost) = self.meter.take().filter(|_| self.has_read).and_then(|mut meter| meter.end(read)) else { return };
        if self.context.is_copy() {
            return self.context.add_cost(cost);
        }
        let metrics = self.planned.deployment.metrics();
        let was_left = turnout == Turnout::CalledOff && self.context.served_by().is_none();
        if was_left {
            metrics.paid(cost.0);
            self.context.add_cost(cost);
        } else {
            self.context.add_waste(cost);
            match turnout {
                Turnout::CalledOff => metrics.called_off(cost.0),
                _ => metrics.failed(cost.0),
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let deployment = &self.planned.deployment;
        self.context.trace(|trace| trace.came_to(deployment, outcome(self.turnout), self.context.elapsed()));
        let Some(turnout) = self.turnout else { return };
        self.pay(turnout);
        let deployment = Arc::clone(&self.planned.deployment);
        let wasted_prompt_tokens = self.has_read.then(|| self.planned.prompt_tokens());
        let tried = Tried { deployment, is_hedge: self.is_hedge, turnout, wasted_prompt_tokens };
        self.context.add_attempt(tried, self.since.elapsed());
    }
}

/// What the record of the decision says of it.
const fn outcome(turnout: Option<Turnout>) -> AttemptOutcome {
    match turnout {
        Some(Turnout::Answered) => AttemptOutcome::Answered,
        Some(Turnout::CalledOff) => AttemptOutcome::CalledOff,
        Some(Turnout::RateLimited) => AttemptOutcome::RateLimited,
        Some(Turnout::Failed) => AttemptOutcome::Failed,
        Some(Turnout::Misconfigured) => AttemptOutcome::Misconfigured,
        Some(Turnout::Refused) => AttemptOutcome::Refused,
        None => AttemptOutcome::Unsuited,
    }
}
