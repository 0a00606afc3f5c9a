//! What serves a request: one policy and the backends it names, as one immutable value.
//!
//! A request takes the current snapshot and keeps it to its end. A reload builds another beside it; deployments that the new policy leaves as they
//! are move over with their connections and with what was learned of them.

mod build;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    time::SystemTime,
};

use tradewind_policies::{
    BackendName, Caller, NoRoute, Operation, Policy, Request, RouteName, TenantId, UpstreamModel,
    spec::{BackendSpec, Budget, Canary, NanoUsd, Routing, ServedModel, Target, TenantLimits, TenantSpec},
};

use self::build::Built;
use crate::{
    client::Pages,
    credential::Clock,
    limit::Allowance,
    route::{Deployment, LiveCanary, RouteState, Switch},
};

pub use self::build::{BuildError, Builder};

/// A policy in force, and its backends.
pub struct Snapshot {
    /// What is decided by.
    pub policy: Policy,
    /// The policy's hash as text, for the audit records.
    hash: Arc<str>,
    /// By the place of the backend in the policy.
    backends: Vec<Backend>,
    /// What each route remembers.
    routes: HashMap<RouteName, Arc<RouteState>>,
    /// How the canaries of routes do.
    canaries: BTreeMap<RouteName, Arc<LiveCanary>>,
    /// How much a tenant may spend in a day on each route where that is limited.
    daily_ceilings: HashMap<RouteName, NanoUsd>,
    /// What each tenant has left that is limited.
    allowances: HashMap<TenantId, Arc<Allowance>>,
    clock: Clock,
}

/// A backend of the policy, as it is being used.
pub struct Backend {
    spec: BackendSpec,
    built: Built,
    deployments: HashMap<UpstreamModel, Arc<Deployment>>,
    switch: Switch,
}

impl Snapshot {
    /// The backends of `policy`, new where they have to be, else those of `previous`.
    ///
    /// # Errors
    /// All backends that cannot be built, and why.
    pub fn build(policy: Policy, builder: &Builder, previous: Option<&Self>) -> Result<Self, Vec<BuildError>> {
        let mut backends = Vec::with_capacity(policy.backends().len());
        let mut faults = Vec::new();
        for spec in policy.backends() {
            let known = previous.and_then(|previous| previous.backend(&spec.name));
            match Backend::build(spec, builder, known) {
                Ok(backend) => backends.push(backend),
                Err(fault) => faults.push(fault),
            }
        }
        let routes = route_states(&policy, previous);
        let canaries = canaries(&policy, builder, previous);
        let capped = policy.routes().filter_map(|(name, routing)| Some((name.clone(), routing.ceiling.per_tenant_day?)));
        let daily_ceilings = capped.collect();
        let allowances = allowances(&policy, previous);
        let hash = policy.hash().to_string().into();
        if faults.is_empty() {
            Ok(Self { policy, hash, backends, routes, canaries, daily_ceilings, allowances, clock: builder.clock() })
        } else {
            Err(faults)
        }
    }

    /// Begins to fetch the credentials of all backends, so that the first request finds them. Nothing waits for that; what fails is in the
    /// log, with the backend's name, and tried again when a request comes.
    pub fn warm(&self) {
        for backend in &self.backends {
            backend.built.warm();
        }
    }

    /// The time of day, by which scheduled drains begin and end.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// The fingerprint of the policy.
    #[must_use]
    pub fn policy_hash(&self) -> Arc<str> {
        Arc::clone(&self.hash)
    }

    /// Where a target of the policy leads.
    #[must_use]
    pub fn deployment(&self, target: &Target) -> Option<&Arc<Deployment>> {
        self.backends.get(target.backend.get())?.deployments.get(&target.model)
    }

    /// The deployments that may serve a caller's request that needs nothing in particular, those of the first tier first.
    ///
    /// # Errors
    /// [`NoRoute`], where there are none.
    pub fn serving(
        &self,
        caller: Caller<'_>,
        model: &str,
        operation: Operation,
    ) -> Result<impl Iterator<Item = &Arc<Deployment>>, NoRoute> {
        let eligible = self.policy.eligible(&Request::new(caller, model, operation))?;
        Ok(eligible.targets().filter_map(|target| self.deployment(target)))
    }

    /// Every deployment, with the backend it belongs to.
    pub fn deployments(&self) -> impl Iterator<Item = (&BackendSpec, &Arc<Deployment>)> {
        self.backends.iter().flat_map(|backend| backend.deployments.values().map(|deployment| (&backend.spec, deployment)))
    }

    /// Every backend.
    pub fn backends(&self) -> impl Iterator<Item = &Backend> {
        self.backends.iter()
    }

    /// What a route remembers.
    #[must_use]
    pub fn route_state(&self, name: &RouteName) -> Option<&Arc<RouteState>> {
        self.routes.get(name)
    }

