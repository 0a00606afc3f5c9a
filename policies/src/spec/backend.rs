//! One backend: a deployment that can serve requests, and how to reach it.

use std::num::NonZeroUsize;

use super::{CapabilityOverrides, Concurrency, DataTerms, Device, Drained, Poll, Pricing, Provider, Residency, Timeouts};
use crate::fault::Place;
use crate::name::{BackendName, FailureDomain, ModelId, UpstreamModel, Weights};
use crate::operation::Operations;

/// The place of a backend in [`Policy::backends`](crate::Policy::backends); only good for the policy it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendIndex(pub(crate) usize);

impl BackendIndex {
    /// As an index into [`Policy::backends`](crate::Policy::backends) and into tables laid out like it.
    pub fn get(self) -> usize {
        self.0
    }
}

/// One `[backend.NAME]`.
///
/// Specs that differ may still be of the same deployment: what was learnt of it is as true after a change of its price, or while it is drained.
/// Where it is ([`provider`](Self::provider)) and [what serves the model](ServedModel::is_same_deployment) decide that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSpec {
    /// Its name, unique in the policy.
    pub name: BackendName,
    /// Which API it speaks and where.
    pub provider: Provider,
    /// What it shares its failures with; itself alone unless the policy says otherwise.
    pub failure_domain: FailureDomain,
    /// When it takes no new request. Those under way go on.
    pub drained: Drained,
    /// How much it is given to do at once.
    pub concurrency: Concurrency,
    /// What it is asked to see whether it can serve; `None` if its traffic alone tells.
    pub probe: Option<Poll>,
    /// Where it tells how loaded it is; `None` if it does not, or nobody should ask.
    pub metrics: Option<Poll>,
    /// Its limits for one attempt, where no route says otherwise.
    pub timeouts: Timeouts,
    /// What is agreed about the data that it is sent.
    pub terms: DataTerms,
    /// The models it serves, by id; never empty.
    pub models: Vec<ServedModel>,
    /// Where it is written; nowhere for the built-in policy.
    pub place: Option<Place>,
}

impl BackendSpec {
    /// How this backend serves `model`, if it does.
    pub fn serves(&self, model: &ModelId) -> Option<&ServedModel> {
        self.models.iter().find(|served| served.id == *model)
    }
}

/// One model of one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedModel {
    /// The id that routes match.
    pub id: ModelId,
    /// What the backend calls it; for a local backend, an id of the model registry.
    pub upstream: UpstreamModel,
    /// What it can be asked for; never empty.
    pub operations: Operations,
    /// What the operator knows of it better than the provider's adapter does.
    pub capabilities: CapabilityOverrides,
    /// What it costs.
    pub price: Pricing,
    /// Which weights it has, if somebody vouches for them: backends that give them the same name serve the same.
    pub weights: Option<Weights>,
    /// How it is run, where that is in this process; nothing is said of others.
    pub in_process: InProcess,
    /// Where it runs.
    pub residency: Residency,
    /// Where it is written; nowhere for the built-in policy.
    pub place: Option<Place>,
}

/// How a model is run in this process, as far as the policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct InProcess {
    /// What computes it; else what computes all local models.
    pub device: Option<Device>,
    /// For how many tokens a chat model keeps keys and values, of all its sequences together; else what there is memory for.
    pub cache_tokens: Option<NonZeroUsize>,
}

impl InProcess {
    /// The most tokens that a cache may be asked for.
    pub(crate) const MOST_CACHE_TOKENS: u32 = 100_000_000;
}

impl ServedModel {
    /// Whether, on the same backend, this is what `other` describes, so that what was learnt of the one holds for the other. A price says
    /// nothing of how a model answers, and neither does the name of its weights. How it is run says something, but its engine tells that by itself.
    pub fn is_same_deployment(&self, other: &Self) -> bool {
        // Spelled out, so that whoever adds a field decides.
        let Self { id, upstream, operations, capabilities, price: _, weights: _, in_process: _, residency: _, place: _ } = self;
        *id == other.id && *upstream == other.upstream && *operations == other.operations && *capabilities == other.capabilities
    }
}
