//! What requests may need of a model, as far as either of two policies tells requests apart by it.
//!
//! Each need is tried by itself. Backends that lack one of several are left out together, so what several needs change shows in one of them. Only what
//! expressions tell apart is tried [together](super::crossed) with the rest.

use std::collections::BTreeSet;
use std::fmt;

use super::crossed::Crossed;
use super::probes::{Probe, Tried};
use super::span::Span;
use super::threshold;
use crate::operation::Operations;
use crate::policy::Policy;
use crate::request::Needs;
use tradewind_protocol::Operation;

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Need {
    Nothing,
    Tools,
    Vision,
    JsonSchema,
    Logprobs,
    /// Embeddings longer than this.
    Dimensions(u64),
    /// Room for so many tokens.
    Tokens(Span),
    /// A prompt of so many tokens.
    Prompt(Span),
    /// An answer of so many tokens.
    Answer(Span),
    /// So many answers, each as long as the model lets it be.
    Answers(Span),
    /// Some of the features, and room for so many tokens.
    Long(Features, Span),
    /// What an expression may look at.
    Looked(Probe),
    /// That, and more.
    Such(Crossed),
}

/// All that have to be tried of requests for this name, [`Need::Nothing`] first.
pub(super) fn needs(old: &Policy, new: &Policy, asked: &str) -> Vec<Need> {
    let capabilities = || old.capabilities().chain(new.capabilities());
    let contexts: BTreeSet<u64> = capabilities().filter_map(|own| own.context).collect();
    let (mut prompts, mut answers, mut several) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (ceiling, price, max_output) in old.ceilings(asked).chain(new.ceilings(asked)) {
        let longest = max_output.unwrap_or_default();
        prompts.extend(threshold::of_prompts(ceiling, price, [0, longest]));
        answers.extend(threshold::of_answers(ceiling, price, 0, max_output));
        several.extend(threshold::of_several(ceiling, price, 0, longest));
        // One that says how little it wants may cost less than one that leaves it to the model.
        answers.insert(0);
        // Where a prompt is too dear before it is too long, only an answer shows who has room.
        answers.extend(&contexts);
    }
    let dimensions: BTreeSet<u64> = capabilities().filter_map(|own| own.dimensions).collect();
    let features = [Need::Nothing, Need::Tools, Need::Vision, Need::JsonSchema, Need::Logprobs];
    let lengths = dimensions.into_iter().map(Need::Dimensions);
    let sizes = Span::between(&prompts).map(Need::Prompt).chain(Span::between(&answers).map(Need::Answer));
    let sizes = sizes.chain(Span::between(&several).map(Need::Answers));
    // What is too long for all that could serve it is led on; who could, its features decide.
    let leads_on = old.leads_on(asked) || new.leads_on(asked);
    let rooms = Span::between(&contexts);
    let long =
        rooms.clone().filter(|_| leads_on).flat_map(|room| Features::all().map(move |features| Need::Long(features, room)));
    features.into_iter().chain(lengths).chain(rooms.map(Need::Tokens)).chain(sizes).chain(long).collect()
}

/// Some of what a request may need beside room: at least one, by the places in [`Features::NAMES`] as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Features(u8);

impl Features {
    const NAMES: [Need; 4] = [Need::Tools, Need::Vision, Need::JsonSchema, Need::Logprobs];

    /// All there are.
    fn all() -> impl Iterator<Item = Self> {
        (1..1 << Self::NAMES.len()).map(Self)
    }

    /// Those with one less.
    fn fewer(self) -> impl Iterator<Item = Self> {
        (0..Self::NAMES.len()).map(move |place| Self(self.0 & !(1 << place))).filter(move |fewer| *fewer != self)
    }

    fn each(self) -> impl Iterator<Item = Need> {
        Self::NAMES.into_iter().enumerate().filter(move |(place, _)| self.0 & (1 << place) != 0).map(|(_, need)| need)
    }

    /// Such needs with these features.
    fn with(self, needs: Needs) -> Needs {
        self.each().map(Need::needs).fold(needs, |all, one| Needs {
            tools: all.tools || one.tools,
            vision: all.vision || one.vision,
            json_schema: all.json_schema || one.json_schema,
            logprobs: all.logprobs || one.logprobs,
            ..all
        })
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.each().map(|need| need.to_string()).collect();
        f.write_str(&names.join(", "))
    }
}

impl Need {
    /// The needs next to this one of those who need less: what they experience is told of this one as well, where nothing else is. Each is tried before.
    pub(super) fn wider(self) -> Vec<Self> {
        let Self::Long(features, room) = self else {
            // What an expression looks at is told in ranges, for which all of it has to be known.
            return if matches!(self, Self::Nothing | Self::Looked(_) | Self::Such(_)) {
                Vec::new()
            } else {
                vec![Self::Nothing]
            };
        };
        let without = |fewer: Features| if fewer.0 == 0 { Self::Tokens(room) } else { Self::Long(fewer, room) };
        features.fewer().map(without).collect()
    }

    /// The same in plans where expressions tell requests apart.
    pub(super) fn as_looked(self) -> Self {
        if self == Self::Nothing { Self::Looked(Probe::default()) } else { self }
    }