    /// How the canary of a route does, if it has one.
    #[must_use]
    pub fn canary(&self, route: &RouteName) -> Option<&Arc<LiveCanary>> {
        self.canaries.get(route)
    }

    /// All canaries, by the names of their routes.
    pub fn canaries(&self) -> impl Iterator<Item = &Arc<LiveCanary>> {
        self.canaries.values()
    }

    /// How much a tenant may spend, if that is limited.
    #[must_use]
    pub fn budget(&self, tenant: &TenantId) -> Option<Budget> {
        self.policy.tenant(tenant).map(|tenant| tenant.budget).filter(|budget| *budget != Budget::default())
    }

    /// How much a tenant may spend in a day on a route, if that is limited.
    #[must_use]
    pub fn daily_ceiling(&self, route: &RouteName) -> Option<NanoUsd> {
        self.daily_ceilings.get(route).copied()
    }

    /// What a tenant has left, if it is limited.
    #[must_use]
    pub fn allowance(&self, tenant: &TenantId) -> Option<&Arc<Allowance>> {
        self.allowances.get(tenant)
    }

    fn backend(&self, name: &BackendName) -> Option<&Backend> {
        self.backends.iter().find(|backend| backend.spec.name == *name)
    }
}

/// What the routes of `policy` remember: what they did before, where their budgets are the same.
fn route_states(policy: &Policy, previous: Option<&Snapshot>) -> HashMap<RouteName, Arc<RouteState>> {
    let state = |name: &RouteName, routing: &Routing| {
        let known = previous.and_then(|previous| previous.route_state(name)).filter(|state| state.suits(routing));
        (name.clone(), known.cloned().unwrap_or_else(|| Arc::new(RouteState::new(routing))))
    };
    policy.routes().map(|(name, routing)| state(name, routing)).collect()
}

/// How the canaries of `policy` do: as before, where they are the same.
fn canaries(policy: &Policy, builder: &Builder, previous: Option<&Snapshot>) -> BTreeMap<RouteName, Arc<LiveCanary>> {
    let live = |(name, canary): (&RouteName, &Canary)| {
        let known = previous.and_then(|previous| previous.canary(name)).filter(|known| known.suits(canary));
        (name.clone(), known.cloned().unwrap_or_else(|| Arc::new(builder.canary(name, canary))))
    };
    policy.canaries().map(live).collect()
}

/// What the tenants of `policy` have left: what they had before, where their limits are the same.
fn allowances(policy: &Policy, previous: Option<&Snapshot>) -> HashMap<TenantId, Arc<Allowance>> {
    let limited = policy.tenants().filter(|(_, tenant)| tenant.limits != TenantLimits::default());
    let allowance = |(id, tenant): (&TenantId, &TenantSpec)| {
        let known = previous.and_then(|previous| previous.allowance(id)).filter(|allowance| allowance.suits(tenant.limits));
        (id.clone(), known.cloned().unwrap_or_else(|| Arc::new(Allowance::new(tenant.limits))))
    };
    limited.map(allowance).collect()
}

impl Backend {
    /// The backend of `spec`; `known`, if it has the same description, with its connections and credentials.
    fn build(spec: &BackendSpec, builder: &Builder, known: Option<&Self>) -> Result<Self, BuildError> {
        let is_same =
            |known: &&Self| known.spec.provider == spec.provider && known.spec.timeouts.connect == spec.timeouts.connect;
        let known = known.filter(is_same);
        let built = match known {
            Some(known) => known.built.clone(),
            None => builder.build(spec)?,
        };
        let before: HashMap<_, _> = known.iter().flat_map(|known| &known.spec.models).map(|model| (&model.id, model)).collect();
        let deployment = |served: &ServedModel| {
            let is_kept = before.get(&served.id).is_some_and(|model| model.is_same_deployment(served));
            let kept = known.filter(|_| is_kept).and_then(|known| known.deployments.get(&served.upstream)).cloned();
            if let Some(kept) = &kept {
                kept.limit_to(spec.concurrency);
            }
            (served.upstream.clone(), kept.unwrap_or_else(|| Arc::new(builder.deployment(spec, served, &built))))
        };
        let deployments = spec.models.iter().map(deployment).collect();
        Ok(Self { spec: spec.clone(), built, deployments, switch: builder.switch(spec) })
    }

    /// What the policy says of it.
    #[must_use]
    pub const fn spec(&self) -> &BackendSpec {
        &self.spec
    }

    /// What its server shows beside its API, if that server is the operator's own. The same value over reloads that leave the way to
    /// the server as it is.
    #[must_use]
    pub const fn pages(&self) -> Option<&Arc<Pages>> {
        self.built.pages.as_ref()
    }

    /// Its deployments.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.deployments.values()
    }

    /// What takes it out of service.
    #[must_use]
    pub const fn switch(&self) -> &Switch {
        &self.switch
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("policy", &self.policy.hash()).field("backends", &self.backends.len()).finish()
    }
}
