//! How the sessions of a route are shared among some of its backends.
//!
//! Each session draws by rendezvous: every backend gets a number that depends on the session and on itself alone, and the best number in
//! proportion to its weight wins. So a session stays where it is, in every process and without memory, and where weights change, only as many
//! sessions move as have to (Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", SPAA 2005).

use std::fmt;

use super::BackendIndex;
use crate::name::BackendName;
use crate::session::{Draw, Session};

/// Keeps the digest apart from others.
const PURPOSE: &[u8] = b"tradewind split 1\0";

/// The most that a backend can weigh.
pub(crate) const MOST_WEIGHT: u32 = 1_000_000;

/// Which backends draw, and what each weighs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Split(Box<[Part]>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    backend: BackendIndex,
    name: BackendName,
    /// Tells this backend from all others, in every route.
    draw: Draw,
    weight: u32,
}

impl Split {
    /// A split by these weights. What weighs nothing draws nothing.
    pub(crate) fn new(weights: impl IntoIterator<Item = (BackendIndex, BackendName, u32)>) -> Self {
        let weights = weights.into_iter().filter(|(_, _, weight)| *weight > 0);
        Self(
            weights
                .map(|(backend, name, weight)| Part { backend, draw: Draw::of(PURPOSE, name.as_str()), name, weight })
                .collect(),
        )
    }

    /// The backend that `session` draws of those that may serve the request; none if none of them takes part.
    pub(crate) fn draw(&self, session: Session, may_serve: impl Fn(BackendIndex) -> bool) -> Option<BackendIndex> {
        let parts = self.0.iter().filter(|part| may_serve(part.backend));
        let drawn = parts.map(|part| (part.backend, part.distance(session))).min_by(|(_, a), (_, b)| a.total_cmp(b));
        drawn.map(|(backend, _)| backend)
    }
}

impl fmt::Display for Split {
    /// As it is written in a policy, in the order of the backends' names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Part { name, weight, .. }) in self.0.iter().enumerate() {
            write!(f, "{}{name} = {weight}", if number > 0 { ", " } else { "{ " })?;
        }
        f.write_str(" }")
    }
}

impl Part {
    /// How far the session is from here: exponentially distributed over the sessions, with the weight as its rate, so that the nearest of
    /// several is each in proportion to its weight.
    fn distance(&self, session: Session) -> f64 {
        -unit(session.number_in(self.draw)).ln() / f64::from(self.weight)
    }
}

/// Between 0 and 1, and neither.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn unit(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSIONS: u32 = 20_000;

    fn split(weights: &[(&str, u32)]) -> Split {
        let part = |(place, (name, weight)): (usize, &(&str, u32))| (BackendIndex(place), name.parse().unwrap(), *weight);
        Split::new(weights.iter().enumerate().map(part))
    }

    fn draws(split: &Split) -> Vec<usize> {
        let tenant = "acme".parse().unwrap();
        let session = |number: u32| Session::of(&tenant, &number.to_be_bytes());
        (0..SESSIONS).map(|number| split.draw(session(number), |_| true).unwrap().0).collect()
    }

    fn share(draws: &[usize], of: usize) -> f64 {
        draws.iter().filter(|drawn| **drawn == of).count() as f64 / f64::from(SESSIONS)
    }

    #[test]
    fn sessions_are_shared_in_proportion_to_the_weights() {
        let drawn = draws(&split(&[("a", 70), ("b", 25), ("c", 5), ("d", 0)]));
        for (place, wanted) in [0.70, 0.25, 0.05, 0.0].into_iter().enumerate() {
            // Four standard deviations of 20,000 draws.
            let tolerance = 4.0 * (wanted * (1.0 - wanted) / f64::from(SESSIONS)).sqrt();
            assert!((share(&drawn, place) - wanted).abs() <= tolerance, "{place}: {}", share(&drawn, place));
        }
    }

    #[test]
    fn a_change_of_weights_moves_only_towards_what_grew_and_no_more_than_it_has_to() {
        let (before, after) = (draws(&split(&[("a", 90), ("b", 10)])), draws(&split(&[("a", 80), ("b", 20)])));
        let moved: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
        assert!(moved.iter().all(|(before, after)| (**before, **after) == (0, 1)));
        let moved = moved.len() as f64 / f64::from(SESSIONS);
        assert!((moved - 0.10).abs() < 0.01, "{moved}");
    }

    #[test]
    fn of_a_backend_that_may_not_serve_only_its_own_sessions_move() {
        let split = split(&[("a", 1), ("b", 1), ("c", 1)]);
        let tenant = "acme".parse().unwrap();
        for number in 0..2_000_u32 {
            let session = Session::of(&tenant, &number.to_be_bytes());
            let (whole, without) = (split.draw(session, |_| true).unwrap(), split.draw(session, |one| one.0 != 1).unwrap());
            assert!(whole == without || whole.0 == 1, "{number}");
            assert_eq!(split.draw(session, |_| false), None);
        }
    }

    #[test]
    fn where_a_session_stays_does_not_depend_on_the_order_of_the_backends() {
        let (one, other) = (split(&[("a", 3), ("b", 7)]), split(&[("b", 7), ("a", 3)]));
        let swapped: Vec<_> = draws(&other).into_iter().map(|place| 1 - place).collect();
        assert_eq!(draws(&one), swapped);
    }
}