    /// Whether all of them need this, or are treated by expressions as these are, so that what is told of it is told of them.
    pub(super) fn covers(self, one: &Crossed, tried: &Tried) -> bool {
        let own = one.needs();
        let needs_all = |features: Features| features.with(own) == own;
        match self {
            // The requests of no other region.
            Self::Nothing => tried.like(&own) == Probe::default(),
            Self::Tools => own.tools,
            Self::Vision => own.vision,
            Self::JsonSchema => own.json_schema,
            Self::Logprobs => own.logprobs,
            Self::Dimensions(most) => own.dimensions.is_some_and(|asked| asked > most),
            Self::Tokens(room) => room.holds(own.room()),
            Self::Prompt(length) => length.holds(own.prompt_tokens),
            Self::Answer(length) => own.max_output_tokens.is_some_and(|most| length.holds(most)),
            Self::Answers(count) => own.answers.is_some_and(|answers| count.holds(answers)),
            Self::Long(features, room) => needs_all(features) && room.holds(own.room()),
            Self::Looked(probe) => tried.like(&own) == probe,
            Self::Such(other) => other == *one,
        }
    }

    /// What to call those who need any of these; neighbours in length are told together.
    pub(super) fn in_words<'n>(needs: impl Iterator<Item = &'n Self>) -> Vec<String> {
        let mut joined: Vec<Self> = Vec::new();
        for need in needs {
            match joined.last_mut().and_then(|last| Some((last.joined(*need)?, last))) {
                Some((both, last)) => *last = both,
                None => joined.push(*need),
            }
        }
        joined.iter().map(ToString::to_string).collect()
    }

    /// This and a longer one, if they are neighbours.
    fn joined(self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Tokens(own), Self::Tokens(next)) => own.joined(next).map(Self::Tokens),
            (Self::Prompt(own), Self::Prompt(next)) => own.joined(next).map(Self::Prompt),
            (Self::Answer(own), Self::Answer(next)) => own.joined(next).map(Self::Answer),
            (Self::Answers(own), Self::Answers(next)) => own.joined(next).map(Self::Answers),
            (Self::Long(features, own), Self::Long(others, next)) if features == others => {
                own.joined(next).map(|both| Self::Long(features, both))
            }
            _ => None,
        }
    }

    /// Whether requests for any of these can need that.
    pub(super) fn concerns(self, operations: &BTreeSet<Operation>) -> bool {
        match self {
            Self::Dimensions(_) => operations.contains(&Operation::Embeddings),
            Self::Nothing | Self::Tokens(_) | Self::Prompt(_) | Self::Looked(_) | Self::Such(_) => true,
            Self::Tools
            | Self::Vision
            | Self::JsonSchema
            | Self::Logprobs
            | Self::Answer(_)
            | Self::Answers(_)
            | Self::Long(..) => operations.iter().any(|one| Operations::TEXT.contains(*one)),
        }
    }

    /// The needs of such a request.
    pub(super) fn needs(self) -> Needs {
        let none = Needs::default();
        match self {
            Self::Nothing => none,
            Self::Tools => Needs { tools: true, ..none },
            Self::Vision => Needs { vision: true, ..none },
            Self::JsonSchema => Needs { json_schema: true, ..none },
            Self::Logprobs => Needs { logprobs: true, ..none },
            Self::Dimensions(most) => Needs { dimensions: Some(most.saturating_add(1)), ..none },
            // An answer needs room too.
            Self::Tokens(room) => Needs { prompt_tokens: room.above, ..none },
            Self::Prompt(length) => Needs { prompt_tokens: length.first(), ..none },
            Self::Answer(length) => Needs { max_output_tokens: Some(length.first()), ..none },
            Self::Answers(count) => Needs { answers: Some(count.first()), ..none },
            Self::Long(features, room) => features.with(Self::Tokens(room).needs()),
            Self::Looked(probe) => probe.needs(),
            Self::Such(one) => one.needs(),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing in particular"),
            Self::Tools => f.write_str("tools"),
            Self::Vision => f.write_str("images"),
            Self::JsonSchema => f.write_str("a JSON schema"),
            Self::Logprobs => f.write_str("likelihoods"),
            Self::Dimensions(most) => write!(f, "embeddings of more than {most} numbers"),
            Self::Tokens(room) => f.write_str(&room.of("token")),
            Self::Prompt(length) => write!(f, "prompts of {}", length.of("token")),
            Self::Answer(Span { above: 0, to: None }) => f.write_str("answers whose length is limited"),
            Self::Answer(Span { above: 0, to: Some(to) }) => write!(f, "answers limited to {to} tokens or less"),
            Self::Answer(length) => write!(f, "answers of {}", length.of("token")),
            Self::Answers(count) => write!(f, "{} at once", count.of("answer")),
            // They are told together, as ranges.
            Self::Looked(_) => f.write_str("what an expression looks at"),
            Self::Such(one) => one.fmt(f),
            Self::Long(features, room) => write!(f, "{features} and {}", room.of("token")),
        }
    }
}
