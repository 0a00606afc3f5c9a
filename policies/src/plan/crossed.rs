//! What requests may need beside what expressions look at, and of those that are led on to a larger model.
//!
//! Where expressions tell requests apart, nothing that a policy looks at can be tried by itself: a backend that lacks room shows only in a request that takes
//! a route to it. So prompts are tried around every length from which on an expression, room or a ceiling decides otherwise, be it with an answer of the
//! lengths that decide by themselves, or where two bounds of answers cross; and each of them with answers around every length from which on something decides otherwise for that prompt.

use std::collections::BTreeSet;
use std::fmt;

use super::probes::{Tried, subsets, with_features};
use super::ranges::FEATURES;
use super::threshold;
use crate::policy::Policy;
use crate::request::Needs;
use crate::spec::{Feature, NanoUsd, Price};
use tradewind_protocol::Usage;

/// The most requests that are tried for one name.
const MOST: usize = 8192;

/// What a request needs that is tried for a region of an expression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Crossed {
    size: Size,
    /// How long embeddings have to be.
    dimensions: Option<u64>,
    /// The room that turned out to be too little for it.
    too_small: Option<u64>,
    /// Whether it needs each of [`Feature::ALL`].
    features: [bool; 4],
}

/// How large a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Size {
    prompt: u64,
    answer: Option<u64>,
    answers: Option<u64>,
}

/// What decides, beside expressions, where requests for a name go.
struct Sizes<'p> {
    contexts: BTreeSet<u64>,
    ceilings: Vec<(NanoUsd, &'p Price, Option<u64>)>,
}

/// All that have to be tried of requests for this name; none if they are too many.
pub(super) fn crossed(old: &Policy, new: &Policy, asked: &str, tried: &Tried) -> Option<BTreeSet<Crossed>> {
    let lanes = || old.lanes_from(asked).chain(new.lanes_from(asked));
    let mut ceilings: Vec<_> = Vec::new();
    for own in old.ceilings(asked).chain(new.ceilings(asked)) {
        if !ceilings.contains(&own) {
            ceilings.push(own);
        }
    }
    let sizes = Sizes { contexts: lanes().flat_map(|lane| lane.contexts()).collect(), ceilings };
    let leads_on = old.leads_on(asked) || new.leads_on(asked);
    let features = combinations(&tried.features, lanes().flat_map(|lane| lane.lacked()), leads_on);
    let mut all = BTreeSet::new();
    for size in sizes.of(tried) {
        all.extend(features.iter().map(|features| Crossed { size, features: *features, ..Crossed::default() }));
        if all.len() > MOST {
            return None;
        }
    }
    let dimensions: BTreeSet<u64> = lanes().flat_map(|lane| lane.dimensions()).collect();
    for prompt in tried.prompts.iter().copied().chain([0]) {
        let longer = dimensions.iter().map(|most| most.saturating_add(1));
        let size = Size { prompt, ..Size::default() };
        all.extend(longer.map(|dimensions| Crossed { size, dimensions: Some(dimensions), ..Crossed::default() }));
    }
    // A backend may refuse a prompt of whatever length was thought.
    for prompt in tried.prompts.iter().copied().chain([0]).filter(|_| leads_on) {
        let refused = sizes.contexts.iter().flat_map(|room| features.iter().map(move |features| (*room, *features)));
        let size = Size { prompt, ..Size::default() };
        all.extend(refused.map(|(room, features)| Crossed { size, too_small: Some(room), features, ..Crossed::default() }));
    }
    (all.len() <= MOST).then_some(all)
}

/// Every combination of the features that expressions name, with each of those that somebody lacks. What several lacks leave out, one of them does; but for
/// who is led on to a larger model where nobody is left, so that these are combined as well.
fn combinations(named: &[Feature], lacked: impl Iterator<Item = Feature>, lead_on: bool) -> BTreeSet<[bool; 4]> {
    let lacked: BTreeSet<Feature> = lacked.collect();
    if lead_on {
        return subsets(&Feature::ALL.into_iter().filter(|own| named.contains(own) || lacked.contains(own)).collect::<Vec<_>>())
            .collect();
    }
    let with = |one: Option<Feature>| named.iter().copied().filter(move |own| Some(*own) != one).chain(one).collect::<Vec<_>>();
    let each = std::iter::once(None).chain(lacked.into_iter().map(Some));
    each.flat_map(|one| subsets(&with(one))).collect()
}

