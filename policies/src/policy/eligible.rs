//! Which backends may serve a request.

use std::fmt;

use super::Policy;
use super::consider::{Considering, Excluded, Stage};
use super::order::{Canarying, Order};
use crate::canary::Arm;
use crate::name::{BackendName, ModelId, RouteName, TenantId};
use crate::operation::Operations;
use crate::request::Request;
use crate::spec::{
    BackendIndex, BackendSpec, Canary, Floor, Lane, NanoUsd, Places, Requirement, RouteSpec, Routing, Shadow, ShadowSpec, Share,
    Split, Target, Targets, Timeouts,
};
use tradewind_protocol::Operation;

/// Which backends may serve a request, and within which limits. It borrows from the policy; nothing is allocated.
#[derive(Clone, Copy, Debug)]
pub struct Eligible<'p> {
    /// The model that the asked name stands for, or the larger one that the request was led on to.
    pub model: &'p ModelId,
    /// The route that it takes.
    pub route: &'p RouteName,
    /// How one of the backends is chosen, and what is done when it fails.
    pub routing: &'p Routing,
    /// The limits of the request as a whole, `total` above all; those of an attempt are in its [`Target`].
    pub timeouts: Timeouts,
    targets: Targets<'p>,
    /// The route's shadow, and whether it passed.
    shadow: Option<(&'p ShadowSpec, Places)>,
    split: Option<&'p Split>,
    canary: Option<Canarying<'p>>,
    order: Order,
    leads_on: bool,
    left: Option<&'p RouteSpec>,
}

impl<'p> Eligible<'p> {
    /// Whether the route leads on to a larger model, should the request turn out to be too long for it.
    pub fn leads_on(&self) -> bool {
        self.leads_on
    }

    /// The route that the request left last, because it is too long for that, if it is here by such a way.
    pub fn left(&self) -> Option<&'p RouteName> {
        self.left.map(|route| &route.name)
    }

    /// The backends that may serve it: the canary, if it is of its sessions, then those of the first tier first. There is at least one.
    pub fn targets(&self) -> impl Iterator<Item = &'p Target> + use<'p> {
        let canary = self.canary.and_then(Canarying::first);
        let others = self.targets.iter().filter(move |target| canary.is_none_or(|canary| canary.backend != target.backend));
        canary.into_iter().chain(others)
    }

    /// The backend that may be sent a copy of the request: the route has one, and no stage leaves it out.
    pub fn shadow(&self) -> Option<Shadow<'p>> {
        self.shadow.and_then(|(shadow, passed)| shadow.passing(passed))
    }

    /// How many of the route's requests are copied to its shadow, if it has one.
    pub fn copied_share(&self) -> Option<Share> {
        self.shadow.map(|(shadow, _)| shadow.share)
    }

    /// The backend that is sent copies of other requests of the route, and may not see this one.
    pub fn left_out_shadow(&self) -> Option<BackendIndex> {
        let (shadow, _) = self.shadow.filter(|_| self.shadow().is_none())?;
        shadow.lane.all().first().map(|target| target.backend)
    }

    /// How the route shares its sessions, as a policy would say it.
    pub(crate) fn split(&self) -> Option<&'p Split> {
        self.split
    }

    /// The canary of the route, if it may serve such a request, and where that leads.
    pub(crate) fn canary(&self) -> Option<(&'p Canary, &'p Target)> {
        let Canarying { lane, target, .. } = self.canary?;
        Some((&lane.canary, target?))
    }

    /// Whether it is of the sessions that go to the canary first; none where the route has no canary.
    pub fn arm(&self) -> Option<Arm> {
        self.canary.map(Canarying::arm)
    }

    /// The same without the canary, which was given up.
    #[must_use]
    pub fn of_control(self) -> Self {
        let canary = self.canary.map(Canarying::of_control);
        Self { canary, order: Order { canary: None, ..self.order }, ..self }
    }

    /// The tier of one of them for this request: that of the route, or behind the backends that the session is led to first.
    pub fn tier(&self, target: &Target) -> usize {
        self.order.tier(target)
    }
}

