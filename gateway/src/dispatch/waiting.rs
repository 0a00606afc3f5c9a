//! The wait for a backend, which counts as an attempt however it ends.

use std::sync::Arc;

use tokio::time::Instant;
use tradewind_policies::decision::AttemptOutcome;

use crate::{
    context::{RequestContext, Tried, Turnout},
    inference::Blame,
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
}

impl<'a> Waiting<'a> {
    /// Begins to wait.
    pub(super) fn on_behalf_of(context: &'a RequestContext, planned: &'a Planned, is_hedge: bool) -> Self {
        Self { context, planned, is_hedge, since: Instant::now(), turnout: Some(Turnout::CalledOff) }
    }

    /// There is an answer, or a reason why there is none.
    pub(super) fn ended(mut self, blame: Option<Blame>) {
        self.turnout = match blame {
            None => Some(Turnout::Answered),
            Some(Blame::Unsuited | Blame::Invalid) => None,
            Some(Blame::Request | Blame::ContextLength) => Some(Turnout::Refused),
            Some(Blame::RateLimited(_)) => Some(Turnout::RateLimited),
            Some(Blame::Backend(_)) => Some(Turnout::Failed),
            Some(Blame::Misconfigured) => Some(Turnout::Misconfigured),
        };
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let deployment = &self.planned.deployment;
        self.context.trace(|trace| trace.came_to(deployment, outcome(self.turnout), self.context.elapsed()));
        let Some(turnout) = self.turnout else { return };
        let deployment = Arc::clone(&self.planned.deployment);
        let wasted_prompt_tokens = (turnout == Turnout::CalledOff).then(|| self.planned.prompt_tokens());
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
