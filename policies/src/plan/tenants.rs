//! Tenants that neither of two policies tells apart.

use std::collections::BTreeSet;

use super::groups::Groups;
use super::witness::{Witnesses, witnesses};
use crate::name::TenantId;
use crate::pattern::Pattern;
use crate::policy::Policy;
use crate::spec::Requirement;

/// All tenants there could be, divided into classes that neither of two policies tells apart.
#[derive(Clone, Debug)]
pub struct Tenants {
    classes: Vec<Class>,
    /// The patterns with `*` of both.
    patterns: Vec<Pattern>,
    complete: bool,
}

/// Tenants that are treated alike.
#[derive(Clone, Debug, Default)]
struct Class {
    /// Those that a policy calls by their names.
    named: Vec<TenantId>,
    /// For each set of patterns that others in it fit: a name that fits just these.
    fitting: Vec<(Vec<bool>, TenantId)>,
}

/// A tenant on its way into a class.
enum Member {
    Named(TenantId),
    Fitting(Vec<bool>, TenantId),
}

impl Class {
    fn of(members: Vec<Member>) -> Self {
        let mut class = Self::default();
        for member in members {
            match member {
                Member::Named(tenant) => class.named.push(tenant),
                Member::Fitting(fits, tenant) => class.fitting.push((fits, tenant)),
            }
        }
        class
    }
}

/// What the static part of two policies can make of a tenant. Equal for tenants of one class.
type Treatment<'p> = [(Option<(&'p [Pattern], Requirement)>, bool, Vec<bool>, Option<TenantId>); 2];

/// A class, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClassId(usize);

impl Tenants {
    /// The classes that `old` or `new` can tell apart.
    pub fn told_apart_by(old: &Policy, new: &Policy) -> Self {
        let policies = [old, new];
        let mentioned: BTreeSet<&Pattern> = policies.iter().flat_map(|policy| policy.tenant_patterns()).collect();
        let (patterns, names): (Vec<&Pattern>, Vec<&Pattern>) = mentioned.into_iter().partition(|pattern| pattern.is_wildcard());
        let texts = policies.iter().flat_map(|policy| compared_with_tenants(policy)).collect::<BTreeSet<_>>();
        let declared = policies.iter().flat_map(|policy| policy.tenants()).map(|(tenant, _)| tenant.clone());
        let named: BTreeSet<TenantId> =
            names.iter().filter_map(|name| name.as_str().parse().ok()).chain(declared).chain(texts).collect();

        let mut classes: Groups<Treatment<'_>, Member> = Groups::default();
        for tenant in &named {
            classes.add(treatment(policies, tenant), Member::Named(tenant.clone()));
        }
        let known = named.iter().map(TenantId::as_str).collect();
        let Witnesses { names, complete } = witnesses(&patterns, &known, |c| c.to_string().parse::<TenantId>().is_ok());
        for (fits, name) in names {
            if let Ok(tenant) = name.parse::<TenantId>() {
                classes.add(treatment(policies, &tenant), Member::Fitting(fits, tenant));
            }
        }
        let classes = classes.groups.into_iter().map(|(_, members)| Class::of(members)).collect();
        Self { classes, patterns: patterns.into_iter().cloned().collect(), complete }
    }

    /// Each class, and a tenant of it.
    pub(super) fn examples(&self) -> impl Iterator<Item = (ClassId, &TenantId)> {
        self.classes.iter().enumerate().filter_map(|(place, class)| {
            let example = class.named.first().or_else(|| class.fitting.first().map(|(_, name)| name))?;
            Some((ClassId(place), example))
        })
    }

    /// The class of a tenant, whether a policy names it or not.
    #[cfg(test)]
    pub(super) fn class_of(&self, old: &Policy, new: &Policy, tenant: &TenantId) -> Option<ClassId> {
        let treated = treatment([old, new], tenant);
        self.examples().find(|(_, example)| treatment([old, new], example) == treated).map(|(id, _)| id)
    }

    /// What to call these classes together; nothing if they are all there are.
    pub(super) fn describe(&self, chosen: &BTreeSet<ClassId>) -> Vec<String> {
        if chosen.len() == self.classes.len() {
            return Vec::new();
        }
        let members = || chosen.iter().filter_map(|id| self.classes.get(id.0));
        let mut words: Vec<String> = members().flat_map(|class| &class.named).map(ToString::to_string).collect();
        let inside: Vec<&(Vec<bool>, TenantId)> = members().flat_map(|class| &class.fitting).collect();
        let everywhere = || self.classes.iter().flat_map(|class| &class.fitting);
        let fits = |set: &[bool], place: usize| set.get(place).copied().unwrap_or(false);
        // A pattern names them all if whatever fits it is among them.
        let whole = |place: &usize| {
            let count =
                |sets: &mut dyn Iterator<Item = &(Vec<bool>, TenantId)>| sets.filter(|(set, _)| fits(set, *place)).count();
            let among = count(&mut inside.iter().copied());
            among > 0 && among == count(&mut everywhere())
        };
        let whole: Vec<usize> = (0..self.patterns.len()).filter(whole).collect();
        words.extend(whole.iter().filter_map(|place| self.patterns.get(*place)).map(ToString::to_string));
        for (set, example) in inside {
            if !set.contains(&true) {
                words.push("any other tenant".to_owned());
            } else if !whole.iter().any(|place| fits(set, *place)) {
                words.push(format!("such as {example}"));
            }
        }
        words
    }

    pub(super) fn not_compared(&self) -> Option<String> {
        let warning = "the patterns of tenants overlap in too many ways to try all: of tenants that no file names, some may be treated otherwise";
        (!self.complete).then(|| warning.to_owned())
    }
}

fn treatment<'p>(policies: [&'p Policy; 2], tenant: &TenantId) -> Treatment<'p> {
    // An expression may tell any two tenants apart.
    let is_named = |policy: &Policy| policy.expressions().any(|(_, when)| when.names_tenant());
    let alone = |policy| is_named(policy).then(|| tenant.clone());
    policies.map(|policy| (policy.entry(tenant), policy.declares_tenants(), policy.routes_for(tenant).collect(), alone(policy)))
}

/// Tenants that expressions may tell from others: by the texts that they mention, as they are and with something behind or before them.
fn compared_with_tenants(policy: &Policy) -> impl Iterator<Item = TenantId> {
    let expressions = policy.expressions().filter(|(_, when)| when.names_tenant());
    let texts = expressions.flat_map(|(_, when)| when.mentioned().texts);
    texts.flat_map(|text| [text.to_string(), format!("{text}x"), format!("x{text}")]).filter_map(|name| name.parse().ok())
}
