//! What requests may need, as far as expressions tell requests apart by it: every number that one mentions, one less and one more, with every
//! combination of the features that it names.

use std::collections::BTreeSet;

use crate::request::Needs;
use crate::spec::Expression;

/// The most that one expression is tried with.
const MOST: usize = 64;

/// What a request needs that an expression may look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Probe {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) max_output_tokens: Option<u64>,
    /// Whether it needs each of [`FEATURES`].
    pub(super) features: [bool; 4],
}

/// Features by what expressions and people call them.
pub(super) const FEATURES: [(&str, &str); 4] =
    [("tools", "tools"), ("vision", "images"), ("json_schema", "a JSON schema"), ("logprobs", "likelihoods")];

/// What an expression is tried with, and whether that is all.
pub(super) fn probes(when: &Expression) -> (BTreeSet<Probe>, bool) {
    let mentioned = when.mentioned().numbers;
    let around = |number: &u64| [number.saturating_sub(1), *number, number.saturating_add(1)];
    let numbers: BTreeSet<u64> = mentioned.iter().flat_map(around).collect();
    let counts = |name: &str| {
        let tried = numbers.iter().copied().map(Some).filter(|_| when.names(name));
        std::iter::once(None).chain(tried).collect::<Vec<_>>()
    };
    let mut all = vec![Probe::default()];
    let mut vary = |ways: Vec<Box<dyn Fn(Probe) -> Probe>>| {
        all = all.iter().flat_map(|probe| ways.iter().map(|way| way(*probe)).collect::<Vec<_>>()).take(MOST + 1).collect();
    };
    vary(counts("prompt_tokens").into_iter().map(|prompt_tokens| way(move |probe| Probe { prompt_tokens, ..probe })).collect());
    let outputs = counts("max_output_tokens").into_iter();
    vary(outputs.map(|max_output_tokens| way(move |probe| Probe { max_output_tokens, ..probe })).collect());
    for (place, _) in FEATURES.iter().enumerate().filter(|(_, (name, _))| when.names(name)) {
        let with = move |mut probe: Probe| {
            probe.features.iter_mut().skip(place).take(1).for_each(|feature| *feature = true);
            probe
        };
        vary(vec![way(|probe| probe), way(with)]);
    }
    let complete = all.len() <= MOST;
    let probes = all.into_iter().take(MOST).filter(|probe| *probe != Probe::default());
    (probes.collect(), complete)
}

fn way(change: impl Fn(Probe) -> Probe + 'static) -> Box<dyn Fn(Probe) -> Probe> {
    Box::new(change)
}

impl Probe {
    /// The needs of such a request.
    pub(super) fn needs(self) -> Needs {
        let Self { prompt_tokens, max_output_tokens, features: [tools, vision, json_schema, logprobs] } = self;
        let prompt_tokens = prompt_tokens.unwrap_or_default();
        Needs { prompt_tokens, max_output_tokens, tools, vision, json_schema, logprobs, ..Needs::default() }
    }
}
