//! Which requests are copied to their route's shadow.

use rand::{Rng, RngExt};
use tradewind_policies::{
    BackendName, Eligible, Policy,
    spec::{NanoUsd, Target},
};

use super::Planned;

/// A request that was drawn to be copied.
#[derive(Debug)]
pub struct Drawn {
    /// The route's shadow.
    pub backend: BackendName,
    /// How it would serve the request; none if it may not see it.
    pub planned: Option<Planned>,
    /// The most that copies may cost in a day, if that is limited.
    pub max_cost_per_day: Option<NanoUsd>,
    /// What this one is predicted to cost.
    pub predicted: NanoUsd,
}

/// Draws whether the request is copied, each by itself. `plan` says how a target would serve it, and what that is predicted to cost.
pub(super) fn draw(
    eligible: &Eligible<'_>,
    policy: &Policy,
    plan: impl FnOnce(&Target) -> Option<(Planned, Option<NanoUsd>)>,
    rng: &mut impl Rng,
) -> Option<Drawn> {
    let share = eligible.copied_share()?;
    if !rng.random_bool(share.get()) {
        return None;
    }
    let name = |place: usize| policy.backends().get(place).map(|backend| backend.name.clone());
    let Some(shadow) = eligible.shadow() else {
        let backend = name(eligible.left_out_shadow()?.get())?;
        return Some(Drawn { backend, planned: None, max_cost_per_day: None, predicted: NanoUsd::ZERO });
    };
    let (planned, predicted) = plan(shadow.target)?;
    Some(Drawn {
        backend: name(shadow.target.backend.get())?,
        planned: Some(planned),
        max_cost_per_day: shadow.max_cost_per_day,
        predicted: predicted.unwrap_or_default(),
    })
}
