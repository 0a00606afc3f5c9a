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
        let known = Policy::known(decision, &asker, self.that_decided(decision));
        let (claims, headers) = (decision.claims.attributes(), decision.headers.attributes());
        let tenant = by.tenant_as_known(&asker, &decision.token_names, &claims, &known).map_err(NotRouted::Unrecorded)?;
        let tenant = tenant.map_err(NotRouted::nowhere)?;
        let token = granted(decision);
        by.authorize(&tenant, Some(&token), &decision.asked, decision.operation).map_err(NotRouted::nowhere)?;
        let crate::decision::Needs { tools, vision, json_schema, logprobs, dimensions } = decision.needs;
        let Decision { prompt_tokens, max_output_tokens, answers, .. } = *decision;
        let needs = Needs { prompt_tokens, max_output_tokens, answers, tools, vision, json_schema, logprobs, dimensions };
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
