//! Random numbers that are looked up, not drawn in turn.
//!
//! The number for a token depends on the seed and the place of the token alone. What else is computed in the same step, and whether
//! the sequence was put aside and computed again, cannot shift it.

/// The odd integer nearest to 2^64 divided by the golden ratio, by which the generator counts.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number of `seed` at `place`, from 0 up to 1, not including it: the output of SplitMix64 (Steele, Lea, Flood: OOPSLA 2014) after as
/// many steps.
pub(super) fn uniform(seed: u64, place: u64) -> f64 {
    let bits = mix(mix(seed).wrapping_add(place.wrapping_mul(STEP)));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The seed of one of several answers to the same question. The first has the seed that was asked for.
pub(super) fn seed_of(seed: u64, choice: u64) -> u64 {
    if choice == 0 { seed } else { mix(seed ^ mix(choice)) }
}

fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(STEP);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_spread_evenly_over_places_and_over_seeds() {
        for numbers in [
            (0..10_000).map(|place| uniform(7, place)).collect::<Vec<_>>(),
            (0..10_000).map(|seed| uniform(seed, 3)).collect::<Vec<_>>(),
        ] {
            for tenth in 0..10 {
                let count = numbers.iter().filter(|number| (**number * 10.0) as usize == tenth).count();
                assert!((880..1120).contains(&count), "{tenth}: {count}");
            }
        }
    }

    #[test]
    fn answers_to_the_same_question_have_seeds_of_their_own() {
        assert_eq!(seed_of(5, 0), 5);
        let seeds = [seed_of(5, 0), seed_of(5, 1), seed_of(5, 2), seed_of(6, 1)];
        assert!(seeds.iter().enumerate().all(|(place, seed)| !seeds[..place].contains(seed)));
    }
}
