//! What sequences became that have been asked for before.

use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use super::TokenSequence;

/// What an entry takes beside its key and its numbers, roughly: two allocations and its place in the table.
const OVERHEAD: usize = 96;

/// A few kilobytes: the vector of a small model and the tokens of a paragraph.
const USUAL_ENTRY: usize = 2048;

/// Outputs by token ids, so that no text is kept. What was used least goes first when the bound in bytes is reached.
#[derive(Debug)]
pub(super) struct Outputs(Cache<TokenSequence, Box<[f32]>, ByBytes>);

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<TokenSequence, Box<[f32]>> for ByBytes {
    fn weight(&self, tokens: &TokenSequence, output: &Box<[f32]>) -> u64 {
        (OVERHEAD + size_of_val::<[u32]>(&tokens.ids) + size_of_val::<[f32]>(output)) as u64
    }
}

impl Outputs {
    /// At most so many bytes; with 0 nothing is remembered.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Cache::with_weighter(bytes / USUAL_ENTRY, bytes as u64, ByBytes))
    }

    /// Whether there is one.
    pub(super) fn contains(&self, tokens: &TokenSequence) -> bool {
        self.0.contains_key(tokens)
    }

    /// The output.
    pub(super) fn get(&self, tokens: &TokenSequence) -> Option<&[f32]> {
        self.0.get(tokens).map(AsRef::as_ref)
    }

    /// Remembers it.
    pub(super) fn insert(&mut self, tokens: TokenSequence, output: Vec<f32>) {
        self.0.insert(tokens, output.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(cache: &mut Outputs, sequences: u32) {
        for first in 0..sequences {
            cache.insert(TokenSequence::of(vec![first; 8]), vec![0.5; 64]);
        }
    }

    #[test]
    fn what_was_put_in_last_is_found_and_the_bound_is_kept() {
        let mut cache = Outputs::new(10_000);
        fill(&mut cache, 1000);
        assert_eq!(cache.get(&TokenSequence::of(vec![999; 8])), Some([0.5; 64].as_slice()));
        assert!(cache.0.weight() <= 10_000 && cache.0.len() > 10, "{} bytes, {} entries", cache.0.weight(), cache.0.len());
    }

    #[test]
    fn what_is_asked_for_again_and_again_stays() {
        let mut cache = Outputs::new(10_000);
        cache.insert(TokenSequence::of(vec![7]), vec![0.25; 64]);
        for round in 0..1000 {
            assert!(cache.get(&TokenSequence::of(vec![7])).is_some(), "after {round}");
            cache.insert(TokenSequence::of(vec![round; 8]), vec![0.5; 64]);
        }
    }

    #[test]
    fn a_cache_of_no_size_remembers_nothing() {
        let mut cache = Outputs::new(0);
        fill(&mut cache, 3);
        assert!((0..3).all(|first| !cache.contains(&TokenSequence::of(vec![first; 8]))));
    }
}
