//! Puts every request to both policies, and tells what differs once for all that it concerns.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::answer::{Answer, Question};
use super::effect::{self, Effect};
use super::groups::Groups;
use super::marks::{MarkId, Marks};
use super::needs::{Need, needs};
use super::probes::{Probe, Tried};
use super::questions::{self, Looked};
use super::ranges;
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
    /// Which of them, by their claims and headers, in words; empty for all.
    pub with: Vec<String>,
    /// Which of them, by what they need of a model, in words; empty for all.
    pub needs: Vec<String>,
    /// Which of them experience nothing of it, by what they need, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub but_not: Vec<String>,
    /// The routes that they took, each with the one that they take instead.
    pub routes: BTreeSet<Routes>,
    /// What changes.
    pub effects: Vec<Effect>,
    #[serde(skip)]
    pub(super) classes: BTreeSet<ClassId>,
    /// The marks that they have, of each name.
    #[serde(skip)]
    pub(super) marks: BTreeSet<(String, MarkId)>,
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

/// The most examples of requests that one change is told with: the smallest requests.
const MOST_EXAMPLES: usize = 1;

/// What came of the comparison.
pub(super) struct Compared {
    pub(super) changes: Vec<Change>,
    /// Routes in whose place others do the same.
    pub(super) renamed: Vec<String>,
    /// What was not tried, in words.
    pub(super) not_compared: Vec<String>,
}

/// The route of a request under the old policy and under the new, where it has one.
pub type Routes = (Option<String>, Option<String>);

/// What a class of requests experiences.
type Experience = Vec<Effect>;

/// Requests for one name, with the routes that they take.
type Request = (ClassId, (Kind, MarkId), Routes);

/// What all requests of a change have in common, apart from the names that they ask for: the marks in words, and with what was tried for expressions
/// where that makes a difference.
type Shared = (Experience, Vec<String>, BTreeSet<Kind>, BTreeSet<ClassId>, BTreeSet<Probe>);

/// A name that is asked for, the marks that requests for it have, and the routes that they take.
type Asked<'a> = (&'a str, BTreeSet<MarkId>, BTreeSet<Routes>);

/// A name, what requests for it can be marked by, what was tried for expressions, and what they experience.
type Experienced<'a> = (&'a str, Marks, BTreeSet<Probe>, Groups<Experience, Request>);

/// What kind of request, apart from its name and tenant: the operation, whether the token names models, and what it needs.
type Kind = (Operation, bool, Told);

/// Of which requests a change is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Told {
    /// Of those that need this.
    Of(Need),
    /// Of all but those that need this.
    NotOf(Need),
}

/// Compares the answers to all requests.
pub(super) fn compare(old: &Policy, new: &Policy, tenants: &Tenants) -> Compared {
    let names: BTreeSet<&str> = old.names().chain(new.names()).map(|(name, _)| name).collect();
    // A token that names every model: what it may do is the policy's business alone.
    let everything: Grants = "*".parse().into_iter().collect();
    let mut renamed = BTreeSet::new();
    let mut too_many = BTreeSet::new();
    let mut by_name: Vec<Experienced<'_>> = Vec::new();
    for asked in names {
        let looked = Looked::at(asked, old, new);
        let needs: Vec<Need> = needs(old, new, asked).into_iter().chain(looked.needs()).collect();
        if !looked.complete {
            too_many.insert(asked);
        }
        let mut experienced = Groups::default();
        for (class, tenant) in tenants.examples() {
            for (id, mark) in looked.marks.iter() {
                for (operation, named) in kinds() {
                    let token = named.then_some(&everything);
                    let experiences = needs.iter().map(|need| {
                        let question = Question { asked, tenant, operation, token, needs: need.needs(), mark: &mark };
                        let (before, after) = (Answer::of(old, &question), Answer::of(new, &question));
                        (*need, effect::between(&before, &after), (before.route(), after.route()))
                    });
                    let experiences: Vec<_> = experiences.collect();
                    if let Some((_, effects, routes)) = experiences.first() {
                        note_renamed(asked, routes, effects, &mut renamed);
                    }
                    for (told, effects, routes) in worth_telling(experiences, &looked.tried) {
                        experienced.add(effects, (class, ((operation, named, told), id), routes));
                    }
                }
            }
        }
        let tried = looked.tried.probes.into_iter().chain([Probe::default()]).collect();
        by_name.push((asked, looked.marks, tried, experienced));
    }
    let not_compared = questions::too_many(&too_many).into_iter().collect();
    Compared { changes: merged(by_name, tenants), renamed: renamed.into_iter().collect(), not_compared }
}

