//! What requests for one name have to be tried with: claims and headers, and what the expressions of its routes may look at.

use std::collections::BTreeSet;

use super::crossed::{Crossed, crossed};
use super::marks::{Looks, Marks};
use super::needs::Need;
use super::probes::Tried;
use crate::policy::Policy;

/// The most requests that are tried of one name together with claims and headers.
const MOST_MARKED: usize = 20_000;

/// What the routes of one name look at, under both policies.
pub(super) struct Looked {
    pub(super) marks: Marks,
    /// What their expressions may look at, apart from claims and headers.
    pub(super) tried: Tried,
    /// That, and whatever else decides.
    pub(super) crossed: BTreeSet<Crossed>,
    /// Whether that is all.
    pub(super) complete: bool,
}

impl Looked {
    pub(super) fn at(asked: &str, old: &Policy, new: &Policy) -> Self {
        let mut looks = Looks::default();
        let mut expressions = Vec::new();
        for conditions in old.conditions_for(asked).chain(new.conditions_for(asked)) {
            looks.add_conditions(conditions);
            expressions.extend(&conditions.when);
        }
        expressions.dedup();
        let (marks, tried) = (Marks::of(&looks), Tried::of(&expressions));
        // Who is led on, lengths, features and prices decide together.
        let is_crossed = !expressions.is_empty() || old.leads_on(asked) || new.leads_on(asked);
        let all = if is_crossed { crossed(old, new, asked, &tried) } else { Some(BTreeSet::new()) };
        let all = all.filter(|all| all.len().saturating_mul(marks.iter().count()) <= MOST_MARKED);
        let complete = marks.complete && tried.complete && all.is_some();
        Self { marks, tried, crossed: all.unwrap_or_default(), complete }
    }

    /// All of it.
    pub(super) fn needs(&self) -> impl Iterator<Item = Need> {
        let crossed = self.crossed.iter().copied().map(Need::Such);
        self.tried.probes.iter().copied().map(Need::Looked).chain(crossed)
    }
}

/// What is said of names whose routes look at too much.
pub(super) fn too_many(names: &BTreeSet<&str>) -> Option<String> {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("claims, headers, expressions, room and ceilings tell too many requests apart to try all of them together: of {names}, each was tried by itself")
    })
}
