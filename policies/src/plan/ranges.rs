//! What to call the requests that were tried for an expression, by what they need: ranges of lengths, and features.
//!
//! Between two lengths that were tried nothing is known. Expressions compare with numbers, and each is tried with the one before and the one after, so that
//! a range begins and ends where something was tried.

use std::collections::BTreeSet;

use super::probes::Probe;
use super::told::boxes;

/// Features, in the order of [`Feature::ALL`](crate::spec::Feature::ALL), by what people call them.
pub(super) const FEATURES: [&str; 4] = ["tools", "images", "a JSON schema", "likelihoods"];

/// The ways of each dimension, by their places: the lengths of prompts and answers that were tried, ascending, and whether each feature is needed.
struct Scale {
    prompts: Vec<Option<u64>>,
    answers: Vec<Option<u64>>,
    tried: BTreeSet<Vec<usize>>,
}

/// What to call those of the tried requests that are chosen, a line for each box of them; nothing if all are.
pub(super) fn describe(chosen: &BTreeSet<Probe>, tried: &BTreeSet<Probe>) -> Vec<String> {
    if chosen.is_superset(tried) {
        return Vec::new();
    }
    let scale = Scale::of(tried);
    let chosen = chosen.iter().map(|probe| scale.place(probe)).collect();
    boxes(&chosen).iter().map(|ways| scale.words(ways)).collect()
}

impl Scale {
    fn of(tried: &BTreeSet<Probe>) -> Self {
        let lengths = |of: fn(&Probe) -> Option<u64>| tried.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect();
        let (prompts, answers) = (lengths(|probe| probe.prompt_tokens), lengths(|probe| probe.max_output_tokens));
        let scale = Self { prompts, answers, tried: BTreeSet::new() };
        Self { tried: tried.iter().map(|probe| scale.place(probe)).collect(), ..scale }
    }

    fn place(&self, probe: &Probe) -> Vec<usize> {
        let place = |lengths: &[Option<u64>], length| lengths.iter().position(|own| *own == length).unwrap_or_default();
        let lengths = [place(&self.prompts, probe.prompt_tokens), place(&self.answers, probe.max_output_tokens)];
        lengths.into_iter().chain(probe.features.map(usize::from)).collect()
    }

    fn words(&self, ways: &[BTreeSet<usize>]) -> String {
        let each = ways.iter().enumerate().filter_map(|(dimension, chosen)| {
            let tried = self.tried_beside(dimension, ways);
            (tried != *chosen).then(|| match dimension {
                0 => runs(chosen, &tried).map(|run| prompts(run.of(&self.prompts))).collect::<Vec<_>>().join(" or "),
                1 => runs(chosen, &tried).map(|run| answers(run.of(&self.answers))).collect::<Vec<_>>().join(" or "),
                _ => {
                    let word = FEATURES.get(dimension - 2).copied().unwrap_or_default();
                    if chosen.contains(&1) { word.to_owned() } else { format!("not {word}") }
                }
            })
        });
        each.collect::<Vec<_>>().join(" and ")
    }

    /// What was tried of one dimension, where the others are in the box.
    fn tried_beside(&self, dimension: usize, ways: &[BTreeSet<usize>]) -> BTreeSet<usize> {
        let is_in = |tried: &&Vec<usize>| {
            let others = tried.iter().zip(ways).enumerate().filter(|(other, _)| *other != dimension);
            others.into_iter().all(|(_, (way, ways))| ways.contains(way))
        };
        self.tried.iter().filter(is_in).filter_map(|tried| tried.get(dimension)).copied().collect()
    }
}

/// Neighbours among what was tried, all of which are chosen.
struct Run {
    first: usize,
    last: usize,
    /// The next that was tried.
    next: Option<usize>,
    /// Whether there is none before.
    is_lowest: bool,
}

/// A run in tokens: from, to, and what was tried next; without an end that is open.
struct Range {
    from: Option<u64>,
    to: Option<u64>,
    next: Option<u64>,
}

