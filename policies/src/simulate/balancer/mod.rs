//! The policies that are compared, behind one trait: which backend gets an attempt, and what is learnt from it.
//!
//! What a request may do is the same for all of them and the business of the world: how often it is tried again, after
//! which wait an attempt is given up, which backends are left. A balancer only chooses. There is one of it for each
//! gateway, and they share nothing.

use super::arena::{Arena, id};
use super::limiter::Left;
use super::random::{Stream, stream};
use super::scenario::{BackendId, Scenario};
use crate::select::{Candidate, Choice};

mod agentgateway;
mod helicone;
mod least_request;
mod linkerd;
mod loads;
mod oracle;
mod pair;
mod peak_ewma;
mod policy;
mod round_robin;
mod tradewind;

pub(super) use oracle::Truth;
pub use policy::{Policy, UnknownPolicy};

id! {
    /// An attempt of a run.
    pub(in crate::simulate) AttemptId
}

/// Why an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The request has just come.
    First,
    /// All its attempts so far have failed.
    Again,
    /// Its attempt is late; this one races it.
    Hedge,
}

/// Where an attempt could go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'w> {
    pub(super) now: f64,
    pub(super) turn: Turn,
    /// The tokens of the prompt.
    pub(super) prompt: u32,
    /// The backends to choose from: not yet tried by this request, where any is left. Not empty.
    pub(super) candidates: &'w [BackendId],
    /// Where the request's attempts have gone so far.
    pub(super) tried: &'w [BackendId],
    /// The scenario, for what a policy file would say of a backend: its price, its failure domain.
    pub(super) scenario: &'w Scenario,
    /// What no gateway can know. Only the oracle looks.
    pub(super) truth: Truth<'w>,
}

/// An attempt that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) id: AttemptId,
    pub(super) backend: BackendId,
    pub(super) at: f64,
    /// When its first token came, if it did.
    pub(super) first_token: Option<f64>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    /// The answer is complete.
    Completed {
        /// Its tokens.
        output: u32,
    },
    /// 429.
    RateLimited {
        /// What it said to wait, if it said.
        retry_after: Option<f64>,
    },
    /// A connection refused, a 5xx, no first token in time, an answer broken off.
    Failed,
    /// It lost a race.
    Cancelled,
}

/// What an attempt was sent by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Explained<'b> {
    pub(super) candidates: &'b [Candidate<BackendId>],
    pub(super) choice: &'b Choice<BackendId>,
}

/// Chooses backends for one gateway.
pub(super) trait Balancer {
    /// Where to send an attempt, which is sent there at once and is `attempt` from now on. None if it would rather fail
    /// the request, or not hedge.
    fn send(&mut self, attempt: AttemptId, question: &Question<'_>) -> Option<BackendId>;

    /// What the latest attempt was sent by, where the balancer can tell.
    fn explain(&self) -> Option<Explained<'_>> {
        None
    }

    /// The first token has come.
    fn first_token(&mut self, now: f64, sent: &Sent);

    /// With the first token came word of what is left of the backend's limits on requests and on tokens. The rules of others do not listen.
    fn remaining(&mut self, _now: f64, _sent: &Sent, _left: [Option<Left>; 2]) {}

    /// The stream has been seen for long enough to know its pace, in seconds per token.
    fn per_token(&mut self, now: f64, sent: &Sent, pace: f64);

    /// It is over.
    fn ended(&mut self, now: f64, sent: &Sent, end: End);

    /// How long to wait for the first token before asking where to hedge, if at all. `question` is about that hedge.
    fn hedge_after(&mut self, question: &Question<'_>, sent: &Sent) -> Option<f64>;
}

/// The balancers of all gateways.
pub(super) fn balancers(policy: Policy, scenario: &Scenario, gateways: usize, seed: u64) -> Vec<Box<dyn Balancer>> {
    let balancer = |gateway| {
        let rng = stream(seed, Stream::Balancer(gateway));
        policy.balancer(scenario, rng)
    };
    (0..gateways).map(balancer).collect()
}

/// The same for each backend.
fn each<T: Clone>(scenario: &Scenario, value: T) -> Arena<BackendId, T> {
    scenario.backends.map(|_| value.clone())
}
