//! What can be in force but is likely a mistake.

use std::collections::{BTreeMap, BTreeSet};

use super::places::{Places, Spot};
use crate::calendar::Day;
use crate::fault::{At, Beside, Report, accepted};
use crate::name::ModelId;
use crate::operation::Operations;
use crate::policy::{NoRoute, Policy, TenantClass, Way};
use crate::request::{Caller, Request};
use crate::spec::{Feature, Floor, Target};
use tradewind_protocol::Operation;

/// Reports all of it.
pub(super) fn warn(policy: &Policy, places: &Places, report: &mut Report<'_>) {
    unused_backends(places, report);
    models_without_route(policy, places, report);
    aliases_to_nowhere(policy, places, report);
    grants_of_nothing(policy, places, report);
    narrow_routes(policy, places, report);
    drained_routes(policy, places, report);
    refused_classes(policy, places, report);
    not_led_on(policy, places, report);
}

/// Reports a table of prices of which some have likely changed since. The one that is built in has no place.
pub(super) fn warn_of_old_prices(policy: &Policy, places: &Places, today: Day, report: &mut Report<'_>) {
    if let Some(stale) = policy.prices().and_then(|table| table.stale(today)) {
        let Spot { at, key } = places.prices.clone().unwrap_or_else(|| Spot { at: At::top_of(0), key: "prices".to_owned() });
        report.warn(at, key, stale.to_string(), Vec::new());
    }
}

fn warn_at(spot: Option<&Spot>, message: String, report: &mut Report<'_>) {
    if let Some(Spot { at, key }) = spot {
        report.warn(*at, key.as_str(), message, Vec::new());
    }
}

fn unused_backends(places: &Places, report: &mut Report<'_>) {
    for (name, spot) in &places.backends {
        if !places.used.contains(name) {
            warn_at(Some(spot), format!("no route uses backend `{name}`; name it in the `tiers` of one, or remove it"), report);
        }
    }
}

/// Said once of a model, at the first backend that serves it; not of a backend that nobody uses at all.
fn models_without_route(policy: &Policy, places: &Places, report: &mut Report<'_>) {
    let mut seen: BTreeSet<&ModelId> = BTreeSet::new();
    for backend in policy.backends().iter().filter(|backend| places.used.contains(&backend.name)) {
        for served in &backend.models {
            if policy.model(served.id.as_str()).is_none() && seen.insert(&served.id) {
                let message =
                    format!("backend `{}` serves model `{}`, but no route leads to that model", backend.name, served.id);
                warn_at(places.backends.get(&backend.name), message, report);
            }
        }
    }
}

fn aliases_to_nowhere(policy: &Policy, places: &Places, report: &mut Report<'_>) {
    for (alias, spot) in &places.aliases {
        if policy.model(alias.as_str()).is_none() {
            warn_at(Some(spot), format!("no route leads to the model of alias `{alias}`"), report);
        }
    }
}

/// A tenant that is allowed what no route gives it. Of a pattern with `*`, that is only said where it gives nothing at all.
fn grants_of_nothing(policy: &Policy, places: &Places, report: &mut Report<'_>) {
    for (id, tenant) in policy.tenants() {
        for pattern in tenant.allow.patterns() {
            let mut granted = policy.names().filter(|(name, model)| pattern.matches(name) || pattern.matches(model.id.as_str()));
            let reaches = granted.any(|(name, _)| policy.way(&Request::new(Caller::of(id), name, Operation::Chat)).is_ok());
            if !reaches {
                let hint = accepted(policy.models_for(&Caller::of(id), None).iter().map(|model| model.name))
                    .replace("accepted", "it could use");
                let message = format!("tenant `{id}` is allowed `{pattern}`, but no route leads it there{hint}");
                warn_at(places.tenants.get(id), message, report);
            }
        }
    }
}

/// The first match decides: what its backends cannot do, no later route makes up for.
fn narrow_routes(policy: &Policy, places: &Places, report: &mut Report<'_>) {
    let mut models: BTreeMap<&ModelId, Operations> = BTreeMap::new();
    for lane in policy.route_specs().map(|route| &route.lane) {
        let all = models.entry(&lane.model).or_default();
        *all = all.union(lane.operations(Floor::default()));
    }
    for route in policy.route_specs() {
        let (served, model) = (route.lane.operations(Floor::default()), &route.lane.model);
        let missing = models.get(model).into_iter().flat_map(|all| all.iter()).filter(|one| !served.contains(*one));
        let missing: Vec<_> = missing.map(|operation| format!("`{operation}`")).collect();
        if !missing.is_empty() {
            let message = format!(
                "no backend of route `{}` serves {}, which other routes of model `{model}` do: whom it matches is refused that",
                route.name,
                missing.join(", ")
            );
            warn_at(places.routes.get(&route.name), message, report);
        }
    }
}

