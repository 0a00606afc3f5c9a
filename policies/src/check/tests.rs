//! Runs the tests that a policy brings along.

use std::collections::BTreeSet;

use super::outcome::{LeftOut, Outcome};
use crate::fault::{Beside, Report};
use crate::name::BackendName;
use crate::policy::Policy;
use crate::read::{Expected, Located, NO_ROUTE, RawTest, called};

/// Reports each expectation that does not hold, with what came out in its place.
pub(super) fn run(policy: &Policy, tests: &[RawTest], report: &mut Report<'_>) {
    for test in tests {
        let outcome = match Outcome::of(policy, test) {
            Ok(outcome) => outcome,
            Err(error) => {
                report.fault(test.at, test.key.as_str(), error.to_string());
                continue;
            }
        };
        for Located { value: expected, at, key } in &test.expect {
            if let Some(mismatch) = mismatch(expected, &outcome) {
                let message = format!("test {} fails: {mismatch}", called(test));
                report.fault_beside(*at, key.as_str(), message, reasons(&outcome));
            }
        }
    }
}

/// What was expected and what came out, unless it is the same.
fn mismatch(expected: &Expected, outcome: &Outcome<'_>) -> Option<String> {
    let (wanted, holds) = match expected {
        Expected::Only(names) => (format!("only {}", list(values(names))), eligible(outcome) == Some(values(names).collect())),
        Expected::Includes(names) => {
            let holds = eligible(outcome).is_some_and(|eligible| values(names).all(|name| eligible.contains(name)));
            (format!("{} among others", list(values(names))), holds)
        }
        Expected::Excludes(names) => {
            // Where nothing serves the request, no excluded backend does. But then the test may be about another request than was meant.
            let holds = eligible(outcome).is_some_and(|eligible| !values(names).any(|name| eligible.contains(name)));
            (format!("any but {}", list(values(names))), holds)
        }
        Expected::FirstTier(names) => {
            let first = tiers(outcome).first().map(|tier| tier.iter().copied().collect());
            (format!("{} first", list(values(names))), first == Some(values(names).collect::<BTreeSet<_>>()))
        }
        Expected::Shadow(wanted) => {
            let words = |backend: Option<&BackendName>| {
                backend.map_or_else(|| "no copy of it".to_owned(), |name| format!("that `{name}` may be sent a copy"))
            };
            let wanted = wanted.as_ref().map(|name| &name.value);
            let found = shadow(outcome);
            let holds = found == Some(wanted);
            let mismatch = format!("expected {}; {}", words(wanted), found.map_or_else(|| self::found(outcome), words));
            return (!holds).then_some(mismatch);
        }
        Expected::Route(name) => {
            let holds = matches!(outcome, Outcome::Routed { route, .. } if *route == name);
            (format!("route `{name}`"), holds)
        }
        Expected::Denied(word) => {
            (format!("a denial, `{word}`"), matches!(outcome, Outcome::Denied { reason, .. } if reason == word))
        }
        Expected::NoBackend(word) => (format!("no backend, `{word}`"), outcome.dead_ends().contains(word)),
    };
    (!holds).then(|| format!("expected {wanted}; {}", found(outcome)))
}

/// What came out, as the end of a sentence.
fn found(outcome: &Outcome<'_>) -> String {
    match outcome {
        Outcome::Denied { reason, why } => format!("it is denied, `{reason}`: {why}"),
        Outcome::NoRoute(why) => format!("there is no backend, `{NO_ROUTE}`: {why}"),
        Outcome::Routed { route, tiers, .. } if tiers.is_empty() => {
            let words: Vec<_> = outcome.dead_ends().into_iter().map(|word| format!("`{word}`")).collect();
            format!("no backend of route `{route}` is left, {}", words.join(" and "))
        }
        Outcome::Routed { route, tiers, canary, .. } => {
            let tiers: Vec<_> = tiers.iter().map(|tier| list(tier.iter().copied())).collect();
            let canary = canary.map(|canary| format!(", for some sessions after the canary `{canary}`")).unwrap_or_default();
            format!("found {} by route `{route}`{canary}", tiers.join(", then "))
        }
    }
}

/// Why each backend that is missing is.
fn reasons(outcome: &Outcome<'_>) -> Vec<Beside> {
    let left_out = match outcome {
        Outcome::Denied { .. } | Outcome::NoRoute(_) => &[][..],
        Outcome::Routed { left_out, .. } => left_out,
    };
    let reason = |LeftOut { backend, reason, why }: &_| Beside::reason(format!("`{backend}` is left out, `{reason}`: {why}"));
    left_out.iter().map(reason).collect()
}

fn tiers<'o, 'p>(outcome: &'o Outcome<'p>) -> &'o [Vec<&'p BackendName>] {
    match outcome {
        Outcome::Routed { tiers, .. } => tiers,
        Outcome::Denied { .. } | Outcome::NoRoute(_) => &[],
    }
}

/// The backend that may be sent a copy of the request, if any; `None` if nothing serves the request.
fn shadow<'p>(outcome: &Outcome<'p>) -> Option<Option<&'p BackendName>> {
    match outcome {
        Outcome::Routed { tiers, shadow, .. } if !tiers.is_empty() => Some(*shadow),
        Outcome::Routed { .. } | Outcome::Denied { .. } | Outcome::NoRoute(_) => None,
    }
}

/// The backends that may serve the request, whatever its session unless that is said, if any may.
fn eligible<'p>(outcome: &Outcome<'p>) -> Option<BTreeSet<&'p BackendName>> {
    let Outcome::Routed { tiers, canary, .. } = outcome else { return None };
    (!tiers.is_empty()).then(|| tiers.iter().flatten().chain(canary).copied().collect())
}

fn values(names: &[Located<BackendName>]) -> impl Iterator<Item = &BackendName> {
    names.iter().map(|name| &name.value)
}

fn list<'n>(names: impl Iterator<Item = &'n BackendName>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
