//! What the traffic of a log would have been under another policy.
//!
//! Each recorded decision is put to the new policy: which backends it lets the request go to, and which of them the production rule
//! ([`select::odds`](crate::select::odds)) would choose, by what was known of each when the request came. Where that differs from the record, what becomes
//! of the request is predicted from the log.
//!
//! # What moves
//!
//! Near-equal backends are drawn by lot, so that two decisions by the same policy may differ. A request counts as moved only as far as the odds
//! of the two policies do: what was chosen stays with the ratio of its new odds to its old ones, at most one (a maximal coupling). A policy that
//! changes nothing moves nothing.
//!
//! # What becomes of it
//!
//! A request that stays had the answer that it had. One that moves takes what a law says that is fitted to the answers of that backend in the log
//! (the prompt, the requests under way), times a factor that is drawn from how these answers deviate from the law. Both are corrected for the load: the requests
//! under way under the old policy are known, those under the new one are counted as the replay goes, and the difference slows first tokens and
//! pace as the router learnt that it does. Its cost is the new policy's price of the tokens that it had.
//!
//! A backend that gets more traffic is known better. As far as it has more than it had lately, the router is taken to know what the law says, and not
//! what it believed when it hardly asked.
//!
//! # What copies cost
//!
//! Both policies are also asked which of these requests the shadows of their routes may see: [`Copies`].
//!
//! # What it cannot say
//!
//! A backend that the log has never seen has no forecast, and a request that might go there is
//! [unsupported](Traffic::unsupported) unless the caller asks for the [worst](World::Pessimistic). So is one whose tenant or route depends on claims or
//! headers that were not recorded, unless the policy that decided it tells: where its rules are the same as the new one's, or narrower or wider, what came of
//! them comes of these. Limits of providers that the new load would hit, prompt
//! caches that it would lose and failures that were not recorded are not predicted, and conditions that changed while the log was written are averaged in the laws. Where the
//! log is thin, a [caveat](Traffic::caveats) says so.
//! Intervals are of chance alone: they come from resampling blocks of the log.

mod copies;
mod coupling;
mod estimate;
mod fit;
mod in_flight;
mod outlooks;
mod report;
mod requests;
mod routed;
mod unrecorded;
mod weighted;

use crate::decision::Decision;
use crate::policy::Policy;
use crate::source::PolicyHash;

pub use copies::{CopiedRoute, CopiedTo, Copies};
pub use estimate::Estimate;
pub use report::{Row, Traffic, Unroutable};
pub use unrecorded::Unrecorded;
pub use weighted::Weighted;

use copies::Sides;
use fit::Fits;
use requests::Requests;
use routed::Policies;

/// What is assumed where the log does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum World {
    /// Nothing: what the log does not support is counted and left out.
    #[default]
    Fitted,
    /// The worst: a backend that was never seen is like the slowest of those that were, and what moves fares as the slower half of what
    /// began there.
    Pessimistic,
}

/// How a log is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What is assumed where the log does not tell.
    pub world: World,
    /// The same seed, log and policy give the same figures.
    pub seed: u64,
}

/// The policy that a new one is compared with.
#[derive(Clone, Copy, Debug)]
pub enum InForce<'p> {
    /// It is at hand. Of the requests that it decided, the route that it chose tells of claims and headers that were not recorded.
    Policy(&'p Policy),
    /// It is only known which it was. What copies to its shadows cost is not.
    Hash(PolicyHash),
}

impl<'p> InForce<'p> {
    /// Which it is.
    pub fn hash(self) -> PolicyHash {
        match self {
            Self::Policy(policy) => policy.hash(),
            Self::Hash(hash) => hash,
        }
    }

    fn policy(self) -> Option<&'p Policy> {
        match self {
            Self::Policy(policy) => Some(policy),
            Self::Hash(_) => None,
        }
    }
}

/// Replays a log under `new`. `in_force` is the policy that it is compared with: decisions of other policies are replayed too, and told of.
pub fn replay(log: &[Decision], in_force: InForce<'_>, new: &Policy, options: Options) -> Traffic {
    let mut log: Vec<&Decision> = log.iter().collect();
    log.sort_by_key(|decision| decision.at);
    let fits = Fits::of(&log);
    let policies = Policies::of(in_force, new);
    let requests = Requests::replayed(&log, &fits, policies, options);
    let copies = Sides::of(&log, &requests, policies, report::per_day(&log));
    let mut traffic = report::traffic(&log, &fits, &requests, copies.as_ref(), in_force, options.seed);
    if copies.is_some() {
        traffic.caveats.extend(copies::caveats(&log, in_force.policy().is_some()));
    }
    traffic.caveats.extend(with_canaries(new));
    traffic
}

/// Whether a canary had been given up is not in the policy.
fn with_canaries(new: &Policy) -> Option<String> {
    let routes: std::collections::BTreeSet<_> = new.canaries().map(|(name, _)| format!("`{name}`")).collect();
    let names = routes.into_iter().collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| format!("canaries are replayed as if none were ever given up ({names})"))
}
