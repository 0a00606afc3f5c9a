//! What routes refer to exists and can do what they ask of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Models, canary};
use crate::fault::{Report, accepted, did_you_mean};
use crate::name::{BackendName, ModelId, TenantId};
use crate::read::{Draft, Located, RawBackend, RawRoute, RawSplit};
use crate::spec::{BackendIndex, MOST_TARGETS, ServedModel, Split};

pub(super) fn check(draft: &Draft, models: &Models, report: &mut Report<'_>) {
    let mut names = BTreeMap::new();
    for route in &draft.routes {
        if let Some(name) = &route.name
            && let Some(first) = names.insert(&name.value, name.at)
            // A route for several models is here several times.
            && first != name.at
        {
            let place = report.mention(first);
            let message = format!("route `{}` was already defined{place}; rename one of them", name.value);
            report.fault(name.at, name.key.as_str(), message);
        }
        if let Some(model) = &route.model {
            self::model(model, route, draft, models, report);
        }
        tenants(route, draft, report);
        tiers(route, draft, models, report);
        split(route, report);
        canary::check(route, draft, report);
    }
}

/// The places of the backends of a tier; a backend that was faulty has none.
pub(super) fn places(tier: &[Located<BackendName>], backends: &[BackendName]) -> Vec<BackendIndex> {
    tier.iter().filter_map(|name| backends.iter().position(|other| *other == name.value)).map(BackendIndex).collect()
}

/// The split that a route states, its backends looked up.
pub(super) fn split_of(split: Option<Located<RawSplit>>, backends: &[BackendName]) -> Option<Split> {
    let part = |(name, weight): (Located<BackendName>, u32)| {
        let place = backends.iter().position(|other| *other == name.value)?;
        Some((BackendIndex(place), name.value, weight))
    };
    Some(Split::new(split?.value.into_iter().filter_map(part)))
}

/// ` in route …`, as far as its name is known.
pub(super) fn in_route(route: &RawRoute) -> String {
    route.name.as_ref().map(|name| format!(" in route `{}`", name.value)).unwrap_or_default()
}

fn model(model: &Located<ModelId>, route: &RawRoute, draft: &Draft, models: &Models, report: &mut Report<'_>) {
    let id = model.value.as_str();
    if !models.lack(id) {
        return;
    }
    let alias = draft.aliases.get(id).map(|alias| alias.value.as_ref());
    let message = match alias {
        Some(Some(target)) => {
            format!("`{id}` is an alias, and routes match models; did you mean `{}`?", target.value)
        }
        Some(None) => format!("`{id}` is an alias, and routes match models{}", accepted(models.names())),
        None => format!("unknown model `{id}`{}{}", in_route(route), did_you_mean(id, models.names())),
    };
    report.fault(model.at, model.key.as_str(), message);
}

/// Where tenants are declared, a route for none of them would never match.
fn tenants(route: &RawRoute, draft: &Draft, report: &mut Report<'_>) {
    if draft.tenants.is_empty() {
        return;
    }
    for pattern in route.tenants.iter().flatten() {
        let declared = || draft.tenants.keys().map(TenantId::as_str);
        let is_declared = match pattern.value.as_str().parse::<TenantId>() {
            Ok(tenant) => draft.tenants.contains_key(&tenant),
            Err(_) => declared().any(|tenant| pattern.value.matches(tenant)),
        };
        if !is_declared {
            let hint = did_you_mean(pattern.value.as_str(), declared());
            let message = format!("no declared tenant is `{}`{}{hint}", pattern.value, in_route(route));
            report.fault(pattern.at, pattern.key.as_str(), message);
        }
    }
}

fn tiers(route: &RawRoute, draft: &Draft, models: &Models, report: &mut Report<'_>) {
    let count = route.tiers.iter().map(|tier| tier.value.len()).sum::<usize>();
    if let Some(first) = route.tiers.first().filter(|_| count > MOST_TARGETS) {
        let message = format!("{count} backends{}; accepted: at most {MOST_TARGETS}", in_route(route));
        report.fault(first.at, first.key.as_str(), message);
    }
    let mut seen = BTreeSet::new();
    for backend in route.tiers.iter().flat_map(|tier| &tier.value) {
        let name = &backend.value;
        if !seen.insert(name) {
            let message = format!("backend `{name}` appears twice{}; keep one", in_route(route));
            report.fault(backend.at, backend.key.as_str(), message);
            continue;
        }
        target(backend, route, draft, models, report);
    }
    if let Some(canary) = route.canary.as_ref().filter(|canary| !seen.contains(&canary.backend.value)) {
        target(&canary.backend, route, draft, models, report);
    }
}

/// A backend that requests are sent to exists, and serves the model.
fn target(backend: &Located<BackendName>, route: &RawRoute, draft: &Draft, models: &Models, report: &mut Report<'_>) {
    let name = &backend.value;
    let Some(found) = draft.backends.get(name) else {
        let hint = did_you_mean(name.as_str(), draft.backends.keys().map(BackendName::as_str));
        let message = format!("unknown backend `{name}`{}{hint}", in_route(route));
        report.fault(backend.at, backend.key.as_str(), message);
        return;
    };
    // A model that nobody serves has been reported once, at `match`.
    let wanted = route.model.as_ref().map(|model| &model.value).filter(|id| models.served.contains(*id));
    let (Some(wanted), Some(served)) = (wanted, &found.value.models) else {
        return;
    };
    if !served.iter().any(|model| model.id == *wanted) {
        let hint = accepted(serving(wanted, draft));
        let message = format!("backend `{name}` does not serve model `{wanted}`{}{hint}", in_route(route));
        report.fault(backend.at, backend.key.as_str(), message);
    }
}

/// A backend of a route and how it serves the route's model, unless either has a fault of its own.
pub(super) fn served<'d>(
    route: &RawRoute,
    name: &Located<BackendName>,
    draft: &'d Draft,
) -> Option<(&'d Located<RawBackend>, &'d ServedModel)> {
    let (model, entry) = (&route.model.as_ref()?.value, draft.backends.get(&name.value)?);
    let served = entry.value.models.as_ref()?.iter().find(|served| served.id == *model)?;
    Some((entry, served))
}

/// A split orders the backends of its route, and adds none.
fn split(route: &RawRoute, report: &mut Report<'_>) {
    let backends = || route.tiers.iter().flat_map(|tier| &tier.value).map(|backend| backend.value.as_str());
    for (backend, _) in route.split.iter().flat_map(|split| &split.value) {
        let name = backend.value.as_str();
        if !backends().any(|other| other == name) {
            let hint = did_you_mean(name, backends());
            let message = format!("backend `{name}` is in no tier{}{hint}", in_route(route));
            report.fault(backend.at, backend.key.as_str(), message);
        }
    }
}

/// The backends that serve a model.
pub(super) fn serving<'d>(wanted: &ModelId, draft: &'d Draft) -> impl Iterator<Item = &'d str> {
    let serves = |models: &Vec<ServedModel>| models.iter().any(|model| model.id == *wanted);
    draft
        .backends
        .iter()
        .filter(move |(_, backend)| backend.value.models.as_ref().is_some_and(serves))
        .map(|(name, _)| name.as_str())
}
