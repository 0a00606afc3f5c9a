//! Requests that cannot be decided again, for the log does not have the claims or headers by which the new policy would.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::InForce;
use super::requests::{Replayed, Requests};
use crate::decision::{Decision, Kept, may_hold_a_credential};
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
    /// Those of the claims that were to be recorded, and were too long.
    pub too_long_claims: Vec<String>,
    /// The same of headers.
    pub too_long_headers: Vec<String>,
    /// How many.
    pub requests: usize,
}

/// Groups the requests of a log that lack something.
pub(super) fn unrecorded(log: &[&Decision], requests: &Requests) -> Vec<Unrecorded> {
    let mut groups: BTreeMap<Unrecorded, usize> = BTreeMap::new();
    for (decision, replayed) in log.iter().zip(&requests.each) {
        if let Replayed::Unrecorded(unknown) = replayed {
            *groups.entry(Unrecorded::of(decision, unknown)).or_default() += 1;
        }
    }
    groups.into_iter().map(|(group, requests)| Unrecorded { requests, ..group }).collect()
}

impl Unrecorded {
    /// What one request lacks.
    fn of(decision: &Decision, unknown: &Unknown) -> Self {
        let (question, lacking) = match unknown {
            Unknown::Tenant { tenant, lacking } => (format!("whether they are of tenant `{tenant}`"), lacking),
            Unknown::Route { route, lacking } => (format!("whether they take route `{route}`"), lacking),
        };
        let Lacking { claims, headers } = lacking;
        let too_long =
            |names: &BTreeSet<String>, kept: &Kept| names.iter().filter(|name| kept.is_too_long(name)).cloned().collect();
        Self {
            question,
            too_long_claims: too_long(claims, &decision.claims),
            too_long_headers: too_long(headers, &decision.headers),
            claims: claims.iter().cloned().collect(),
            headers: headers.iter().cloned().collect(),
            requests: 1,
        }
    }
}

/// The same in words, with what to do about it.
pub(super) fn caveats(groups: &[Unrecorded], of: usize, in_force: InForce<'_>) -> Vec<String> {
    let mut caveats: Vec<String> = groups.iter().map(|group| told(group, of)).collect();
    let advice = [
        ("record_claims", names(groups.iter().map(|group| (&group.claims, &group.too_long_claims)))),
        ("record_headers", names(groups.iter().map(|group| (&group.headers, &group.too_long_headers)))),
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

/// Those that can be recorded: of each list the names that are not in the other.
fn names<'g>(lists: impl Iterator<Item = (&'g Vec<String>, &'g Vec<String>)>) -> Vec<&'g str> {
    let missing = lists.flat_map(|(names, too_long)| names.iter().filter(move |name| !too_long.contains(name)));
    let names: BTreeSet<&str> = missing.map(String::as_str).collect();
    names.into_iter().filter(|name| *name != "*" && !may_hold_a_credential(name)).collect()
}

fn told(group: &Unrecorded, of: usize) -> String {
    let Unrecorded { question, claims, headers, too_long_claims, too_long_headers, requests } = group;
    let each = |names: &[String], what: &str, too_long: &[String]| -> Vec<String> {
        names.iter().map(|name| word(what, name, too_long.contains(name))).collect()
    };
    let words = [each(claims, "claim", too_long_claims), each(headers, "header", too_long_headers)].concat();
    let are_all_named = !claims.iter().chain(headers).any(|name| name == "*");
    let verb = if words.len() == 1 && are_all_named { "is" } else { "are" };
    format!(
        "{requests} of {of} requests are counted as unsupported and left out of all figures: {question} depends on {}, which {verb} not in the log",
        words.join(" and "),
    )
}

fn word(what: &str, name: &str, is_too_long: bool) -> String {
    if name == "*" {
        return format!("{what}s that its `when` does not name");
    }
    let why = if is_too_long {
        " (too long to be recorded)"
    } else if may_hold_a_credential(name) {
        " (which may hold a credential, and is never recorded)"
    } else {
        ""
    };
    format!("{what} `{name}`{why}")
}
