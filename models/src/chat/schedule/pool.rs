//! The blocks of the cache: which are free, which are in use, and which hold the beginning of a prompt that may come again.
//!
//! A block that is full never changes again, so that any number of sequences may refer to it. It is found by a hash of all tokens up to
//! its end. When nobody refers to it any more it keeps its content until the block is needed, the longest unused first.

use std::collections::{BTreeMap, HashMap};

use aws_lc_rs::digest::{Context, SHA256};

use crate::decoder::CacheLayout;

/// The name of what a block holds: all tokens from the beginning of a sequence to the end of the block, and whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Prefix([u8; 32]);

impl Prefix {
    /// What no block holds yet. Sequences of different salts share nothing: whether a prompt is found in the cache can be told from the
    /// time that it takes, and that must not say what others have asked.
    pub(crate) fn root(salt: &str) -> Self {
        Self::digest(&[salt.as_bytes()])
    }

    /// This, and then these tokens. Two different sequences have the same name only by a collision of SHA-256: of a weaker hash, a
    /// client could make one, and be answered from the cache of another prompt.
    pub(crate) fn and(&self, tokens: &[u32]) -> Self {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
        Self::digest(&[&self.0, &bytes])
    }

    fn digest(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        parts.iter().for_each(|part| context.update(part));
        let mut name = [0; 32];
        name.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(name)
    }
}

/// The blocks of one engine.
#[derive(Debug)]
pub(crate) struct Pool {
    layout: CacheLayout,
    blocks: Vec<Block>,
    /// Without content.
    free: Vec<u32>,
    by_prefix: HashMap<Prefix, u32>,
    /// With content and without a user, by when they were last used.
    unused: BTreeMap<u64, u32>,
    releases: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Block {
    users: u32,
    prefix: Option<Prefix>,
    /// Its key in `unused`.
    released: u64,
}

impl Pool {
    pub(crate) fn new(layout: CacheLayout) -> Self {
        let blocks = u32::try_from(layout.blocks).unwrap_or(u32::MAX);
        Self {
            layout,
            blocks: vec![Block::default(); layout.blocks],
            free: (0..blocks).rev().collect(),
            by_prefix: HashMap::new(),
            unused: BTreeMap::new(),
            releases: 0,
        }
    }

    /// Its size.
    pub(crate) const fn layout(&self) -> CacheLayout {
        self.layout
    }

    /// Blocks that so many positions need.
    pub(crate) const fn blocks_for(&self, positions: usize) -> usize {
        positions.div_ceil(self.layout.block_size)
    }

    /// Blocks that could be taken now.
    pub(crate) fn available(&self) -> usize {
        self.free.len() + self.unused.len()
    }

    /// An empty block: a free one, or the one whose content was not used for the longest time.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let taken = match self.free.pop() {
            Some(free) => free,
            None => {
                let (_, oldest) = self.unused.pop_first()?;
                let block = self.block(oldest)?;
                if let Some(prefix) = block.prefix.take() {
                    self.by_prefix.remove(&prefix);
                }
                oldest
            }
        };
        self.block(taken)?.users = 1;
        Some(taken)
    }

    /// The block that holds this, which has one user more.
    pub(crate) fn find(&mut self, prefix: &Prefix) -> Option<u32> {
        let found = *self.by_prefix.get(prefix)?;
        let block = self.block(found)?;
        block.users += 1;
        let (users, released) = (block.users, block.released);
        if users == 1 {
            self.unused.remove(&released);
        }
        Some(found)
    }

    /// The block is full, and this is what it holds. If another block holds the same, that one stays the one that is found.
    pub(crate) fn seal(&mut self, sealed: u32, prefix: Prefix) {
        if self.by_prefix.contains_key(&prefix) {
            return;
        }
        if let Some(block) = self.block(sealed) {
            block.prefix = Some(prefix);
            self.by_prefix.insert(prefix, sealed);
        }
    }

    /// The blocks of a sequence have one user less. Of those that nobody uses then, the last of the sequence is the first to lose its
    /// content: without those before it, it is of no use.
    pub(crate) fn release(&mut self, blocks: &[u32]) {
        for released in blocks.iter().rev() {
            self.releases += 1;
            let stamp = self.releases;
            let Some(block) = self.block(*released) else { continue };
            block.users = block.users.saturating_sub(1);
            if block.users > 0 {
                continue;
            }
            block.released = stamp;
            if block.prefix.is_some() {
                self.unused.insert(stamp, *released);
            } else {
                self.free.push(*released);
            }
        }
    }

    fn block(&mut self, number: u32) -> Option<&mut Block> {
        self.blocks.get_mut(usize::try_from(number).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(blocks: usize) -> Pool {
        Pool::new(CacheLayout { blocks, block_size: 4 })
    }

    #[test]
    fn a_prefix_is_told_by_its_tokens_and_its_salt() {
        let root = Prefix::root("a");
        assert_eq!(root.and(&[1, 2]), Prefix::root("a").and(&[1, 2]));
        assert_ne!(root.and(&[1, 2]), root.and(&[2, 1]));
        assert_ne!(root.and(&[1, 2]), Prefix::root("b").and(&[1, 2]));
        assert_ne!(root.and(&[1]).and(&[2]), root.and(&[2]).and(&[1]));
    }

    #[test]
    fn what_is_released_can_be_found_until_its_block_is_needed() {
        let mut pool = pool(2);
        let prefix = Prefix::root("").and(&[1, 2, 3, 4]);
        let first = pool.take().unwrap();
        pool.seal(first, prefix);
        pool.release(&[first]);
        assert_eq!(pool.available(), 2);
        assert_eq!(pool.find(&prefix), Some(first));
        assert_eq!(pool.available(), 1);
        pool.release(&[first]);
        let both = [pool.take().unwrap(), pool.take().unwrap()];
        assert!(both.contains(&first) && pool.take().is_none());
        assert_eq!(pool.find(&prefix), None);
    }

    #[test]
    fn a_block_is_unused_only_when_its_last_user_is_gone() {
        let mut pool = pool(1);
        let prefix = Prefix::root("").and(&[1, 2, 3, 4]);
        let block = pool.take().unwrap();
        pool.seal(block, prefix);
        assert_eq!(pool.find(&prefix), Some(block));
        pool.release(&[block]);
        assert_eq!((pool.available(), pool.take()), (0, None));
        pool.release(&[block]);
        assert_eq!(pool.available(), 1);
    }

    #[test]
    fn the_longest_unused_goes_first_and_of_one_sequence_the_last_block() {
        let mut pool = pool(3);
        let blocks: Vec<u32> = (0..3).map(|_| pool.take().unwrap()).collect();
        let prefixes = [1, 2, 3].map(|token| Prefix::root("").and(&[token]));
        for (block, prefix) in blocks.iter().zip(prefixes) {
            pool.seal(*block, prefix);
        }
        pool.release(&blocks[2..]);
        pool.release(&blocks[..2]);
        assert_eq!([(); 3].map(|()| pool.take().unwrap()), [blocks[2], blocks[1], blocks[0]]);
    }

    #[test]
    fn of_two_blocks_that_hold_the_same_one_is_found_and_the_other_is_free_when_released() {
        let mut pool = pool(2);
        let prefix = Prefix::root("").and(&[1]);
        let (first, second) = (pool.take().unwrap(), pool.take().unwrap());
        pool.seal(first, prefix);
        pool.seal(second, prefix);
        pool.release(&[second]);
        assert_eq!(pool.take(), Some(second));
        assert_eq!(pool.find(&prefix), Some(first));
    }
}
