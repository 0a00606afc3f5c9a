//! What requests may need, as far as expressions tell requests apart by it: every number that one mentions, one less and one more, with every
//! combination of the features that they name.

use std::collections::BTreeSet;

use crate::request::Needs;
use crate::spec::{Expression, Feature, MAX_OUTPUT_TOKENS, PROMPT_TOKENS};

/// The most that expressions are tried with, all of them together.
const MOST: usize = 256;

/// The most that one expression is tried with, where all together are too many.
const MOST_OF_ONE: usize = 64;

/// What a request needs that an expression may look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Probe {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) max_output_tokens: Option<u64>,
    /// Whether it needs each of [`Feature::ALL`].
    pub(super) features: [bool; 4],
}

/// What expressions are tried with.
#[derive(Debug)]
pub(super) struct Tried {
    /// The numbers that they compare prompts with, one less and one more.
    pub(super) prompts: BTreeSet<u64>,
    /// The same of answers.
    pub(super) answers: BTreeSet<u64>,
    /// The features that they name.
    pub(super) features: Vec<Feature>,
    pub(super) probes: BTreeSet<Probe>,
    /// Whether every combination is tried.
    pub(super) complete: bool,
}

impl Tried {
    pub(super) fn of(all: &[&Expression]) -> Self {
        let together = Self::without_probes(all);
        let combined = together.combined(MOST + 1);
        let complete = combined.len() <= MOST;
        let each = || all.iter().flat_map(|own| Self::without_probes(&[own]).combined(MOST_OF_ONE)).collect();
        let mut probes: BTreeSet<Probe> = if complete { combined.into_iter().collect() } else { each() };
        probes.remove(&Probe::default());
        Self { probes, complete, ..together }
    }

    fn without_probes(all: &[&Expression]) -> Self {
        let around = |number: u64| [number.saturating_sub(1), number, number.saturating_add(1)];
        let numbers = |name: &str| -> BTreeSet<u64> {
            let naming = all.iter().filter(|own| own.names(name));
            naming.flat_map(|own| own.mentioned().numbers).flat_map(around).collect()
        };
        let is_named = |feature: &Feature| all.iter().any(|own| own.names(feature.as_str()));
        Self {
            prompts: numbers(PROMPT_TOKENS),
            // Nobody asks for an answer of nothing: to an expression, that is one without a limit.
            answers: numbers(MAX_OUTPUT_TOKENS).into_iter().filter(|length| *length > 0).collect(),
            features: Feature::ALL.into_iter().filter(is_named).collect(),
            probes: BTreeSet::new(),
            complete: false,
        }
    }

    /// Every length of a prompt, with every length of an answer and every combination of features; no more than so many.
    fn combined(&self, most: usize) -> Vec<Probe> {
        let lengths = |tried: &BTreeSet<u64>| std::iter::once(None).chain(tried.iter().copied().map(Some)).collect::<Vec<_>>();
        let (prompts, answers) = (lengths(&self.prompts), lengths(&self.answers));
        let of_prompt = |prompt_tokens: Option<u64>| {
            answers.iter().map(move |max_output_tokens| Probe {
                prompt_tokens,
                max_output_tokens: *max_output_tokens,
                ..Probe::default()
            })
        };
        let with = |probe: Probe| subsets(&self.features).map(move |features| Probe { features, ..probe });
        prompts.into_iter().flat_map(of_prompt).flat_map(with).take(most).collect()
    }

    /// What was tried in the place of such a request.
    pub(super) fn like(&self, needs: &Needs) -> Probe {
        let last = |tried: &BTreeSet<u64>, length: u64| tried.range(..=length).next_back().copied();
        let mut features = [false; 4];
        for (own, feature) in features.iter_mut().zip(Feature::ALL) {
            *own = self.features.contains(&feature) && feature.is_needed(needs);
        }
        let answer = needs.max_output_tokens.and_then(|most| last(&self.answers, most));
        Probe { prompt_tokens: last(&self.prompts, needs.prompt_tokens), max_output_tokens: answer, features }
    }
}

/// Each choice of some of these features, that of none first.
pub(super) fn subsets(of: &[Feature]) -> impl Iterator<Item = [bool; 4]> + use<> {
    let places: Vec<usize> =
        Feature::ALL.iter().enumerate().filter(|(_, own)| of.contains(own)).map(|(place, _)| place).collect();
    (0..1_u32 << places.len()).map(move |chosen| {
        let mut features = [false; 4];
        for (bit, place) in places.iter().enumerate() {
            features.iter_mut().skip(*place).take(1).for_each(|own| *own = chosen & (1 << bit) != 0);
        }
        features
    })
}

/// The needs of a request with these features.
pub(super) fn with_features(features: [bool; 4]) -> Needs {
    let [tools, vision, json_schema, logprobs] = features;
    Needs { tools, vision, json_schema, logprobs, ..Needs::default() }
}

impl Probe {
    /// The needs of such a request.
    pub(super) fn needs(self) -> Needs {
        let Self { prompt_tokens, max_output_tokens, features } = self;
        Needs { prompt_tokens: prompt_tokens.unwrap_or_default(), max_output_tokens, ..with_features(features) }
    }
}
