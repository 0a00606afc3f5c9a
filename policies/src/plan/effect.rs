//! What a change does to a request.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::answer::{Answer, Way};
use super::data;
use super::setting::{self, Setting, or_false};
use crate::name::BackendName;
use crate::policy::{Denied, Grantor, NoRoute};
use crate::spec::Target;

/// What a change does to a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// The name could not be asked for before.
    NameAppears {
        /// The model it leads to.
        model: String,
    },
    /// The name cannot be asked for any more.
    NameVanishes,
    /// The name leads to another model.
    ModelChanges {
        /// Which it was.
        from: String,
        /// Which it is.
        to: String,
    },
    /// What was denied is allowed.
    AccessGained,
    /// What was allowed is denied.
    AccessLost {
        /// Why.
        reason: &'static str,
    },
    /// There was no backend for it.
    BecomesRoutable,
    /// There is no backend for it any more.
    BecomesUnroutable {
        /// Why.
        reason: String,
    },
    /// A backend may serve it that could not before.
    BackendGained {
        /// Which.
        backend: String,
        /// Its tier, from 1.
        tier: usize,
    },
    /// A backend may serve it no more.
    BackendLost {
        /// Which.
        backend: String,
        /// The tier it had.
        tier: usize,
    },
    /// A backend is more or less preferred.
    TierChanges {
        /// Which.
        backend: String,
        /// The tier it had.
        from: usize,
        /// The tier it has.
        to: usize,
    },
    /// Sessions are shared otherwise among the backends.
    SplitChanges {
        /// The weights they had; `false` for none.
        from: String,
        /// The weights they have; `false` for none.
        to: String,
    },
    /// A share of the sessions goes to another backend first than it did.
    CanaryChanges {
        /// The canary it had; `false` for none.
        from: String,
        /// The canary it has; `false` for none.
        to: String,
    },
    /// Whatever may still serve it fails together.
    FailoverLost {
        /// What all of it fails with.
        domain: String,
    },
    /// When one domain fails, there is another.
    FailoverGained,
    /// Data of the request may be processed where it could not be before.
    DataReaches {
        /// Through which backend.
        backend: String,
        /// Where that may be.
        places: String,
    },
    /// Something that was agreed with whoever could see the request is not agreed with all who can.
    TermLost {
        /// What, by its key in the policy.
        term: &'static str,
        /// With whom it is not.
        backend: String,
    },
    /// Copies of it may be sent to a backend that answers nobody.
    ShadowGained {
        /// Which.
        backend: String,
        /// How many of all that it may see.
        share: String,
        /// The most that they may cost in a day; absent where nothing is paid for them.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_cost_per_day: Option<String>,
    },
    /// No copies of it are sent there any more.
    ShadowLost {
        /// Where.
        backend: String,
    },
    /// Of the route.
    Setting(Setting),
    /// Of one backend, as this route uses it.
    BackendSetting {
        /// Which backend.
        backend: String,
        /// What changes.
        #[serde(flatten)]
        setting: Setting,
    },
}

/// How much an operator should care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something is there that was not.
    Gain,
    /// Something is otherwise.
    Other,
    /// Something is gone.
    Loss,
    /// Somebody will notice.
    Warning,
}

impl Effect {
    /// How much an operator should care.
    pub fn weight(&self) -> Weight {
        match self {
            Self::NameVanishes
            | Self::AccessLost { .. }
            | Self::BecomesUnroutable { .. }
            | Self::FailoverLost { .. }
            | Self::DataReaches { .. }
            | Self::TermLost { .. } => Weight::Warning,
            Self::BackendLost { .. } | Self::ShadowLost { .. } => Weight::Loss,
            Self::NameAppears { .. }
            | Self::AccessGained
            | Self::BecomesRoutable
            | Self::BackendGained { .. }
            | Self::ShadowGained { .. }
            | Self::FailoverGained => Weight::Gain,
            Self::ModelChanges { .. }
            | Self::TierChanges { .. }
            | Self::SplitChanges { .. }
            | Self::CanaryChanges { .. }
            | Self::Setting(_)
            | Self::BackendSetting { .. } => Weight::Other,
        }
    }

