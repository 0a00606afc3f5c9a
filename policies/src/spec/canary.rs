//! The canary of a route: a backend that a share of the sessions goes to first, to see whether it is fit for the others.

use std::fmt;

use super::{BackendIndex, BackendSpec, Lane, LaneParts, Share};
use crate::canary::AbortIf;
use crate::name::{BackendName, RouteName};
use crate::session::{Draw, Session};

/// Keeps this draw apart from others.
const PURPOSE: &[u8] = b"tradewind canary 1\0";

/// Who goes to which backend first, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    backend: BackendName,
    share: Share,
    abort_if: Option<AbortIf>,
    draw: Draw,
}

/// A canary, and where it leads.
#[derive(Clone, Debug)]
pub(crate) struct CanaryLane {
    pub(crate) canary: Canary,
    /// It has this one target.
    pub(crate) lane: Lane,
    /// Whether the backend is in the tiers as well.
    pub(crate) is_in_tiers: bool,
}

impl CanaryLane {
    /// Works out once what the backend passes. The rest of `route` is that of its tiers.
    pub(crate) fn compile(canary: Canary, backend: BackendIndex, route: &LaneParts<'_>, backends: &[BackendSpec]) -> Self {
        let is_in_tiers = route.tiers.iter().flatten().any(|other| *other == backend);
        let tiers = [vec![backend]];
        let lane = Lane::compile(&LaneParts { model: route.model.clone(), tiers: &tiers, ..*route }, backends);
        Self { canary, lane, is_in_tiers }
    }
}

impl Canary {
    pub(crate) fn new(route: &RouteName, backend: BackendName, share: Share, abort_if: Option<AbortIf>) -> Self {
        Self { backend, share, abort_if, draw: Draw::of(PURPOSE, route.as_str()) }
    }

    /// The backend.
    pub fn backend(&self) -> &BackendName {
        &self.backend
    }

    /// How many of the sessions go there first.
    pub fn share(&self) -> Share {
        self.share
    }

    /// When it is given up; nothing says so if there is none.
    pub fn abort_if(&self) -> Option<&AbortIf> {
        self.abort_if.as_ref()
    }

    /// Whether a session goes there first. Its number in the draw has to lie below the share, so that with a larger one those who
    /// were in it stay.
    pub fn holds(&self, session: Session) -> bool {
        let place = (u128::from(session.number_in(self.draw)) * u128::from(Share::WHOLE.hundredths())) >> 64;
        place < u128::from(self.share.hundredths())
    }
}

impl fmt::Display for Canary {
    /// As it is written in a policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backend, share, abort_if, .. } = self;
        write!(f, "{{ backend = \"{backend}\", share = \"{share}\"")?;
        if let Some(conditions) = abort_if {
            write!(f, ", abort_if = \"{conditions}\"")?;
        }
        f.write_str(" }")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSIONS: u32 = 20_000;

    fn canary(route: &str, share: &str) -> Canary {
        Canary::new(&route.parse().unwrap(), "b".parse().unwrap(), share.parse().unwrap(), None)
    }

    fn held(canary: &Canary) -> Vec<bool> {
        let tenant = "acme".parse().unwrap();
        (0..SESSIONS).map(|number| canary.holds(Session::of(&tenant, &number.to_be_bytes()))).collect()
    }

    fn count(held: impl IntoIterator<Item = bool>) -> f64 {
        f64::from(held.into_iter().map(u32::from).sum::<u32>())
    }

    #[test]
    fn a_share_of_the_sessions_is_held_and_growing_keeps_them() {
        let mut before = vec![false; SESSIONS as usize];
        for share in ["0.01%", "1%", "5%", "50%", "99.99%", "100%"] {
            let canary = canary("r", share);
            let (now, wanted) = (held(&canary), canary.share().get());
            // Four standard deviations.
            let tolerance = 4.0 * (wanted * (1.0 - wanted) * f64::from(SESSIONS)).sqrt();
            assert!((count(now.iter().copied()) - wanted * f64::from(SESSIONS)).abs() <= tolerance, "{share}");
            assert!(before.iter().zip(&now).all(|(before, now)| !before || *now), "{share}");
            before = now;
        }
    }

    #[test]
    fn each_route_draws_for_itself() {
        let (one, other) = (held(&canary("r", "50%")), held(&canary("s", "50%")));
        let both = count(one.iter().zip(&other).map(|(one, other)| *one && *other));
        assert!((both / f64::from(SESSIONS) - 0.25).abs() < 0.015, "{both}");
    }

    #[test]
    fn it_is_written_as_in_a_policy() {
        assert_eq!(canary("r", "2.5%").to_string(), "{ backend = \"b\", share = \"2.5%\" }");
        let abort_if = Some("error_rate>2%".parse().unwrap());
        let canary = Canary { abort_if, ..canary("r", "5%") };
        assert_eq!(canary.to_string(), "{ backend = \"b\", share = \"5%\", abort_if = \"error_rate > 2%\" }");
    }
}
