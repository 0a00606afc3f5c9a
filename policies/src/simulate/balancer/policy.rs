//! The names of the policies.

use std::fmt;
use std::str::FromStr;

use rand_pcg::Pcg64;

use super::Balancer;
use super::agentgateway::Agentgateway;
use super::helicone::HELICONE;
use super::least_request::LeastRequest;
use super::linkerd::LINKERD;
use super::oracle::Oracle;
use super::peak_ewma::PeakEwma;
use super::round_robin::RoundRobin;
use super::tradewind::Tradewind;
use crate::fault::did_you_mean;
use crate::simulate::scenario::{Scenario, Told};

/// A rule by which backends are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// The production router, as the scenario's `[policy]` sets it up.
    Tradewind,
    /// The same without hedging.
    TradewindUnhedged,
    /// Knows all that can be known; what the others are measured by.
    Oracle,
    /// Each backend in turn.
    RoundRobin,
    /// The one of two with fewer requests under way, as Envoy has it.
    LeastRequest,
    /// P2C peak-EWMA with a penalty for failures, as linkerd has it.
    Linkerd,
    /// P2C peak-EWMA that takes limited backends out, as Helicone has it.
    Helicone,
    /// The one of two with the better health over latency, as agentgateway has it.
    Agentgateway,
}

/// There is no such policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no policy `{written}`{hint}")]
pub struct UnknownPolicy {
    written: String,
    hint: String,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Oracle,
        Self::Tradewind,
        Self::TradewindUnhedged,
        Self::RoundRobin,
        Self::LeastRequest,
        Self::Linkerd,
        Self::Helicone,
        Self::Agentgateway,
    ];

    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tradewind => "tradewind",
            Self::TradewindUnhedged => "tradewind-unhedged",
            Self::Oracle => "oracle",
            Self::RoundRobin => "round-robin",
            Self::LeastRequest => "least-request",
            Self::Linkerd => "linkerd",
            Self::Helicone => "helicone",
            Self::Agentgateway => "agentgateway",
        }
    }

    pub(super) fn balancer(self, scenario: &Scenario, rng: Pcg64) -> Box<dyn Balancer> {
        match self {
            Self::Tradewind => Box::new(Tradewind::new(scenario, scenario.policy, rng)),
            Self::TradewindUnhedged => Box::new(Tradewind::new(scenario, Told { hedge: false, ..scenario.policy }, rng)),
            Self::Oracle => Box::new(Oracle),
            Self::RoundRobin => Box::new(RoundRobin::new(scenario)),
            Self::LeastRequest => Box::new(LeastRequest::new(scenario, rng)),
            Self::Linkerd => Box::new(PeakEwma::new(LINKERD, scenario, rng)),
            Self::Helicone => Box::new(PeakEwma::new(HELICONE, scenario, rng)),
            Self::Agentgateway => Box::new(Agentgateway::new(scenario, rng)),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|policy| policy.name() == written);
        let hint = || did_you_mean(written, Self::ALL.map(Self::name));
        found.ok_or_else(|| UnknownPolicy { written: written.to_owned(), hint: hint() })
    }
}
