//! Vectors of sequences that have been asked for before.

use quick_cache::Weighter;
use quick_cache::unsync::Cache;

/// What an entry takes beside its key and its vector, roughly: two allocations and its place in the table.
const OVERHEAD: usize = 96;

/// A few kilobytes: the vector of a small model and the tokens of a paragraph.
const USUAL_ENTRY: usize = 2048;

/// Vectors by token ids, so that no text is kept. What was used least goes first when the bound in bytes is reached.
#[derive(Debug)]
pub(super) struct Vectors(Cache<Box<[u32]>, Box<[f32]>, ByBytes>);

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Box<[u32]>, Box<[f32]>> for ByBytes {
    fn weight(&self, tokens: &Box<[u32]>, vector: &Box<[f32]>) -> u64 {
        (OVERHEAD + size_of_val::<[u32]>(tokens) + size_of_val::<[f32]>(vector)) as u64
    }
}

impl Vectors {
    /// At most so many bytes; with 0 nothing is remembered.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Cache::with_weighter(bytes / USUAL_ENTRY, bytes as u64, ByBytes))
    }

    /// Whether there is one.
    pub(super) fn contains(&self, tokens: &[u32]) -> bool {
        self.0.contains_key(tokens)
    }

    /// The vector.
    pub(super) fn get(&self, tokens: &[u32]) -> Option<&[f32]> {
        self.0.get(tokens).map(AsRef::as_ref)
    }

    /// Remembers it.
    pub(super) fn insert(&mut self, tokens: Vec<u32>, vector: Vec<f32>) {
        self.0.insert(tokens.into(), vector.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(cache: &mut Vectors, sequences: u32) {
        for first in 0..sequences {
            cache.insert(vec![first; 8], vec![0.5; 64]);
        }
    }

    #[test]
    fn what_was_put_in_last_is_found_and_the_bound_is_kept() {
        let mut cache = Vectors::new(10_000);
        fill(&mut cache, 1000);
        assert_eq!(cache.get(&[999; 8]), Some([0.5; 64].as_slice()));
        assert!(cache.0.weight() <= 10_000 && cache.0.len() > 10, "{} bytes, {} entries", cache.0.weight(), cache.0.len());
    }

    #[test]
    fn what_is_asked_for_again_and_again_stays() {
        let mut cache = Vectors::new(10_000);
        cache.insert(vec![7], vec![0.25; 64]);
        for round in 0..1000 {
            assert!(cache.get(&[7]).is_some(), "after {round}");
            cache.insert(vec![round; 8], vec![0.5; 64]);
        }
    }

    #[test]
    fn a_cache_of_no_size_remembers_nothing() {
        let mut cache = Vectors::new(0);
        fill(&mut cache, 3);
        assert!((0..3).all(|first| !cache.contains(&[first; 8])));
    }
}
