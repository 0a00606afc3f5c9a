//! What tests refer to exists: a backend that was renamed must not leave a test behind that can only pass.

use std::collections::BTreeMap;

use crate::fault::{At, Beside, Report, did_you_mean};
use crate::name::{BackendName, RouteName, TenantId};
use crate::read::{Draft, Expected, Located, RawTest, called};

pub(super) fn check(draft: &Draft, report: &mut Report<'_>) {
    let mut names = BTreeMap::new();
    for test in &draft.tests {
        if let Some(name) = &test.name
            && let Some(first) = names.insert(&name.value, name.at)
        {
            let message = format!("another test is named `{}` as well; rename one of them", name.value);
            report.fault_beside(name.at, name.key.as_str(), message, vec![Beside::place(first, "the other one is here")]);
        }
        tenant(test, draft, report);
        backends(&test.down, test, draft, report);
        for expected in &test.expect {
            match &expected.value {
                Expected::Only(names) | Expected::Includes(names) | Expected::Excludes(names) | Expected::FirstTier(names) => {
                    backends(names, test, draft, report);
                }
                Expected::Shadow(name) => backends(name.as_slice(), test, draft, report),
                Expected::Route(name) => route(name, (expected.at, &expected.key), test, draft, report),
                Expected::Denied(_) | Expected::NoBackend(_) => {}
            }
        }
    }
}

/// Where tenants are declared, all depends on which one asks. One that is not declared may be asked for: it is denied.
fn tenant(test: &RawTest, draft: &Draft, report: &mut Report<'_>) {
    if test.given.tenant.is_none() && !draft.tenants.is_empty() {
        let declared = draft.tenants.keys().map(TenantId::as_str);
        let hint = crate::fault::accepted(declared);
        let message = format!("missing key `tenant`, for the policy declares tenants{hint}");
        report.fault(test.given.at, test.given.key.as_str(), message);
    }
}

fn backends(names: &[Located<BackendName>], test: &RawTest, draft: &Draft, report: &mut Report<'_>) {
    for name in names {
        if !draft.backends.contains_key(&name.value) {
            let hint = did_you_mean(name.value.as_str(), draft.backends.keys().map(BackendName::as_str));
            let message = format!("unknown backend `{}` in test {}{hint}", name.value, called(test));
            report.fault(name.at, name.key.as_str(), message);
        }
    }
}

fn route(name: &RouteName, (at, key): (At, &str), test: &RawTest, draft: &Draft, report: &mut Report<'_>) {
    let names = || draft.routes.iter().filter_map(|route| route.name.as_ref()).map(|name| name.value.as_str());
    // A route whose name cannot be read may be the one that is meant.
    let complete = draft.routes.iter().all(|route| route.name.is_some());
    if complete && !names().any(|known| known == name.as_str()) {
        let hint = did_you_mean(name.as_str(), names());
        report.fault(at, key, format!("unknown route `{name}` in test {}{hint}", called(test)));
    }
}
