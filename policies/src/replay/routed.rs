//! Where the new policy lets a recorded request go, as far as the record tells.

use super::InForce;
use crate::decision::Decision;
use crate::grant::Grants;
use crate::name::TenantId;
use crate::policy::{Eligible, Policy, Unknown};
use crate::request::{Caller, Needs, Request};
use crate::session::Session;
use crate::source::PolicyHash;

/// Why a request is not routed again.
pub(super) enum NotRouted {
    /// The record does not have what would decide.
    Unrecorded(Unknown),
    /// Nobody may serve it.
    Nowhere(String),
}

impl NotRouted {
    fn nowhere(reason: impl ToString) -> Self {
        Self::Nowhere(reason.to_string())
    }
}

/// The two policies.
#[derive(Clone, Copy)]
pub(super) struct Policies<'p> {
    /// The one that is compared with, where it is at hand.
    pub(super) old: Option<&'p Policy>,
    pub(super) new: &'p Policy,
    hashes: (PolicyHash, PolicyHash),
}

impl<'p> Policies<'p> {
    pub(super) fn of(in_force: InForce<'p>, new: &'p Policy) -> Self {
        Self { old: in_force.policy(), new, hashes: (in_force.hash(), new.hash()) }
    }

    /// The policy that made a decision, if it is one of them.
    fn that_decided(self, decision: &Decision) -> Option<&'p Policy> {
        let hash = decision.policy.parse::<PolicyHash>().ok()?;
        if hash == self.hashes.1 { Some(self.new) } else { self.old.filter(|_| hash == self.hashes.0) }
    }

    /// Where one of them lets the request go. Its token allowed the name before; what tokens say does not change with the policy.
    pub(super) fn routed(self, by: &'p Policy, decision: &Decision) -> Result<Eligible<'p>, NotRouted> {
        let asker: TenantId = decision.tenant.parse().map_err(NotRouted::nowhere)?;
        let mut known = Policy::known(decision, &asker, self.that_decided(decision));
        let (claims, headers) = (decision.claims.attributes(), decision.headers.attributes());
        let tenant = by.tenant_as_known(&asker, &decision.token_names, &claims, &known).map_err(NotRouted::Unrecorded)?;
        let tenant = tenant.map_err(NotRouted::nowhere)?;
        // What an expression said of another tenant, or of another model, it need not say of these.
        let (is_another, leads_on) = (tenant != asker, by.leads_on(&decision.asked));
        known.forget(|when| is_another && when.names_tenant() || leads_on && when.names("model"));
        let token = granted(decision);
        by.authorize(&tenant, Some(&token), &decision.asked, decision.operation).map_err(NotRouted::nowhere)?;
        let crate::decision::Needs { tools, vision, json_schema, logprobs, dimensions } = decision.needs;
        let Decision { prompt_tokens, max_output_tokens, too_small, answers, .. } = *decision;
        let lengths = Needs { prompt_tokens, max_output_tokens, too_small, answers, ..Needs::default() };
        let needs = Needs { tools, vision, json_schema, logprobs, dimensions, ..lengths };
        let session: Option<Session> = decision.session.as_deref().map(str::parse).transpose().map_err(NotRouted::nowhere)?;
        let caller = Caller { tenant: &tenant, claims: &claims, models: Some(&token), headers: &headers };
        let request = Request { needs, session, ..Request::new(caller, &decision.asked, decision.operation) };
        let eligible = by.eligible_as_known(&request, &known).map_err(NotRouted::Unrecorded)?;
        eligible.map_err(NotRouted::nowhere)
    }
}

