//! Where requests go on that are too long for every backend of their route, but for those that are too dear: as if its `larger` model had been asked for.
//!
//! What the route requires of its backends, and what it lets a request cost, goes on with the request: the routes of the larger model may be
//! stricter, and take nothing back.

use std::fmt;

use super::Policy;
use super::eligible::{Holds, Matched, NoRoute, by_itself};
use crate::fault::Place;
use crate::name::{ModelId, RouteName};
use crate::operation::Operations;
use crate::request::Request;

/// What is led on: answers. An embedding of another model could be compared with none of the first.
const LED_ON: Operations = Operations::TEXT;

/// A route that a request left because it is too long for each of its backends that might have served it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgrown<'p> {
    /// The route.
    pub route: &'p RouteName,
    /// The model that it is for.
    pub model: &'p ModelId,
    /// The most tokens that any of these backends has room for that would have served it but for its length.
    pub room: u64,
    /// The name that was asked for in the place of the first.
    pub larger: &'p ModelId,
    /// The line of the policy that says so.
    pub place: Option<&'p Place>,
}

/// Why a request that is too long for its route stays there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stays<'p> {
    /// The larger model.
    pub larger: &'p ModelId,
    /// Whether it is the token that does not allow it.
    pub by_token: bool,
    /// Why not there.
    pub why: String,
}

/// Why a larger model serves a request no better.
enum Obstacle {
    Token,
    Tenant,
    None(NoRoute),
    /// For this caller it has room for no more than that.
    NoLarger(u64),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("the token does not allow it"),
            Self::Tenant => f.write_str("the tenant may not use it, or it does not serve that"),
            Self::None(none) => fmt::Display::fmt(none, f),
            Self::NoLarger(room) => write!(f, "it has room for no more there: {room} tokens at most"),
        }
    }
}

impl Policy {
    /// The route that a request takes in the end.
    pub(super) fn led_on<'p>(&'p self, first: Matched<'p>, request: &Request<'_>, holds: &mut impl Holds) -> Matched<'p> {
        let mut matched = first;
        // Policies whose models lead to each other in a circle are refused, so this comes to an end.
        while let Some(Ok(next)) = self.onward(matched, request, holds) {
            matched = next;
        }
        matched
    }

    /// The routes that a request left, in their order, and why it left no further one, if that is one from which there is a way.
    pub(super) fn trail(&self, request: &Request<'_>) -> (Vec<Outgrown<'_>>, Option<Stays<'_>>) {
        let mut trail = Vec::new();
        let Ok(mut matched) = self.first_match(request, &mut by_itself) else { return (trail, None) };
        loop {
            let Some(larger) = &matched.route.larger else { return (trail, None) };
            match self.onward(matched, request, &mut by_itself) {
                None => return (trail, None),
                Some(Err(obstacle)) => {
                    let by_token = matches!(obstacle, Obstacle::Token);
                    return (trail, Some(Stays { larger: &larger.name, by_token, why: obstacle.to_string() }));
                }
                Some(Ok(next)) => {
                    let (route, model, room) = (&matched.route.name, &matched.lane.model, matched.most_room(request));
                    trail.push(Outgrown { route, model, room, larger: &larger.name, place: larger.place.as_ref() });
                    matched = next;
                }
            }
        }
    }

    /// Where a request goes on that none of the route's backends has room for, or why it does not; none where it has no reason to.
    fn onward<'p>(
        &'p self,
        matched: Matched<'p>,
        request: &Request<'_>,
        holds: &mut impl Holds,
    ) -> Option<Result<Matched<'p>, Obstacle>> {
        let larger = matched.route.larger.as_ref().filter(|_| LED_ON.contains(request.operation))?;
        if !matched.is_outgrown(request) {
            return None;
        }
        let request = Request { asked: larger.name.as_str(), ..*request };
        let grants = |asked: &str| request.caller.models.is_none_or(|grants| grants.allow(asked));
        let model = self.model(request.asked).map(|model| model.id.as_str());
        if !(grants(request.asked) || model.is_some_and(grants)) {
            return Some(Err(Obstacle::Token));
        }
        if !self.is_allowed(request.caller.tenant, request.asked, request.operation) {
            return Some(Err(Obstacle::Tenant));
        }
        let next = self.first_match(&request, holds).map(|next| next.after(matched));
        Some(next.map_err(Obstacle::None).and_then(|next| match next.chosen(&request) {
            Ok(_) if !next.is_larger(&matched, &request) => Err(Obstacle::NoLarger(next.most_room(&request))),
            Ok(_) => Ok(next),
            Err(stage) => Err(Obstacle::None(self.refusal(next, stage, &request))),
        }))
    }
}
