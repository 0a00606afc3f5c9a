//! The tensors of a decoder, and their names in either kind of file.
//!
//! GGUF's names are those of <https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py>, a folder's those of the modules of
//! `transformers`.

use super::config::Norms;

/// A tensor of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Embedding,
    Norm,
    Head,
    /// Of the layer of that number.
    Layer(usize, Piece),
}

/// A tensor of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    AttentionNorm,
    Matrix(Projection),
    Bias(Projection),
    QueryNorm,
    KeyNorm,
    AfterAttentionNorm,
    FeedForwardNorm,
    AfterFeedForwardNorm,
}

/// A matrix of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Projection {
    Query,
    Key,
    Value,
    /// The three above, one below the other.
    QueryKeyValue,
    Output,
    Gate,
    Up,
    /// The two above, one below the other.
    GateUp,
    Down,
}

impl Part {
    /// Whether it is the weight of a norm.
    pub(super) fn is_norm(self) -> bool {
        match self {
            Self::Norm => true,
            Self::Layer(_, piece) => !matches!(piece, Piece::Matrix(_) | Piece::Bias(_)),
            Self::Embedding | Self::Head => false,
        }
    }

    pub(super) fn in_gguf(self) -> String {
        match self {
            Self::Embedding => "token_embd.weight".to_owned(),
            Self::Norm => "output_norm.weight".to_owned(),
            Self::Head => "output.weight".to_owned(),
            Self::Layer(index, piece) => {
                let (name, kind) = piece.in_gguf();
                format!("blk.{index}.{name}.{kind}")
            }
        }
    }

    pub(super) fn in_folder(self, norms: Norms) -> String {
        match self {
            Self::Embedding => "model.embed_tokens.weight".to_owned(),
            Self::Norm => "model.norm.weight".to_owned(),
            Self::Head => "lm_head.weight".to_owned(),
            Self::Layer(index, piece) => {
                let (name, kind) = piece.in_folder(norms);
                format!("model.layers.{index}.{name}.{kind}")
            }
        }
    }
}

const WEIGHT: &str = "weight";
const BIAS: &str = "bias";

impl Piece {
    fn in_gguf(self) -> (&'static str, &'static str) {
        match self {
            Self::AttentionNorm => ("attn_norm", WEIGHT),
            Self::Matrix(projection) => (projection.in_gguf(), WEIGHT),
            Self::Bias(projection) => (projection.in_gguf(), BIAS),
            Self::QueryNorm => ("attn_q_norm", WEIGHT),
            Self::KeyNorm => ("attn_k_norm", WEIGHT),
            Self::AfterAttentionNorm => ("post_attention_norm", WEIGHT),
            Self::FeedForwardNorm => ("ffn_norm", WEIGHT),
            Self::AfterFeedForwardNorm => ("post_ffw_norm", WEIGHT),
        }
    }

    fn in_folder(self, norms: Norms) -> (&'static str, &'static str) {
        match (self, norms) {
            (Self::AttentionNorm, _) => ("input_layernorm", WEIGHT),
            (Self::Matrix(projection), _) => (projection.in_folder(), WEIGHT),
            (Self::Bias(projection), _) => (projection.in_folder(), BIAS),
            (Self::QueryNorm, _) => ("self_attn.q_norm", WEIGHT),
            (Self::KeyNorm, _) => ("self_attn.k_norm", WEIGHT),
            // One name for two things: what stands before the network where there is nothing after attention.
            (Self::AfterAttentionNorm, _) | (Self::FeedForwardNorm, Norms::Before) => ("post_attention_layernorm", WEIGHT),
            (Self::FeedForwardNorm, Norms::Around) => ("pre_feedforward_layernorm", WEIGHT),
            (Self::AfterFeedForwardNorm, _) => ("post_feedforward_layernorm", WEIGHT),
        }
    }
}

impl Projection {
    fn in_gguf(self) -> &'static str {
        match self {
            Self::Query => "attn_q",
            Self::Key => "attn_k",
            Self::Value => "attn_v",
            Self::QueryKeyValue => "attn_qkv",
            Self::Output => "attn_output",
            Self::Gate => "ffn_gate",
            // A file without a gate of its own has both in this one.
            Self::Up | Self::GateUp => "ffn_up",
            Self::Down => "ffn_down",
        }
    }

    fn in_folder(self) -> &'static str {
        match self {
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::QueryKeyValue => "self_attn.qkv_proj",
            Self::Output => "self_attn.o_proj",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::GateUp => "mlp.gate_up_proj",
            Self::Down => "mlp.down_proj",
        }
    }
}
