//! What the canary of a route refers to exists, may be asked, and differs from what it is compared with.

use super::route::{in_route, served};
use crate::fault::Report;
use crate::name::{BackendName, RouteName};
use crate::read::{Draft, RawCanary, RawRoute};
use crate::spec::{BackendIndex, Canary};

/// The canary that a route states, its backend looked up.
pub(super) fn resolved(raw: Option<RawCanary>, route: &RouteName, backends: &[BackendName]) -> Option<(Canary, BackendIndex)> {
    let RawCanary { backend, share, abort_if } = raw?;
    let place = backends.iter().position(|other| *other == backend.value)?;
    Some((Canary::new(route, backend.value, share, abort_if), BackendIndex(place)))
}

pub(super) fn check(route: &RawRoute, draft: &Draft, report: &mut Report<'_>) {
    let Some(RawCanary { backend, .. }) = &route.canary else { return };
    let mut tiers = route.tiers.iter().flat_map(|tier| &tier.value).peekable();
    if tiers.peek().is_some() && tiers.all(|other| other.value == backend.value) {
        let message = format!("the canary is all that there is{}, so that nothing could be told of it", in_route(route));
        report.fault(backend.at, backend.key.as_str(), message);
    }
    let required: Vec<_> = draft.require.iter().chain(&route.require).collect();
    let Some((entry, model)) = served(route, backend, draft) else { return };
    let Some(terms) = entry.value.terms else { return };
    if let Some(lacks) = required.iter().find_map(|required| required.value.lack(terms, model)) {
        let message = format!("the canary does not meet what is required{}: {lacks}", in_route(route));
        report.fault(backend.at, backend.key.as_str(), message);
    }
}
