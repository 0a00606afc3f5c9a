//! The tokens of a sequence, and what the cache holds of them.

use super::pool::{Pool, Prefix};

/// A sequence as the cache sees it. It holds blocks only while it runs.
#[derive(Debug)]
pub(crate) struct Cached {
    tokens: Vec<u32>,
    /// How many of them are the prompt.
    prompt: usize,
    /// The first so many tokens are in the cache.
    computed: usize,
    blocks: Vec<u32>,
    /// The names of its full blocks, as far as they were needed, behind that of none.
    names: Vec<Prefix>,
    /// How many of its blocks can be found by others.
    sealed: usize,
}

impl Cached {
    /// A sequence of at least one token, none of which is computed.
    pub(crate) fn new(tokens: Vec<u32>, root: Prefix) -> Self {
        Self { prompt: tokens.len(), tokens, computed: 0, blocks: Vec::new(), names: vec![root], sealed: 0 }
    }

    /// All tokens.
    pub(crate) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// How many of them are computed.
    pub(crate) const fn computed(&self) -> usize {
        self.computed
    }

    /// Tokens yet to be computed. After the last of them there is a next one to be chosen.
    pub(crate) fn left(&self) -> usize {
        self.tokens.len() - self.computed
    }

    /// Whether the prompt is computed.
    pub(crate) const fn is_answer(&self) -> bool {
        self.computed >= self.prompt
    }

    /// The tokens that the next step computes, if it computes so many.
    pub(crate) fn next(&self, tokens: usize) -> &[u32] {
        self.tokens.get(self.computed..self.computed + tokens).unwrap_or_default()
    }

    /// The blocks that it holds.
    pub(crate) fn blocks(&self) -> &[u32] {
        &self.blocks
    }

    /// Adds a token.
    pub(crate) fn push(&mut self, token: u32) {
        self.tokens.push(token);
    }

    /// Takes blocks for all its tokens, those first that hold its beginning already, and leaves at least `spare` to others. Otherwise it takes
    /// none.
    pub(crate) fn admit(&mut self, pool: &mut Pool, spare: usize) -> bool {
        // The last token is computed in any case: what follows it is to be known.
        let whole = self.tokens.len().saturating_sub(1) / pool.layout().block_size;
        for block in 0..whole {
            let Some(found) = self.name(block, pool).and_then(|name| pool.find(&name)) else { break };
            self.blocks.push(found);
        }
        let missing = pool.blocks_for(self.tokens.len()).saturating_sub(self.blocks.len());
        if missing + spare > pool.available() {
            self.release(pool);
            return false;
        }
        self.sealed = self.blocks.len();
        self.computed = self.sealed * pool.layout().block_size;
        self.blocks.extend((0..missing).map_while(|_| pool.take()));
        true
    }

    /// Sees to it that there are blocks for all its tokens; false if there are not.
    pub(crate) fn grow(&mut self, pool: &mut Pool) -> bool {
        while !self.has_room(pool)
            && let Some(block) = pool.take()
        {
            self.blocks.push(block);
        }
        self.has_room(pool)
    }

    /// Whether its blocks hold all its tokens.
    pub(crate) fn has_room(&self, pool: &Pool) -> bool {
        self.tokens.len() <= self.blocks.len() * pool.layout().block_size
    }

    /// So many tokens more are computed: the blocks that they fill can be found.
    pub(crate) fn advance(&mut self, tokens: usize, pool: &mut Pool) {
        self.computed += tokens;
        while (self.sealed + 1) * pool.layout().block_size <= self.computed {
            if let (Some(name), Some(block)) = (self.name(self.sealed, pool), self.blocks.get(self.sealed)) {
                pool.seal(*block, name);
            }
            self.sealed += 1;
        }
    }

    /// Gives its blocks back. All its tokens are to be computed again, as far as they are not found.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        pool.release(&self.blocks);
        self.forget();
    }

    /// Its blocks are gone, with the cache.
    pub(crate) fn forget(&mut self) {
        self.blocks.clear();
        self.computed = 0;
        self.sealed = 0;
    }

    /// The name of a full block of it.
    fn name(&mut self, block: usize, pool: &Pool) -> Option<Prefix> {
        let size = pool.layout().block_size;
        while self.names.len() < block + 2 {
            let start = (self.names.len() - 1) * size;
            let name = self.names.last()?.and(self.tokens.get(start..start + size)?);
            self.names.push(name);
        }
        self.names.get(block + 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoder::CacheLayout;

    fn pool(blocks: usize) -> Pool {
        Pool::new(CacheLayout { blocks, block_size: 4 })
    }

    fn sequence(tokens: &[u32], salt: &str) -> Cached {
        Cached::new(tokens.to_vec(), Prefix::root(salt))
    }

    #[test]
    fn a_prompt_that_came_before_is_found_but_for_its_last_token_and_not_by_another_tenant() {
        let mut pool = pool(8);
        let prompt = [1, 2, 3, 4, 5, 6, 7, 8];
        let mut first = sequence(&prompt, "a");
        assert!(first.admit(&mut pool, 0));
        assert_eq!((first.left(), first.blocks().len()), (8, 2));
        first.advance(8, &mut pool);
        let mut again = sequence(&prompt, "a");
        assert!(again.admit(&mut pool, 0));
        assert_eq!((again.computed(), again.next(4)), (4, &[5, 6, 7, 8][..]));
        assert_eq!(again.blocks()[0], first.blocks()[0]);
        let mut other = sequence(&prompt, "b");
        assert!(other.admit(&mut pool, 0));
        assert_eq!(other.computed(), 0);
        for mut sequence in [first, again, other] {
            sequence.release(&mut pool);
        }
        assert_eq!(pool.available(), 8);
    }

    #[test]
    fn what_does_not_fit_takes_nothing() {
        let mut pool = pool(3);
        let mut sequence = sequence(&[0; 9], "");
        assert!(!sequence.admit(&mut pool, 1));
        assert_eq!((pool.available(), sequence.blocks().len()), (3, 0));
        assert!(sequence.admit(&mut pool, 0));
    }

    #[test]
    fn an_answer_takes_a_block_when_it_needs_one_and_is_found_after_it_was_put_aside() {
        let mut pool = pool(3);
        let mut sequence = sequence(&[1, 2, 3], "");
        assert!(sequence.admit(&mut pool, 0));
        sequence.advance(3, &mut pool);
        for token in 4..=8 {
            sequence.push(token);
            assert!(sequence.grow(&mut pool));
            sequence.advance(1, &mut pool);
        }
        assert_eq!((sequence.blocks().len(), pool.available()), (2, 1));
        sequence.push(9);
        sequence.release(&mut pool);
        assert_eq!((sequence.left(), pool.available()), (9, 3));
        assert!(sequence.admit(&mut pool, 0));
        assert_eq!(sequence.next(1), [9]);
    }
}