/// What its token granted: every model, for all that is known, but where that is what kept it from a larger one.
fn granted(decision: &Decision) -> Grants {
    if decision.stays.as_ref().is_none_or(|stays| !stays.by_token) {
        return "*".parse().into_iter().collect();
    }
    let larger = decision.outgrown.iter().map(|left| &left.larger);
    [&decision.asked].into_iter().chain(larger).filter_map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decision::{Kept, TokenNames};
    use crate::plan::tests::attributes::{Token, attributes, pair, token};
    use crate::request::Attributes;

    const LINE: &str = r#"{"version":1,"id":"r","at":"2027-01-15T08:00:00Z","policy":"","tenant":"t","asked":"m","operation":"chat","prompt_tokens":0,"total_s":1.0,"status":200,"outcome":"completed"}"#;

    /// A token and the headers that come with it, and what the token names.
    struct Asked {
        claims: Attributes,
        headers: Attributes,
        named: Option<TenantId>,
        needs: Needs,
    }

    impl Asked {
        fn of(token: &Token, named: Option<&str>, prompt_tokens: u64) -> Self {
            let [claims, headers] = [false, true].map(|header| attributes(token, header));
            let needs = Needs { prompt_tokens, ..Needs::default() };
            Self { claims, headers, named: named.map(|name| name.parse().unwrap()), needs }
        }

        /// What a policy says to it that sees all of it: whose it is, the route and the backends.
        fn fate(&self, policy: &Policy) -> Option<(TenantId, String, Vec<String>)> {
            let tenant = policy.tenant_of(&self.claims, self.named.as_ref()).ok()?;
            let token: Grants = "*".parse().into_iter().collect();
            policy.authorize(&tenant, Some(&token), "m", crate::Operation::Chat).ok()?;
            let caller = Caller { tenant: &tenant, claims: &self.claims, headers: &self.headers, models: Some(&token) };
            let request = Request { needs: self.needs, ..Request::new(caller, "m", crate::Operation::Chat) };
            let eligible = policy.eligible(&request).ok()?;
            let (route, backends) = told(policy, &eligible);
            Some((tenant, route, backends))
        }

        /// The record of it by that policy, with these claims and headers.
        fn recorded(&self, policy: &Policy, names: &[&str]) -> Option<Decision> {
            let (tenant, route, _) = self.fate(policy)?;
            let mut decision = Decision::from_line(LINE.as_bytes()).unwrap();
            let keep = |kept: &mut Kept, of: &Attributes| {
                names.iter().for_each(|name| kept.keep(name, of.get(name).iter().map(|value| &**value)));
            };
            keep(&mut decision.claims, &self.claims);
            keep(&mut decision.headers, &self.headers);
            decision.token_names = match &self.named {
                Some(named) if *named == tenant => TokenNames::TheTenant,
                Some(other) => TokenNames::Another(other.to_string()),
                None => TokenNames::Nobody,
            };
            (decision.policy, decision.tenant) = (policy.hash().to_string(), tenant.to_string());
            (decision.route, decision.model) = (Some(route), Some("m".to_owned()));
            decision.prompt_tokens = self.needs.prompt_tokens;
            Some(decision)
        }
    }

    fn told(policy: &Policy, eligible: &Eligible<'_>) -> (String, Vec<String>) {
        let name = |target: &crate::spec::Target| policy.backends()[target.backend.get()].name.to_string();
        (eligible.route.to_string(), eligible.targets().map(name).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 40_000, ..ProptestConfig::default() })]

        /// Whatever was recorded, and whether the policy that decided is at hand or not.
        #[test]
        fn a_request_goes_where_it_would_have_gone_or_nothing_is_said_of_it(
            (old, new) in pair(), tokens in prop::collection::vec(token(), 8), names in prop::sample::subsequence(vec!["p", "q"], 0..=2),
            named in prop::option::of(prop::sample::select(vec!["t", "u", "v", "w"])), prompt_tokens in prop::sample::select(vec![0, 11]),
        ) {
            for token in &tokens {
                let asked = Asked::of(token, named, prompt_tokens);
                let Some(decision) = asked.recorded(&old, &names) else { continue };
                let fate = |policy| asked.fate(policy).map(|(_, route, backends)| (route, backends));
                for in_force in [InForce::Policy(&old), InForce::Hash(old.hash())] {
                    let policies = Policies::of(in_force, &new);
                    match policies.routed(&new, &decision) {
                        Ok(eligible) => prop_assert_eq!(Some(told(&new, &eligible)), fate(&new), "{:?} {:?}", token, decision),
                        Err(NotRouted::Nowhere(why)) => prop_assert_eq!(None, fate(&new), "{} {:?}", why, token),
                        Err(NotRouted::Unrecorded(unknown)) => prop_assert!(names.len() < 2, "{:?} {:?}", unknown, token),
                    }
                }
                // Of the policy itself, its own decisions tell all.
                let itself = Policies::of(InForce::Hash(old.hash()), &old).routed(&old, &decision);
                prop_assert_eq!(itself.ok().map(|eligible| told(&old, &eligible)), fate(&old), "{:?} {:?}", token, decision);
            }
        }
    }
}
