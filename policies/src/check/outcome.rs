//! What becomes of the request of a test, in the order in which a gateway decides it.

use std::collections::{BTreeMap, BTreeSet};

use crate::grant::Grants;
use crate::name::{BackendName, InvalidName, RouteName, TenantId};
use crate::pattern::Pattern;
use crate::policy::{Considered, Considering, NoRoute, Policy};
use crate::read::{Given, NO_ROUTE, OUT_OF_SERVICE, RawTest};
use crate::request::{Caller, Request};
use crate::session::Session;
use crate::spec::{BackendSpec, Target};
use tradewind_protocol::Operation;

/// Who asks where a test does not say, and no tenants are declared.
const ANYONE: &str = "anyone";
/// What the token grants where a test does not say.
const EVERYTHING: &str = "*";

/// What becomes of a request.
pub(super) enum Outcome<'p> {
    /// The caller may not make it.
    Denied {
        reason: &'static str,
        /// The same as a sentence.
        why: String,
    },
    /// No route is for the caller.
    NoRoute(NoRoute),
    /// The route that matched, and what became of its backends.
    Routed {
        route: &'p RouteName,
        /// Those that may serve it, the first tier first; no tier is empty.
        tiers: Vec<Vec<&'p BackendName>>,
        /// Who serves it besides, if the session that the test leaves open is of the canary's.
        canary: Option<&'p BackendName>,
        left_out: Vec<LeftOut<'p>>,
        /// The backend that may be sent a copy.
        shadow: Option<&'p BackendName>,
    },
}

/// A backend of the route that is not asked.
pub(super) struct LeftOut<'p> {
    pub(super) backend: &'p BackendName,
    /// What left it out, in a word.
    pub(super) reason: &'static str,
    pub(super) why: String,
}

impl<'p> Outcome<'p> {
    /// What the policy makes of the request of `test`.
    ///
    /// # Errors
    /// The names that stand for what a test leaves open are none: they are constants.
    pub(super) fn of(policy: &'p Policy, test: &RawTest) -> Result<Self, InvalidName> {
        let Given { tenant, model, operation, needs, claims, headers, session, grants, .. } = &test.given;
        let asked = model.as_str();
        let tenant = tenant.clone().map_or_else(|| ANYONE.parse::<TenantId>(), Ok)?;
        let operation = operation.unwrap_or_else(|| usual_operation(policy, asked));
        // A token without the claim leaves it to the declared tenants; without those, it has to grant something.
        let everything = || EVERYTHING.parse::<Pattern>().into_iter().collect::<Grants>();
        let grants = grants.clone().unwrap_or_else(everything);
        if let Err(denied) = policy.authorize(&tenant, Some(&grants), asked, operation) {
            return Ok(Self::Denied { reason: denied.reason(), why: denied.to_string() });
        }
        let caller = Caller { tenant: &tenant, claims, models: Some(&grants), headers };
        let session = session.as_ref().map(|name| Session::of(&tenant, name.as_bytes()));
        let request = Request { caller, asked, operation, needs: *needs, session };
        Ok(policy.consider(&request).map_or_else(Self::NoRoute, |considered| routed(policy, considered, test)))
    }

    /// The words for why nothing serves the request; none if something does, or the caller may not ask.
    pub(super) fn dead_ends(&self) -> BTreeSet<&'static str> {
        match self {
            Self::Routed { tiers, left_out, .. } if tiers.is_empty() => left_out.iter().map(|one| one.reason).collect(),
            Self::NoRoute(_) => BTreeSet::from([NO_ROUTE]),
            Self::Denied { .. } | Self::Routed { .. } => BTreeSet::new(),
        }
    }
}

/// Chat, or the first that the model serves where it does not chat.
fn usual_operation(policy: &Policy, asked: &str) -> Operation {
    let served = policy.model(asked).map(|model| model.operations).filter(|served| !served.contains(Operation::Chat));
    served.and_then(|served| served.iter().next()).unwrap_or(Operation::Chat)
}

/// The backends of the route, those that no stage leaves out and that are in service apart from the others.
fn routed<'p>(policy: &'p Policy, considered: Considered<'p>, test: &RawTest) -> Outcome<'p> {
    let down: BTreeSet<&BackendName> = test.down.iter().map(|name| &name.value).collect();
    let mut tiers: BTreeMap<usize, Vec<&BackendName>> = BTreeMap::new();
    let mut left_out = Vec::new();
    // A test that says no time is of any in which nothing is scheduled.
    let is_drained = |spec: &BackendSpec| test.moment.map_or_else(|| spec.drained.is_always(), |moment| spec.drained.at(moment));
    let tier = |target: &Target| considered.tier(target);
    for Considering { target, excluded } in &considered.candidates {
        let Some(spec) = policy.backends().get(target.backend.get()) else { continue };
        let backend = &spec.name;
        let (reason, why) = match excluded {
            Some(excluded) => {
                let place = excluded.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
                (excluded.stage.as_str(), format!("{}{place}", excluded.why))
            }
            None if down.contains(backend) => (OUT_OF_SERVICE, "it is down in this test".to_owned()),
            None if is_drained(spec) => (OUT_OF_SERVICE, "it is drained".to_owned()),
            None => {
                tiers.entry(tier(target)).or_default().push(backend);
                continue;
            }
        };
        left_out.push(LeftOut { backend, reason, why });
    }
    let is_there = |spec: &&BackendSpec| !down.contains(&spec.name) && !is_drained(spec);
    let named = |target: &Target| policy.backends().get(target.backend.get()).filter(is_there).map(|spec| &spec.name);
    let canary = considered.canary().filter(|_| test.given.session.is_none());
    let canary = canary.and_then(|(_, target)| named(target));
    let shadow = considered.shadow.as_ref().filter(|shadow| shadow.excluded.is_none());
    let shadow = shadow.and_then(|shadow| named(shadow.target));
    Outcome::Routed { route: considered.route, tiers: tiers.into_values().collect(), canary, left_out, shadow }
}
