//! What can be said of a request that is long over: some of its claims and headers were recorded, and of others it is known what came of them.

use std::collections::BTreeSet;

use super::{Conditions, Expression, Wanted};
use crate::decision::{Kept, is_never_shown};
use crate::request::{Attributes, Request};

/// What is known of the claims and headers of a request.
#[derive(Clone, Debug)]
pub(crate) struct Known<'k> {
    /// The claims that were recorded.
    pub(crate) claims: &'k Kept,
    /// The headers that were recorded.
    pub(crate) headers: &'k Kept,
    /// Conditions that held.
    pub(crate) met: Vec<&'k Conditions>,
    /// Conditions that did not.
    pub(crate) unmet: Vec<&'k Conditions>,
    /// What its claims fit.
    pub(crate) fitted: Vec<&'k Wanted>,
    /// What its claims did not fit.
    pub(crate) unfitted: Vec<&'k Wanted>,
}

/// The claims and headers that would have to be known, by their names. `*` stands for all: an expression may look at any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lacking {
    pub(crate) claims: BTreeSet<String>,
    pub(crate) headers: BTreeSet<String>,
}

impl Known<'_> {
    /// Forgets what came of conditions with such an expression.
    pub(crate) fn forget(&mut self, is_such: impl Fn(&Expression) -> bool) {
        let is_kept = |conditions: &&Conditions| !conditions.when.as_ref().is_some_and(&is_such);
        self.met.retain(is_kept);
        self.unmet.retain(is_kept);
    }

    /// Whether the claims fit, if that can be said.
    pub(crate) fn fit(&self, wanted: &Wanted, claims: &Attributes) -> Option<bool> {
        if self.fitted.iter().any(|fitted| wanted.cover(fitted)) {
            return Some(true);
        }
        if self.unfitted.iter().any(|unfitted| unfitted.cover(wanted)) {
            return Some(false);
        }
        are_met(wanted, claims, |name| self.claims.knows(name))
    }

    /// Whether the conditions hold, if that can be said.
    ///
    /// # Errors
    /// Why the expression says neither yes nor no.
    pub(crate) fn hold(&self, conditions: &Conditions, request: &Request<'_>) -> Result<Option<bool>, String> {
        if self.met.iter().any(|met| conditions.cover(met)) {
            return Ok(Some(true));
        }
        if conditions.operations.is_some_and(|operations| !operations.contains(request.operation))
            || self.unmet.iter().any(|unmet| unmet.cover(conditions))
        {
            return Ok(Some(false));
        }
        let claims = are_met(&conditions.claims, request.caller.claims, |name| self.claims.knows(name));
        let headers = are_met(&conditions.headers, request.caller.headers, |name| self.knows_header(name));
        match (claims, headers, &conditions.when) {
            (Some(false), ..) | (_, Some(false), _) => Ok(Some(false)),
            (Some(true), Some(true), None) => Ok(Some(true)),
            (Some(true), Some(true), Some(when)) => self.holds(when, request),
            // What is certain not to hold does not need the rest.
            (_, _, Some(when)) => Ok(self.holds(when, request).ok().flatten().filter(|holds| !holds)),
            (_, _, None) => Ok(None),
        }
    }

    fn holds(&self, when: &Expression, request: &Request<'_>) -> Result<Option<bool>, String> {
        let lacking = self.lacking_for(when);
        let unknown = [("claims", &lacking.claims), ("headers", &lacking.headers)];
        let unknown: Vec<&str> = unknown.into_iter().filter(|(_, names)| !names.is_empty()).map(|(name, _)| name).collect();
        match when.holds_without(&unknown, request) {
            Err(_) if !unknown.is_empty() => Ok(None),
            held => held.map(Some),
        }
    }

    fn knows_header(&self, name: &str) -> bool {
        self.headers.knows(name) || is_never_shown(name)
    }

    /// What would have to be known to say whether the conditions hold.
    pub(crate) fn lacking(&self, conditions: &Conditions) -> Lacking {
        let mut lacking = conditions.when.as_ref().map(|when| self.lacking_for(when)).unwrap_or_default();
        lacking.claims.extend(self.lacking_claims(&conditions.claims));
        let headers = conditions.headers.0.iter().map(|(name, _)| name).filter(|name| !self.knows_header(name));
        lacking.headers.extend(headers.map(ToString::to_string));
        lacking
    }

    /// The claims that would have to be known to say whether they fit.
    pub(crate) fn lacking_claims(&self, wanted: &Wanted) -> impl Iterator<Item = String> {
        wanted.0.iter().filter(|(name, _)| !self.claims.knows(name)).map(|(name, _)| name.to_string())
    }

    fn lacking_for(&self, when: &Expression) -> Lacking {
        let mentioned = when.mentioned();
        let unknown = |names: BTreeSet<Box<str>>, knows: &dyn Fn(&str) -> bool| {
            names.into_iter().map(String::from).filter(|name| !knows(name)).collect::<BTreeSet<_>>()
        };
        let mut claims = unknown(mentioned.claims, &|name| self.claims.knows(name));
        let mut headers = unknown(mentioned.headers, &|name| self.knows_header(name));
        claims.extend(mentioned.all_claims.then(|| "*".to_owned()));
        headers.extend(mentioned.all_headers.then(|| "*".to_owned()));
        Lacking { claims, headers }
    }
}

