//! The claims and headers that a request may come with, as far as two policies can tell requests apart by them.
//!
//! Of a claim, a policy sees which of its lists of patterns some value of it fits. For each set of lists that values can fit together there is one way
//! for the claim to be, and a request is marked by one way of every claim and header. Expressions see more; for them, the texts that they mention are
//! values too, alone and with something before and behind them.

use std::collections::{BTreeMap, BTreeSet};

use super::told::{self, Trait};
use super::witness::witnesses;
use crate::pattern::Pattern;
use crate::request::Attributes;
use crate::spec::{Conditions, Want};

/// The most ways for all claims and headers to be together. A policy that tells ten plans and ten teams apart has fewer.
const MOST: usize = 1000;
/// The most ways for one of them to be.
const MOST_OF_ONE: usize = 100;

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Where {
    Claim,
    Header,
}

/// A claim or a header: where it stands, and its name.
pub(super) type Name = (Where, Box<str>);

/// The values of one attribute; none if it is not there.
pub(super) type Values = Vec<Box<str>>;

/// A request's claims and headers, by their place in [`Marks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct MarkId(usize);

/// All that requests can be marked by.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    traits: Vec<Trait>,
    /// One way of each trait, by its place.
    all: Vec<Vec<usize>>,
    /// Whether these are all.
    pub(super) complete: bool,
}

/// The claims and headers of one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Mark {
    pub(super) claims: Attributes,
    pub(super) headers: Attributes,
}

/// What conditions ask of claims and headers.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    lists: BTreeMap<Name, BTreeSet<Vec<Pattern>>>,
    texts: BTreeMap<Name, BTreeSet<Box<str>>>,
}

impl Looks {
    /// Adds what claims of tokens are held against.
    pub(super) fn add_claims(&mut self, wants: &[Want]) {
        self.add(Where::Claim, wants);
    }

    /// Adds what a route asks.
    pub(super) fn add_conditions(&mut self, conditions: &Conditions) {
        self.add(Where::Claim, &conditions.claims.0);
        self.add(Where::Header, &conditions.headers.0);
        let Some(when) = &conditions.when else { return };
        let mentioned = when.mentioned();
        for (place, names) in [(Where::Claim, &mentioned.claims), (Where::Header, &mentioned.headers)] {
            for name in names {
                self.texts.entry((place, name.clone())).or_default().extend(mentioned.texts.iter().cloned());
            }
        }
    }

    fn add(&mut self, place: Where, wants: &[Want]) {
        for (name, patterns) in wants {
            self.lists.entry((place, name.clone())).or_default().insert(patterns.to_vec());
        }
    }
}

impl Marks {
    /// All that such looks can tell apart; the first is that of a request without claims and headers.
    pub(super) fn of(looks: &Looks) -> Self {
        let names: BTreeSet<&Name> = looks.lists.keys().chain(looks.texts.keys()).collect();
        let mut complete = true;
        let mut traits = Vec::with_capacity(names.len());
        for name in names {
            let lists: Vec<Vec<Pattern>> = looks.lists.get(name).into_iter().flatten().cloned().collect();
            let (ways, are_all) = ways(&lists, looks.texts.get(name));
            complete &= are_all;
            traits.push(Trait { name: name.clone(), lists, ways });
        }
        let number = traits.iter().fold(1_usize, |product, one| product.saturating_mul(one.ways.len()));
        let all = if number <= MOST { product(&traits) } else { one_at_a_time(&traits) };
        Self { traits, all, complete: complete && number <= MOST }
    }

    /// Each with its claims and headers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (MarkId, Mark)> {
        self.all.iter().enumerate().map(|(place, chosen)| (MarkId(place), self.mark(chosen)))
    }

    /// What to call these together; nothing if they are all there are.
    pub(super) fn describe(&self, marks: &BTreeSet<MarkId>) -> Vec<String> {
        if marks.len() == self.all.len() {
            return Vec::new();
        }
        told::describe(&self.traits, &marks.iter().filter_map(|mark| self.all.get(mark.0)).cloned().collect())
    }

    fn mark(&self, chosen: &[usize]) -> Mark {
        let of = |place: Where| {
            let those = self.traits.iter().zip(chosen).filter(move |(own, _)| own.name.0 == place);
            let values = those.flat_map(|(own, way)| {
                let values = own.ways.get(*way).into_iter().flatten();
                values.map(|value| (own.name.1.clone(), value.clone()))
            });
            values.collect()
        };
        Mark { claims: of(Where::Claim), headers: of(Where::Header) }
    }

    /// The one that is to both policies as these claims and headers are, where no expression looks at them.
    #[cfg(test)]
    pub(super) fn like(&self, claims: &Attributes, headers: &Attributes) -> Option<MarkId> {
        let own = |own: &Trait| match own.name.0 {
            Where::Claim => own.fitted(claims.get(&own.name.1)),
            Where::Header => own.fitted(headers.get(&own.name.1)),
        };
        let wanted: Vec<Vec<bool>> = self.traits.iter().map(own).collect();
        let fits = |chosen: &Vec<usize>| {
            let each = self.traits.iter().zip(chosen).zip(&wanted);
            each.fold(true, |all, ((own, way), wanted)| all && own.fitted(&own.ways[*way]) == *wanted)
        };
        self.all.iter().position(fits).map(MarkId)
    }
}

