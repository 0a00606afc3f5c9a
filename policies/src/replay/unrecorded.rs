//! Requests that cannot be decided again, for the log does not have the claims or headers by which the new policy would.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::InForce;
use super::requests::{Replayed, Requests};
use crate::decision::{Decision, Kept, is_never_shown, may_hold_a_credential};
use crate::policy::Unknown;
use crate::spec::Lacking;

/// Requests that lack the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unrecorded {
    /// What cannot be said of them, in words: whether they take a route, or whether they are a tenant's.
    pub question: String,
    /// The claims that this depends on and that were not recorded, by their names; `*` where an expression may look at any.
    pub claims: Vec<String>,
    /// The same of headers.
    pub headers: Vec<String>,
    /// Whether all of these were to be recorded, and were too long.
    pub too_long: bool,
    /// How many.
    pub requests: usize,
}

/// Groups the requests of a log that lack something.
pub(super) fn unrecorded(log: &[&Decision], requests: &Requests) -> Vec<Unrecorded> {
    let mut groups: BTreeMap<(String, &Lacking, bool), usize> = BTreeMap::new();
    for (decision, replayed) in log.iter().zip(&requests.each) {
        if let Replayed::Unrecorded(unknown) = replayed {
            let (question, lacking) = match unknown {
                Unknown::Tenant { tenant, lacking } => (format!("whether they are of tenant `{tenant}`"), lacking),
                Unknown::Route { route, lacking } => (format!("whether they take route `{route}`"), lacking),
            };
            *groups.entry((question, lacking, is_too_long(decision, lacking))).or_default() += 1;
        }
    }
    let own = |((question, lacking, too_long), requests): ((String, &Lacking, bool), usize)| {
        let [claims, headers] = [&lacking.claims, &lacking.headers].map(|names| names.iter().cloned().collect());
        Unrecorded { question, claims, headers, too_long, requests }
    };
    groups.into_iter().map(own).collect()
}

fn is_too_long(decision: &Decision, lacking: &Lacking) -> bool {
    let all = |names: &BTreeSet<String>, kept: &Kept| names.iter().all(|name| kept.is_too_long(name));
    all(&lacking.claims, &decision.claims) && all(&lacking.headers, &decision.headers)
}

/// The same in words, with what to do about it.
pub(super) fn caveats(groups: &[Unrecorded], of: usize, in_force: InForce<'_>) -> Vec<String> {
    let mut caveats: Vec<String> = groups.iter().map(|group| told(group, of)).collect();
    let missing = || groups.iter().filter(|group| !group.too_long);
    let advice = [
        ("record_claims", names(missing().flat_map(|group| &group.claims))),
        ("record_headers", names(missing().flat_map(|group| &group.headers))),
    ];
    let advice: Vec<_> =
        advice.iter().filter(|(_, names)| !names.is_empty()).map(|(key, names)| format!("{key} = {names:?}")).collect();
    if !advice.is_empty() {
        caveats.push(format!(
            "to have them recorded from now on, add to [decisions] of the gateway's configuration: {}",
            advice.join(", ")
        ));
    }
    if !groups.is_empty() && matches!(in_force, InForce::Hash(_)) {
        caveats.push(
            "more can be told with the policy that decided them (--against): what its rules said, the same rules will say"
                .to_owned(),
        );
    }
    caveats
}

/// Those that can be recorded.
fn names<'g>(names: impl Iterator<Item = &'g String>) -> Vec<&'g str> {
    let names: BTreeSet<&str> = names.map(String::as_str).filter(|name| *name != "*" && !may_hold_a_credential(name)).collect();
    names.into_iter().collect()
}

fn told(group: &Unrecorded, of: usize) -> String {
    let Unrecorded { question, claims, headers, too_long, requests } = group;
    let each = |names: &[String], what: &str| -> Vec<String> { names.iter().map(|name| word(what, name)).collect() };
    let words = [each(claims, "claim"), each(headers, "header")].concat();
    let why = if *too_long { "too long to be recorded" } else { "not in the log" };
    let are_all_named = !claims.iter().chain(headers).any(|name| name == "*");
    let verb = if words.len() == 1 && are_all_named { "is" } else { "are" };
    format!(
        "{requests} of {of} requests are counted as unsupported and left out of all figures: {question} depends on {}, which {verb} {why}",
        words.join(" and "),
    )
}

fn word(what: &str, name: &str) -> String {
    let never = if may_hold_a_credential(name) && !is_never_shown(name) {
        " (which may hold a credential, and is never recorded)"
    } else {
        ""
    };
    if name == "*" { format!("{what}s that its `when` does not name") } else { format!("{what} `{name}`{never}") }
}