/// What a request experiences that needs nothing, or each of its size, once for all, and what others experience instead, be that nothing. Where requests that an expression
/// tells apart experience nothing, each is told by itself. What else is tried with what expressions look at is an example, told where nothing else is.
fn worth_telling(all: Vec<(Need, Experience, Routes)>, tried: &Tried) -> impl Iterator<Item = (Told, Experience, Routes)> {
    let usual = all.first().map(|(_, effects, _)| effects.clone()).unwrap_or_default();
    let is_none = |(need, effects, _): &(Need, Experience, Routes)| matches!(need, Need::Looked(_)) && effects.is_empty();
    let is_partial = !usual.is_empty() && all.iter().any(is_none);
    let mut known: BTreeMap<Need, (Experience, Routes)> = BTreeMap::new();
    all.into_iter().filter_map(move |(need, effects, routes)| {
        let is_told = match need {
            Need::Looked(_) => is_partial || effects != usual,
            Need::Such(one) => {
                let is_told = |(need, (own, _)): (&Need, &(Experience, Routes))| *own == effects && need.covers(&one, tried);
                !effects.is_empty() && !known.iter().any(is_told)
            }
            _ => !need.wider().iter().any(|wider| known.get(wider).is_some_and(|(own, _)| *own == effects)),
        };
        known.insert(need, (effects.clone(), routes.clone()));
        match need {
            _ if !is_told => None,
            Need::Looked(_) if effects.is_empty() => None,
            _ if effects.is_empty() => {
                // Of what those experience who need less.
                let (of, routes) =
                    need.wider().iter().find_map(|wider| known.get(wider).filter(|(own, _)| !own.is_empty()))?.clone();
                Some((Told::NotOf(need), of, routes))
            }
            Need::Nothing if is_partial => Some((Told::Of(need.as_looked()), effects, routes)),
            _ => Some((Told::Of(need), effects, routes)),
        }
    })
}

