//! What requests may need of a model, as far as either of two policies tells requests apart by it.
//!
//! Each need is tried by itself. Backends that lack one of several are left out together, so what several needs change shows in one of them.

use std::collections::BTreeSet;
use std::fmt;

use super::probes::Probe;
use crate::policy::Policy;
use crate::request::Needs;

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
    /// Room for more tokens than this.
    Tokens(u64),
    /// What an expression may look at.
    Looked(Probe),
}

/// All that have to be tried, [`Need::Nothing`] first.
pub(super) fn needs(old: &Policy, new: &Policy) -> Vec<Need> {
    let capabilities = || old.capabilities().chain(new.capabilities());
    let contexts: BTreeSet<u64> = capabilities().filter_map(|own| own.context).collect();
    let dimensions: BTreeSet<u64> = capabilities().filter_map(|own| own.dimensions).collect();
    let features = [Need::Nothing, Need::Tools, Need::Vision, Need::JsonSchema, Need::Logprobs];
    let lengths = dimensions.into_iter().map(Need::Dimensions);
    features.into_iter().chain(lengths).chain(contexts.into_iter().map(Need::Tokens)).collect()
}

impl Need {
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
            Self::Tokens(most) => Needs { prompt_tokens: most.saturating_add(1), ..none },
            Self::Looked(probe) => probe.needs(),
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
            Self::Tokens(most) => write!(f, "more than {most} tokens"),
            Self::Looked(probe) => probe.fmt(f),
        }
    }
}
