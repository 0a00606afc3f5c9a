//! A backend that is sent copies of some requests of a route, to be compared with those that answer them.

use super::{BackendIndex, BackendSpec, Lane, LaneParts, NanoUsd, Places, Share, Target};

/// The shadow of a route, compiled. It is in no tier, so it has a lane of its own, with the same stages.
#[derive(Clone, Debug)]
pub(crate) struct ShadowSpec {
    pub(crate) lane: Lane,
    pub(crate) share: Share,
    pub(crate) max_cost_per_day: Option<NanoUsd>,
}

/// What the shadow of a route is made from.
#[derive(Clone, Copy)]
pub(crate) struct ShadowParts {
    pub(crate) backend: BackendIndex,
    pub(crate) share: Share,
    pub(crate) max_cost_per_day: Option<NanoUsd>,
}

/// A backend that may be sent a copy of a request. Nobody is answered by it.
#[derive(Clone, Copy, Debug)]
pub struct Shadow<'p> {
    /// Where the copy goes, and within which limits. Its tier means nothing.
    pub target: &'p Target,
    /// How many of the requests that it may see are copied.
    pub share: Share,
    /// The most that its answers may cost in a day of UTC; `None` where nothing is paid for them.
    pub max_cost_per_day: Option<NanoUsd>,
}

impl ShadowSpec {
    /// Works out once what the backend passes. The rest of `route` is that of its tiers.
    pub(crate) fn compile(parts: ShadowParts, route: &LaneParts<'_>, backends: &[BackendSpec]) -> Self {
        let ShadowParts { backend, share, max_cost_per_day } = parts;
        let tiers = [vec![backend]];
        let lane = Lane::compile(&LaneParts { model: route.model.clone(), tiers: &tiers, ..*route }, backends);
        Self { lane, share, max_cost_per_day }
    }

    /// The shadow, if it is among those that passed.
    pub(crate) fn passing(&self, passed: Places) -> Option<Shadow<'_>> {
        // The only place of its lane.
        self.whole().filter(|_| passed.holds(0))
    }

    /// The shadow, whatever it may see.
    pub(crate) fn whole(&self) -> Option<Shadow<'_>> {
        let target = self.lane.all().first()?;
        Some(Shadow { target, share: self.share, max_cost_per_day: self.max_cost_per_day })
    }
}
