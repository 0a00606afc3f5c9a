//! Where a session is led first: to the canary of its route, if it is of those sessions, then to the backend that it draws of a split.

use super::consider::{Excluded, Stage};
use super::eligible::Matched;
use crate::canary::Arm;
use crate::fault::Place;
use crate::request::Request;
use crate::spec::{BackendIndex, CanaryLane, Target};

/// The backends that are asked before the tiers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    pub(super) canary: Option<BackendIndex>,
    pub(super) drawn: Option<BackendIndex>,
}

impl Order {
    /// The tier of a target: these come first, each by itself, all others behind them in their order.
    pub(super) fn tier(self, target: &Target) -> usize {
        let drawn = self.drawn.filter(|drawn| self.canary != Some(*drawn));
        let mut first = self.canary.into_iter().chain(drawn);
        let count = first.clone().count();
        first.position(|backend| backend == target.backend).unwrap_or_else(|| target.tier.saturating_add(count))
    }
}

/// What a canary makes of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canarying<'p> {
    pub(super) lane: &'p CanaryLane,
    /// Where it leads; none if it may not serve the request.
    pub(super) target: Option<&'p Target>,
    /// Whether the session is of those that go there first.
    pub(super) is_held: bool,
}

impl<'p> Canarying<'p> {
    /// A canary passes the stages as any backend does; that nobody has room lets nobody to it.
    pub(super) fn of(lane: &'p CanaryLane, matched: Matched<'p>, request: &Request<'_>) -> Self {
        let passes = !Matched { lane: &lane.lane, ..matched }.passing(request).is_empty();
        let is_held = request.session.is_some_and(|session| lane.canary.holds(session));
        Self { lane, target: lane.lane.all().first().filter(|_| passes), is_held }
    }

    /// The same for another session.
    pub(super) fn of_control(self) -> Self {
        Self { is_held: false, ..self }
    }

    /// Which part of the sessions it is of. What the canary may not serve is served as all the rest.
    pub(super) fn arm(self) -> Arm {
        if self.first().is_some() { Arm::Canary } else { Arm::Control }
    }

    /// The canary, if the request goes there first.
    pub(super) fn first(self) -> Option<&'p Target> {
        self.target.filter(|_| self.is_held)
    }

    /// Why a canary that no stage leaves out is not asked.
    pub(super) fn spared(self, request: &Request<'_>, place: Option<&Place>) -> Excluded {
        let share = self.lane.canary.share();
        let why = match request.session {
            None => "it is the canary, and the request is of no session".to_owned(),
            Some(session) if self.lane.canary.holds(session) => "it is the canary, which serves nobody alone".to_owned(),
            Some(_) => format!("it is the canary, for {share} of the sessions, and this is another"),
        };
        Excluded { stage: Stage::Canary, why, place: place.cloned() }
    }
}
