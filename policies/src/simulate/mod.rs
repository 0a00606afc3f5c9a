//! The simulator: the production router in virtual time, beside the rules of other gateways and an oracle.
//!
//! A [`Scenario`] describes a world: who asks, which backends answer and how, and what goes wrong when. A run plays it
//! from begin to end for one [`Policy`], one seed and a number of gateways, and comes to [`Figures`]. Ten minutes of a
//! world take a small part of a second, so a change of the router can be judged over many seeds and worlds before it
//! meets a real one.
//!
//! # What makes a comparison fair
//!
//! - Every policy meets the same requests and the same luck: only choices differ.
//! - What a request may do (attempts, timeouts, failover before the first token only) belongs to the world.
//! - The balancers learn what a gateway can see: when first tokens come, the pace of streams, refusals and failures. Only
//!   the oracle sees the truth.
//! - The rules of others are their selection and their estimates. Whatever else their products do (active health checks,
//!   outlier ejection) is not here.
//!
//! # What a backend is
//!
//! A server with slots and a bounded queue, as continuous batching has it: it answers the more slowly the more of its
//! slots are taken, and refuses with 429 when the queue is full. Before that stands the provider's rate limit, before that
//! the network. Time to first token and time per token are drawn for each request.

mod agenda;
mod arena;
mod balancer;
mod compare;
mod law;
mod limiter;
mod random;
mod record;
mod run;
pub mod scenario;
mod server;
mod trace;
mod workload;
mod world;

pub use arena::{Arena, Id};
pub use balancer::{Policy, UnknownPolicy};
pub use compare::{Comparison, Ratio, Row, compare};
pub use law::{Law, Sample, Tokens};
pub use record::Recorded;
pub use run::{Fate, Figures, Measure, Run};
pub use scenario::Scenario;

use workload::Workload;
use world::World;

/// Plays a scenario once.
pub fn run(scenario: &Scenario, policy: Policy, gateways: usize, seed: u64) -> Run {
    let workload = Workload::draw(scenario, seed);
    let balancers = balancer::balancers(policy, scenario, gateways.max(1), seed);
    World::new(scenario, &workload, balancers).run()
}

/// Plays a scenario once with the production router, and writes down its decisions as the gateway does, under the policy that
/// [`Scenario::as_policy`] is.
pub fn record(scenario: &Scenario, gateways: usize, seed: u64) -> Recorded {
    let workload = Workload::draw(scenario, seed);
    let balancers = balancer::balancers(Policy::Tradewind, scenario, gateways.max(1), seed);
    let policy = scenario.as_policy();
    let hash = crate::PolicyHash::of([policy.as_str()]).to_string();
    let (run, decisions) = World::new(scenario, &workload, balancers).record(&hash);
    Recorded { policy, decisions, run }
}