/// The ways for an attribute to be: for each set of lists that values can fit together, the fewest values that do, and what expressions may look
/// for. Also whether these are all.
fn ways(lists: &[Vec<Pattern>], texts: Option<&BTreeSet<Box<str>>>) -> (Vec<Values>, bool) {
    let fitted = |value: &str| told::fits(lists, value);
    let patterns: BTreeSet<&Pattern> = lists.iter().flatten().collect();
    let (wild, literal): (Vec<&Pattern>, Vec<&Pattern>) = patterns.into_iter().partition(|pattern| pattern.is_wildcard());
    let known: BTreeSet<&str> = literal.iter().map(|pattern| pattern.as_str()).collect();
    let found = witnesses(&wild, &known, |letter| letter.is_ascii_graphic() && letter != '*');
    let values = known.iter().map(|value| Box::from(*value)).chain(found.names.into_values().map(Into::into));

    // One value for each set of lists, then more values for the sets that take several.
    let mut sets: BTreeMap<Vec<bool>, Values> = BTreeMap::from([(vec![false; lists.len()], Vec::new())]);
    for value in values {
        sets.entry(fitted(&value)).or_insert_with(|| vec![value]);
    }
    let mut complete = found.complete;
    let single: Vec<(Vec<bool>, Values)> = sets.clone().into_iter().collect();
    let mut next = single.clone();
    while let Some((set, values)) = next.pop() {
        for (other, more) in &single {
            let union: Vec<bool> = set.iter().zip(other).map(|(one, other)| *one || *other).collect();
            if sets.contains_key(&union) {
                continue;
            }
            if sets.len() >= MOST_OF_ONE {
                complete = false;
                break;
            }
            let values: Values = values.iter().chain(more).cloned().collect();
            sets.insert(union.clone(), values.clone());
            next.push((union, values));
        }
    }
    let mut ways: Vec<Values> = sets.into_values().collect();
    ways.sort_by_key(Vec::len);
    if let Some(texts) = texts {
        let mut more: BTreeSet<Values> = BTreeSet::from([vec!["x".into()], texts.iter().cloned().collect()]);
        for text in texts {
            more.extend([text.to_string(), format!("{text}x"), format!("x{text}")].map(|text| vec![text.into()]));
        }
        more.retain(|way| !ways.contains(way));
        complete &= ways.len() + more.len() <= MOST_OF_ONE;
        ways.extend(more.into_iter().take(MOST_OF_ONE));
    }
    (ways, complete)
}

/// Every way of each with every way of the others.
fn product(traits: &[Trait]) -> Vec<Vec<usize>> {
    traits.iter().fold(vec![Vec::new()], |all, own| {
        let with = |chosen: &Vec<usize>| (0..own.ways.len()).map(|way| [chosen.as_slice(), &[way]].concat()).collect::<Vec<_>>();
        all.iter().flat_map(with).collect()
    })
}

/// Every way of each while none of the others is there.
fn one_at_a_time(traits: &[Trait]) -> Vec<Vec<usize>> {
    let nothing = vec![0; traits.len()];
    let mut all = vec![nothing.clone()];
    for (place, own) in traits.iter().enumerate() {
        for way in 1..own.ways.len() {
            let mut chosen = nothing.clone();
            if let Some(cell) = chosen.get_mut(place) {
                *cell = way;
            }
            all.push(chosen);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(name: &str, patterns: &[&str]) -> Want {
        (name.into(), patterns.iter().map(|pattern| pattern.parse().unwrap()).collect())
    }

    fn marks(wants: &[Want]) -> Marks {
        let mut looks = Looks::default();
        looks.add_claims(wants);
        Marks::of(&looks)
    }

    #[test]
    fn there_is_a_mark_for_each_set_of_lists_that_values_can_fit() {
        assert_eq!(marks(&[]).all.len(), 1);
        assert_eq!(marks(&[want("plan", &["gold"])]).all.len(), 2, "with it, and without");
        assert_eq!(marks(&[want("plan", &["gold"]), want("plan", &["silver"])]).all.len(), 4, "also both at once");
        assert_eq!(marks(&[want("plan", &["gold", "silver"])]).all.len(), 2, "nobody tells the two apart");
        assert_eq!(marks(&[want("plan", &["go*"]), want("plan", &["gold"])]).all.len(), 3, "what fits the second fits the first");
        assert_eq!(marks(&[want("plan", &["gold"]), want("team", &["red"])]).all.len(), 4);
    }

    #[test]
    fn too_many_are_tried_one_at_a_time_and_that_is_said() {
        let names: Vec<String> = (0..10).map(|number| format!("claim-{number}")).collect();
        let wants: Vec<Want> = names.iter().map(|name| want(name, &["yes"])).collect();
        let marks = marks(&wants);
        assert_eq!((marks.all.len(), marks.complete), (11, false));
    }

    #[test]
    fn marks_are_called_by_what_they_have_in_common() {
        let marks = marks(&[want("plan", &["gold"]), want("plan", &["silver"]), want("team", &["red-*"])]);
        let those = |wanted: &dyn Fn(&Mark) -> bool| {
            let chosen: BTreeSet<MarkId> = marks.iter().filter(|(_, mark)| wanted(mark)).map(|(id, _)| id).collect();
            marks.describe(&chosen)
        };
        let has = |mark: &Mark, name: &str, start: &str| mark.claims.get(name).iter().any(|value| value.starts_with(start));
        assert_eq!(those(&|_| true), [""; 0]);
        assert_eq!(those(&|mark| has(mark, "plan", "gold")), ["with `plan = gold`"]);
        assert_eq!(those(&|mark| !has(mark, "team", "red-")), ["without `team = red-*`"]);
        assert_eq!(
            those(&|mark| has(mark, "plan", "gold") && has(mark, "team", "red-")),
            ["with `plan = gold` and with `team = red-*`"]
        );
        assert_eq!(
            those(&|mark| has(mark, "plan", "gold") || has(mark, "team", "red-")),
            ["with `plan = gold`", "without `plan = gold` and with `team = red-*`"]
        );
    }
}
