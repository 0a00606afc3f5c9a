//! What requests for one name have to be tried with: claims and headers, and what the expressions of its routes may look at.

use std::collections::BTreeSet;

use super::marks::{Looks, Marks};
use super::probes::{Probe, probes};
use crate::policy::Policy;

/// What the routes of one name look at, under both policies.
pub(super) struct Looked {
    pub(super) marks: Marks,
    /// What their expressions may look at, apart from claims and headers.
    pub(super) probes: BTreeSet<Probe>,
    /// Whether these are all probes.
    pub(super) complete: bool,
}

impl Looked {
    pub(super) fn at(asked: &str, old: &Policy, new: &Policy) -> Self {
        let mut looks = Looks::default();
        let (mut needs, mut complete) = (BTreeSet::new(), true);
        for conditions in old.conditions_for(asked).chain(new.conditions_for(asked)) {
            looks.add_conditions(conditions);
            let Some(when) = &conditions.when else { continue };
            let (found, are_all) = probes(when);
            needs.extend(found);
            complete &= are_all;
        }
        Self { marks: Marks::of(&looks), probes: needs, complete }
    }
}

/// What is said of names whose routes look at too much.
pub(super) fn too_many(names: &BTreeSet<&str>) -> Option<String> {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("claims, headers and expressions tell too many requests apart to try all of them together: of {names}, each was tried by itself")
    })
}
