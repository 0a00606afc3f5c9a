//! What became of every backend of a route: the same decision as [`Policy::eligible`], told in full.

use std::fmt;

use super::Policy;
use super::eligible::{Matched, NoRoute};
use super::larger::{Outgrown, Stays};
use super::order::{Canarying, Order};
use crate::canary::Arm;
use crate::fault::Place;
use crate::name::{ModelId, RouteName, TenantId};
use crate::request::Request;
use crate::spec::{Canary, Demand, Feature, ServedModel, Target, usage};

/// The route that matched a request, and every backend of it.
#[derive(Clone, Debug)]
pub struct Considered<'p> {
    /// The model that the asked name stands for, or the larger one that the request was led on to.
    pub model: &'p ModelId,
    /// The route that it takes.
    pub route: &'p RouteName,
    /// Where it is written; nowhere for the built-in policy.
    pub place: Option<&'p Place>,
    /// Its backends, those of the first tier first.
    pub candidates: Vec<Considering<'p>>,
    /// The backend that is sent copies of its requests, if it has one. It answers nobody.
    pub shadow: Option<Considering<'p>>,
    /// The routes that it left because it is too long for them, in their order.
    pub outgrown: Vec<Outgrown<'p>>,
    /// Why it stays with this one, if it is too long for it and there is a larger model.
    pub stays: Option<Stays<'p>>,
    canary: Option<Canarying<'p>>,
    order: Order,
}

impl<'p> Considered<'p> {
    /// The tier of one of its backends for this request: that of the route, or behind the backends that the session is led to first.
    pub fn tier(&self, target: &Target) -> usize {
        self.order.tier(target)
    }

    /// Whether it is of the sessions that go to the canary first; none where the route has no canary.
    pub fn arm(&self) -> Option<Arm> {
        self.canary.map(Canarying::arm)
    }

    /// The canary of the route, if it may serve such a request, and where that leads.
    pub fn canary(&self) -> Option<(&'p Canary, &'p Target)> {
        let Canarying { lane, target, .. } = self.canary?;
        Some((&lane.canary, target?))
    }

    /// The same without the canary, which was given up.
    #[must_use]
    pub fn of_control(mut self) -> Self {
        let Some((canary, first)) = self.canary.and_then(|canary| Some((canary, canary.first()?))) else { return self };
        if !canary.lane.is_in_tiers {
            let (why, place) = ("it is the canary, which was given up".to_owned(), self.place.cloned());
            self.candidates.retain(|candidate| candidate.target.backend != first.backend);
            self.candidates.push(Considering { target: first, excluded: Some(Excluded { stage: Stage::Canary, why, place }) });
        }
        self.canary = Some(canary.of_control());
        self.order.canary = None;
        self
    }
}

/// What became of one backend.
#[derive(Clone, Debug)]
pub struct Considering<'p> {
    /// The backend, and how it would serve the request.
    pub target: &'p Target,
    /// What left it out; `None` if it is eligible.
    pub excluded: Option<Excluded>,
}

/// What left a backend out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excluded {
    /// The first stage that it did not pass.
    pub stage: Stage,
    /// Why, in one sentence for the operator.
    pub why: String,
    /// The line of the policy that says so, if one does.
    pub place: Option<Place>,
}

/// A stage that backends have to pass, in the order in which they are asked. None is ever skipped: not for a retry, a second request beside a
/// slow one, an answer that goes on elsewhere, or when all else is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// What the model is for there.
    Operation,
    /// Where data may be processed.
    Residency,
    /// What is agreed about the data.
    DataTerms,
    /// What the model can do there.
    Capability,
    /// Whether prompt and answer fit, as far as they can be estimated; asked only while it leaves some backend.
    Room,
    /// What the request may cost.
    CostCeiling,
    /// Whether the session is of those that go to the canary. It leaves out the canary alone, and so never the last.
    Canary,
}

impl Stage {
    /// Those that may leave nobody, in their order.
    pub(crate) const ALL: [Self; 6] =
        [Self::Operation, Self::Residency, Self::DataTerms, Self::Capability, Self::Room, Self::CostCeiling];

