//! How a request was decided: what was thought of its backends, and why each attempt was made where it was.
//!
//! Kept for those requests only that are recorded or whose caller wants to know, and put into words when they have ended: on a request's way, numbers are
//! copied and nothing is looked up.

use std::{sync::Arc, time::Duration};

use tradewind_policies::{
    ModelId, Needs,
    decision::AttemptOutcome,
    select::{Choice, Outlook, Turn},
};

use crate::route::Deployment;

/// What a request's decision was made from, and what came of it.
#[derive(Debug, Default)]
pub struct Trace {
    /// What it asks of a model; nothing before the policy was asked for a route.
    pub needs: Option<Needs>,
    /// How many tokens were expected in its answer.
    pub expected_output_tokens: f64,
    /// Its backends, as they were when the first attempt was chosen.
    pub looks: Vec<Look>,
    /// The attempts, in the order in which they were decided.
    pub attempts: Vec<Made>,
}

/// What was thought of one backend.
#[derive(Debug, Clone)]
pub struct Look {
    /// The backend.
    pub deployment: Arc<Deployment>,
    /// What was expected of it.
    pub outlook: Outlook,
    /// How many of the prompt's tokens it was thought to have in its cache.
    pub cached_tokens: f64,
    /// After how long it was to come back, where it was left out and that was known.
    pub back_in: Option<Duration>,
}

/// An attempt. Times count from the request's head.
#[derive(Debug, Clone)]
pub struct Made {
    /// Where.
    pub deployment: Arc<Deployment>,
    /// The model, where it was made on a route that the request left because it is too long for it.
    pub outgrown: Option<ModelId>,
    /// Which attempt it was.
    pub turn: Turn,
    /// Whether it went on with an answer that had broken off elsewhere.
    pub continues: bool,
    /// Why it was made there.
    pub choice: Choice<usize>,
    /// When it began.
    pub begun: Duration,
    /// When it was answered.
    pub answered: Option<Duration>,
    /// When it ended; it has not, if there is none.
    pub ended: Option<Duration>,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

impl Trace {
    /// The request leaves the route of that model, for which it is too long.
    pub fn outgrew(&mut self, model: &ModelId) {
        let attempts = self.attempts.iter_mut().filter(|made| made.outgrown.is_none());
        attempts.for_each(|made| made.outgrown = Some(model.clone()));
    }

    /// An attempt at `deployment` has come so far at `now`. One that was answered is over once nothing more comes of it.
    pub fn came_to(&mut self, deployment: &Arc<Deployment>, outcome: AttemptOutcome, now: Duration) {
        // A request is at each of its backends once at most.
        let Some(made) = self.attempts.iter_mut().rev().find(|made| Arc::ptr_eq(&made.deployment, deployment)) else { return };
        if outcome == AttemptOutcome::Answered && made.answered.is_none() {
            made.answered = Some(now);
        }
        made.ended = Some(now);
        made.outcome = outcome;
    }
}
