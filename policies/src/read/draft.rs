//! What was typed, before anyone asked whether it makes sense as a whole.

use std::collections::BTreeMap;

use super::cursor::Located;
use super::price::ServerCost;
use crate::canary::AbortIf;
use crate::decision::Moment;
use crate::fault::{At, Place};
use crate::grant::Grants;
use crate::name::{BackendName, FailureDomain, ModelAlias, ModelId, RouteName, TenantId};
use crate::pattern::Pattern;
use crate::policy::{Denied, Stage};
use crate::request::{Attributes, Needs};
use crate::spec::{
    Budget, Concurrency, Conditions, DataTerms, Drained, MaxAttempts, Midstream, NanoUsd, Objective, Poll, PriceTable, Provider,
    Requirement, ServedModel, Share, Slo, Spill, TenantLimits, TimeoutOverrides, Wanted,
};
use tradewind_protocol::Operation;

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
    pub(crate) tests: Vec<RawTest>,
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
    pub(crate) drained: Drained,
    pub(crate) concurrency: Concurrency,
    pub(crate) probe: Option<Poll>,
    pub(crate) metrics: Option<Poll>,
}

/// One `[tenant.NAME]`.
pub(crate) struct RawTenant {
    pub(crate) allow: Vec<Located<Pattern>>,
    pub(crate) limits: TenantLimits,
    pub(crate) budget: Budget,
    pub(crate) requirement: Requirement,
    pub(crate) who: Option<Wanted>,
}

/// One `[[route]]`, for one of its models.
#[derive(Clone)]
pub(crate) struct RawRoute {
    pub(crate) place: Option<Place>,
    pub(crate) name: Option<Located<RouteName>>,
    pub(crate) model: Option<Located<ModelId>>,
    pub(crate) tenants: Option<Vec<Located<Pattern>>>,
    /// `None` if part of them could not be read.
    pub(crate) conditions: Option<Conditions>,
    pub(crate) tiers: Vec<Located<Vec<Located<BackendName>>>>,
    pub(crate) shadow: Option<RawShadow>,
    /// The name of a model, or an alias.
    pub(crate) larger: Option<Located<ModelId>>,
    pub(crate) require: Option<Located<Requirement>>,
    pub(crate) routing: RawRouting,
    pub(crate) split: Option<Located<RawSplit>>,
    pub(crate) canary: Option<RawCanary>,
    pub(crate) timeouts: TimeoutOverrides,
}

impl RawRoute {
    /// Every backend that it names to send requests to: those of the tiers, and the canary's if that is another.
    pub(crate) fn backends(&self) -> impl Iterator<Item = &Located<BackendName>> {
        let tiers = || self.tiers.iter().flat_map(|tier| &tier.value);
        let canary = self.canary.iter().map(|canary| &canary.backend);
        tiers().chain(canary.filter(move |canary| !tiers().any(|other| other.value == canary.value)))
    }
}

/// The `shadow` of a route.
#[derive(Clone)]
pub(crate) struct RawShadow {
    pub(crate) backend: Located<BackendName>,
    pub(crate) share: Share,
    pub(crate) max_cost_per_day: Option<Located<NanoUsd>>,
}

/// The canary of a route.
#[derive(Clone)]
pub(crate) struct RawCanary {
    pub(crate) backend: Located<BackendName>,
    pub(crate) share: Share,
    pub(crate) abort_if: Option<AbortIf>,
}

/// What each backend of a split weighs.
pub(crate) type RawSplit = Vec<(Located<BackendName>, u32)>;

/// What one table says of choosing among backends; `None` where it says nothing.
#[derive(Clone, Default)]
pub(crate) struct RawRouting {
    pub(crate) objective: Option<Located<Objective>>,
    /// `None` within if money does not count.
    pub(crate) seconds_per_dollar: Option<Located<Option<f64>>>,
    /// `None` within if no request is hedged.
    pub(crate) hedge_budget: Option<Located<Option<Share>>>,
    pub(crate) max_attempts: Option<Located<MaxAttempts>>,
    pub(crate) retry_budget: Option<Located<Share>>,
    pub(crate) midstream: Option<Located<Midstream>>,
    pub(crate) ceiling: RawCeiling,
    pub(crate) slo: Option<Located<Slo>>,
    pub(crate) spill: Option<Located<Spill>>,
}

/// How much requests may cost.
#[derive(Clone, Default)]
pub(crate) struct RawCeiling {
    pub(crate) per_request: Option<Located<NanoUsd>>,
    pub(crate) per_tenant_day: Option<Located<NanoUsd>>,
}

/// One `[[test]]`: a request, and what is to become of it.
pub(crate) struct RawTest {
    pub(crate) name: Option<Located<String>>,
    pub(crate) at: At,
    /// The path of the table, for messages.
    pub(crate) key: String,
    pub(crate) given: Given,
    /// The backends that are presumed to be down.
    pub(crate) down: Vec<Located<BackendName>>,
    /// When it is presumed to be.
    pub(crate) moment: Option<Moment>,
    /// At least one.
    pub(crate) expect: Vec<Located<Expected>>,
}

/// The request of a test.
pub(crate) struct Given {
    pub(crate) at: At,
    /// The path of the table, for messages.
    pub(crate) key: String,
    pub(crate) tenant: Option<TenantId>,
    /// The name that is asked for.
    pub(crate) model: ModelAlias,
    pub(crate) operation: Option<Operation>,
    pub(crate) needs: Needs,
    pub(crate) claims: Attributes,
    pub(crate) headers: Attributes,
    pub(crate) session: Option<String>,
    /// What the token grants; all models if absent.
    pub(crate) grants: Option<Grants>,
}

/// The reason why nothing serves a request of a caller for whom there is no route.
pub(crate) const NO_ROUTE: &str = "no-route";
/// The reason why nothing serves a request for which backends are out of service.
pub(crate) const OUT_OF_SERVICE: &str = "out-of-service";

/// What a test expects.
pub(crate) enum Expected {
    /// These backends may serve it, and no others.
    Only(Vec<Located<BackendName>>),
    /// These are among those that may serve it.
    Includes(Vec<Located<BackendName>>),
    /// None of these may serve it.
    Excludes(Vec<Located<BackendName>>),
    /// These, and no others, are asked before all others.
    FirstTier(Vec<Located<BackendName>>),
    /// This backend may be sent a copy of it; none, if there is none here.
    Shadow(Option<Located<BackendName>>),
    /// This route decides.
    Route(RouteName),
    /// The caller may not ask for it.
    Denied(&'static str),
    /// The caller may, but nothing can serve it, and this is what left a backend out.
    NoBackend(&'static str),
}

impl Expected {
    /// The reasons of a denial.
    pub(super) fn denials() -> Vec<(&'static str, &'static str)> {
        Denied::REASONS.into_iter().map(|reason| (reason, reason)).collect()
    }

    /// The reasons why nothing can serve a request.
    pub(super) fn dead_ends() -> Vec<(&'static str, &'static str)> {
        let stages = Stage::ALL.into_iter().map(Stage::as_str);
        [NO_ROUTE].into_iter().chain(stages).chain([OUT_OF_SERVICE]).map(|reason| (reason, reason)).collect()
    }
}
