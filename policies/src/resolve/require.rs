//! What routes require, and whether any backend of theirs can meet it.

use super::route::in_route;
use crate::fault::Report;
use crate::name::RouteName;
use crate::read::{Draft, Located, RawRoute};
use crate::spec::{Demand, Requirement};

/// What is required of the backends of a route: by `[defaults]` and by the route itself. One does not take back the other.
pub(super) fn demands(
    defaults: Option<&Located<Requirement>>,
    route: Option<Located<Requirement>>,
    name: &RouteName,
    report: &Report<'_>,
) -> Vec<Demand> {
    let demand = |required: &Located<Requirement>, by: String| {
        let (requirement, place) = (required.value, report.place(required.at));
        (!requirement.is_none()).then_some(Demand { requirement, by, place })
    };
    let defaults = defaults.and_then(|required| demand(required, "`[defaults]`".into()));
    let own = route.and_then(|required| demand(&required, format!("route `{name}`")));
    defaults.into_iter().chain(own).collect()
}

/// A route whose backends all fall short of what it requires could never serve anything.
pub(super) fn check(draft: &Draft, report: &mut Report<'_>) {
    for route in &draft.routes {
        let required = route.require.as_ref().or(draft.require.as_ref());
        let (Some(required), Some(reasons)) = (required, shortfalls(route, draft, report)) else { continue };
        let message = format!("no backend{} meets what is required: {}", in_route(route), reasons.join("; "));
        report.fault(required.at, required.key.as_str(), message);
    }
}

/// Why each backend falls short; `None` if one does not, or has a fault of its own.
fn shortfalls(route: &RawRoute, draft: &Draft, report: &Report<'_>) -> Option<Vec<String>> {
    let required: Vec<_> = draft.require.iter().chain(&route.require).collect();
    let mut reasons = Vec::new();
    for name in route.tiers.iter().flat_map(|tier| &tier.value) {
        let backend = &draft.backends.get(&name.value)?.value;
        let served =
            backend.models.as_ref()?.iter().find(|served| Some(&served.id) == route.model.as_ref().map(|id| &id.value))?;
        let terms = backend.terms?;
        let lacks = required.iter().find_map(|required| required.value.lack(terms, served))?;
        reasons.push(format!("`{}`{}: {lacks}", name.value, report.mention(draft.backends.get(&name.value)?.at)));
    }
    (!reasons.is_empty()).then_some(reasons)
}
