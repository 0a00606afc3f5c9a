//! What a change of the policy does, as an operator thinks of it: who can ask for what, and where that goes.
//!
//! Texts are not compared. Every request that either policy can tell from another is put to both, and what differs is told, once for all the
//! requests that it concerns. So a file that was moved, a comment or a route by another name is no change, and a line that looks harmless and
//! takes away a tenant's last way out of a region is one.
//!
//! # Every request
//!
//! There are endlessly many requests, but a policy tells few of them apart: by the name that is asked for, the operation, whether the token
//! names models, and the tenant. Tenants are divided into [classes](Tenants) such that neither policy treats two of one class differently; for
//! each set of patterns that some name fits there is a class, whether such a tenant exists or not. The same is done for the claims and headers that routes
//! match by. Expressions may ask anything; they are tried with the names, texts and numbers that they mention, together with all else that decides, and the
//! plan names those that none of it satisfies.
//!
//! Tenants are taken by their names, and whose tokens are whose is compared by itself.
//!
//! # What else
//!
//! What is true of a backend whatever the request (its address, credential, prices) is compared backend by backend, and what a tenant
//! may ask for in a minute tenant by tenant.

mod answer;
mod backends;
mod crossed;
mod data;
mod effect;
mod group;
mod groups;
mod limits;
mod marks;
mod needs;
mod owners;
mod price;
mod probes;
mod questions;
mod ranges;
mod setting;
mod span;
mod tenants;
mod threshold;
mod told;
mod unasked;
mod witness;

use serde::Serialize;

use crate::policy::Policy;
use crate::source::PolicyHash;

pub use backends::BackendChange;
pub use effect::{Effect, Weight};
pub use group::{Change, Routes, Tokens};
pub use limits::LimitChange;
pub use owners::OwnerChange;
pub use setting::Setting;
pub use tenants::Tenants;

/// What a change from one policy to another does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The fingerprint of the policy that is left.
    #[serde(serialize_with = "as_text")]
    pub from: PolicyHash,
    /// The fingerprint of the policy that is gone to.
    #[serde(serialize_with = "as_text")]
    pub to: PolicyHash,
    /// What becomes of requests, in the order of the names that are asked for.
    #[serde(rename = "changes")]
    pub requests: Vec<Change>,
    /// What changes about backends as such, by name.
    pub backends: Vec<BackendChange>,
    /// Tokens that are another tenant's.
    pub owners: Vec<OwnerChange>,
    /// What tenants may ask for in a time, by name.
    pub limits: Vec<LimitChange>,
    /// What was changed without effect, in words.
    pub without_effect: Vec<String>,
    /// What could not be compared, in words; empty if everything was.
    pub not_compared: Vec<String>,
}

impl Plan {
    /// Whether no change was found.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.backends.is_empty() && self.owners.is_empty() && self.limits.is_empty()
    }

    /// Whether nothing changes, and that is certain.
    pub fn is_none(&self) -> bool {
        self.is_empty() && self.not_compared.is_empty()
    }

    /// Whether some request may go elsewhere, or is answered otherwise, however small the change of settings.
    pub fn moves_requests(&self) -> bool {
        self.requests.iter().any(|change| change.effects.iter().any(Effect::moves_requests))
    }

    /// What an operator should look at twice.
    pub fn warnings(&self) -> impl Iterator<Item = (&Change, &Effect)> {
        let effects = |change| Change::effects(change).map(move |effect| (change, effect));
        self.requests.iter().flat_map(effects).filter(|(_, effect)| effect.weight() == Weight::Warning)
    }
}

/// Compares what two policies do.
pub fn plan(old: &Policy, new: &Policy) -> Plan {
    let tenants = Tenants::told_apart_by(old, new);
    let compared = group::compare(old, new, &tenants);
    let without_effect = compared.renamed;
    let backends = backends::compare(old, new);
    let limits = limits::compare(old, new);
    let (owners, of_owners) = owners::compare(old, new);
    let notes = tenants.not_compared().into_iter().chain(compared.not_compared).chain(of_owners);
    let of_expressions = unasked::note(old, new, &tenants).into_iter().chain(unasked::note_of_computed(old, new));
    let not_compared = notes.chain(of_expressions).collect();
    let (from, to) = (old.hash(), new.hash());
    let mut plan = Plan { from, to, requests: compared.changes, backends, owners, limits, without_effect, not_compared };
    if plan.is_none() && from != to {
        plan.without_effect.push("the texts differ, and what they mean does not".to_owned());
    }
    plan
}

fn as_text<S: serde::Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
pub(crate) mod tests;