fn drained_routes(policy: &Policy, places: &Places, report: &mut Report<'_>) {
    let spec = |target: &Target| policy.backends().get(target.backend.get());
    for route in policy.route_specs() {
        let backends: Vec<_> = route.lane.all().iter().filter_map(spec).collect();
        if !backends.is_empty() && backends.iter().all(|backend| backend.drained.is_always()) {
            let names: Vec<_> = backends.iter().map(|backend| format!("`{}`", backend.name)).collect();
            let message = format!("every backend of route `{}` is drained ({}): it serves nobody", route.name, names.join(", "));
            warn_at(places.routes.get(&route.name), message, report);
        }
    }
}

/// Tenants who may ask for a model of which their route has no backend for them, by what they or the route require.
fn refused_classes(policy: &Policy, places: &Places, report: &mut Report<'_>) {
    let classes = policy.tenant_classes();
    for (name, model) in policy.names().filter(|(name, model)| *name == model.id.as_str()) {
        let features = features(policy, &model.id);
        // Most tenants go the same ways as others, and are refused nothing.
        let mut fine: BTreeSet<(Way<'_>, Operation)> = BTreeSet::new();
        for class in &classes {
            let Some(tenant) = class.tenants.first() else { continue };
            for operation in model.operations.iter().filter(|one| policy.is_allowed(tenant, name, *one)) {
                let request = Request::new(Caller::of(tenant), name, operation);
                let Ok(way) = policy.way(&request) else { continue };
                if fine.contains(&(way, operation)) {
                    continue;
                }
                let refusals = refusals(policy, &request, &features);
                if refusals.is_empty() {
                    fine.insert((way, operation));
                }
                refusals.iter().for_each(|(what, none)| refused(none, class, what, places, report));
            }
        }
    }
}

/// Tenants whose requests stay with a route although it leads on to a larger model, by what they may use. Where claims, headers or an expression decide
/// who gets there, nothing is said.
fn not_led_on(policy: &Policy, places: &Places, report: &mut Report<'_>) {
    let leading: Vec<_> = policy.route_specs().filter_map(|route| Some((route, route.larger.as_ref()?))).collect();
    for class in policy.tenant_classes().iter().filter(|_| !leading.is_empty()) {
        let Some(tenant) = class.tenants.first() else { continue };
        let takes = |name: &str, operation| policy.way(&Request::new(Caller::of(tenant), name, operation)).ok();
        for (route, larger) in &leading {
            let model = route.lane.model.as_str();
            let Some(operation) = Operations::TEXT.iter().find(|one| policy.is_allowed(tenant, model, *one)) else { continue };
            if takes(model, operation).is_none_or(|way| *way.route != route.name) {
                continue;
            }
            let why = match larger.name.as_str() {
                name if !policy.is_allowed(tenant, name, operation) => "it may not use that model",
                name if policy.conditions_for(name).any(|conditions| !conditions.are_none()) => continue,
                name if takes(name, operation).is_none() => "no route leads it to that model",
                _ => continue,
            };
            let others = if class.tenants.len() > 1 || class.is_open { " and its like" } else { "" };
            let message = format!(
                "route `{}` leads on to `{}` what is too long for it, but not for tenant `{tenant}`{others}: {why}",
                route.name, larger.name
            );
            warn_at(places.routes.get(&route.name), message, report);
        }
    }
}

/// What some backend of a model can do. What none can do is nobody's mistake.
fn features(policy: &Policy, model: &ModelId) -> Vec<Feature> {
    let served: Vec<_> = policy.backends().iter().filter_map(|backend| backend.serves(model)).collect();
    let can = |feature: &Feature| served.iter().any(|served| !served.capabilities.lack(*feature));
    Feature::ALL.into_iter().filter(can).collect()
}

/// Why such a request is refused; if it is not, with which features it is.
fn refusals(policy: &Policy, request: &Request<'_>, features: &[Feature]) -> Vec<(String, NoRoute)> {
    let operation = request.operation;
    if let Err(none) = policy.eligible(request) {
        return vec![(format!("{operation} with"), none)];
    }
    let with = |feature: &Feature| {
        let none = policy.eligible(&Request { needs: feature.needs(), ..*request }).err()?;
        Some((format!("{operation} and `{}` with", feature.as_str()), none))
    };
    features.iter().filter_map(with).collect()
}

fn refused(none: &NoRoute, class: &TenantClass, what: &str, places: &Places, report: &mut Report<'_>) {
    let NoRoute::NoneEligible { model, route, reasons, .. } = none else { return };
    let (Some(Spot { at, key }), Some(tenant)) = (places.routes.get(route), class.tenants.first()) else { return };
    let others = if class.tenants.len() > 1 || class.is_open { " and its like" } else { "" };
    let message =
        format!("tenant `{tenant}`{others} may ask for {what} model `{model}`, but no backend of route `{route}` may serve that");
    let reason = |(backend, excluded): (&_, &crate::policy::Excluded)| {
        Beside::reason(format!("`{backend}` is left out: {}", excluded.why))
    };
    report.warn(*at, key.as_str(), message, reasons.iter().map(reason).collect());
}
