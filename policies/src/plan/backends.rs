//! What is true of a backend whatever the request.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::price;
use super::setting::{Setting, or_false};
use crate::name::BackendName;
use crate::policy::Policy;
use crate::spec::{BackendSpec, Concurrency, Poll, Provider, ServedModel};

/// A backend that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackendChange {
    /// Which.
    pub backend: String,
    /// Whether a route of the new policy leads to it; nothing comes of a change of one that none does.
    pub is_used: bool,
    /// Whether what was learnt of it is forgotten, because it may be another deployment.
    pub is_relearnt: bool,
    /// Settings with their values.
    pub settings: Vec<Setting>,
    /// What differs besides, by the part of the policy that says it. References to secrets are not repeated.
    pub parts: Vec<&'static str>,
}

/// Of the backends that both policies have; one that appears or vanishes is told by the requests that it gets or loses.
pub(super) fn compare(old: &Policy, new: &Policy) -> Vec<BackendChange> {
    let before: BTreeMap<_, _> = old.backends().iter().map(|backend| (&backend.name, backend)).collect();
    let used = used(new);
    let both = new.backends().iter().filter_map(|backend| Some((*before.get(&backend.name)?, backend)));
    both.filter(|(old, new)| old != new).filter_map(|(old, new)| between(old, new, used.contains(&new.name))).collect()
}

fn used(policy: &Policy) -> BTreeSet<&BackendName> {
    policy.targets().filter_map(|target| policy.backends().get(target.backend.get())).map(|backend| &backend.name).collect()
}

fn between(old: &BackendSpec, new: &BackendSpec, is_used: bool) -> Option<BackendChange> {
    let mut settings = vec![
        ("zero_retention", old.terms.zero_retention.to_string(), new.terms.zero_retention.to_string()),
        ("no_training", old.terms.no_training.to_string(), new.terms.no_training.to_string()),
        ("drained", old.drained.to_string(), new.drained.to_string()),
        ("failure_domain", old.failure_domain.to_string(), new.failure_domain.to_string()),
        ("concurrency", concurrency(old.concurrency), concurrency(new.concurrency)),
        ("probe", poll(old.probe.as_ref()), poll(new.probe.as_ref())),
        ("metrics", poll(old.metrics.as_ref()), poll(new.metrics.as_ref())),
    ];
    settings.retain(|(_, from, to)| from != to);
    let mut settings: Vec<Setting> = settings.into_iter().map(|(key, from, to)| Setting { key: key.into(), from, to }).collect();
    let mut parts = provider(&old.provider, &new.provider);
    let mut is_relearnt = !parts.is_empty();
    for model in &new.models {
        let Some(before) = old.serves(&model.id) else { continue };
        settings.extend(of_model(before, model));
        let is_same = before.is_same_deployment(model);
        is_relearnt |= !is_same;
        if !is_same {
            parts.push("models");
        }
        if before.in_process != model.in_process {
            parts.push("models: how it is run");
        }
    }
    parts.sort_unstable();
    parts.dedup();
    let is_something = !settings.is_empty() || !parts.is_empty();
    is_something.then(|| BackendChange { backend: new.name.to_string(), is_used, is_relearnt, settings, parts })
}

/// Which parts of how it is reached differ.
fn provider(old: &Provider, new: &Provider) -> Vec<&'static str> {
    match (old, new) {
        (Provider::Remote(old), Provider::Remote(new)) => {
            let parts = [("address", old.api != new.api), ("credential", old.credential != new.credential)];
            let parts = parts.into_iter().chain([("connection", old.connection != new.connection)]);
            parts.filter(|(_, differs)| *differs).map(|(part, _)| part).collect()
        }
        (Provider::Local, Provider::Local) => Vec::new(),
        _ => vec!["provider"],
    }
}

fn of_model(old: &ServedModel, new: &ServedModel) -> impl Iterator<Item = Setting> {
    let places =
        |model: &ServedModel| model.residency.jurisdictions.map_or_else(|| "unknown".to_owned(), |places| places.to_string());
    let of = |model: &ServedModel| [price::written(&model.price), or_false(model.weights.as_ref()), places(model)];
    let rows = ["price", "weights", "jurisdictions"].into_iter().zip(of(old)).zip(of(new));
    let model = new.id.to_string();
    let changed = rows.filter(|((_, from), to)| from != to);
    changed.map(move |((key, from), to)| Setting { key: format!("models.{model}.{key}").into(), from, to })
}

fn concurrency(concurrency: Concurrency) -> String {
    match concurrency {
        Concurrency::AtMost(requests) => requests.to_string(),
        Concurrency::Adaptive => "adaptive".to_owned(),
        Concurrency::Unlimited => "unlimited".to_owned(),
    }
}

fn poll(poll: Option<&Poll>) -> String {
    or_false(poll.map(|poll| format!("{} every {}", poll.path, humantime::format_duration(poll.every))))
}
