//! What to call requests that have some claims and headers in common.

use std::collections::{BTreeMap, BTreeSet};

use super::marks::{Name, Values, Where};
use crate::pattern::Pattern;

/// A claim or a header, and the ways for it to be that policies tell apart.
#[derive(Clone, Debug)]
pub(super) struct Trait {
    pub(super) name: Name,
    /// Lists of patterns that its values are held against.
    pub(super) lists: Vec<Vec<Pattern>>,
    /// The first is that it is not there.
    pub(super) ways: Vec<Values>,
}

impl Trait {
    /// For each list, whether one of these values fits it.
    #[cfg(test)]
    pub(super) fn fitted(&self, values: &[Box<str>]) -> Vec<bool> {
        let each = values.iter().map(|value| fits(&self.lists, value));
        each.fold(vec![false; self.lists.len()], |all, one| all.into_iter().zip(one).map(|(a, b)| a || b).collect())
    }

    /// What these ways have in common and no other has; nothing if they are all.
    fn describe(&self, chosen: &BTreeSet<usize>) -> Option<String> {
        if chosen.len() == self.ways.len() {
            return None;
        }
        let (place, name) = &self.name;
        let place = match place {
            Where::Claim => "",
            Where::Header => "header ",
        };
        let lists = self.lists.iter().map(Vec::as_slice).chain(self.lists.iter().flat_map(|list| list.chunks(1)));
        for list in lists {
            let fitting = |values: &Values| values.iter().any(|value| list.iter().any(|pattern| pattern.matches(value)));
            let fitting: BTreeSet<usize> =
                self.ways.iter().enumerate().filter(|(_, values)| fitting(values)).map(|(way, _)| way).collect();
            let words = || list.iter().map(Pattern::as_str).collect::<Vec<_>>().join(" or ");
            if fitting == *chosen {
                return Some(format!("with {place}`{name} = {}`", words()));
            }
            if fitting.is_disjoint(chosen) && fitting.len() + chosen.len() == self.ways.len() {
                return Some(format!("without {place}`{name} = {}`", words()));
            }
        }
        let values = chosen.iter().filter_map(|way| self.ways.get(*way)).map(|values| match values.as_slice() {
            [] => format!("without {place}`{name}`"),
            values => {
                let words: Vec<String> = values.iter().map(|value| self.value(value)).collect();
                format!("with {place}`{name} = {}`", words.join(", "))
            }
        });
        Some(values.collect::<Vec<_>>().join(" or "))
    }
}

impl Trait {
    /// A value that stands for others is told by the patterns that it fits.
    fn value(&self, value: &str) -> String {
        let patterns: BTreeSet<&str> =
            self.lists.iter().flatten().filter(|pattern| pattern.matches(value)).map(Pattern::as_str).collect();
        if patterns.is_empty() || patterns.contains(value) {
            return value.to_owned();
        }
        format!("{}, such as {value}", patterns.into_iter().collect::<Vec<_>>().join(" and "))
    }
}

/// For each list, whether the value fits it.
pub(super) fn fits(lists: &[Vec<Pattern>], value: &str) -> Vec<bool> {
    lists.iter().map(|list| list.iter().any(|pattern| pattern.matches(value))).collect()
}

/// What to call all that have one of these ways: a line for each box of them, for they hardly ever need many.
pub(super) fn describe(traits: &[Trait], chosen: &BTreeSet<Vec<usize>>) -> Vec<String> {
    let words = |ways: Vec<BTreeSet<usize>>| {
        let each = traits.iter().zip(&ways).filter_map(|(own, ways)| own.describe(ways));
        each.collect::<Vec<_>>().join(" and ")
    };
    boxes(chosen).into_iter().map(words).collect()
}

/// Sets of ways, one for each trait, whose products together are these. All have the same length.
pub(super) fn boxes(chosen: &BTreeSet<Vec<usize>>) -> Vec<Vec<BTreeSet<usize>>> {
    let mut behind: BTreeMap<usize, BTreeSet<Vec<usize>>> = BTreeMap::new();
    for ways in chosen {
        let Some((first, rest)) = ways.split_first() else { return vec![Vec::new()] };
        behind.entry(*first).or_default().insert(rest.to_vec());
    }
    let mut alike: BTreeMap<BTreeSet<Vec<usize>>, BTreeSet<usize>> = BTreeMap::new();
    for (first, rest) in behind {
        alike.entry(rest).or_default().insert(first);
    }
    let with = |(rest, first): (BTreeSet<Vec<usize>>, BTreeSet<usize>)| {
        boxes(&rest).into_iter().map(move |of_rest| std::iter::once(first.clone()).chain(of_rest).collect())
    };
    alike.into_iter().flat_map(with).collect()
}
