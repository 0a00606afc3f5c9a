//! Routes that can never match, because earlier ones match all that they do.

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
        let shadows: Vec<&RawRoute> = match &route.tenants {
            None => earlier().find(|earlier| earlier.tenants.is_none()).into_iter().collect(),
            Some(tenants) => {
                let coverer = |tenant: &Located<Pattern>| earlier().find(|earlier| covers(earlier, &tenant.value));
                let Some(all) = tenants.iter().map(coverer).collect() else {
                    continue;
                };
                all
            }
        };
        let Some(first) = shadows.first() else { continue };
        let name = first.name.as_ref().map(|name| format!(" `{}`", name.value)).unwrap_or_default();
        let at = first.model.as_ref().map(|model| report.mention(model.at)).unwrap_or_default();
        let message = format!("this route can never match: route{name}{at} matches first; move it up or remove it");
        report.fault(model.at, model.key.as_str(), message);
    }
}

/// Whether `route` matches every tenant that `tenant` stands for.
fn covers(route: &RawRoute, tenant: &Pattern) -> bool {
    route.tenants.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.value.covers(tenant)))
}
