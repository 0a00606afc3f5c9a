//! What shadows of routes refer to exists, can be compared with the tiers, and costs no more than somebody has granted.

use super::Models;
use super::route::{in_route, serving};
use crate::fault::{Report, accepted, did_you_mean};
use crate::name::BackendName;
use crate::read::{Draft, Located, RawBackend, RawRoute, RawShadow};
use crate::spec::{BackendIndex, Pricing, ServedModel, ShadowParts};

pub(super) fn check(draft: &Draft, models: &Models, report: &mut Report<'_>) {
    for route in &draft.routes {
        if let Some(shadow) = &route.shadow {
            of_route(shadow, route, draft, models, report);
        }
    }
}

/// What a route's shadow is compiled from; nothing if its backend was faulty.
pub(super) fn parts(shadow: &RawShadow, backends: &[BackendName]) -> Option<ShadowParts> {
    let backend = backends.iter().position(|name| *name == shadow.backend.value).map(BackendIndex)?;
    let max_cost_per_day = shadow.max_cost_per_day.as_ref().map(|most| most.value);
    Some(ShadowParts { backend, share: shadow.share, max_cost_per_day })
}

fn of_route(shadow: &RawShadow, route: &RawRoute, draft: &Draft, models: &Models, report: &mut Report<'_>) {
    let Located { value: name, at, key } = &shadow.backend;
    let mut fault = |message: String| report.fault(*at, key.as_str(), message);
    let Some(backend) = draft.backends.get(name).map(|backend| &backend.value) else {
        let hint = did_you_mean(name.as_str(), draft.backends.keys().map(BackendName::as_str));
        return fault(format!("unknown backend `{name}`{}{hint}", in_route(route)));
    };
    if route.tiers.iter().flat_map(|tier| &tier.value).any(|tier| tier.value == *name) {
        let message =
            "is in `tiers` already, so it answers requests itself; name a backend that does not, or take it out of `tiers`";
        fault(format!("backend `{name}`{} {message}", in_route(route)));
    }
    let wanted = route.model.as_ref().map(|model| &model.value).filter(|id| models.served.contains(*id));
    let (Some(wanted), Some(served)) = (wanted, &backend.models) else { return };
    let Some(served) = served.iter().find(|model| model.id == *wanted) else {
        let hint = accepted(serving(wanted, draft));
        return fault(format!("backend `{name}` does not serve model `{wanted}`{}{hint}", in_route(route)));
    };
    requirement(shadow, backend, served, (route, draft), report);
    cost(shadow, backend, served, route, report);
}

/// A backend that falls short of what the route requires would never see a request of it.
fn requirement(
    shadow: &RawShadow,
    backend: &RawBackend,
    served: &ServedModel,
    (route, draft): (&RawRoute, &Draft),
    report: &mut Report<'_>,
) {
    let Some(terms) = backend.terms else { return };
    let mut required = draft.require.iter().chain(&route.require);
    if let Some(lack) = required.find_map(|required| required.value.lack(terms, served)) {
        let Located { value: name, at, key } = &shadow.backend;
        let message = format!("backend `{name}` may see no request{}, so none could be compared: {lack}", in_route(route));
        report.fault(*at, key.as_str(), message);
    }
}

/// Nobody is answered for this money, so it has to be granted; and what nobody can count cannot be kept to.
fn cost(shadow: &RawShadow, backend: &RawBackend, served: &ServedModel, route: &RawRoute, report: &mut Report<'_>) {
    let (Some(server), Some(provider)) = (backend.cost, &backend.provider) else { return };
    let Located { value: name, at, key } = &shadow.backend;
    let model = &served.id;
    match (served.price.clone().with(server), &shadow.max_cost_per_day) {
        (Pricing::Unknown, _) if provider.is_paid() => {
            let message = format!(
                "backend `{name}` has no price for model `{model}`, so nobody could say what the copies cost{}; give it one, such as \
                `price = {{ in = 1.25, out = 10.0 }}`",
                in_route(route)
            );
            report.fault(*at, key.as_str(), message);
        }
        (Pricing::Unknown | Pricing::Off, Some(most)) => {
            let message = format!(
                "backend `{name}` has no price for model `{model}`, so this would hold nothing back; give it one, or leave `max_cost_per_day` out"
            );
            report.fault(most.at, most.key.as_str(), message);
        }
        (Pricing::Known { price, .. }, None) if !price.is_free() => {
            let message = format!(
                "copies cost money at backend `{name}`; add how much a day may cost, such as `max_cost_per_day = \"$5\"`"
            );
            report.fault(*at, key.as_str(), message);
        }
        (Pricing::Unknown | Pricing::Off | Pricing::Known { .. }, _) => {}
    }
}
