//! Puts every request to both policies, and tells what differs once for all that it concerns.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::answer::{Answer, Question};
use super::effect::{self, Effect};
use super::groups::Groups;
use super::needs::{Need, needs};
use super::tenants::{ClassId, Tenants};
use crate::grant::Grants;
use crate::policy::Policy;
use tradewind_protocol::Operation;

/// What changes for some requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The names that are asked for.
    pub names: Vec<String>,
    /// Whose requests, in words; empty for everybody's.
    pub tenants: Vec<String>,
    /// What is asked of the model.
    pub operations: Vec<&'static str>,
    /// With which tokens.
    pub tokens: Tokens,
    /// Which of them, by what they need of a model, in words; empty for all.
    pub needs: Vec<String>,
    /// The routes that they took, each with the one that they take instead.
    pub routes: BTreeSet<Routes>,
    /// What changes.
    pub effects: Vec<Effect>,
    #[serde(skip)]
    pub(super) classes: BTreeSet<ClassId>,
}

impl Change {
    /// What changes.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.effects.iter()
    }
}

/// With which tokens a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokens {
    /// With any.
    All,
    /// With those that name models.
    NamingModels,
    /// With those that do not.
    NamingNone,
}

/// What came of the comparison.
pub(super) struct Compared {
    pub(super) changes: Vec<Change>,
    /// Routes in whose place others do the same.
    pub(super) renamed: Vec<String>,
}

/// The route of a request under the old policy and under the new, where it has one.
pub type Routes = (Option<String>, Option<String>);

/// What a class of requests experiences.
type Experience = Vec<Effect>;

/// Requests for one name, with the routes that they take.
type Request = (ClassId, Kind, Routes);

/// What all requests of a change have in common, apart from the names that they ask for.
type Shared = (Experience, BTreeSet<Kind>, BTreeSet<ClassId>);

/// A name that is asked for, and the routes that requests for it take.
type Asked<'a> = (&'a str, BTreeSet<Routes>);

/// What kind of request, apart from its name and tenant: the operation, whether the token names models, and what it needs.
type Kind = (Operation, bool, Need);

/// Compares the answers to all requests.
pub(super) fn compare(old: &Policy, new: &Policy, tenants: &Tenants) -> Compared {
    let names: BTreeSet<&str> = old.names().chain(new.names()).map(|(name, _)| name).collect();
    // A token that names every model: what it may do is the policy's business alone.
    let everything: Grants = "*".parse().into_iter().collect();
    let mut renamed = BTreeSet::new();
    let needs = needs(old, new);
    let mut by_name: Vec<(&str, Groups<Experience, Request>)> = Vec::new();
    for asked in names {
        let mut experienced = Groups::default();
        for (class, tenant) in tenants.examples() {
            for operation in Operation::ALL {
                for (named, token) in [(true, Some(&everything)), (false, None)] {
                    let mut usual = Vec::new();
                    for need in &needs {
                        let question = Question { asked, tenant, operation, token, needs: need.needs() };
                        let (before, after) = (Answer::of(old, &question), Answer::of(new, &question));
                        let effects = effect::between(&before, &after);
                        let routes = (before.route(), after.route());
                        if *need == Need::Nothing {
                            usual.clone_from(&effects);
                            note_renamed(asked, &routes, &effects, &mut renamed);
                        } else if effects == usual {
                            // What every request experiences is told once.
                            continue;
                        }
                        if !effects.is_empty() {
                            experienced.add(effects, (class, (operation, named, *need), routes));
                        }
                    }
                }
            }
        }
        by_name.push((asked, experienced));
    }
    Compared { changes: merged(by_name, tenants), renamed: renamed.into_iter().collect() }
}

/// A route in whose place another does the same.
fn note_renamed(asked: &str, routes: &Routes, effects: &[Effect], renamed: &mut BTreeSet<String>) {
    if let ((Some(from), Some(to)), true) = (routes, effects.is_empty())
        && from != to
    {
        renamed.insert(format!("`{asked}` takes route `{to}` in place of `{from}`, and fares the same"));
    }
}

/// Requests that experience the same, put together: kinds of a tenant, then tenants, then names.
fn merged(by_name: Vec<(&str, Groups<Experience, Request>)>, tenants: &Tenants) -> Vec<Change> {
    let mut changes: Groups<Shared, Asked<'_>> = Groups::default();
    for (asked, experienced) in by_name {
        for (effects, requests) in experienced.groups {
            let mut of_class: BTreeMap<ClassId, (BTreeSet<Kind>, BTreeSet<Routes>)> = BTreeMap::new();
            for (class, kind, routes) in requests {
                let (kinds, taken) = of_class.entry(class).or_default();
                kinds.insert(kind);
                taken.insert(routes);
            }
            let mut alike: Groups<BTreeSet<Kind>, (ClassId, BTreeSet<Routes>)> = Groups::default();
            of_class.into_iter().for_each(|(class, (kinds, routes))| alike.add(kinds, (class, routes)));
            for (kinds, members) in alike.groups {
                let (classes, routes): (BTreeSet<_>, Vec<_>) = members.into_iter().unzip();
                changes.add((effects.clone(), kinds, classes), (asked, routes.into_iter().flatten().collect()));
            }
        }
    }
    let changes = changes.groups.into_iter();
    changes.flat_map(|((effects, kinds, classes), members)| by_tokens(&effects, &kinds, &classes, &members, tenants)).collect()
}

/// One change, or one for each kind of token where operations differ between them.
fn by_tokens(
    effects: &Experience,
    kinds: &BTreeSet<Kind>,
    classes: &BTreeSet<ClassId>,
    members: &[Asked<'_>],
    tenants: &Tenants,
) -> Vec<Change> {
    // One line for each kind of token and need, unless they make no difference.
    let mut by_need: BTreeMap<(BTreeSet<Operation>, bool), BTreeSet<Need>> = BTreeMap::new();
    let of =
        |named: bool, need: Need| kinds.iter().filter(move |kind| kind.1 == named && kind.2 == need).map(|kind| kind.0).collect();
    let all: BTreeSet<Need> = kinds.iter().map(|kind| kind.2).collect();
    for need in all {
        for named in [true, false] {
            let operations: BTreeSet<Operation> = of(named, need);
            if !operations.is_empty() {
                by_need.entry((operations, named)).or_default().insert(need);
            }
        }
    }
    let change = |tokens, operations: &BTreeSet<Operation>, needs: &BTreeSet<Need>| Change {
        names: members.iter().map(|(name, _)| (*name).to_owned()).collect(),
        tenants: tenants.describe(classes),
        operations: operations.iter().map(|operation| operation.as_str()).collect(),
        tokens,
        needs: needs.iter().filter(|need| **need != Need::Nothing).map(ToString::to_string).collect(),
        routes: members.iter().flat_map(|(_, routes)| routes).cloned().collect(),
        effects: effects.clone(),
        classes: classes.clone(),
    };
    let mut changes = Vec::new();
    for ((operations, named), needs) in &by_need {
        let twin = by_need.get(&(operations.clone(), !named)) == Some(needs);
        match (twin, named) {
            (true, true) => changes.push(change(Tokens::All, operations, needs)),
            (true, false) => {}
            (false, true) => changes.push(change(Tokens::NamingModels, operations, needs)),
            (false, false) => changes.push(change(Tokens::NamingNone, operations, needs)),
        }
    }
    changes
}

impl Answer<'_> {
    fn route(&self) -> Option<String> {
        match self {
            Self::Way(way) => Some(way.eligible.route.to_string()),
            Self::NoSuchModel | Self::Denied(_) | Self::NoRoute(_) => None,
        }
    }
}
