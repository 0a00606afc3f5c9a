//! One backend: a deployment that can serve requests, and how to reach it.

use super::{CapabilityOverrides, Provider, Timeouts};
use crate::name::{BackendName, ModelId, UpstreamModel};
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

/// One `[backend.NAME]`. Equal specs mean the same deployment, so a reload may keep what it learnt about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSpec {
    /// Its name, unique in the policy.
    pub name: BackendName,
    /// Which API it speaks and where.
    pub provider: Provider,
    /// Its limits for one attempt, where no route says otherwise.
    pub timeouts: Timeouts,
    /// The models it serves, by id; never empty.
    pub models: Vec<ServedModel>,
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
}
