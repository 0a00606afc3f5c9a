//! What tenants are allowed exists. A pattern with `*` may be ahead of its models; a plain name is a typing error.

use super::Models;
use crate::fault::{Report, did_you_mean};
use crate::read::Draft;

pub(super) fn check(draft: &Draft, models: &Models, report: &mut Report<'_>) {
    for (tenant, entry) in &draft.tenants {
        for pattern in &entry.value.allow {
            let name = pattern.value.as_str();
            let known = pattern.value.is_wildcard() || draft.aliases.contains_key(name) || !models.lack(name);
            if !known {
                let aliases = draft.aliases.keys().map(|alias| alias.as_str());
                let hint = did_you_mean(name, models.names().chain(aliases));
                let message = format!("unknown model `{name}` allowed to tenant `{tenant}`{hint}");
                report.fault(pattern.at, pattern.key.as_str(), message);
            }
        }
    }
}
