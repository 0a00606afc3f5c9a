//! What a route leads to for one model: its backends, and which of them pass each stage.

use std::sync::Arc;

use super::{BackendIndex, BackendSpec, Price, TimeoutOverrides, Timeouts};
use crate::name::{FailureDomain, ModelId, UpstreamModel, Weights};
use crate::operation::Operations;
use tradewind_protocol::Operation;

/// One backend that may serve a request, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which backend.
    pub backend: BackendIndex,
    /// Its tier in the route, from 0: a later tier is for when the earlier ones cannot.
    pub tier: usize,
    /// What that backend calls the model.
    pub model: UpstreamModel,
    /// The limits of one attempt: the built-in ones, overridden by `[defaults]`, the backend and the route, in
    /// this order.
    pub timeouts: Timeouts,
    /// What fails together with that backend: a second attempt elsewhere in the same domain is no second chance.
    pub failure_domain: FailureDomain,
    /// What the model costs there, if that is known.
    pub price: Option<Arc<Price>>,
    /// Which weights the model has there, if the policy says so: those of two targets are the same if their names are.
    pub weights: Option<Weights>,
}

/// How many backends a route may have at most: as many as [`Places`] has bits.
pub(crate) const MOST_TARGETS: usize = 64;

/// Places in [`Lane::all`], as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places(u64);

impl Places {
    fn holds(self, place: usize) -> bool {
        u32::try_from(place).ok().and_then(|place| self.0.checked_shr(place)).is_some_and(|bits| bits & 1 == 1)
    }
}

impl FromIterator<usize> for Places {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        let bit = |place: usize| u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or_default();
        Self(places.into_iter().fold(0, |bits, place| bits | bit(place)))
    }
}

/// Some of the targets of a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets<'p> {
    all: &'p [Target],
    chosen: Places,
}

impl<'p> Targets<'p> {
    pub(crate) fn is_empty(self) -> bool {
        self.chosen == Places::default()
    }

    /// Those of the first tier first.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'p Target> + use<'p> {
        self.all.iter().enumerate().filter(move |(place, _)| self.chosen.holds(*place)).map(|(_, target)| target)
    }
}

/// What a route leads to for one model.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) model: ModelId,
    all: Vec<Target>,
    /// The targets of each operation, in the order of [`Operation::ALL`].
    serving: [Places; Operation::ALL.len()],
}

impl Lane {
    /// Works out once which targets there are, so that a request only reads them. A backend that does not serve the model has none.
    pub(crate) fn compile(
        model: ModelId,
        tiers: &[Vec<BackendIndex>],
        overrides: TimeoutOverrides,
        backends: &[BackendSpec],
    ) -> Self {
        let written = tiers.iter().enumerate().flat_map(|(tier, backends)| backends.iter().map(move |backend| (tier, *backend)));
        let served = written.filter_map(|(tier, index)| {
            let backend = backends.get(index.0)?;
            let served = backend.serves(&model)?;
            let target = Target {
                backend: index,
                tier,
                model: served.upstream.clone(),
                timeouts: backend.timeouts.with(overrides),
                failure_domain: backend.failure_domain.clone(),
                price: served.price.known().cloned(),
                weights: served.weights.clone(),
            };
            Some((target, served.operations))
        });
        let (all, operations): (Vec<_>, Vec<Operations>) = served.unzip();
        let places = |operation| {
            let places = operations.iter().enumerate().filter(|(_, operations)| operations.contains(operation));
            places.map(|(place, _)| place).collect()
        };
        Self { serving: Operation::ALL.map(places), model, all }
    }

    /// Every target, those of the first tier first.
    pub(crate) fn all(&self) -> &[Target] {
        &self.all
    }

    /// The targets that serve `operation`.
    pub(crate) fn serving(&self, operation: Operation) -> Targets<'_> {
        let chosen = Operation::ALL.iter().zip(self.serving).find(|(served, _)| **served == operation);
        Targets { all: &self.all, chosen: chosen.map(|(_, places)| places).unwrap_or_default() }
    }

    /// What at least one target serves.
    pub(crate) fn operations(&self) -> Operations {
        Operation::ALL.into_iter().filter(|operation| !self.serving(*operation).is_empty()).collect()
    }
}
