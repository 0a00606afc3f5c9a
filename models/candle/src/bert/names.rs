//! What the parts of a layer are called in the weights of each family.

use super::config::Family;

/// The parts of a layer.
#[derive(Debug)]
pub(super) struct LayerNames {
    /// Queries, keys and values: three of them, or all in one.
    pub(super) qkv: Vec<String>,
    pub(super) attended: String,
    /// The first layer of ModernBERT has none: its input is normalised already.
    pub(super) attention_norm: Option<String>,
    pub(super) up: String,
    pub(super) down: String,
    pub(super) output_norm: String,
}

impl LayerNames {
    /// Those of layer `index`.
    pub(super) fn of(family: Family, index: usize) -> Self {
        match family {
            Family::Bert | Family::Roberta => {
                let name = |part: &str| format!("encoder.layer.{index}.{part}");
                Self {
                    qkv: ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}"))).to_vec(),
                    attended: name("attention.output.dense"),
                    attention_norm: Some(name("attention.output.LayerNorm")),
                    up: name("intermediate.dense"),
                    down: name("output.dense"),
                    output_norm: name("output.LayerNorm"),
                }
            }
            Family::DistilBert => {
                let name = |part: &str| format!("transformer.layer.{index}.{part}");
                Self {
                    qkv: ["q", "k", "v"].map(|part| name(&format!("attention.{part}_lin"))).to_vec(),
                    attended: name("attention.out_lin"),
                    attention_norm: Some(name("sa_layer_norm")),
                    up: name("ffn.lin1"),
                    down: name("ffn.lin2"),
                    output_norm: name("output_layer_norm"),
                }
            }
            Family::ModernBert => {
                let name = |part: &str| format!("layers.{index}.{part}");
                Self {
                    qkv: vec![name("attn.Wqkv")],
                    attended: name("attn.Wo"),
                    attention_norm: (index > 0).then(|| name("attn_norm")),
                    up: name("mlp.Wi"),
                    down: name("mlp.Wo"),
                    output_norm: name("mlp_norm"),
                }
            }
        }
    }
}

/// The norm of the embeddings.
pub(super) fn embeddings_norm(family: Family) -> &'static str {
    if family == Family::ModernBert { "embeddings.norm" } else { "embeddings.LayerNorm" }
}

/// The norm behind the last layer, where layers are normalised before.
pub(super) fn final_norm(family: Family) -> Option<&'static str> {
    (family == Family::ModernBert).then_some("final_norm")
}
