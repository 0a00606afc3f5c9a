//! How sure it is that a rate is above another.
//!
//! The bound has to hold at every moment, for a canary is looked at after each of its requests: a bound of 95 % at any one look is broken
//! by chance in almost every long run. This one holds at all looks together. Put the odds of the observed sequence under the Krichevsky-Trofimov
//! mixture of all rates against those under the largest allowed one: while the true rate is no higher, that ratio is a supermartingale, and
//! exceeds `1 / alpha` at *any* time with a chance of `alpha` at most (Ville). The mixture is worse than the best rate in hindsight by
//! a factor of `2 sqrt(n)` at most, which leaves `n KL(k/n, rate) >= ln(2 sqrt(n) / alpha)` (Robbins, 1970; Garivier and Cappe, "KL-UCB", 2011).

/// The chance of being wrong, over all looks at one sequence. There are several: a canary has several conditions, each over several spans.
const ALPHA: f64 = 0.01;

/// Whether the rate of which `n` trials showed `k` is above `rate`.
pub(super) fn is_above(k: u64, n: u64, rate: f64) -> bool {
    let (k, n) = (k as f64, n as f64);
    k > rate * n && n * divergence(k / n, rate) >= (2.0 * n.sqrt() / ALPHA).ln()
}

/// A rate that the true one is below, of which `n` trials showed `k`: Wilson's bound of 95 %, one-sided. Such a bound of the others is what the
/// canary is compared with: the fewer they are, the more they are given the benefit of the doubt.
pub(super) fn at_most(k: u64, n: u64) -> f64 {
    const Z: f64 = 1.645;
    if n == 0 {
        return 1.0;
    }
    let (k, n) = (k as f64, n as f64);
    let (rate, z2) = (k / n, Z * Z);
    let centre = rate + z2 / (2.0 * n);
    let spread = Z * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    ((centre + spread) / (1.0 + z2 / n)).min(1.0)
}

/// The place of a percentile among `n` values that the true percentile is below, as a share of them.
pub(super) fn place_at_most(share: f64, n: u64) -> f64 {
    at_most((share * n as f64).round() as u64, n)
}

/// The Kullback-Leibler divergence of two rates, in nats.
fn divergence(p: f64, q: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    term(p, q) + term(1.0 - p, 1.0 - q)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    #[test]
    fn a_rate_at_the_limit_is_called_above_it_in_one_run_of_a_hundred_at_most_however_often_it_is_looked_at() {
        let is_called = |seed: u64| {
            let mut dice = Pcg64::seed_from_u64(seed);
            let mut k = 0;
            (1..=20_000).any(|n| {
                k += u64::from(dice.random_bool(0.02));
                is_above(k, n, 0.02)
            })
        };
        let called = (0..400).filter(|seed| is_called(*seed)).count();
        assert!(called <= 4, "{called} of 400");
    }

    #[test]
    fn a_rate_far_above_is_found_out_soon() {
        let mut n = 1;
        while !is_above(n / 20, n, 0.02) {
            n += 1;
        }
        assert!(n < 550, "{n}");
        assert!(is_above(20, 20, 0.02) && !is_above(0, 20, 0.02) && !is_above(0, 0, 0.02));
        assert!(is_above(1, 20_000, 0.0) && !is_above(20, 20, 1.0));
    }

    #[test]
    fn the_others_are_given_the_benefit_of_the_doubt() {
        assert!((at_most(0, 0) - 1.0).abs() < 1e-12);
        // By R: prop.test(10, 1000, conf.level = 0.9, correct = FALSE)$conf.int[2] = 0.01668.
        assert!((at_most(10, 1_000) - 0.0167).abs() < 2e-4, "{}", at_most(10, 1_000));
        assert!(at_most(0, 100) > at_most(0, 10_000) && at_most(0, 10_000) < 0.001);
        assert!(place_at_most(0.95, 40) > 0.98 && place_at_most(0.95, 100_000) < 0.9521);
    }
}
