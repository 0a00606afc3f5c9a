//! Where routes lead requests on that are too long for them: to a model that exists, has a route, is larger, and never leads back.

use std::collections::{BTreeMap, BTreeSet};

use super::Models;
use super::route::{in_route, served};
use crate::fault::{Report, accepted, did_you_mean};
use crate::name::{ModelAlias, ModelId};
use crate::operation::Operations;
use crate::read::{Draft, Located, RawRoute};
use crate::spec::ServedModel;

/// From each model to those that its routes lead on to.
type Onward<'d> = BTreeMap<&'d ModelId, BTreeSet<&'d ModelId>>;

pub(super) fn check(draft: &Draft, models: &Models, report: &mut Report<'_>) {
    let mut onward = Onward::new();
    for route in &draft.routes {
        if let (Some(own), Some(larger)) = (&route.model, &route.larger)
            && let Some(model) = existing(larger, draft)
        {
            onward.entry(&own.value).or_default().insert(model);
        }
    }
    // A route for several models is here several times, and some faults are those of all of them.
    let mut told = BTreeSet::new();
    for route in &draft.routes {
        let Some(larger) = &route.larger else { continue };
        if let Some(problem) = problem(larger, route, draft, models, &onward)
            && told.insert((larger.at, problem.clone()))
        {
            report.fault(larger.at, larger.key.as_str(), problem);
        }
    }
}

fn problem(larger: &Located<ModelId>, route: &RawRoute, draft: &Draft, models: &Models, onward: &Onward<'_>) -> Option<String> {
    let name = &larger.value;
    let Some(model) = existing(larger, draft) else {
        let is_known = models.served.contains(name) || alias(name, draft).is_some() || !models.complete;
        let names = models.names().chain(draft.aliases.keys().map(ModelAlias::as_str));
        return Some(match is_known {
            true => format!("no route is for model `{name}`, so nothing can be led on to it{}", in_route(route)),
            false => format!("unknown model `{name}`{}{}", in_route(route), did_you_mean(name.as_str(), names)),
        });
    };
    let own = &route.model.as_ref()?.value;
    if model == own {
        return Some(format!("`{name}` is the model of the route itself; name one that has room for more"));
    }
    if let Some(back) = way(model, own, onward) {
        let back: Vec<_> = back.iter().map(|model| format!("`{model}`")).collect();
        return Some(format!("requests would be led round in a circle: `{own}` to {}", back.join(" to ")));
    }
    of_room(name, model, route, draft)
}

/// The route has to know how much room it has, and the model has to have more.
fn of_room(name: &ModelId, model: &ModelId, route: &RawRoute, draft: &Draft) -> Option<String> {
    // Of a backend that has a fault of its own, nothing can be said.
    let own: Option<Vec<_>> = route.backends().map(|backend| Some((&backend.value, served(route, backend, draft)?.1))).collect();
    let own = own?;
    if !own.iter().any(|(_, served)| Operations::TEXT.iter().any(|text| served.operations.contains(text))) {
        return Some("only `chat` and `completions` go on to a larger model, and no backend of the route serves them".to_owned());
    }
    let unknown: Vec<_> = own.iter().filter(|(_, served)| room(served).is_none()).map(|(backend, _)| backend.as_str()).collect();
    if !unknown.is_empty() {
        let id = &route.model.as_ref()?.value;
        let backends = accepted(unknown.iter().copied()).replacen("; accepted: ", "", 1);
        return Some(format!(
            "requests go on to `{name}` that are too long, and nobody says what is too long for model `{id}` at {backends}; say so there, such as \
            `capabilities = {{ context = 8192 }}`"
        ));
    }
    let most = own.iter().filter_map(|(_, served)| room(served)).max()?;
    let others = draft.routes.iter().filter(|other| other.model.as_ref().is_some_and(|id| id.value == *model));
    let rooms = others.flat_map(|other| other.backends().filter_map(move |backend| served(other, backend, draft)));
    let largest = rooms.map(|(_, served)| room(served)).collect::<Option<Vec<_>>>()?.into_iter().max()?;
    (largest <= most)
        .then(|| format!("`{name}` is no larger: it has room for {largest} tokens, and a backend of the route for {most}"))
}

fn room(served: &ServedModel) -> Option<u64> {
    served.capabilities.context
}

/// The model that the name stands for, if some route is for it.
fn existing<'d>(larger: &'d Located<ModelId>, draft: &'d Draft) -> Option<&'d ModelId> {
    let model = alias(&larger.value, draft).unwrap_or(&larger.value);
    draft.routes.iter().filter_map(|route| route.model.as_ref()).map(|id| &id.value).find(|id| *id == model)
}

/// The model that an alias stands for.
fn alias<'d>(name: &ModelId, draft: &'d Draft) -> Option<&'d ModelId> {
    draft.aliases.get(name.as_str())?.value.as_ref().map(|model| &model.value)
}

/// The models on the way from one to another, with both, if there is one.
fn way<'d>(from: &'d ModelId, to: &ModelId, onward: &Onward<'d>) -> Option<Vec<&'d ModelId>> {
    let mut came_from: BTreeMap<&ModelId, &ModelId> = BTreeMap::new();
    let mut next = vec![from];
    while let Some(model) = next.pop() {
        if model == to {
            let mut way: Vec<_> = std::iter::successors(Some(model), |model| came_from.get(*model).copied()).collect();
            way.reverse();
            return Some(way);
        }
        for further in onward.get(model).into_iter().flatten().copied() {
            if further != from && !came_from.contains_key(further) {
                came_from.insert(further, model);
                next.push(further);
            }
        }
    }
    None
}
