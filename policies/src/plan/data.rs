//! Whose data could reach whom.

use super::answer::Way;
use super::effect::Effect;
use crate::residency::Jurisdictions;
use crate::spec::DataTerms;

/// Where a request could not be processed before and can now, and which terms hold no more for all who see it.
pub(super) fn of_data(old: &Way<'_>, new: &Way<'_>) -> Vec<Effect> {
    let mut effects = Vec::new();
    // Where nobody knows is anywhere: it was reached before if such a backend was.
    let places = |way: &Way<'_>| -> Vec<Option<Jurisdictions>> {
        let seen = way.sight();
        seen.values().filter_map(|target| way.served(target)).map(|(_, served)| served.residency.jurisdictions).collect()
    };
    let before = places(old);
    let reached = before.iter().flatten().copied().reduce(Jurisdictions::union);
    for (backend, target) in new.sight() {
        let Some((_, served)) = new.served(target) else { continue };
        let places = served.residency.jurisdictions;
        let is_known = match places {
            None => before.contains(&None),
            Some(places) => reached.is_some_and(|reached| reached.cover(&places)),
        };
        // A policy that says nothing of places says nothing of this either.
        if !is_known && reached.is_some() {
            let places = places.map_or_else(|| "places that nobody states".to_owned(), |places| places.to_string());
            effects.push(Effect::DataReaches { backend: backend.to_string(), places });
        }
    }
    for (term, holds) in TERMS {
        let lacks = |way: &Way<'_>| {
            let seen = way.sight();
            let lacking = seen.iter().find(|(_, target)| way.served(target).is_none_or(|(backend, _)| !holds(&backend.terms)));
            lacking.map(|(backend, _)| backend.to_string())
        };
        if let (None, Some(backend)) = (lacks(old), lacks(new)) {
            effects.push(Effect::TermLost { term, backend });
        }
    }
    effects
}

type Holds = fn(&DataTerms) -> bool;

/// The terms by their keys in the policy.
const TERMS: [(&str, Holds); 2] = [("zero_retention", |terms| terms.zero_retention), ("no_training", |terms| terms.no_training)];