    /// Whether it changes which backends may serve a request, or in which order; settings only change the choice among them.
    pub fn moves_requests(&self) -> bool {
        match self {
            Self::NameAppears { .. }
            | Self::NameVanishes
            | Self::ModelChanges { .. }
            | Self::AccessGained
            | Self::AccessLost { .. }
            | Self::BecomesRoutable
            | Self::BecomesUnroutable { .. }
            | Self::BackendGained { .. }
            | Self::BackendLost { .. }
            | Self::TierChanges { .. }
            | Self::SplitChanges { .. }
            | Self::CanaryChanges { .. } => true,
            Self::FailoverLost { .. }
            | Self::FailoverGained
            | Self::DataReaches { .. }
            | Self::TermLost { .. }
            | Self::ShadowGained { .. }
            | Self::ShadowLost { .. }
            | Self::Setting(_)
            | Self::BackendSetting { .. } => false,
        }
    }
}

/// What becomes of a request that is answered so by the old policy and so by the new.
pub(super) fn between(old: &Answer<'_>, new: &Answer<'_>) -> Vec<Effect> {
    match (old, new) {
        (Answer::Way(old), Answer::Way(new)) => between_ways(old, new),
        (Answer::Way(_), Answer::NoSuchModel) => vec![Effect::NameVanishes],
        (Answer::Way(_), Answer::Denied(denied)) => vec![Effect::AccessLost { reason: denial(denied) }],
        (Answer::Way(_), Answer::NoRoute(none)) => vec![Effect::BecomesUnroutable { reason: absence(none) }],
        (Answer::NoSuchModel, Answer::Way(new)) => vec![Effect::NameAppears { model: new.eligible.model.to_string() }],
        (Answer::Denied(_), Answer::Way(_)) => vec![Effect::AccessGained],
        (Answer::NoRoute(_), Answer::Way(_)) => vec![Effect::BecomesRoutable],
        // Refused before and after: nobody gets anywhere.
        (Answer::NoSuchModel | Answer::Denied(_) | Answer::NoRoute(_), _) => Vec::new(),
    }
}

/// The reason without names, so that it is the same for all whom it concerns.
fn denial(denied: &Denied) -> &'static str {
    match denied {
        Denied::UnknownTenant(_) => "the policy declares its tenants, and not this one",
        Denied::NotGranted { by: Grantor::Tenant, .. } => "the tenant's `allow` does not name it",
        Denied::NotGranted { by: Grantor::Token, .. } => "the token does not name it",
        Denied::NothingGrants { .. } => "neither the token nor the policy names it",
        Denied::NoSuchModel { .. } => "there is no such model",
        Denied::OperationNotServed { .. } => "no backend serves the operation",
    }
}

fn absence(none: &NoRoute) -> String {
    let reason = match none {
        NoRoute::NoSuchModel { .. } => "there is no such model",
        NoRoute::NotForTenant { .. } => "no route is for the tenant",
        NoRoute::OperationNotServed { .. } => "no backend of its route serves the operation",
        NoRoute::Undecided { route, .. } => return format!("the `when` of route `{route}` says neither yes nor no of it"),
        NoRoute::NoneEligible { stage, .. } => {
            return format!("every backend of its route is left out, the last for its {stage}");
        }
    };
    reason.to_owned()
}

fn between_ways(old: &Way<'_>, new: &Way<'_>) -> Vec<Effect> {
    let mut effects = Vec::new();
    if old.eligible.model != new.eligible.model {
        effects.push(Effect::ModelChanges { from: old.eligible.model.to_string(), to: new.eligible.model.to_string() });
    }
    let (before, after) = (old.tiers(), new.tiers());
    effects.extend(of_backends(&before, &after));
    effects.extend(of_split(old, new));
    effects.extend(of_canary(old, new));
    effects.extend(of_failover(old, new));
    effects.extend(of_shadow(old, new));
    effects.extend(data::of_data(old, new));
    effects.extend(setting::of_routing(old.eligible.routing, new.eligible.routing).into_iter().map(Effect::Setting));
    let of_request = setting::of_timeouts(old.eligible.timeouts, new.eligible.timeouts);
    for (backend, (_, target)) in &before {
        let Some((_, other)) = after.get(backend) else { continue };
        let own = setting::of_timeouts(target.timeouts, other.timeouts);
        // What the route says of all its backends is told once.
        let settings = own.into_iter().filter(|setting| !of_request.contains(setting));
        effects.extend(settings.map(|setting| Effect::BackendSetting { backend: backend.to_string(), setting }));
    }
    effects.extend(of_request.into_iter().map(Effect::Setting));
    effects
}