/// Every operation, with tokens that name models and with those that do not.
fn kinds() -> impl Iterator<Item = (Operation, bool)> {
    Operation::ALL.into_iter().flat_map(|operation| [true, false].map(|named| (operation, named)))
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
fn merged(by_name: Vec<Experienced<'_>>, tenants: &Tenants) -> Vec<Change> {
    let mut changes: Groups<Shared, Asked<'_>> = Groups::default();
    for (asked, marks, tried, experienced) in by_name {
        for (effects, requests) in experienced.groups {
            for (kinds, marked, classes, routes) in alike(requests) {
                let is_looked_at = kinds.iter().any(|(.., told)| matches!(told, Told::Of(Need::Looked(_))));
                let tried = if is_looked_at { tried.clone() } else { BTreeSet::new() };
                changes.add((effects.clone(), marks.describe(&marked), kinds, classes, tried), (asked, marked, routes));
            }
        }
    }
    changes.groups.into_iter().flat_map(|(shared, members)| by_tokens(&shared, &members, tenants)).collect()
}

/// Requests of which every kind has every mark for every class of tenants.
type Alike = (BTreeSet<Kind>, BTreeSet<MarkId>, BTreeSet<ClassId>, BTreeSet<Routes>);

/// Classes of tenants, each with the routes that it takes.
type Taking = (ClassId, BTreeSet<Routes>);

/// Requests for one name that experience the same: first the kinds of a class and mark, then the marks of a class, then the classes.
fn alike(requests: Vec<Request>) -> Vec<Alike> {
    let mut of_mark: BTreeMap<(ClassId, MarkId), (BTreeSet<Kind>, BTreeSet<Routes>)> = BTreeMap::new();
    for (class, (kind, mark), routes) in requests {
        let (kinds, taken) = of_mark.entry((class, mark)).or_default();
        kinds.insert(kind);
        taken.insert(routes);
    }
    let mut of_class: Groups<(ClassId, BTreeSet<Kind>), (MarkId, BTreeSet<Routes>)> = Groups::default();
    of_mark.into_iter().for_each(|((class, mark), (kinds, routes))| of_class.add((class, kinds), (mark, routes)));
    let mut alike: Groups<(BTreeSet<Kind>, BTreeSet<MarkId>), Taking> = Groups::default();
    for ((class, kinds), members) in of_class.groups {
        let (marks, routes): (BTreeSet<_>, Vec<_>) = members.into_iter().unzip();
        alike.add((kinds, marks), (class, routes.into_iter().flatten().collect()));
    }
    let whole = |((kinds, marks), members): (_, Vec<Taking>)| {
        let (classes, routes): (BTreeSet<_>, Vec<_>) = members.into_iter().unzip();
        (kinds, marks, classes, routes.into_iter().flatten().collect())
    };
    alike.groups.into_iter().map(whole).collect()
}

/// One change, or one for each kind of token where operations differ between them.
fn by_tokens(shared: &Shared, members: &[Asked<'_>], tenants: &Tenants) -> Vec<Change> {
    let (effects, with, kinds, classes, tried) = shared;
    // One line for each kind of token and need, unless they make no difference.
    let mut by_need: BTreeMap<(BTreeSet<Operation>, bool), BTreeSet<Need>> = BTreeMap::new();
    let of = |named: bool, told: Told| -> BTreeSet<Operation> {
        kinds.iter().filter(move |kind| kind.1 == named && kind.2 == told).map(|kind| kind.0).collect()
    };
    let needs = |told: &Kind| if let Told::Of(need) = told.2 { Some(need) } else { None };
    let all: BTreeSet<Need> = kinds.iter().filter_map(needs).collect();
    for need in all {
        for named in [true, false] {
            let operations = of(named, Told::Of(need));
            if !operations.is_empty() {
                by_need.entry((operations, named)).or_default().insert(need);
            }
        }
    }
    // What holds for some of the operations only is not told of all.
    let but_not = |operations: &BTreeSet<Operation>, named: bool, needs: &BTreeSet<Need>| -> BTreeSet<Need> {
        let is_among = |need: &Need| need.wider().iter().any(|wider| needs.contains(wider) || needs.contains(&wider.as_looked()));
        let left_out = kinds.iter().filter_map(|kind| if let Told::NotOf(need) = kind.2 { Some(need) } else { None });
        left_out
            .filter(is_among)
            .filter(|need| need.concerns(operations) && operations.is_subset(&of(named, Told::NotOf(*need))))
            .collect()
    };
    let change = |tokens, operations: &BTreeSet<Operation>, needs: &BTreeSet<Need>| Change {
        names: members.iter().map(|(name, ..)| (*name).to_owned()).collect(),
        tenants: tenants.describe(classes),
        operations: operations.iter().map(|operation| operation.as_str()).collect(),
        tokens,
        with: with.clone(),
        needs: in_words(needs, tried),
        but_not: in_words(&but_not(operations, tokens != Tokens::NamingNone, needs), tried),
        routes: members.iter().flat_map(|(.., routes)| routes).cloned().collect(),
        effects: effects.clone(),
        classes: classes.clone(),
        marks: members.iter().flat_map(|(name, marks, _)| marks.iter().map(|mark| ((*name).to_owned(), *mark))).collect(),
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

fn in_words(needs: &BTreeSet<Need>, tried: &BTreeSet<Probe>) -> Vec<String> {
    let looked = needs.iter().filter_map(|need| match need {
        Need::Looked(probe) => Some(*probe),
        _ => None,
    });
    let others = needs.iter().filter(|need| !matches!(need, Need::Nothing | Need::Looked(_) | Need::Such(_)));
    let looked: BTreeSet<Probe> = looked.collect();
    let mut words = Need::in_words(others);
    let ranges = if looked.is_empty() { Vec::new() } else { ranges::describe(&looked, tried) };
    words.extend(ranges.into_iter().filter(|word| !words.contains(word)).collect::<Vec<_>>());
    let such = needs.iter().filter(|need| matches!(need, Need::Such(_)));
    words.extend(such.take(MOST_EXAMPLES).map(ToString::to_string));
    words
}

impl Answer<'_> {
    fn route(&self) -> Option<String> {
        match self {
            Self::Way(way) => Some(way.eligible.route.to_string()),
            Self::NoSuchModel | Self::Denied(_) | Self::NoRoute(_) => None,
        }
    }
}