    /// Its word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Residency => "residency",
            Self::DataTerms => "data_terms",
            Self::Capability => "capability",
            Self::Room => "room",
            Self::CostCeiling => "cost_ceiling",
            Self::Canary => "canary",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Policy {
    /// The route that matches this request, and for each of its backends whether it may serve it, or what left it out. Those without
    /// [`Considering::excluded`] are those of [`Policy::eligible`].
    ///
    /// # Errors
    ///
    /// No route matches.
    pub fn consider(&self, request: &Request<'_>) -> Result<Considered<'_>, NoRoute> {
        let matched = self.matched(request)?;
        let Matched { route, lane, .. } = matched;
        let mut candidates = self.candidates(matched, request);
        let chosen = matched.chosen(request);
        // Where the tiers may not serve it, a canary does not either.
        let canary = matched.canary(request).map(|canary| if chosen.is_ok() { canary } else { canary.of_control() });
        if let Some(apart) = canary.filter(|canary| !canary.lane.is_in_tiers)
            && let Some(considering) = self.considered_canary(matched, apart, request)
        {
            let place = if considering.excluded.is_none() { 0 } else { candidates.len() };
            candidates.insert(place, considering);
        }
        let order = matched.order(chosen.unwrap_or_default(), canary, request);
        let shadow = self.considered_shadow(matched, request);
        let place = route.place.as_ref();
        let (outgrown, stays) = self.trail(request);
        Ok(Considered { model: &lane.model, route: &route.name, place, candidates, shadow, outgrown, stays, canary, order })
    }

    /// What became of a canary that is in no tier.
    fn considered_canary<'p>(
        &'p self,
        matched: Matched<'p>,
        canary: Canarying<'p>,
        request: &Request<'_>,
    ) -> Option<Considering<'p>> {
        let target = canary.lane.lane.all().first()?;
        let spared = || canary.spared(request, matched.route.place.as_ref());
        let fits = !Matched { lane: &canary.lane.lane, ..matched }.roomy(request).is_empty();
        let excluded = match (canary.first(), canary.target) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(spared()),
            (None, None) => self.excluded(matched, target, fits, request).or_else(|| Some(spared())),
        };
        Some(Considering { target, excluded })
    }

    /// What became of the shadow of the route that matched.
    fn considered_shadow<'p>(&'p self, matched: Matched<'p>, request: &Request<'_>) -> Option<Considering<'p>> {
        let (shadow, matched) = matched.shadow()?;
        let target = shadow.lane.all().first()?;
        let passes = shadow.passing(matched.passing(request)).is_some();
        let fits = !matched.roomy(request).is_empty();
        let excluded = if passes { None } else { self.excluded(matched, target, fits, request) };
        Some(Considering { target, excluded })
    }

    /// What became of each backend of the route that matched.
    pub(super) fn candidates<'p>(&'p self, matched: Matched<'p>, request: &Request<'_>) -> Vec<Considering<'p>> {
        let fitting = matched.fitting(request).unwrap_or_default();
        let chosen = matched.affordable(fitting, request);
        let consider = |(place, target): (usize, &'p Target)| {
            let excluded = if chosen.holds(place) { None } else { self.excluded(matched, target, fitting.holds(place), request) };
            Considering { target, excluded }
        };
        matched.lane.all().iter().enumerate().map(consider).collect()
    }

    /// The first stage that a target does not pass.
    fn excluded(&self, matched: Matched<'_>, target: &Target, fits: bool, request: &Request<'_>) -> Option<Excluded> {
        let backend = self.backends.get(target.backend.get())?;
        let served = backend.serves(&matched.lane.model)?;
        if fits {
            return too_dear(matched, target, served, request);
        }
        let place = || served.place.clone();
        if !served.operations.contains(request.operation) {
            let offered: Vec<_> = served.operations.iter().map(|operation| operation.as_str()).collect();
            let why = format!("it serves {} with this model, not {}", offered.join(", "), request.operation);
            return Some(Excluded { stage: Stage::Operation, why, place: place() });
        }
        let own = self.demand_of(request.caller.tenant);
        let carried = Demand { requirement: matched.carried, by: "a route that it is too long for".to_owned(), place: None };
        let left = matched.left.iter().flat_map(|route| &route.demands);
        let mut demands = matched.route.demands.iter().chain(own.as_ref()).chain(left).chain([&carried]);
        if let Some(excluded) = demands.find_map(|demand| demand.unmet(backend, served)) {
            return Some(excluded);
        }
        let capabilities = &served.capabilities;
        let lacking = Feature::ALL.into_iter().filter(|feature| feature.is_needed(&request.needs));
        let lacking =
            lacking.filter(|feature| capabilities.lack(*feature)).map(|feature| format!("`{} = false`", feature.as_str()));
        let short = request.needs.dimensions.zip(capabilities.dimensions).filter(|(asked, most)| asked > most);
        let short = short.map(|(asked, most)| format!("embeddings of {most} numbers, and {asked} are asked for"));
        if let Some(why) = lacking.chain(short).reduce(|all, one| format!("{all}, {one}")) {
            return Some(Excluded { stage: Stage::Capability, why: format!("the model has {why}"), place: place() });
        }
        let most = capabilities.context?;
        let why = format!("prompt and answer may have {} tokens, and the model has room for {most}", request.needs.room());
        Some(Excluded { stage: Stage::Room, why, place: place() })
    }

    /// What the tenant requires by itself.
    fn demand_of(&self, tenant: &TenantId) -> Option<Demand> {
        let spec = self.tenants.as_ref()?.get(tenant)?;
        Some(Demand { requirement: spec.requirement, by: format!("tenant `{tenant}`"), place: spec.place.clone() })
    }
}

/// It passed all stages but that of money.
fn too_dear(matched: Matched<'_>, target: &Target, served: &ServedModel, request: &Request<'_>) -> Option<Excluded> {
    let (ceiling, price) = (matched.capped.routing.ceiling.per_request?, target.price.as_deref()?);
    let usage = usage(request.operation, &request.needs, served.capabilities.max_output);
    let answers = match (request.needs.answers(), usage.completion_tokens) {
        (_, 0) => String::new(),
        (1, tokens) => format!(" and {tokens} of an answer"),
        (answers, tokens) => format!(" and {tokens} of {answers} answers"),
    };
    let (prompt, cost) = (usage.prompt_tokens, price.of(usage));
    let why = format!("{prompt} tokens of prompt{answers} may cost {cost}, and a request may cost {ceiling}");
    Some(Excluded { stage: Stage::CostCeiling, why, place: matched.capped.ceiling_place.clone() })
}
