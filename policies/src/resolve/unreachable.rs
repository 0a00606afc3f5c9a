//! Routes, and tenants of routes, whom earlier routes take all that they match.

use crate::fault::Report;
use crate::pattern::Pattern;
use crate::read::{Located, RawRoute};

pub(super) fn check(routes: &[RawRoute], report: &mut Report<'_>) {
    for (place, route) in routes.iter().enumerate() {
        let (Some(model), Some(conditions)) = (&route.model, &route.conditions) else { continue };
        let is_of = |other: &RawRoute| other.model.as_ref().is_some_and(|other| other.value == model.value);
        let earlier = || {
            routes
                .iter()
                .take(place)
                .filter(|other| is_of(other) && other.conditions.as_ref().is_some_and(|other| other.cover(conditions)))
        };
        let Some(tenants) = &route.tenants else {
            never(route, earlier().find(|earlier| earlier.tenants.is_none()), report);
            continue;
        };
        let first = |tenant: &Pattern| earlier().find(|earlier| covers(earlier, tenant));
        let taken: Vec<_> = tenants.iter().filter_map(|tenant| Some((tenant, first(&tenant.value)?))).collect();
        if taken.len() == tenants.len() {
            never(route, taken.first().map(|(_, first)| *first), report);
        } else {
            taken.iter().for_each(|(tenant, first)| partly(tenant, first, report));
        }
    }
}

/// Reports that the route never matches.
fn never(route: &RawRoute, first: Option<&RawRoute>, report: &mut Report<'_>) {
    let (Some(model), Some(first)) = (&route.model, first) else { return };
    let message = format!("this route can never match: {} matches first; move it up or remove it", told(first, report));
    report.fault(model.at, model.key.as_str(), message);
}

/// Warns that the route matches none of these tenants.
fn partly(tenant: &Located<Pattern>, first: &RawRoute, report: &mut Report<'_>) {
    let first = told(first, report);
    let message = format!(
        "no tenant of `{}` comes to this route: {first} matches them first; move this one up, or remove them here",
        tenant.value
    );
    report.warn(tenant.at, tenant.key.as_str(), message, Vec::new());
}

/// The route by its name and its place.
fn told(route: &RawRoute, report: &Report<'_>) -> String {
    let name = route.name.as_ref().map(|name| format!(" `{}`", name.value)).unwrap_or_default();
    let at = route.model.as_ref().map(|model| report.mention(model.at)).unwrap_or_default();
    format!("route{name}{at}")
}

/// Whether `route` matches every tenant that `tenant` stands for.
fn covers(route: &RawRoute, tenant: &Pattern) -> bool {
    route.tenants.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.value.covers(tenant)))
}
