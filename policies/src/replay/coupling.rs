//! What moves between two laws of choice, and where to.

use std::collections::BTreeMap;

use super::fit::Key;

/// The odds of each backend.
pub(super) type Odds = BTreeMap<Key, f64>;

/// How a choice under one law becomes one under another, moving as little as can be (a maximal coupling).
#[derive(Clone, Debug, Default)]
pub(super) struct Coupling {
    /// How likely the choice that was made stays.
    pub(super) stays: f64,
    /// Where it goes otherwise: the odds sum up to what does not stay.
    pub(super) moves: Odds,
}

impl Coupling {
    /// Of a choice that was made under `old`.
    pub(super) fn of(chosen: &Key, old: &Odds, new: &Odds) -> Self {
        let odds = |of: &Odds, key: &Key| of.get(key).copied().unwrap_or(0.0);
        let old_odds = odds(old, chosen);
        let stays = if old_odds > 0.0 { (odds(new, chosen) / old_odds).min(1.0) } else { 0.0 };
        let gain = |key: &Key| (odds(new, key) - odds(old, key)).max(0.0);
        // Where nothing gains although something lost, rounding speaks.
        let gained: f64 = new.keys().map(gain).sum();
        let moves = match gained > 1e-12 {
            true => {
                new.keys().map(|key| (key.clone(), (1.0 - stays) * gain(key) / gained)).filter(|(_, odds)| *odds > 0.0).collect()
            }
            false => Odds::new(),
        };
        let stays = if moves.is_empty() { 1.0 } else { stays };
        Self { stays, moves }
    }

    /// Where it goes for a number drawn between 0 and 1; none if it stays.
    pub(super) fn drawn(&self, drawn: f64) -> Option<&Key> {
        let mut left = drawn - self.stays;
        if left < 0.0 {
            return None;
        }
        let found = self.moves.iter().find(|(_, odds)| {
            left -= **odds;
            left < 0.0
        });
        found.or_else(|| self.moves.iter().next_back()).map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &str) -> Key {
        Key { backend: name.to_owned(), model: "m".to_owned() }
    }

    fn odds(weights: [f64; 3]) -> Odds {
        let sum: f64 = weights.iter().sum();
        ["a", "b", "c"]
            .into_iter()
            .zip(weights)
            .filter(|(_, weight)| *weight > 0.0)
            .map(|(name, weight)| (key(name), weight / sum))
            .collect()
    }

    #[test]
    fn the_same_law_moves_nothing() {
        let law = odds([3.0, 1.0, 0.0]);
        let coupling = Coupling::of(&key("b"), &law, &law);
        assert_eq!((coupling.stays, coupling.drawn(0.999)), (1.0, None));
    }

    proptest! {
        #[test]
        fn what_stays_and_what_moves_follow_the_new_law(
            old in prop::array::uniform3(0.0..1.0_f64), new in prop::array::uniform3(0.0..1.0_f64), one in 0.1..1.0_f64,
        ) {
            let (old, new) = (odds([old[0] + one, old[1], old[2]]), odds([new[0], new[1] + one, new[2]]));
            let mut reached = Odds::new();
            for (chosen, probability) in &old {
                let coupling = Coupling::of(chosen, &old, &new);
                *reached.entry(chosen.clone()).or_default() += probability * coupling.stays;
                for (key, odds) in &coupling.moves {
                    *reached.entry(key.clone()).or_default() += probability * odds;
                }
            }
            for (key, odds) in &new {
                let found = reached.get(key).copied().unwrap_or(0.0);
                prop_assert!((found - odds).abs() < 1e-9, "{key:?}: {found} for {odds}");
            }
        }
    }
}