/// Why no backend may serve a request. Its text names what is the operator's affair: it is for logs and records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// No route matches a model of that name.
    #[error("model `{asked}` does not exist")]
    NoSuchModel {
        /// The name that was asked for.
        asked: String,
    },
    /// The model has routes, but none is for this tenant, or for such a request of it.
    #[error("no route leads such a request of tenant `{tenant}` to model `{model}`")]
    NotForTenant {
        /// The model that was found.
        model: ModelId,
        /// Who asked.
        tenant: TenantId,
    },
    /// The route that matched has no backend for the operation. No later route is asked: the first match decides.
    #[error("no backend of route `{route}` serves {operation} with model `{model}`")]
    OperationNotServed {
        /// The model that was found.
        model: ModelId,
        /// The route that matched.
        route: RouteName,
        /// What its backends cannot do.
        operation: Operation,
    },
    /// Whether a route is for the request cannot be said, and no later one is asked: it may require less.
    #[error("the `when` of route `{route}` says neither yes nor no: {error}")]
    Undecided {
        /// The route.
        route: RouteName,
        /// Why.
        error: String,
    },
    /// The route that matched has backends for the operation, but each was left out. No later route is asked.
    #[error("no backend of route `{route}` may serve model `{model}`: {reasons}")]
    NoneEligible {
        /// The model that was found.
        model: ModelId,
        /// The route that matched.
        route: RouteName,
        /// The stage that left out the last of them.
        stage: Stage,
        /// What left out each of them.
        reasons: Reasons,
    },
}

/// What left out each backend of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasons(Vec<(BackendName, Excluded)>);

impl Reasons {
    /// The backends, in the order of their tiers, and what left out each.
    pub fn iter(&self) -> impl Iterator<Item = (&BackendName, &Excluded)> {
        self.0.iter().map(|(backend, excluded)| (backend, excluded))
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (backend, Excluded { stage, why, .. })) in self.iter().enumerate() {
            let separator = if number > 0 { "; " } else { "" };
            write!(f, "{separator}`{backend}` ({stage}): {why}")?;
        }
        Ok(())
    }
}

/// What decides, beside what a request of a model asks for, which backends may serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way<'p> {
    pub(crate) route: &'p RouteName,
    floor: Floor,
}

/// The route that a request takes, what it leads to, and what its tenant requires.
#[derive(Clone, Copy)]
pub(super) struct Matched<'p> {
    pub(super) route: &'p RouteSpec,
    pub(super) lane: &'p Lane,
    pub(super) floor: Floor,
    pub(super) backends: &'p [BackendSpec],
    /// The route that it left last, because it is too long for that.
    pub(super) left: Option<&'p RouteSpec>,
    /// What all routes require that it left.
    pub(super) carried: Requirement,
    /// Of these and its route, the one that lets a request cost the least.
    pub(super) capped: &'p RouteSpec,
}

impl<'p> Matched<'p> {
    /// The same for a request that comes from `left`, which it is too long for.
    pub(super) fn after(self, left: Self) -> Self {
        let ceiling = |route: &RouteSpec| route.routing.ceiling.per_request.unwrap_or(NanoUsd(u64::MAX));
        let capped = if ceiling(left.capped) < ceiling(self.capped) { left.capped } else { self.capped };
        Self { left: Some(left.route), carried: left.carried.and(left.route.requirement()), capped, ..self }
    }

    /// Whether there are targets that would serve the request had they room for it, and those that have room, if any, may not for what it costs.
    pub(super) fn is_outgrown(&self, request: &Request<'_>) -> bool {
        !self.too_small(request).is_empty() && self.passing(request).is_empty()
    }

    /// How many tokens the largest has room for of those that have too little.
    pub(super) fn most_room(&self, request: &Request<'_>) -> u64 {
        self.lane.most_room(self.too_small(request)).unwrap_or_default()
    }

    /// Whether the request has more of a chance here than where it comes from: somebody has room for it, or for more, or it may go on.
    pub(super) fn is_larger(&self, left: &Self, request: &Request<'_>) -> bool {
        !self.passing(request).is_empty() || self.route.larger.is_some() || self.most_room(request) > left.most_room(request)
    }

    /// Those that could serve the request, and may for what it costs, but for its length.
    fn too_small(&self, request: &Request<'_>) -> Places {
        let able = self.able(request).map(|able| self.affordable(able, request)).unwrap_or_default();
        able.without(self.with_room(able, request))
    }

    /// The targets that may serve the request, or the stage that left none.
    pub(super) fn chosen(&self, request: &Request<'_>) -> Result<Places, Stage> {
        left(self.affordable(self.fitting(request)?, request), Stage::CostCeiling)
    }

    /// The targets that pass every stage, be it that none does.
    pub(super) fn passing(&self, request: &Request<'_>) -> Places {
        self.affordable(self.roomy(request), request)
    }

