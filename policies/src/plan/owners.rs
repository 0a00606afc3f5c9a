//! Whose tokens are whose, where the claims have changed by which tenants know them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::groups::Groups;
use super::marks::{Looks, MarkId, Marks};
use crate::name::TenantId;
use crate::policy::{NoTenant, Policy};
use crate::spec::Wanted;

/// Tokens that are another tenant's, or nobody's any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnerChange {
    /// Which, in words, by their claims; empty for all.
    pub with: Vec<String>,
    /// Which tenants they name, in words; empty whatever they name.
    pub naming: Vec<String>,
    /// Whose they were, in words.
    pub from: String,
    /// Whose they are, in words.
    pub to: String,
    #[serde(skip)]
    pub(super) marks: BTreeSet<MarkId>,
}

/// Whom a token may name: a tenant whose claims changed, or another.
type Named<'p> = Option<&'p TenantId>;

/// Puts tokens to both policies. Where no tenant is known otherwise than before, there is nothing to ask.
pub(super) fn compare(old: &Policy, new: &Policy) -> (Vec<OwnerChange>, Option<String>) {
    let known = |policy| Policy::known_by_claims(policy).collect::<BTreeSet<_>>();
    let (before, after) = (known(old), known(new));
    let changed: BTreeSet<&TenantId> = before.symmetric_difference(&after).map(|(tenant, _)| *tenant).collect();
    if changed.is_empty() {
        return (Vec::new(), None);
    }
    let (marks, complete) = marks(before.union(&after).copied(), &changed);
    let Ok(stranger) = stranger(old, new).parse::<TenantId>() else { return (Vec::new(), None) };
    let mut found: Groups<(String, String), (MarkId, Named<'_>)> = Groups::default();
    for (id, mark) in marks.iter() {
        for named in changed.iter().copied().map(Some).chain([None]) {
            let name = named.unwrap_or(&stranger);
            let [from, to] = [old, new].map(|policy| whose(policy.tenant_of(&mark.claims, Some(name)), &stranger));
            if from != to {
                found.add((from, to), (id, named));
            }
        }
    }
    let changes = found.groups.into_iter().flat_map(|((from, to), tokens)| told(&marks, &changed, &tokens, &from, &to));
    let note = "whose tokens are whose: the claims by which tenants are known can be met in too many ways to try all";
    (changes.collect(), (!complete).then(|| note.to_owned()))
}

/// What tells tokens apart: the claims of all tenants, or, if that is too much, of those that have changed.
fn marks<'p>(known: impl Iterator<Item = (&'p TenantId, &'p Wanted)>, changed: &BTreeSet<&TenantId>) -> (Marks, bool) {
    let (mut all, mut few) = (Looks::default(), Looks::default());
    for (tenant, wanted) in known {
        all.add_claims(&wanted.0);
        if changed.contains(tenant) {
            few.add_claims(&wanted.0);
        }
    }
    let all = Marks::of(&all);
    if all.complete { (all, true) } else { (Marks::of(&few), false) }
}

/// A tenant's name that neither policy has.
fn stranger(old: &Policy, new: &Policy) -> String {
    let is_taken = |name: &str| old.tenants().chain(new.tenants()).any(|(tenant, _)| tenant.as_str() == name);
    let mut name = "another".to_owned();
    while is_taken(&name) {
        name.push('x');
    }
    name
}

fn whose(found: Result<TenantId, NoTenant>, stranger: &TenantId) -> String {
    match found {
        Ok(tenant) if tenant == *stranger => "the tenant that they name".to_owned(),
        Ok(tenant) => format!("tenant `{tenant}`"),
        Err(NoTenant::Ambiguous { .. }) => "nobody, for they fit several tenants".to_owned(),
        Err(NoTenant::Unnamed | NoTenant::Misnamed(_)) => "nobody".to_owned(),
    }
}

/// One line for each set of names that tokens of some marks may have.
fn told(marks: &Marks, changed: &BTreeSet<&TenantId>, tokens: &[(MarkId, Named<'_>)], from: &str, to: &str) -> Vec<OwnerChange> {
    let ids: BTreeSet<MarkId> = tokens.iter().map(|(mark, _)| *mark).collect();
    let mut alike: Groups<BTreeSet<Named<'_>>, MarkId> = Groups::default();
    for id in ids {
        alike.add(tokens.iter().filter(|(mark, _)| *mark == id).map(|(_, named)| *named).collect(), id);
    }
    let change = |(named, ids): (BTreeSet<Named<'_>>, Vec<MarkId>)| {
        let marked: BTreeSet<MarkId> = ids.into_iter().collect();
        let word = |named: &Named<'_>| named.map_or_else(|| "any other tenant".to_owned(), ToString::to_string);
        let naming = if named.len() > changed.len() { Vec::new() } else { named.iter().map(word).collect() };
        OwnerChange { with: marks.describe(&marked), naming, from: from.to_owned(), to: to.to_owned(), marks: marked }
    };
    alike.groups.into_iter().map(change).collect()
}