impl Run {
    fn of(&self, lengths: &[Option<u64>]) -> Range {
        let length = |place: usize| lengths.get(place).copied().flatten();
        Range {
            from: length(self.first).filter(|_| !self.is_lowest),
            to: length(self.last).filter(|_| self.next.is_some()),
            next: self.next.and_then(length),
        }
    }
}

fn runs(chosen: &BTreeSet<usize>, tried: &BTreeSet<usize>) -> impl Iterator<Item = Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut is_open = false;
    for (number, place) in tried.iter().copied().enumerate() {
        match (chosen.contains(&place), runs.last_mut().filter(|_| is_open)) {
            (true, Some(run)) => run.last = place,
            (true, None) => runs.push(Run { first: place, last: place, next: None, is_lowest: number == 0 }),
            (false, Some(run)) => run.next = Some(place),
            (false, None) => {}
        }
        is_open = chosen.contains(&place);
    }
    runs.into_iter()
}

fn prompts(range: Range) -> String {
    match range {
        Range { from: None, next: Some(next), .. } => format!("prompts of less than {next} tokens"),
        Range { from: Some(from), to: Some(to), .. } if from == to => format!("prompts of exactly {from} tokens"),
        Range { from: Some(from), to: Some(to), .. } => format!("prompts of {from} to {to} tokens"),
        Range { from: Some(from), .. } => format!("prompts of {from} tokens or more"),
        Range { from: None, .. } => "prompts of any length".to_owned(),
    }
}

fn answers(range: Range) -> String {
    match range {
        Range { from: None, to: None, .. } => "answers without a limit".to_owned(),
        Range { from: None, to: Some(_), next: Some(next) } => {
            format!("answers limited to less than {next} tokens, or not at all")
        }
        Range { from: None, to: Some(to), next: None } => format!("answers limited to {to} tokens or less, or not at all"),
        Range { from: Some(from), to: Some(to), .. } if from == to => format!("answers limited to exactly {from} tokens"),
        Range { from: Some(from), to: Some(to), .. } => format!("answers limited to {from} to {to} tokens"),
        Range { from: Some(from), to: None, .. } => format!("answers limited to {from} tokens or more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_prompts(lengths: &[Option<u64>]) -> BTreeSet<Probe> {
        lengths.iter().map(|prompt_tokens| Probe { prompt_tokens: *prompt_tokens, ..Probe::default() }).collect()
    }

    #[test]
    fn neighbours_among_what_was_tried_are_a_range() {
        let tried = of_prompts(&[None, Some(5), Some(6), Some(7), Some(9), Some(10), Some(11)]);
        for (chosen, words) in [
            (vec![None, Some(5)], "prompts of less than 6 tokens"),
            (vec![None], "prompts of less than 5 tokens"),
            (vec![Some(6)], "prompts of exactly 6 tokens"),
            (vec![Some(7), Some(9), Some(10)], "prompts of 7 to 10 tokens"),
            (vec![Some(11)], "prompts of 11 tokens or more"),
            (vec![Some(6), Some(10), Some(11)], "prompts of exactly 6 tokens or prompts of 10 tokens or more"),
        ] {
            assert_eq!(describe(&of_prompts(&chosen), &tried), [words], "{chosen:?}");
        }
        assert!(describe(&tried, &tried).is_empty());
    }

    #[test]
    fn answers_may_have_no_limit_and_features_are_needed_or_not() {
        let probe =
            |max_output_tokens, tools| Probe { max_output_tokens, features: [tools, false, false, false], ..Probe::default() };
        let tried: BTreeSet<Probe> =
            [None, Some(9), Some(10), Some(11)].into_iter().flat_map(|most| [probe(most, false), probe(most, true)]).collect();
        for (chosen, words) in [
            (vec![probe(None, false), probe(None, true)], "answers without a limit"),
            (vec![probe(None, true), probe(Some(9), true)], "answers limited to less than 10 tokens, or not at all and tools"),
            (vec![probe(Some(10), false), probe(Some(11), false)], "answers limited to 10 tokens or more and not tools"),
        ] {
            assert_eq!(describe(&chosen.into_iter().collect(), &tried), [words]);
        }
    }
}
