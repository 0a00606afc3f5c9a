//! The routes that a request left because it is too long for them, and why it left no further one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy;

/// A route that a request left for a larger model, because none of its backends has room for it within the ceiling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgrown {
    /// The route.
    pub route: String,
    /// The model that it is for.
    pub model: String,
    /// The most tokens that any backend has room for that would have served the request but for its length.
    pub room: u64,
    /// The name that was asked for in the place of the first.
    pub larger: String,
    /// The line of the policy that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// Why a request that is too long for its route stays there, although that leads on to a larger model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stays {
    /// The larger model.
    pub larger: String,
    /// Whether it is the token that does not allow it.
    #[serde(default, skip_serializing_if = "super::is_not")]
    pub by_token: bool,
    /// Why not there.
    pub why: String,
}

impl From<&policy::Stays<'_>> for Stays {
    fn from(stays: &policy::Stays<'_>) -> Self {
        Self { larger: stays.larger.to_string(), by_token: stays.by_token, why: stays.why.clone() }
    }
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { larger, why, .. } = self;
        write!(f, "too long for every backend that may serve it, but it does not go on to {larger}: {why}")
    }
}

impl From<&policy::Outgrown<'_>> for Outgrown {
    fn from(outgrown: &policy::Outgrown<'_>) -> Self {
        let policy::Outgrown { route, model, room, larger, place } = *outgrown;
        let place = place.map(ToString::to_string);
        Self { route: route.to_string(), model: model.to_string(), room, larger: larger.to_string(), place }
    }
}

impl fmt::Display for Outgrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { route, model, room, larger, place } = self;
        write!(
            f,
            "too long for route {route}, where no backend that may serve it as {model} has room for more than {room} tokens: on to {larger}"
        )?;
        place.as_ref().map_or(Ok(()), |place| write!(f, " ({place})"))
    }
}