impl Sizes<'_> {
    /// All sizes to try.
    fn of(&self, tried: &Tried) -> BTreeSet<Size> {
        // Longer answers than a model gives cost no more.
        let longest = self.ceilings.iter().filter_map(|(.., max_output)| *max_output);
        let ends = longest.flat_map(|most| [most, most.saturating_add(1)]);
        let answers: BTreeSet<Option<u64>> = tried.answers.iter().copied().chain(ends).map(Some).chain([None]).collect();
        let own = tried.prompts.iter().copied().chain([0]);
        let of_answers = answers.iter().flat_map(|answer| self.prompts(*answer));
        let prompts: BTreeSet<u64> = own.chain(of_answers).chain(self.crossings()).collect();
        let of_prompt = |prompt: &u64| {
            let prompt = *prompt;
            let all: BTreeSet<Option<u64>> = answers.iter().copied().chain(self.answers(prompt).map(Some)).collect();
            let single = all.into_iter().map(move |answer| Size { prompt, answer, answers: None });
            let several = answers.iter().flat_map(move |answer| {
                self.several(prompt, *answer).map(move |count| Size { prompt, answer: *answer, answers: Some(count) })
            });
            single.chain(several).collect::<Vec<_>>()
        };
        prompts.iter().flat_map(of_prompt).collect()
    }

    /// Around which lengths of prompts something is decided where answers may be that long.
    fn prompts(&self, answer: Option<u64>) -> impl Iterator<Item = u64> {
        // An answer that nobody limits is something.
        let of_rooms = self.contexts.iter().filter_map(move |room| room.checked_sub(answer.unwrap_or(1)));
        let of_ceilings = self.ceilings.iter().flat_map(move |(ceiling, price, max_output)| {
            threshold::of_prompts(*ceiling, price, [answered(answer, *max_output)]).collect::<Vec<_>>()
        });
        of_rooms.chain(of_ceilings).flat_map(next_to)
    }

    /// Around which lengths of prompts room or a ceiling begins to allow longer answers than another does.
    fn crossings(&self) -> impl Iterator<Item = u64> {
        // How long an answer may be with a prompt of that length, plus one; nothing where none may.
        let of_rooms =
            self.contexts.iter().map(|room| -> Bound<'_> { Box::new(move |prompt| (room + 1).saturating_sub(prompt)) });
        let of_ceilings = self.ceilings.iter().map(|(ceiling, price, _)| -> Bound<'_> {
            Box::new(move |prompt| {
                let is_within = |tokens| price.is_within(*ceiling, Usage::new(prompt, tokens));
                if !is_within(0) { 0 } else { threshold::of_answers(*ceiling, price, prompt, None).map_or(u64::MAX, next) }
            })
        });
        let bounds: Vec<Bound<'_>> = of_rooms.chain(of_ceilings).collect();
        // Between these, what an answer may have depends on the prompt in a straight line.
        let begins = self.ceilings.iter().flat_map(|(_, price, _)| price.above.iter().map(|above| next(above.prompt_tokens)));
        let last = self.contexts.iter().copied().chain(self.prompts(Some(0))).max().unwrap_or_default();
        let begins: BTreeSet<u64> = begins.filter(|begin| *begin < last).chain([0]).collect();
        let ends = begins.iter().skip(1).map(|begin| begin - 1).chain([last]);
        let ranges: Vec<(u64, u64)> = begins.iter().copied().zip(ends).collect();
        let pairs =
            bounds.iter().enumerate().flat_map(|(place, one)| bounds.iter().skip(place + 1).map(move |other| (one, other)));
        let crossing = |(one, other): (&Bound<'_>, &Bound<'_>)| {
            let is_above = |prompt| one(prompt) > other(prompt);
            let crossing = |(first, last)| threshold::last_of(first, last, |prompt| is_above(prompt) == is_above(first));
            ranges.iter().copied().filter_map(crossing).collect::<Vec<_>>()
        };
        pairs.flat_map(crossing).flat_map(next_to).collect::<BTreeSet<_>>().into_iter()
    }

    /// Around which lengths of answers something is decided for a prompt of that length.
    fn answers(&self, prompt: u64) -> impl Iterator<Item = u64> {
        let of_rooms = self.contexts.iter().filter_map(move |room| room.checked_sub(prompt));
        let of_ceilings = self.ceilings.iter().flat_map(move |(ceiling, price, max_output)| {
            // One that says how little it wants may cost less than one that leaves it to the model.
            threshold::of_answers(*ceiling, price, prompt, *max_output).into_iter().chain([0])
        });
        of_rooms.chain(of_ceilings).flat_map(next_to).filter(|length| *length > 0)
    }

    /// Around how many answers of that length a ceiling decides for such a prompt.
    fn several(&self, prompt: u64, answer: Option<u64>) -> impl Iterator<Item = u64> {
        let most = self.ceilings.iter().filter_map(move |(ceiling, price, max_output)| {
            threshold::of_several(*ceiling, price, prompt, answered(answer, *max_output))
        });
        most.flat_map(next_to)
    }
}

/// How long an answer may be, by the length of the prompt.
type Bound<'s> = Box<dyn Fn(u64) -> u64 + 's>;

/// The last before something is decided otherwise, and the first after.
fn next_to(last: u64) -> [u64; 2] {
    [last, next(last)]
}

fn next(number: u64) -> u64 {
    number.saturating_add(1)
}

/// How long an answer is at most that may have so many tokens.
fn answered(answer: Option<u64>, max_output: Option<u64>) -> u64 {
    answer.into_iter().chain(max_output).min().unwrap_or_default()
}

impl Crossed {
    /// The needs of such a request.
    pub(super) fn needs(self) -> Needs {
        let Self { size: Size { prompt, answer, answers }, dimensions, too_small, features } = self;
        Needs { prompt_tokens: prompt, max_output_tokens: answer, answers, dimensions, too_small, ..with_features(features) }
    }
}

impl fmt::Display for Crossed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size: Size { prompt, answer, answers }, dimensions, too_small, features } = self;
        write!(f, "such as a prompt of {prompt} tokens")?;
        answer.map_or(Ok(()), |most| write!(f, " with an answer limited to {most} tokens"))?;
        answers.map_or(Ok(()), |count| write!(f, ", {count} answers at once"))?;
        dimensions.map_or(Ok(()), |numbers| write!(f, ", embeddings of {numbers} numbers"))?;
        too_small.map_or(Ok(()), |room| write!(f, ", refused as longer than {room} tokens"))?;
        FEATURES.iter().zip(features).filter(|(_, is_needed)| **is_needed).try_for_each(|(word, _)| write!(f, ", {word}"))
    }
}
