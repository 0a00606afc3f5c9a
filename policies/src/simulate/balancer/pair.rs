//! The power of two choices: two backends at random, of which the better one gets the request.

use rand::{Rng, RngExt};

use crate::simulate::scenario::BackendId;

/// Two different candidates, in random order; the same one twice where there is no other.
pub(super) fn distinct(candidates: &[BackendId], rng: &mut impl Rng) -> Option<(BackendId, BackendId)> {
    let count = candidates.len();
    if count < 2 {
        return candidates.first().map(|only| (*only, *only));
    }
    let first = rng.random_range(0..count);
    let second = (first + rng.random_range(1..count)) % count;
    Some((*candidates.get(first)?, *candidates.get(second)?))
}

/// Two candidates that may be the same.
pub(super) fn any(candidates: &[BackendId], rng: &mut impl Rng) -> Option<(BackendId, BackendId)> {
    let count = candidates.len();
    if count == 0 {
        return None;
    }
    let (first, second) = (rng.random_range(0..count), rng.random_range(0..count));
    Some((*candidates.get(first)?, *candidates.get(second)?))
}
