//! Embeddings: unit vectors that depend on the text alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::check::{Embeddings, Encoding};

pub(super) fn whole(behaviour: &Behaviour, ask: &Embeddings) -> Value {
    let dimensions = ask.dimensions.unwrap_or(behaviour.dimensions);
    let embedding = |(index, text): (usize, &String)| {
        let vector = vector(text, dimensions);
        let embedding = match ask.encoding {
            Encoding::Float => json!(vector),
            Encoding::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                json!(STANDARD.encode(bytes))
            }
        };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    let data: Vec<_> = ask.inputs.iter().enumerate().map(embedding).collect();
    let tokens: usize = ask.inputs.iter().map(|text| text.split_whitespace().count()).sum();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    json!({ "object": "list", "data": data, "model": ask.model, "usage": usage })
}

/// A vector of length one, the same for the same text.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    // FNV-1a spreads the text over 64 bits; a linear congruence (Knuth's MMIX) goes on from there.
    let mut state =
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = u16::try_from(state >> 48).unwrap_or_default();
        f32::from(high) / f32::from(u16::MAX) - 0.5
    };
    let raw: Vec<f32> = (0..dimensions).map(|_| next()).collect();
    let length = raw.iter().map(|value| value * value).sum::<f32>().sqrt();
    raw.into_iter().map(|value| value / length).collect()
}
