//! What was typed, before anyone asked whether it makes sense as a whole.

use std::collections::BTreeMap;

use super::cursor::Located;
use super::price::ServerCost;
use crate::fault::Place;
use crate::name::{BackendName, FailureDomain, ModelAlias, ModelId, RouteName, TenantId};
use crate::pattern::Pattern;
use crate::spec::{
    Concurrency, DataTerms, MaxAttempts, Midstream, Objective, Poll, PriceTable, Provider, Requirement, ServedModel, Share,
    TenantLimits, TimeoutOverrides,
};

/// All files together. Maps are sorted, so that the same texts always give the same policy.
#[derive(Default)]
pub(crate) struct Draft {
    /// What `[defaults]` says of choosing.
    pub(crate) routing: RawRouting,
    pub(crate) require: Option<Located<Requirement>>,
    pub(crate) timeouts: Option<Located<TimeoutOverrides>>,
    pub(crate) backends: BTreeMap<BackendName, Located<RawBackend>>,
    pub(crate) aliases: BTreeMap<ModelAlias, RawAlias>,
    pub(crate) tenants: BTreeMap<TenantId, Located<RawTenant>>,
    pub(crate) routes: Vec<RawRoute>,
    pub(crate) prices: Option<Located<PriceTable>>,
}

/// One line of `[alias]`: where the alias stands and what it leads to, if that could be read.
pub(crate) type RawAlias = Located<Option<Located<ModelId>>>;

/// One `[backend.NAME]`. A part that could not be read is absent; its fault is in the report, and what refers to
/// the backend is still checked.
pub(crate) struct RawBackend {
    /// What its provider is called.
    pub(crate) word: Option<&'static str>,
    pub(crate) provider: Option<Provider>,
    pub(crate) upkeep: Option<Upkeep>,
    /// What its server costs.
    pub(crate) cost: Option<ServerCost>,
    pub(crate) terms: Option<DataTerms>,
    pub(crate) timeouts: TimeoutOverrides,
    /// `None` if any of them could not be read, so that nobody can say what the backend does not serve.
    pub(crate) models: Option<Vec<ServedModel>>,
    /// The models that cost what the table of prices says of others.
    pub(crate) priced_as: BTreeMap<ModelId, Located<String>>,
}

/// How a backend is run and watched.
pub(crate) struct Upkeep {
    /// `None` if the backend fails alone.
    pub(crate) failure_domain: Option<FailureDomain>,
    pub(crate) drained: bool,
    pub(crate) concurrency: Concurrency,
    pub(crate) probe: Option<Poll>,
    pub(crate) metrics: Option<Poll>,
}

/// One `[tenant.NAME]`.
pub(crate) struct RawTenant {
    pub(crate) allow: Vec<Located<Pattern>>,
    pub(crate) limits: TenantLimits,
    pub(crate) requirement: Requirement,
}

/// One `[[route]]`.
pub(crate) struct RawRoute {
    pub(crate) place: Option<Place>,
    pub(crate) name: Option<Located<RouteName>>,
    pub(crate) model: Option<Located<ModelId>>,
    pub(crate) tenants: Option<Vec<Located<Pattern>>>,
    pub(crate) tiers: Vec<Located<Vec<Located<BackendName>>>>,
    pub(crate) require: Option<Located<Requirement>>,
    pub(crate) routing: RawRouting,
    pub(crate) timeouts: TimeoutOverrides,
}

/// What one table says of choosing among backends; `None` where it says nothing.
#[derive(Default)]
pub(crate) struct RawRouting {
    pub(crate) objective: Option<Located<Objective>>,
    /// `None` within if money does not count.
    pub(crate) seconds_per_dollar: Option<Located<Option<f64>>>,
    /// `None` within if no request is hedged.
    pub(crate) hedge_budget: Option<Located<Option<Share>>>,
    pub(crate) max_attempts: Option<Located<MaxAttempts>>,
    pub(crate) retry_budget: Option<Located<Share>>,
    pub(crate) midstream: Option<Located<Midstream>>,
}
