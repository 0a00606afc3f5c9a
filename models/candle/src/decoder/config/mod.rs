//! What the decoders of the Llama family differ in.
//!
//! Their layers are one block with options. A file says by its metadata which options a model takes: [`gguf`] reads them out of a GGUF file,
//! [`folder`] out of the `config.json` of a Hugging Face folder.

pub(super) mod folder;
pub(super) mod gguf;

use super::rope::Rope;

/// Dimensions and options.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What each layer attends to.
    pub(crate) layers: Vec<Reach>,
    pub(crate) heads: Heads,
    /// The rotations of which each layer has one.
    pub(crate) ropes: Vec<Rope>,
    pub(crate) context: usize,
    /// Added to the mean square before its root is taken.
    pub(crate) epsilon: f32,
    pub(crate) norms: Norms,
    pub(crate) activation: Activation,
    /// By which embeddings are multiplied.
    pub(crate) embedding_scale: f32,
    /// Beyond which no logit goes.
    pub(crate) logit_cap: Option<f32>,
}

/// What one layer attends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// How many positions a token sees, its own the last of them; all before it without a window.
    pub(crate) window: Option<usize>,
    /// Which of the rotations.
    pub(crate) rope: usize,
}

/// The heads of attention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    pub(crate) query: usize,
    /// Heads of keys and values; each serves a group of query heads.
    pub(crate) kv: usize,
    /// Numbers of one head.
    pub(crate) dimensions: usize,
    /// By which products of queries and keys are multiplied.
    pub(crate) scale: f32,
    /// Beyond which no score goes, by a hyperbolic tangent (Gemma 2, <https://arxiv.org/abs/2408.00118>).
    pub(crate) cap: Option<f32>,
}

impl Heads {
    /// Query heads for each head of keys.
    pub(crate) fn group(&self) -> usize {
        self.query / self.kv
    }

    /// Columns of queries, keys and values side by side.
    pub(crate) fn qkv_width(&self) -> usize {
        (self.query + 2 * self.kv) * self.dimensions
    }

    /// Whether there are whole groups of heads that can be rotated.
    fn are_sound(&self) -> bool {
        let Self { query, kv, dimensions, .. } = *self;
        kv > 0 && query > 0 && query.is_multiple_of(kv) && dimensions > 0 && dimensions.is_multiple_of(2)
    }
}

/// Where a layer has norms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Norms {
    /// Before attention and before the feed-forward network.
    Before,
    /// Before and after each (Gemma 2 and later).
    Around,
}

/// What the gate of a feed-forward network goes through: <https://arxiv.org/abs/2002.05202>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `x / (1 + e^-x)`.
    Silu,
    /// The normal distribution's `x Φ(x)`, by its approximation with a hyperbolic tangent: <https://arxiv.org/abs/1606.08415>.
    Gelu,
}

/// The members of the family, by what they do differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
    Gemma,
    Gemma2,
    Gemma3,
    Phi3,
}

impl Family {
    fn norms(self) -> Norms {
        match self {
            Self::Gemma2 | Self::Gemma3 => Norms::Around,
            _ => Norms::Before,
        }
    }

    fn activation(self) -> Activation {
        match self {
            Self::Gemma | Self::Gemma2 | Self::Gemma3 => Activation::Gelu,
            _ => Activation::Silu,
        }
    }

    fn embedding_scale(self, width: usize) -> f32 {
        match self {
            Self::Gemma | Self::Gemma2 | Self::Gemma3 => (width as f32).sqrt(),
            _ => 1.0,
        }
    }
}

/// Layers that see everything in turns with layers that see a window: every `period`-th sees everything.
fn alternating(layers: usize, window: usize, period: usize, window_rope: usize) -> Vec<Reach> {
    let whole = |layer: usize| (layer + 1).is_multiple_of(period.max(1));
    let reach = |layer| if whole(layer) { WHOLE } else { Reach { window: Some(window), rope: window_rope } };
    (0..layers).map(reach).collect()
}

/// A layer that sees everything before it.
const WHOLE: Reach = Reach { window: None, rope: 0 };
