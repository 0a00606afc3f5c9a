//! By what a policy can tell requests apart: what a comparison of two policies has to try.

use std::collections::BTreeSet;

use super::Policy;
use crate::name::{ModelId, RouteName, TenantId};
use crate::pattern::Pattern;
use crate::spec::{CapabilityOverrides, Conditions, Expression, Lane, NanoUsd, Price, Requirement, RouteSpec, Target, Wanted};

impl Policy {
    /// Every pattern of tenants in a route.
    pub(crate) fn tenant_patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.routes.iter().filter_map(|route| route.tenants.as_ref()).flatten()
    }

    /// Whether it denies tenants that it does not declare.
    pub(crate) fn declares_tenants(&self) -> bool {
        self.tenants.is_some()
    }

    /// What its entry allows a tenant and requires for it, if it has one.
    pub(crate) fn entry(&self, tenant: &TenantId) -> Option<(&[Pattern], Requirement)> {
        self.tenants.as_ref()?.get(tenant).map(|spec| (spec.allow.patterns(), spec.requirement))
    }

    /// For each route, whether it is for this tenant.
    pub(crate) fn routes_for(&self, tenant: &TenantId) -> impl Iterator<Item = bool> {
        self.routes.iter().map(|route| route.is_for(tenant))
    }

    /// What the routes that requests for that name may come to ask of a request, if there are any.
    pub(crate) fn conditions_for(&self, asked: &str) -> impl Iterator<Item = &Conditions> {
        self.routes_from(asked).map(|route| &route.conditions)
    }

    /// Whether requests for that name may be led on to a larger model.
    pub(crate) fn leads_on(&self, asked: &str) -> bool {
        self.routes_from(asked).any(|route| route.larger.is_some())
    }

    /// The routes of that name, and those of the larger models that they lead on to.
    fn routes_from(&self, asked: &str) -> impl Iterator<Item = &RouteSpec> {
        let mut models: Vec<&ModelId> = self.model(asked).map(|model| &model.id).into_iter().collect();
        let mut seen = 0;
        while let Some(model) = models.get(seen).copied() {
            let onward = self.routes.iter().filter(|route| route.lane.model == *model).filter_map(|route| route.larger.as_ref());
            let onward = onward.filter_map(|larger| self.model(larger.name.as_str())).map(|model| &model.id);
            let new: Vec<_> = onward.filter(|id| !models.contains(id)).collect();
            models.extend(new);
            seen += 1;
        }
        self.routes.iter().filter(move |route| models.contains(&&route.lane.model))
    }

    /// The expression of each route that has one.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = (&RouteName, &Expression)> {
        self.routes.iter().filter_map(|route| Some((&route.name, route.conditions.when.as_ref()?)))
    }

    /// The tenants that know their tokens by their claims, with these claims.
    pub(crate) fn known_by_claims(&self) -> impl Iterator<Item = (&TenantId, &Wanted)> {
        self.known_by_claims.iter().map(|(tenant, who)| (tenant, &who.0))
    }

    /// What models are said to be able to do, wherever they are.
    pub(crate) fn capabilities(&self) -> impl Iterator<Item = &CapabilityOverrides> {
        self.backends.iter().flat_map(|backend| &backend.models).map(|served| &served.capabilities)
    }

    /// Where requests for a name may cost too much, wherever they are led on to: each ceiling, with a price that it is held against and the most that is answered there.
    pub(crate) fn ceilings(&self, asked: &str) -> impl Iterator<Item = (NanoUsd, &Price, Option<u64>)> {
        let routes: Vec<_> = self.routes_from(asked).collect();
        // A ceiling goes on with a request to the larger model.
        let ceilings: BTreeSet<NanoUsd> = routes.iter().filter_map(|route| route.routing.ceiling.per_request).collect();
        let led_on = routes.iter().any(|route| route.larger.is_some());
        let capped = routes.into_iter().flat_map(move |route| {
            let own = route.routing.ceiling.per_request;
            let of_route = ceilings.iter().copied().filter(move |ceiling| led_on || Some(*ceiling) == own);
            of_route.map(|ceiling| (ceiling, route)).collect::<Vec<_>>()
        });
        let prices = |route| lanes(route).flat_map(|lane: &Lane| lane.prices());
        capped.flat_map(move |(ceiling, route)| prices(route).map(move |(price, most)| (ceiling, price, most)))
    }

    /// Where requests for that name, or copies of them, can go.
    pub(crate) fn lanes_from(&self, asked: &str) -> impl Iterator<Item = &Lane> {
        self.routes_from(asked).flat_map(lanes)
    }

    /// Where requests, or copies of them, can go at all.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.routes.iter().flat_map(lanes).flat_map(|lane| lane.all())
    }
}

/// Where requests of a route, or copies of them, can go.
fn lanes(route: &RouteSpec) -> impl Iterator<Item = &Lane> {
    let shadow = route.shadow.iter().map(|shadow| &shadow.lane);
    let canary = route.canary.iter().map(|canary| &canary.lane);
    std::iter::once(&route.lane).chain(shadow).chain(canary)
}