type Tiers<'p> = BTreeMap<&'p BackendName, (usize, &'p Target)>;

fn of_backends(before: &Tiers<'_>, after: &Tiers<'_>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (backend, (tier, _)) in before {
        let name = backend.to_string();
        match after.get(backend) {
            None => effects.push(Effect::BackendLost { backend: name, tier: *tier }),
            Some((to, _)) if to != tier => effects.push(Effect::TierChanges { backend: name, from: *tier, to: *to }),
            Some(_) => {}
        }
    }
    let gained = after.iter().filter(|(backend, _)| !before.contains_key(*backend));
    effects.extend(gained.map(|(backend, (tier, _))| Effect::BackendGained { backend: backend.to_string(), tier: *tier }));
    effects
}

fn of_split(old: &Way<'_>, new: &Way<'_>) -> Option<Effect> {
    let (from, to) = (or_false(old.eligible.split()), or_false(new.eligible.split()));
    (from != to).then_some(Effect::SplitChanges { from, to })
}

fn of_canary(old: &Way<'_>, new: &Way<'_>) -> Option<Effect> {
    let [from, to] = [old, new].map(|way| or_false(way.eligible.canary().map(|(canary, _)| canary)));
    (from != to).then_some(Effect::CanaryChanges { from, to })
}

fn of_shadow(old: &Way<'_>, new: &Way<'_>) -> Vec<Effect> {
    let (before, after) = (old.shadow(), new.shadow());
    if let (Some((from, before)), Some((to, after))) = (&before, &after)
        && from == to
    {
        return setting::of_shadow(before, after).into_iter().map(Effect::Setting).collect();
    }
    let lost = before.map(|(backend, _)| Effect::ShadowLost { backend: backend.to_string() });
    let gained = after.map(|(backend, shadow)| Effect::ShadowGained {
        backend: backend.to_string(),
        share: shadow.share.to_string(),
        max_cost_per_day: shadow.max_cost_per_day.map(|most| most.to_string()),
    });
    lost.into_iter().chain(gained).collect()
}

fn of_failover(old: &Way<'_>, new: &Way<'_>) -> Option<Effect> {
    let (before, after) = (old.domains(), new.domains());
    match (before.len(), after.len()) {
        (2.., 1) => after.keys().next().map(|domain| Effect::FailoverLost { domain: domain.to_string() }),
        (0 | 1, 2..) => Some(Effect::FailoverGained),
        _ => None,
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameAppears { model } => write!(f, "can be asked for, and leads to model `{model}`"),
            Self::NameVanishes => f.write_str("can be asked for no more"),
            Self::ModelChanges { from, to } => write!(f, "leads to model `{to}`, not `{from}`"),
            Self::AccessGained => f.write_str("is allowed, and was not"),
            Self::AccessLost { reason } => write!(f, "is allowed no more: {reason}"),
            Self::BecomesRoutable => f.write_str("can be served, and could not"),
            Self::BecomesUnroutable { reason } => write!(f, "can be served no more: {reason}"),
            Self::BackendGained { backend, tier } => write!(f, "{backend} in tier {tier}"),
            Self::BackendLost { backend, tier } => write!(f, "{backend}, was in tier {tier}"),
            Self::TierChanges { backend, from, to } => write!(f, "{backend}: tier {from} -> {to}"),
            Self::SplitChanges { from, to } => write!(f, "split: {from} -> {to}"),
            Self::CanaryChanges { from, to } => write!(f, "canary: {from} -> {to}"),
            Self::FailoverLost { domain } => write!(f, "loses its only failover outside {domain}"),
            Self::FailoverGained => f.write_str("gains a failover in another failure domain"),
            Self::DataReaches { backend, places } => write!(f, "its data may now be processed by {backend} in {places}"),
            Self::TermLost { term, backend } => write!(f, "`{term}` held for all who see it, and does not for {backend}"),
            Self::ShadowGained { backend, share, max_cost_per_day } => {
                write!(f, "copies of {share} are sent to {backend}")?;
                max_cost_per_day.as_ref().map_or(Ok(()), |most| write!(f, ", for at most {most} a day"))
            }
            Self::ShadowLost { backend } => write!(f, "no copies are sent to {backend} any more"),
            Self::Setting(setting) => fmt::Display::fmt(setting, f),
            Self::BackendSetting { backend, setting } => write!(f, "{backend}: {setting}"),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.key, self.from, self.to)
    }
}
