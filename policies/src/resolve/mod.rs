//! From what was typed to what it means: every name that refers to something is looked up, and what could never
//! take effect is refused, because whoever wrote it believes that it does.
//!
//! A faulty part is reported and left out, and the rest is still resolved, so that one run finds every fault. The
//! result only reaches anyone if the report stayed empty.

use std::collections::BTreeSet;

use crate::fault::{Place, Report};
use crate::name::{BackendName, FailureDomain, ModelId};
use crate::policy::Parts;
use crate::read::{Draft, Located, RawBackend, RawTenant};
use crate::source::PolicyHash;
use crate::spec::{BackendSpec, Larger, RouteParts, Routing, ServedModel, TenantSpec, Timeouts, Who};

mod alias;
mod canary;
mod larger;
mod prices;
mod require;
mod route;
mod routing;
mod shadow;
mod tenant;
mod test;
mod unreachable;

/// Checks the draft as a whole and turns it into what a policy is compiled from.
pub(crate) fn resolve(mut draft: Draft, hash: PolicyHash, report: &mut Report<'_>) -> Parts {
    let models = Models::of(&draft);
    alias::check(&draft, &models, report);
    alias::replace(&mut draft, &models);
    tenant::check(&draft, &models, report);
    route::check(&draft, &models, report);
    unreachable::check(&draft.routes, report);
    let routing = routing::resolve(Routing::default(), &draft.routing);
    let prices = prices::look_up(&mut draft, report);
    routing::check(&draft, routing, report);
    require::check(&draft, report);
    shadow::check(&draft, &models, report);
    larger::check(&draft, &models, report);

    let defaults = Timeouts::default().with(draft.timeouts.map(|located| located.value).unwrap_or_default());
    let backends = draft.backends.into_iter();
    let backends: Vec<_> = backends.filter_map(|(name, raw)| backend(name, report.place(raw.at), raw.value, defaults)).collect();
    let places: Vec<_> = backends.iter().map(|backend| backend.name.clone()).collect();
    let required = draft.require;
    let routes = draft.routes.into_iter().filter_map(|route| {
        let name = route.name?.value;
        Some(RouteParts {
            demands: require::demands(required.as_ref(), route.require, &name, report),
            split: route::split_of(route.split, &places),
            canary: canary::resolved(route.canary, &name, &places),
            name,
            place: route.place,
            model: route.model?.value,
            tenants: route.tenants.map(|tenants| tenants.into_iter().map(|tenant| tenant.value).collect()),
            conditions: route.conditions?,
            tiers: route.tiers.into_iter().map(|tier| route::places(&tier.value, &places)).collect(),
            shadow: route.shadow.and_then(|shadow| shadow::parts(&shadow, &places)),
            larger: route.larger.map(|name| Larger { place: report.place(name.at), name: name.value }),
            ceiling_place: routing::place_of_ceiling(&draft.routing, &route.routing, report),
            routing: routing::resolve(routing, &route.routing),
            defaults,
            overrides: route.timeouts,
        })
    });
    let routes = routes.collect();
    let aliases = draft.aliases.into_iter().filter_map(|(alias, model)| Some((alias, model.value?.value))).collect();
    let tenant = |Located { value: tenant, at, .. }: Located<RawTenant>| TenantSpec {
        allow: tenant.allow.into_iter().map(|pattern| pattern.value).collect(),
        limits: tenant.limits,
        budget: tenant.budget,
        requirement: tenant.requirement,
        who: tenant.who.map(Who),
        place: report.place(at),
    };
    let tenants = (!draft.tenants.is_empty()).then(|| draft.tenants.into_iter().map(|(id, raw)| (id, tenant(raw))).collect());
    Parts { hash, backends, aliases, tenants, routes, prices: Some(prices) }
}

/// Checks what the tests of the draft refer to.
pub(crate) fn tests(draft: &Draft, report: &mut Report<'_>) {
    test::check(draft, report);
}

/// The backend, if all of it could be read.
fn backend(name: BackendName, place: Option<Place>, raw: RawBackend, defaults: Timeouts) -> Option<BackendSpec> {
    let (upkeep, cost) = (raw.upkeep?, raw.cost?);
    Some(BackendSpec {
        provider: raw.provider?,
        failure_domain: upkeep.failure_domain.unwrap_or_else(|| FailureDomain::from(&name)),
        drained: upkeep.drained,
        concurrency: upkeep.concurrency,
        probe: upkeep.probe,
        metrics: upkeep.metrics,
        timeouts: defaults.with(raw.timeouts),
        terms: raw.terms?,
        models: raw.models?.into_iter().map(|model| ServedModel { price: model.price.with(cost), ..model }).collect(),
        place,
        name,
    })
}

/// Which models there are.
struct Models {
    /// Those that some backend serves.
    served: BTreeSet<ModelId>,
    /// Whether every backend's models could be read; if not, a name that is not among them may still be right.
    complete: bool,
}

impl Models {
    fn of(draft: &Draft) -> Self {
        let models = || draft.backends.values().map(|backend| backend.value.models.as_ref());
        Self {
            served: models().flatten().flatten().map(|model| model.id.clone()).collect(),
            complete: models().all(|models| models.is_some()),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.served.iter().map(ModelId::as_str)
    }

    /// Whether `name` is certainly no model.
    fn lack(&self, name: &str) -> bool {
        self.complete && !self.served.contains(name)
    }
}
