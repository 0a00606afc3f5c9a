//! What routes and `[defaults]` say together about choosing, and whether it can take effect.

use std::collections::BTreeSet;

use super::route::{in_route, served};
use crate::fault::{At, Place as Written, Report};
use crate::name::BackendName;
use crate::read::{Draft, Located, RawBackend, RawCeiling, RawRoute, RawRouting};
use crate::spec::{Ceiling, Midstream, NanoUsd, Objective, Provider, Routing, ServedModel, Spill};

/// `base`, with what is set in its place; of ceilings, the lower holds.
pub(super) fn resolve(base: Routing, set: &RawRouting) -> Routing {
    let RawRouting { objective, seconds_per_dollar, hedge_budget, max_attempts, retry_budget, midstream, ceiling, slo, spill } =
        set;
    Routing {
        objective: objective.as_ref().map_or(base.objective, |set| set.value),
        seconds_per_dollar: seconds_per_dollar.as_ref().map_or(base.seconds_per_dollar, |set| set.value),
        hedge_budget: hedge_budget.as_ref().map_or(base.hedge_budget, |set| set.value),
        max_attempts: max_attempts.as_ref().map_or(base.max_attempts, |set| set.value),
        retry_budget: retry_budget.as_ref().map_or(base.retry_budget, |set| set.value),
        midstream: midstream.as_ref().map_or(base.midstream, |set| set.value),
        ceiling: base.ceiling.and(amounts(ceiling)),
        slo: slo.as_ref().map_or(base.slo, |set| Some(set.value)),
        spill: spill.as_ref().map_or(base.spill, |set| set.value),
    }
}

fn amounts(ceiling: &RawCeiling) -> Ceiling {
    let amount = |located: &Option<Located<NanoUsd>>| located.as_ref().map(|located| located.value);
    Ceiling { per_request: amount(&ceiling.per_request), per_tenant_day: amount(&ceiling.per_tenant_day) }
}

/// Where it is written what a request of the route may cost.
pub(super) fn place_of_ceiling(defaults: &RawRouting, route: &RawRouting, report: &Report<'_>) -> Option<Written> {
    let written = [defaults, route].into_iter().filter_map(|routing| routing.ceiling.per_request.as_ref());
    written.min_by_key(|located| located.value).and_then(|located| report.place(located.at))
}

/// Refuses what cannot take effect in a route.
pub(super) fn check(draft: &Draft, defaults: Routing, report: &mut Report<'_>) {
    for route in &draft.routes {
        if let Some(Located { value: Midstream::Continue, at, key }) = &route.routing.midstream {
            continuation(route, (*at, key), draft, report);
        }
        promises(route, &draft.routing, &resolve(defaults, &route.routing), report);
        if let Some(key) = key_of_money(&resolve(defaults, &route.routing)) {
            prices(route, key, draft, report);
        }
    }
}

/// A broken answer can only go on where the same weights are, and only the policy knows where that is.
fn continuation(route: &RawRoute, (at, key): (At, &str), draft: &Draft, report: &mut Report<'_>) {
    let places: Vec<_> = places(route, draft).collect();
    // Of a backend that has a fault of its own, nobody knows the weights.
    if places.len() < route.backends().count() {
        return;
    }
    let mut seen = BTreeSet::new();
    let shared = places.iter().filter_map(|place| place.served.weights.as_ref()).any(|weights| !seen.insert(weights));
    if !shared {
        let advice = "no two backends of the route are said to serve the same weights, so no answer could go on; give the models of two of \
            them the same `weights`";
        report.fault(at, key, advice);
    }
}

/// What cannot be kept without knowing what is promised.
fn promises(route: &RawRoute, defaults: &RawRouting, routing: &Routing, report: &mut Report<'_>) {
    let is_cheapest = routing.objective == Objective::CheapestWithinSlo;
    let objective = route.routing.objective.as_ref().or(defaults.objective.as_ref()).filter(|_| is_cheapest);
    let spill = route.routing.spill.as_ref().or(defaults.spill.as_ref()).filter(|_| routing.spill == Spill::Slo);
    let wanted = objective.map(|objective| (objective.at, &objective.key)).into_iter();
    for (at, key) in wanted.chain(spill.map(|spill| (spill.at, &spill.key))).filter(|_| routing.slo.is_none()) {
        let message = format!("nothing is promised{}; say what, such as `slo = {{ ttft_p90 = \"1.5s\" }}`", in_route(route));
        report.fault(at, key.as_str(), message);
    }
    if let Some(objective) = objective.filter(|_| routing.seconds_per_dollar.is_some()) {
        let message = format!(
            "the cheapest is chosen{}, so nothing is weighed by `one_cent_buys`; set that to `false`, or choose another objective",
            in_route(route)
        );
        report.fault(objective.at, objective.key.as_str(), message);
    }
}

/// The key by which money counts, if it does.
fn key_of_money(routing: &Routing) -> Option<&'static str> {
    let is_cheapest = routing.objective == Objective::CheapestWithinSlo;
    let keys = [
        ("one_cent_buys", routing.seconds_per_dollar.is_some()),
        ("objective", is_cheapest),
        ("ceiling", !routing.ceiling.is_none()),
    ];
    keys.into_iter().find(|(_, counts)| *counts).map(|(key, _)| key)
}

/// Where money counts, a cloud without a price would look as if it were free.
fn prices(route: &RawRoute, key: &str, draft: &Draft, report: &mut Report<'_>) {
    for Place { name, backend, served } in places(route, draft) {
        let is_paid = backend.provider.as_ref().is_some_and(Provider::is_paid);
        if is_paid && served.price.known().is_none() {
            let message = format!(
                "money counts{} (`{key}`), but backend `{}` has no price for model `{}`; give it one, such as \
                `price = {{ in = 1.25, out = 10.0 }}`",
                in_route(route),
                name.value,
                served.id
            );
            report.fault(name.at, name.key.as_str(), message);
        }
    }
}

/// A backend of a route, and how it serves the route's model.
struct Place<'d> {
    name: &'d Located<BackendName>,
    backend: &'d RawBackend,
    served: &'d ServedModel,
}

/// The backends of a route, without those that have a fault of their own.
fn places<'d>(route: &'d RawRoute, draft: &'d Draft) -> impl Iterator<Item = Place<'d>> {
    let place = |name: &'d Located<BackendName>| {
        let (backend, served) = served(route, name, draft)?;
        Some(Place { name, backend: &backend.value, served })
    };
    route.backends().filter_map(place)
}
