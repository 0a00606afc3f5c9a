//! What became of every backend of a route: the same decision as [`Policy::eligible`], told in full.

use std::fmt;

use super::Policy;
use super::eligible::{Matched, NoRoute};
use crate::fault::Place;
use crate::name::{ModelId, RouteName};
use crate::request::Request;
use crate::spec::Target;

/// The route that matched a request, and every backend of it.
#[derive(Clone, Debug)]
pub struct Considered<'p> {
    /// The model that the asked name stands for.
    pub model: &'p ModelId,
    /// The route that matched.
    pub route: &'p RouteName,
    /// Where it is written; nowhere for the built-in policy.
    pub place: Option<&'p Place>,
    /// Its backends, those of the first tier first.
    pub candidates: Vec<Considering<'p>>,
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
}

impl Stage {
    /// Its word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "operation",
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
        let Matched { route, lane } = self.matched(&request.caller, request.asked)?;
        let consider = |target| Considering { target, excluded: self.excluded(target, &lane.model, request) };
        let candidates = lane.all().iter().map(consider).collect();
        Ok(Considered { model: &lane.model, route: &route.name, place: route.place.as_ref(), candidates })
    }

    fn excluded(&self, target: &Target, model: &ModelId, request: &Request<'_>) -> Option<Excluded> {
        let served = self.backends.get(target.backend.get())?.serves(model)?;
        if served.operations.contains(request.operation) {
            return None;
        }
        let offered: Vec<_> = served.operations.iter().map(|operation| operation.as_str()).collect();
        let why = format!("it serves {} with this model, not {}", offered.join(", "), request.operation);
        Some(Excluded { stage: Stage::Operation, why, place: served.place.clone() })
    }
}
