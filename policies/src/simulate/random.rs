//! Where random numbers come from: one independent stream for each purpose, so that a backend more or a policy that
//! draws more often leaves all other draws as they were.

use rand_pcg::Pcg64;

use super::arena::Id;
use super::scenario::BackendId;

/// What the numbers are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    /// When requests arrive.
    Arrivals,
    /// How long prompts and answers are.
    Lengths,
    /// Which gateway a request comes to.
    Gateways,
    /// What happens to each request on that backend.
    Backend(BackendId),
    /// The choices of the balancer of that gateway.
    Balancer(usize),
}

/// The numbers for one purpose under one seed: the same for ever and on every machine.
pub(super) fn stream(seed: u64, purpose: Stream) -> Pcg64 {
    let (kind, place) = match purpose {
        Stream::Arrivals => (0, 0),
        Stream::Lengths => (1, 0),
        Stream::Gateways => (2, 0),
        Stream::Backend(backend) => (3, backend.place()),
        Stream::Balancer(gateway) => (4, gateway),
    };
    let number = (place as u64) << 8 | kind;
    // Neighbouring seeds must not give neighbouring states: a PCG's first numbers would be alike.
    let high = scrambled(seed.wrapping_add(scrambled(number)));
    let low = scrambled(high);
    Pcg64::new(u128::from(high) << 64 | u128::from(low), u128::from(number))
}

/// The numbers for a single draw, from a number that was drawn for it.
pub(super) fn single(number: u64) -> Pcg64 {
    Pcg64::new(u128::from(scrambled(number)), 0)
}

/// SplitMix64's output function (Steele, Lea and Flood 2014).
fn scrambled(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn a_seed_means_the_same_for_ever() {
        let mut rng = stream(11, Stream::Arrivals);
        let first: [u64; 2] = [rng.random(), rng.random()];
        assert_eq!(first, [5_713_088_431_425_183_384, 15_275_070_101_523_546_392]);
    }

    #[test]
    fn streams_of_neighbouring_seeds_and_purposes_differ() {
        let first = |seed, purpose| stream(seed, purpose).random::<u64>();
        let numbers = [
            first(1, Stream::Arrivals),
            first(2, Stream::Arrivals),
            first(1, Stream::Lengths),
            first(1, Stream::Balancer(0)),
            first(1, Stream::Balancer(1)),
        ];
        assert!(numbers.iter().enumerate().all(|(place, number)| !numbers[..place].contains(number)));
    }
}
