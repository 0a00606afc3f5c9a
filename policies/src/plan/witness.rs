//! For each set of patterns that some name fits: such a name.
//!
//! Whether any tenant at all fits `bank-*` and not `*-eu` is a question about languages. All patterns are walked at once, letter by letter,
//! breadth first, as an automaton whose state says how far each of them may be matched; a state that was met before leads nowhere new.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use crate::pattern::Pattern;

/// Beyond so many states the patterns are too entangled to try all: a policy of hundreds of patterns of the form `*-x` and `y-*` has fewer.
const MOST_STATES: usize = 20_000;
/// The longest name.
const LONGEST: usize = 64;

/// Names for all the ways in which patterns can fit.
pub(super) struct Witnesses {
    /// For each set of fitting patterns that has a name, by their places in the list: the first such name that is not among the known.
    pub(super) names: BTreeMap<Vec<bool>, String>,
    /// Whether all sets were found.
    pub(super) complete: bool,
}

/// Where a pattern may have been matched up to: the places in its text that may come next. The last place is the end.
type Places = Vec<bool>;

/// Finds a name for each set of patterns that one can fit. A name `known` is never taken; `may_be_in_names` says which characters names have.
pub(super) fn witnesses(patterns: &[&Pattern], known: &BTreeSet<&str>, may_be_in_names: impl Fn(char) -> bool) -> Witnesses {
    let letters = alphabet(patterns, may_be_in_names);
    let texts: Vec<Vec<char>> = patterns.iter().map(|pattern| pattern.as_str().chars().collect()).collect();
    let start: Vec<Places> = texts.iter().map(|text| reach(text, std::iter::once(0))).collect();
    let mut found = Witnesses { names: BTreeMap::new(), complete: true };
    // Without the start: it stands for the empty name, which is none, and may be met again by one that is.
    let mut met = HashSet::new();
    let mut next = VecDeque::from([(String::new(), start)]);
    while let Some((name, places)) = next.pop_front() {
        let is_new = !name.is_empty() && !known.contains(name.as_str());
        if is_new {
            let fits = places.iter().map(|places| places.last().copied().unwrap_or(false)).collect();
            found.names.entry(fits).or_insert_with(|| name.clone());
        }
        if name.len() >= LONGEST {
            continue;
        }
        for letter in &letters {
            let places: Vec<Places> = texts.iter().zip(&places).map(|(text, places)| step(text, places, *letter)).collect();
            let name = format!("{name}{letter}");
            // A known name is no witness, so its state must be met once more.
            if known.contains(name.as_str()) || met.insert(places.clone()) {
                next.push_back((name, places));
            }
        }
        if met.len() > MOST_STATES {
            found.complete = false;
            break;
        }
    }
    found
}

/// The letters of the patterns, and one that none of them has: it stands for all others.
fn alphabet(patterns: &[&Pattern], may_be_in_names: impl Fn(char) -> bool) -> Vec<char> {
    let used: BTreeSet<char> =
        patterns.iter().flat_map(|pattern| pattern.as_str().chars()).filter(|c| may_be_in_names(*c)).collect();
    // `x` before `a`: it looks like the placeholder that it is.
    let other = ('x'..='z').chain('a'..='w').chain('0'..='9').chain('A'..='Z').find(|letter| !used.contains(letter));
    other.into_iter().chain(used).collect()
}

/// Those places, and those behind a star: it may stand for nothing.
fn reach(text: &[char], places: impl Iterator<Item = usize>) -> Places {
    let mut reached = vec![false; text.len() + 1];
    for mut place in places {
        loop {
            if let Some(cell) = reached.get_mut(place) {
                *cell = true;
            }
            if text.get(place) != Some(&'*') {
                break;
            }
            place += 1;
        }
    }
    reached
}

fn step(text: &[char], places: &Places, letter: char) -> Places {
    let open = places.iter().enumerate().filter_map(|(place, is_open)| is_open.then_some(place));
    let onward = open.filter_map(|place| match text.get(place) {
        Some('*') => Some(place),
        Some(own) if *own == letter => Some(place + 1),
        _ => None,
    });
    reach(text, onward)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(patterns: &[&str], known: &[&str]) -> Vec<(Vec<bool>, String)> {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        let known = known.iter().copied().collect();
        let witnesses = witnesses(&patterns.iter().collect::<Vec<_>>(), &known, |c| c != '*');
        assert!(witnesses.complete);
        witnesses.names.into_iter().collect()
    }

    #[test]
    fn finds_a_name_for_each_set_of_patterns_that_can_fit_together() {
        assert_eq!(found(&["bank-*", "*-eu"], &[]).len(), 4, "none, each, both");
        assert_eq!(found(&["bank-*", "team-*"], &[]).len(), 3, "no name begins with both");
        assert_eq!(found(&["a*", "ab*"], &[]).len(), 3, "what fits the second fits the first");
        assert_eq!(found(&["*"], &[]), [(vec![true], "x".to_owned())]);
    }

    #[test]
    fn a_known_name_is_no_witness() {
        assert_eq!(found(&["x*"], &["x", "y"]).into_iter().find(|(fits, _)| fits[0]).unwrap().1, "xy");
    }

    proptest! {
        #[test]
        fn every_name_is_represented(patterns in prop::collection::vec("[ab*]{1,5}", 0..4), name in "[abx]{1,8}") {
            let sets = found(&patterns.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
            let fits: Vec<bool> = patterns.iter().map(|text| text.parse::<Pattern>().unwrap().matches(&name)).collect();
            let witness = sets.iter().find(|(set, _)| *set == fits);
            prop_assert!(witness.is_some(), "{name} fits {fits:?}");
            let witness = &witness.unwrap().1;
            let of_witness: Vec<bool> = patterns.iter().map(|text| text.parse::<Pattern>().unwrap().matches(witness)).collect();
            prop_assert_eq!(fits, of_witness);
        }
    }
}
