//! A world to route in, as its file describes it: who asks, what answers, and what goes wrong when.
//!
//! All times are in seconds of the world's own time, all shares between 0 and 1. The format is documented for its
//! authors in `policies/scenarios/README.md`.

mod backend;
mod conditions;
mod event;
mod read;
mod traffic;

pub use backend::{Allowance, Backend, BackendId, ColdStart, Crowding, Failing, Limit, Phase, Price, Queue, Stall};
pub use conditions::{Conditions, Reach};
pub use event::{Change, Event, Slowdown};
pub use read::ReadTrace;
pub use traffic::{Burst, Knot, Rate, Traced, Traffic, Wave};
pub(super) use traffic::{burst_bound, burst_factor};

use super::arena::Arena;
use crate::fault::PolicyErrors;
use crate::source::SourceFile;

/// A world to route in.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What to call it.
    pub name: String,
    /// What it is meant to show.
    pub description: String,
    /// When the last request arrives; what is under way then runs to its end.
    pub horizon: f64,
    /// Requests that arrive before are served but not counted.
    pub warm_up: f64,
    /// How many gateways share the traffic, unless the caller says otherwise. They know nothing of each other.
    pub gateways: usize,
    /// How many backends a request may try one after the other, the first included. The same for every policy.
    pub attempts: usize,
    /// How long the gateway waits for a first token before it gives an attempt up.
    pub first_token_timeout: f64,
    /// What Tradewind's own router is told.
    pub policy: Told,
    /// Who asks.
    pub traffic: Traffic,
    /// What answers.
    pub backends: Arena<BackendId, Backend>,
    /// Parts of the time that are reported by themselves.
    pub windows: Vec<Window>,
}

/// What a policy file would tell Tradewind's own router. No other policy reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    /// Whether a request may be sent twice when its first token is late.
    pub hedge: bool,
    /// How often one request may be sent again while its first token is awaited.
    pub max_hedges: usize,
    /// The share of requests that may be sent twice.
    pub hedge_budget: f64,
    /// The seconds that are worth one cent; none where money does not count.
    pub one_cent_buys: Option<f64>,
    /// The seconds to the first token that nine requests in ten may take, where the cheapest backend is chosen that keeps to it.
    pub cheapest_within: Option<f64>,
}

/// A part of the time that is reported by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// What to call it.
    pub name: String,
    /// Its begin.
    pub from: f64,
    /// Its end.
    pub to: f64,
}

impl Scenario {
    /// Reads a scenario. `read_trace` gets what the scenario's `trace` says and returns that file's text: the one thing
    /// that the scenario does not hold itself.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, each with its place.
    pub fn parse(source: SourceFile, read_trace: &ReadTrace<'_>) -> Result<Self, PolicyErrors> {
        read::read(source, read_trace)
    }

    /// The seconds that a price stands for, if Tradewind is told that money counts.
    pub(super) fn seconds_for(&self, dollars: f64) -> f64 {
        self.policy.one_cent_buys.map_or(0.0, |seconds| dollars * 100.0 * seconds)
    }
}
