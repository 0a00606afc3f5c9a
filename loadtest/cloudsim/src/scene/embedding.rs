//! Embeddings and relevance: they depend on the texts alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A vector of length one, the same for the same text.
pub(crate) fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    // A linear congruence (Knuth's MMIX) goes on from the hash of the text.
    let mut state = hash(text);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = u16::try_from(state >> 48).unwrap_or_default();
        f32::from(high) / f32::from(u16::MAX) - 0.5
    };
    let raw: Vec<f32> = (0..dimensions).map(|_| next()).collect();
    let length = raw.iter().map(|value| value * value).sum::<f32>().sqrt();
    raw.into_iter().map(|value| value / length).collect()
}

/// A vector as clouds write it in base64: little-endian 32-bit floats.
pub(crate) fn base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// The places of the documents and their relevance, best first: the share of the query's words that a document has.
pub(crate) fn ranked(query: &str, documents: &[String]) -> Vec<(usize, f64)> {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let relevance = |document: &String| {
        let document = document.to_lowercase();
        let found = words.iter().filter(|word| document.contains(word.as_str())).count();
        // Sizes of texts are far below what a double can count.
        f64::from(u32::try_from(found).unwrap_or(u32::MAX)) / f64::from(u32::try_from(words.len().max(1)).unwrap_or(u32::MAX))
    };
    let mut ranked: Vec<_> = documents.iter().map(relevance).enumerate().collect();
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    ranked
}

/// FNV-1a, which spreads a text over 64 bits.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