/// Whether these are met where not all names are known, if that can be said.
fn are_met(wanted: &Wanted, by: &Attributes, knows: impl Fn(&str) -> bool) -> Option<bool> {
    let (known, unknown): (Vec<_>, Vec<_>) = wanted.0.iter().cloned().partition(|(name, _)| knows(name));
    if !Wanted(known.into()).are_met(by) {
        return Some(false);
    }
    unknown.is_empty().then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Caller;
    use tradewind_protocol::Operation;

    fn wanted(all: &[(&str, &[&str])]) -> Wanted {
        let patterns = |patterns: &[&str]| patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
        Wanted(all.iter().map(|(name, all)| ((*name).into(), patterns(all))).collect())
    }

    fn of_claims(claims: &[(&str, &[&str])]) -> Conditions {
        Conditions { claims: wanted(claims), ..Conditions::default() }
    }

    fn of_when(when: &str) -> Conditions {
        Conditions { when: Some(when.parse().unwrap()), ..Conditions::default() }
    }

    fn of_headers(headers: &[(&str, &[&str])]) -> Conditions {
        Conditions { headers: wanted(headers), ..Conditions::default() }
    }

    /// Of a request of which `plan = gold` and `absent` were recorded, and which met some conditions and not others.
    fn hold(conditions: &Conditions, met: &[Conditions], unmet: &[Conditions]) -> Result<Option<bool>, String> {
        let (mut kept, none) = (Kept::default(), Kept::default());
        kept.keep("plan", ["gold"]);
        kept.keep("absent", []);
        let (tenant, claims) = ("acme".parse().unwrap(), kept.attributes());
        let request = Request::new(Caller { claims: &claims, ..Caller::of(&tenant) }, "m", Operation::Chat);
        let (met, unmet) = (met.iter().collect(), unmet.iter().collect());
        let known = Known { claims: &kept, headers: &none, met, unmet, fitted: Vec::new(), unfitted: Vec::new() };
        known.hold(conditions, &request)
    }

    #[test]
    fn what_was_recorded_may_be_enough() {
        let with = |conditions: Conditions, when: &str| Conditions { when: Some(when.parse().unwrap()), ..conditions };
        let team = || of_claims(&[("team", &["red"])]);
        for (conditions, holds) in [
            (Conditions::default(), Some(true)),
            (of_claims(&[("plan", &["gold"])]), Some(true)),
            (of_claims(&[("absent", &["*"])]), Some(false)),
            (of_claims(&[("plan", &["gold"]), ("team", &["red"])]), None),
            (of_claims(&[("plan", &["silver"]), ("team", &["red"])]), Some(false)),
            (of_headers(&[("x-team", &["red"])]), None),
            (of_when("'gold' in claims.plan"), Some(true)),
            (of_when("'gold' in claims.plan && has(claims.team)"), None),
            (of_when("has(claims.plan) && claims.exists(name, name == 'team')"), None),
            (of_when("prompt_tokens > 10 && has(claims.team)"), Some(false)),
            (of_when("has(headers.authorization)"), Some(false)),
            (with(team(), "prompt_tokens > 10"), Some(false)),
            (with(team(), "prompt_tokens < 10"), None),
        ] {
            assert_eq!(hold(&conditions, &[], &[]), Ok(holds), "{conditions:?}");
        }
        assert!(hold(&of_when("claims.absent[0] == 'a'"), &[], &[]).is_err(), "what was not there is neither true nor false");
    }

    #[test]
    fn what_the_deciding_policy_found_out_says_more() {
        let team = |patterns: &[&str]| of_claims(&[("team", patterns)]);
        let has_team = || of_when("has(claims.team)");
        for (conditions, met, unmet, holds) in [
            (team(&["red"]), vec![team(&["red"])], vec![], Some(true)),
            (team(&["red", "blue"]), vec![team(&["red"])], vec![], Some(true)),
            (team(&["red"]), vec![team(&["red", "blue"])], vec![], None),
            (team(&["red"]), vec![], vec![team(&["red", "blue"])], Some(false)),
            (team(&["red", "blue"]), vec![], vec![team(&["red"])], None),
            (has_team(), vec![has_team()], vec![], Some(true)),
            (has_team(), vec![], vec![has_team()], Some(false)),
        ] {
            assert_eq!(hold(&conditions, &met, &unmet), Ok(holds), "{conditions:?} {met:?} {unmet:?}");
        }
    }
}
