//! What a policy says to one request, in a form in which two policies can be compared.

use std::collections::{BTreeMap, BTreeSet};

use super::marks::Mark;
use crate::grant::Grants;
use crate::name::{BackendName, FailureDomain, TenantId};
use crate::policy::{Denied, Eligible, NoRoute, Policy};
use crate::request::{Caller, Needs, Request};
use crate::spec::{BackendSpec, ServedModel, Shadow, Target};
use tradewind_protocol::Operation;

/// A request, as far as a policy tells requests apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'q> {
    pub(super) asked: &'q str,
    pub(super) tenant: &'q TenantId,
    pub(super) operation: Operation,
    /// What the token says; `None` if it names no models.
    pub(super) token: Option<&'q Grants>,
    pub(super) needs: Needs,
    /// What it comes with.
    pub(super) mark: &'q Mark,
}

/// What a policy says to a request.
#[derive(Clone, Debug)]
pub(super) enum Answer<'p> {
    /// Nobody has such a model.
    NoSuchModel,
    Denied(Denied),
    NoRoute(NoRoute),
    Way(Way<'p>),
}

/// Where a request may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'p> {
    pub(super) policy: &'p Policy,
    pub(super) eligible: Eligible<'p>,
}

impl<'p> Answer<'p> {
    pub(super) fn of(policy: &'p Policy, question: &Question<'_>) -> Self {
        let Question { asked, tenant, operation, token, needs, mark } = *question;
        let caller = Caller { tenant, claims: &mark.claims, models: token, headers: &mark.headers };
        let request = Request { needs, ..Request::new(caller, asked, operation) };
        match policy.authorize(tenant, token, asked, operation) {
            Err(Denied::NoSuchModel { .. }) => Self::NoSuchModel,
            // A route may serve what others of the model do not: which it is, routing says.
            Ok(()) | Err(Denied::OperationNotServed { .. }) => match policy.eligible(&request) {
                Ok(eligible) => Self::Way(Way { policy, eligible }),
                Err(none) => Self::NoRoute(none),
            },
            Err(denied) => Self::Denied(denied),
        }
    }
}

impl<'p> Way<'p> {
    /// The backends, each with its tier from 1. A tier of which none is left does not count: nobody can tell that it is there.
    pub(super) fn tiers(&self) -> BTreeMap<&'p BackendName, (usize, &'p Target)> {
        let Self { policy, eligible } = *self;
        let there: BTreeSet<usize> = eligible.targets().map(|target| target.tier).collect();
        let place = |target: &'p Target| {
            let backend = policy.backends().get(target.backend.get())?;
            Some((&backend.name, (there.range(..=target.tier).count(), target)))
        };
        eligible.targets().filter_map(place).collect()
    }

    /// The backend that may be sent copies, if there is one.
    pub(super) fn shadow(&self) -> Option<(&'p BackendName, Shadow<'p>)> {
        let shadow = self.eligible.shadow()?;
        Some((&self.policy.backends().get(shadow.target.backend.get())?.name, shadow))
    }

    /// Every backend that may get to see the request, whatever its session.
    pub(super) fn sight(&self) -> BTreeMap<&'p BackendName, &'p Target> {
        let tiers = self.tiers().into_iter().map(|(backend, (_, target))| (backend, target));
        let canary = self.eligible.canary().map(|(_, target)| target);
        let apart = canary.into_iter().chain(self.eligible.shadow().map(|shadow| shadow.target));
        let apart = apart.filter_map(|target| Some((&self.policy.backends().get(target.backend.get())?.name, target)));
        tiers.chain(apart).collect()
    }

    /// How the backend serves the model.
    pub(super) fn served(&self, target: &Target) -> Option<(&'p BackendSpec, &'p ServedModel)> {
        let backend = self.policy.backends().get(target.backend.get())?;
        Some((backend, backend.serves(self.eligible.model)?))
    }

    /// What the backends that take requests fail together with.
    pub(super) fn domains(&self) -> BTreeMap<&'p FailureDomain, usize> {
        let mut domains = BTreeMap::new();
        for (_, target) in self.tiers().values() {
            let is_drained = self.policy.backends().get(target.backend.get()).is_none_or(|backend| backend.drained.is_always());
            if !is_drained {
                *domains.entry(&target.failure_domain).or_insert(0) += 1;
            }
        }
        domains
    }
}
