//! Which prompts a deployment has seen: providers keep the beginnings of prompts in a cache, where they cost less time and money.
//!
//! A prompt is known by its beginning, cut into blocks; the hash of a block covers all before it. Clients repeat a conversation byte for
//! byte and add to its end, so the bytes of the body are as good as tokens, and cheaper.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use quick_cache::unsync::Cache;
use smallvec::SmallVec;

/// The bytes of a block: about 256 tokens, and no provider caches less than a thousand.
const BLOCK: usize = 1024;
/// The bytes of a token, about.
const BYTES_PER_TOKEN: usize = 4;
/// Only so many blocks are looked at: half a million tokens would otherwise be hashed for nothing.
const MOST_BLOCKS: usize = 256;
/// How many blocks are remembered of each deployment.
const REMEMBERED: usize = 16 * 1024;
/// How much one answer's word counts about whether the provider really caches.
const TRUST_WEIGHT: f64 = 0.1;

/// The beginning of a prompt: the hash of each of its blocks with all before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefix {
    blocks: SmallVec<[u64; 8]>,
}

impl Prefix {
    /// That of a request's body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let mut hasher = FixedState::default().build_hasher();
        let blocks = body.chunks_exact(BLOCK).take(MOST_BLOCKS).map(|block| {
            block.hash(&mut hasher);
            hasher.finish()
        });
        Self { blocks: blocks.collect() }
    }

    const fn tokens(blocks: usize) -> f64 {
        (blocks * BLOCK / BYTES_PER_TOKEN) as f64
    }
}

/// The prompts that a deployment has seen lately, and how far its cache can be relied on.
#[derive(Debug)]
pub(super) struct Prompts {
    seen: Cache<u64, ()>,
    /// The share of what was expected to be cached that was; `None` until the provider told for the first time.
    trust: Option<f64>,
}

impl Default for Prompts {
    fn default() -> Self {
        Self { seen: Cache::new(REMEMBERED), trust: None }
    }
}

impl Prompts {
    /// How many tokens of such a prompt are expected to be in the cache.
    pub(super) fn cached_tokens(&self, prefix: &Prefix) -> f64 {
        let Some(trust) = self.trust else { return 0.0 };
        trust * Prefix::tokens(self.known(prefix))
    }

    /// Such a prompt was answered; the provider told how many of its tokens had been cached, if it tells.
    pub(super) fn saw(&mut self, prefix: &Prefix, cached_tokens: Option<u64>) {
        let expected = Prefix::tokens(self.known(prefix));
        if let Some(cached) = cached_tokens.filter(|_| expected > 0.0) {
            let share = (cached as f64 / expected).min(1.0);
            let trust = self.trust.unwrap_or(share);
            self.trust = Some(trust + TRUST_WEIGHT * (share - trust));
        }
        for block in &prefix.blocks {
            self.seen.insert(*block, ());
        }
    }

    /// How many blocks from the beginning have been seen.
    fn known(&self, prefix: &Prefix) -> usize {
        prefix.blocks.iter().take_while(|block| self.seen.peek(*block).is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(turns: usize) -> Vec<u8> {
        (0..turns * BLOCK).map(|place| u8::try_from(place / 7 % 251).unwrap()).collect()
    }

    #[test]
    fn a_conversation_that_goes_on_is_known_as_far_as_it_was_seen() {
        let mut prompts = Prompts::default();
        prompts.saw(&Prefix::of(&conversation(4)), Some(0));
        // The provider confirms what was expected.
        prompts.saw(&Prefix::of(&conversation(4)), Some(1024));
        assert!((prompts.cached_tokens(&Prefix::of(&conversation(9))) - 1024.0).abs() < 1.0);
        let mut other = conversation(9);
        other[0] = 99;
        assert_eq!(prompts.cached_tokens(&Prefix::of(&other)), 0.0);
    }

    #[test]
    fn a_provider_that_caches_nothing_is_not_relied_on() {
        let mut prompts = Prompts::default();
        for _ in 0..3 {
            prompts.saw(&Prefix::of(&conversation(4)), Some(0));
        }
        assert_eq!(prompts.cached_tokens(&Prefix::of(&conversation(4))), 0.0);
        prompts.saw(&Prefix::of(&conversation(4)), None);
        assert_eq!(prompts.cached_tokens(&Prefix::of(&conversation(4))), 0.0);
    }

    #[test]
    fn only_the_beginning_of_an_endless_prompt_is_looked_at() {
        assert_eq!(Prefix::of(&conversation(1000)).blocks.len(), MOST_BLOCKS);
        assert!(Prefix::of(b"short").blocks.is_empty());
    }
}