    /// The route's shadow, and the same for it.
    pub(super) fn shadow(&self) -> Option<(&'p ShadowSpec, Self)> {
        self.route.shadow.as_ref().map(|shadow| (shadow, Self { lane: &shadow.lane, ..*self }))
    }

    /// What the canary of the route makes of the request.
    pub(super) fn canary(&self, request: &Request<'_>) -> Option<Canarying<'p>> {
        Some(Canarying::of(self.route.canary.as_ref()?, *self, request))
    }

    /// In which order its targets are asked.
    pub(super) fn order(&self, chosen: Places, canary: Option<Canarying<'_>>, request: &Request<'_>) -> Order {
        Order { canary: canary.and_then(Canarying::first).map(|target| target.backend), drawn: self.drawn(chosen, request) }
    }

    /// The targets that could serve the request, whatever that costs, or the stage that left none.
    pub(super) fn fitting(&self, request: &Request<'_>) -> Result<Places, Stage> {
        let able = self.able(request)?;
        let roomy = self.with_room(able, request);
        // How long the prompt is was estimated; where nobody seems to have room, the backends may count for themselves.
        Ok(if roomy.is_empty() { able } else { roomy })
    }

    /// Those that have room for it, be it that none does.
    pub(super) fn roomy(&self, request: &Request<'_>) -> Places {
        self.able(request).map(|able| self.with_room(able, request)).unwrap_or_default()
    }

    /// Those of `places` where the request may not cost too much.
    pub(super) fn affordable(&self, places: Places, request: &Request<'_>) -> Places {
        let ceiling = self.capped.routing.ceiling.per_request;
        ceiling.map_or(places, |ceiling| places.without(self.lane.dear(request.operation, &request.needs, ceiling)))
    }

    /// The targets that can do what is asked, wherever there is room for it.
    fn able(&self, request: &Request<'_>) -> Result<Places, Stage> {
        let serving = left(self.lane.serving(request.operation), Stage::Operation)?;
        let admitted = left(self.meeting(serving.and(self.lane.admitted(self.floor))), Stage::Residency)?;
        left(admitted.without(self.lane.unable(&request.needs)), Stage::Capability)
    }

    /// Those that meet what the routes require that the request left.
    fn meeting(&self, places: Places) -> Places {
        if self.carried.is_none() {
            return places;
        }
        let meets = |target: &Target| {
            let backend = self.backends.get(target.backend.get())?;
            Some(self.carried.is_met(backend, backend.serves(&self.lane.model)?))
        };
        let meeting = self.lane.all().iter().enumerate().filter(|(_, target)| meets(target) == Some(true));
        places.and(meeting.map(|(place, _)| place).collect())
    }

    /// Those with room for the request.
    fn with_room(&self, able: Places, request: &Request<'_>) -> Places {
        if Operations::TEXT.contains(request.operation) { able.without(self.lane.full(&request.needs)) } else { able }
    }

    /// The backend that the session draws of the targets that may serve it, where the route splits its sessions.
    fn drawn(&self, chosen: Places, request: &Request<'_>) -> Option<BackendIndex> {
        let (split, session) = self.route.split.as_ref().zip(request.session)?;
        let targets = Targets { all: self.lane.all(), chosen };
        split.draw(session, |backend| targets.iter().any(|target| target.backend == backend))
    }
}

fn left(places: Places, stage: Stage) -> Result<Places, Stage> {
    if places.is_empty() { Err(stage) } else { Ok(places) }
}

/// Says whether a route's conditions hold, or why that cannot be said.
pub(super) trait Holds: FnMut(&RouteSpec, &Request<'_>) -> Result<bool, String> {}

impl<F: FnMut(&RouteSpec, &Request<'_>) -> Result<bool, String>> Holds for F {}

/// Everything that conditions look at is in the request.
pub(super) fn by_itself(route: &RouteSpec, request: &Request<'_>) -> Result<bool, String> {
    route.conditions.hold(request)
}

impl Policy {
    /// The backends that may serve this request: those of the first route that matches, without those that a stage leaves out.
    ///
    /// It does not ask whether the tenant is allowed the model: that is [`Policy::authorize`].
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub fn eligible(&self, request: &Request<'_>) -> Result<Eligible<'_>, NoRoute> {
        self.eligible_by(request, by_itself)
    }

    /// The same where something else says which routes' conditions hold.
    pub(super) fn eligible_by(&self, request: &Request<'_>, mut holds: impl Holds) -> Result<Eligible<'_>, NoRoute> {
        let matched = self.matched_by(request, &mut holds)?;
        let Matched { route, lane, .. } = matched;
        let chosen = matched.chosen(request).map_err(|stage| self.refusal(matched, stage, request))?;
        let targets = Targets { all: lane.all(), chosen };
        let shadow = matched.shadow().map(|(shadow, matched)| (shadow, matched.passing(request)));
        let canary = matched.canary(request);
        Ok(Eligible {
            model: &lane.model,
            route: &route.name,
            routing: &route.routing,
            timeouts: route.timeouts,
            targets,
            shadow,
            split: route.split.as_ref(),
            canary,
            order: matched.order(chosen, canary, request),
            leads_on: route.larger.is_some(),
            left: matched.left,
        })
    }

    #[cold]
    pub(super) fn refusal(&self, matched: Matched<'_>, stage: Stage, request: &Request<'_>) -> NoRoute {
        let (model, route) = (matched.lane.model.clone(), matched.route.name.clone());
        if stage == Stage::Operation {
            return NoRoute::OperationNotServed { model, route, operation: request.operation };
        }
        let candidates = self.candidates(matched, request);
        let reasons = candidates.into_iter().filter_map(|Considering { target, excluded }| {
            let backend = self.backends.get(target.backend.get())?;
            Some((backend.name.clone(), excluded?))
        });
        let reasons: Vec<_> = reasons.collect();
        // The promises are asked together; which of them was broken last shows here.
        let stage = reasons.iter().map(|(_, excluded)| excluded.stage).max().unwrap_or(stage);
        NoRoute::NoneEligible { model, route, stage, reasons: Reasons(reasons) }
    }

    /// Which way a request goes that is not too long for any.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) fn way(&self, request: &Request<'_>) -> Result<Way<'_>, NoRoute> {
        self.first_match(request, &mut by_itself).map(|Matched { route, floor, .. }| Way { route: &route.name, floor })
    }

    /// The route that a request takes: the first for its name and its caller, or where none of that one's backends has room for it, that of the
    /// larger model that it leads to.
    pub(super) fn matched(&self, request: &Request<'_>) -> Result<Matched<'_>, NoRoute> {
        self.matched_by(request, &mut by_itself)
    }

    fn matched_by(&self, request: &Request<'_>, holds: &mut impl Holds) -> Result<Matched<'_>, NoRoute> {
        let first = self.first_match(request, holds)?;
        Ok(self.led_on(first, request, holds))
    }

    /// The first route for that name and that caller.
    pub(super) fn first_match(&self, request: &Request<'_>, holds: &mut impl Holds) -> Result<Matched<'_>, NoRoute> {
        let (caller, asked) = (&request.caller, request.asked);
        let model = self.model(asked).ok_or_else(|| NoRoute::NoSuchModel { asked: asked.into() })?;
        let not_for_tenant = || NoRoute::NotForTenant { model: model.id.clone(), tenant: caller.tenant.clone() };
        let (found, floor) = match self.classes.of(caller.tenant) {
            Some(class) => {
                let floor = self.classes.get(class).ok_or_else(not_for_tenant)?.floor;
                (self.first(model.routes.of(class), request, holds)?, floor)
            }
            None if self.classes.are_closed() => return Err(not_for_tenant()),
            None => {
                let is_for = |place: &usize| self.routes.get(*place).is_some_and(|route| route.is_for(caller.tenant));
                (self.first(model.routes.all().filter(is_for), request, holds)?, Floor::default())
            }
        };
        let route = found.ok_or_else(not_for_tenant)?;
        let (lane, backends) = (&route.lane, &self.backends);
        Ok(Matched { route, lane, floor, backends, left: None, carried: Requirement::default(), capped: route })
    }

    /// The first of these routes whose conditions hold. One that says neither yes nor no ends the search: what comes after it may ask less.
    fn first(
        &self,
        places: impl Iterator<Item = usize>,
        request: &Request<'_>,
        holds: &mut impl Holds,
    ) -> Result<Option<&RouteSpec>, NoRoute> {
        for route in places.filter_map(|place| self.routes.get(place)) {
            match holds(route, request) {
                Ok(true) => return Ok(Some(route)),
                Ok(false) => {}
                Err(error) => return Err(NoRoute::Undecided { route: route.name.clone(), error }),
            }
        }
        Ok(None)
    }

    /// What a tenant requires.
    pub(super) fn floor(&self, tenant: &TenantId) -> Floor {
        let class = self.classes.of(tenant).and_then(|class| self.classes.get(class));
        class.map(|class| class.floor).unwrap_or_default()
    }
}
