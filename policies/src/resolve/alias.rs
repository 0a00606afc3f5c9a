//! Aliases lead to models in one step.

use super::Models;
use crate::fault::{Report, did_you_mean};
use crate::read::{Draft, RawRoute};

pub(super) fn check(draft: &Draft, models: &Models, report: &mut Report<'_>) {
    for (alias, entry) in &draft.aliases {
        if models.served.contains(alias.as_str()) {
            let message = format!("alias `{alias}` is also a model that a backend serves; rename one of them");
            report.fault(entry.at, entry.key.as_str(), message);
        }
        let Some(target) = &entry.value else { continue };
        let id = target.value.as_str();
        if alias.as_str() == id {
            let message = format!("alias `{alias}` leads to itself; name a model that a backend serves");
            report.fault(target.at, target.key.as_str(), message);
        } else if let Some(next) = draft.aliases.get(id) {
            let onward = next.value.as_ref().map(|next| format!(", which leads to `{}`", next.value));
            let onward = onward.unwrap_or_default();
            let message = format!("alias `{alias}` leads to the alias `{id}`{onward}; name the model itself");
            report.fault(target.at, target.key.as_str(), message);
        } else if models.lack(id) {
            let hint = did_you_mean(id, models.names());
            report.fault(target.at, target.key.as_str(), format!("unknown model `{id}` in alias `{alias}`{hint}"));
        }
    }
}

/// Puts the model in the place of its alias where a route names that: both mean the same.
pub(super) fn replace(draft: &mut Draft, models: &Models) {
    let Draft { routes, aliases, .. } = draft;
    for model in routes.iter_mut().filter_map(|route: &mut RawRoute| route.model.as_mut()) {
        if models.lack(model.value.as_str())
            && let Some(target) = aliases.get(model.value.as_str()).and_then(|alias| alias.value.as_ref())
        {
            model.value = target.value.clone();
        }
    }
}
