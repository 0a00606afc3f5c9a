//! The response header that tells a caller how its request was decided.
//!
//! The names of backends are the operator's affair, so nobody is told who does not ask, and nobody who asks unless the operator lets its tenant.

use std::{fmt::Write as _, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};
use tradewind_policies::{Pattern, TenantId, decision::Candidate};

use super::parts;
use crate::context::RequestContext;

/// Of a request, the wish to be told; of a response, what there is to tell.
pub const DECISION: HeaderName = HeaderName::from_static("x-tradewind-decision");
/// The longest value in bytes: proxies in front of the gateway commonly take 4 to 8 KiB of headers in all.
const LONGEST: usize = 1024;
/// Enough of a policy's hash to tell it from others.
const SHORT_HASH: usize = 12;

/// Which tenants are told, if they ask.
#[derive(Clone, Debug, Default)]
pub struct TellTo(Arc<[Pattern]>);

impl TellTo {
    /// Those that match one of these.
    #[must_use]
    pub fn new(tenants: impl IntoIterator<Item = Pattern>) -> Self {
        Self(tenants.into_iter().collect())
    }

    pub(super) fn if_asked(&self, headers: &HeaderMap) -> Option<Self> {
        (!self.0.is_empty() && headers.contains_key(DECISION)).then(|| self.clone())
    }

    pub(super) fn includes(&self, tenant: &TenantId) -> bool {
        self.0.iter().any(|pattern| pattern.matches(tenant.as_str()))
    }
}

/// How this request was decided, in one line; nothing where the policy was not asked.
pub(super) fn header(context: &RequestContext) -> Option<HeaderValue> {
    let considered = parts::considered(context)?;
    let mut text = String::new();
    let hash = context.snapshot().policy_hash();
    let _infallible = write!(text, "policy={}", hash.get(..SHORT_HASH).unwrap_or(&hash));
    let _infallible = write!(text, "; route={}", considered.route.as_deref().unwrap_or("-"));
    if let Some(arm) = context.taken().and_then(|taken| taken.arm) {
        let _infallible = write!(text, "; arm={}", arm.as_str());
    }
    let outgrown: Vec<String> = considered.outgrown.iter().map(|outgrown| outgrown.route.clone()).collect();
    append(&mut text, "outgrown", &outgrown);
    if let Some(chosen) = context.served_by() {
        let _infallible = write!(text, "; chosen={}", chosen.backend_name());
    }
    let candidates: Vec<String> = considered.candidates.iter().map(candidate).collect();
    append(&mut text, "candidates", &candidates);
    let attempts = parts::attempts(context);
    let attempts = attempts.iter().map(|attempt| format!("{}:{}", attempt.backend, attempt.outcome.as_str()));
    append(&mut text, "attempts", &attempts.collect::<Vec<_>>());
    HeaderValue::try_from(text).ok()
}

/// `NAME:` and why it was left out, or else what it was expected to take, in seconds.
fn candidate(candidate: &Candidate) -> String {
    let Candidate { backend, excluded, removed, score, .. } = candidate;
    match (excluded, removed, score) {
        (Some(excluded), ..) => format!("{backend}:{}", excluded.stage),
        (None, Some(removed), _) => format!("{backend}:{}", removed.reason.as_str()),
        (None, None, Some(score)) => format!("{backend}:{:.3}", score.total()),
        (None, None, None) => backend.clone(),
    }
}

/// Appends as many of the entries as there is room for, and how many there are beyond.
fn append(text: &mut String, key: &str, entries: &[String]) {
    const MORE: usize = " +99".len();
    if entries.is_empty() || text.len() + key.len() + MORE + 3 > LONGEST {
        return;
    }
    text.push_str("; ");
    text.push_str(key);
    for (place, entry) in entries.iter().enumerate() {
        if text.len() + 1 + entry.len() + MORE > LONGEST {
            let _infallible = write!(text, " +{}", (entries.len() - place).min(99));
            return;
        }
        text.push(if place == 0 { '=' } else { ' ' });
        text.push_str(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let entries: Vec<String> = (0..60).map(|number| format!("backend-{number:02}:unhealthy")).collect();
        let mut text = "policy=c3494ca1a2cf".to_owned();
        append(&mut text, "candidates", &entries);
        assert!(text.len() <= LONGEST && text.contains("; candidates=backend-00:unhealthy backend-01"), "{text}");
        let left: usize = text.rsplit('+').next().unwrap().parse().unwrap();
        assert_eq!(text.matches("unhealthy").count() + left, 60);
        append(&mut text, "attempts", &entries);
        assert!(text.len() <= LONGEST, "{}", text.len());
    }

    #[test]
    fn only_those_are_told_who_ask_and_may() {
        let mut asking = HeaderMap::new();
        asking.insert(DECISION, HeaderValue::from_static("?1"));
        let ops = TellTo::new(["ops-*".parse().unwrap()]);
        assert!(ops.if_asked(&HeaderMap::new()).is_none());
        assert!(TellTo::default().if_asked(&asking).is_none());
        let told = ops.if_asked(&asking).unwrap();
        assert!(told.includes(&"ops-1".parse().unwrap()) && !told.includes(&"acme".parse().unwrap()));
    }
}
