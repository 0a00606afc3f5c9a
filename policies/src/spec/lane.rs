//! What a route leads to for one model: its backends, and which of them pass each stage.

use std::sync::Arc;

use super::{BackendIndex, BackendSpec, Demand, Feature, NanoUsd, Price, Requirement, ServedModel, TimeoutOverrides, Timeouts};
use crate::name::{FailureDomain, ModelId, UpstreamModel, Weights};
use crate::operation::Operations;
use crate::request::Needs;
use tradewind_protocol::{Operation, Usage};

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
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of(place: usize) -> Self {
        Self(u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or_default())
    }

    pub(crate) fn holds(self, place: usize) -> bool {
        !self.and(Self::of(place)).is_empty()
    }
}

impl FromIterator<usize> for Places {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        places.into_iter().map(Self::of).fold(Self::default(), Self::or)
    }
}

/// Some of the targets of a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets<'p> {
    pub(crate) all: &'p [Target],
    pub(crate) chosen: Places,
}

impl<'p> Targets<'p> {
    /// Those of the first tier first.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'p Target> + use<'p> {
        self.all.iter().enumerate().filter(move |(place, _)| self.chosen.holds(*place)).map(|(_, target)| target)
    }
}

/// What a route leads to for one model: its targets, and as bits which of them pass each stage.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) model: ModelId,
    all: Box<[Target]>,
    /// The targets of each operation, in the order of [`Operation::ALL`].
    serving: [Places; Operation::ALL.len()],
    /// Those that meet what the route requires and each of the floors, in the order of [`Floor`].
    admitted: Box<[Places]>,
    /// Those that are said to lack each of the features, in the order of [`Feature::ALL`].
    lacking: [Places; Feature::ALL.len()],
    /// How much room each has, how long its embeddings and its answers are at most; `None` if nobody says.
    sizes: Box<[Sizes]>,
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    context: Option<u64>,
    dimensions: Option<u64>,
    max_output: Option<u64>,
}

/// What a tenant requires, by its place among all that tenants require. The first requires nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Floor(pub(crate) usize);

/// What a lane is made from.
pub(crate) struct LaneParts<'r> {
    pub(crate) model: ModelId,
    pub(crate) tiers: &'r [Vec<BackendIndex>],
    pub(crate) overrides: TimeoutOverrides,
    pub(crate) demands: &'r [Demand],
    pub(crate) floors: &'r [Requirement],
}

impl Lane {
    /// Works out once which targets there are and what each passes, so that a request only reads it. A backend that does not serve the model
    /// is no target.
    pub(crate) fn compile(parts: &LaneParts<'_>, backends: &[BackendSpec]) -> Self {
        let LaneParts { model, tiers, overrides, demands, floors } = parts;
        let written = tiers.iter().enumerate().flat_map(|(tier, backends)| backends.iter().map(move |backend| (tier, *backend)));
        let served = written.filter_map(|(tier, index)| {
            let backend = backends.get(index.0)?;
            let served = backend.serves(model)?;
            let target = Target {
                backend: index,
                tier,
                model: served.upstream.clone(),
                timeouts: backend.timeouts.with(*overrides),
                failure_domain: backend.failure_domain.clone(),
                price: served.price.known().cloned(),
                weights: served.weights.clone(),
            };
            Some((target, (backend, served)))
        });
        let (all, served): (Vec<Target>, Vec<(&BackendSpec, &ServedModel)>) = served.unzip();
        let places = |passes: &dyn Fn(&BackendSpec, &ServedModel) -> bool| -> Places {
            let passing = served.iter().enumerate().filter(|(_, (backend, served))| passes(backend, served));
            passing.map(|(place, _)| place).collect()
        };
        let required = places(&|backend, served| demands.iter().all(|demand| demand.requirement.is_met(backend, served)));
        let admits = |floor: &Requirement| required.and(places(&|backend, served| floor.is_met(backend, served)));
        let sizes = |(_, served): &(&BackendSpec, &ServedModel)| Sizes {
            context: served.capabilities.context,
            dimensions: served.capabilities.dimensions,
            max_output: served.capabilities.max_output,
        };
        Self {
            model: model.clone(),
            serving: Operation::ALL.map(|operation| places(&|_, served| served.operations.contains(operation))),
            admitted: floors.iter().map(admits).collect(),
            lacking: Feature::ALL.map(|feature| places(&|_, served| served.capabilities.lack(feature))),
            sizes: served.iter().map(sizes).collect(),
            all: all.into(),
        }
    }

    /// Every target, those of the first tier first.
    pub(crate) fn all(&self) -> &[Target] {
        &self.all
    }

    /// The targets that serve `operation`.
    pub(crate) fn serving(&self, operation: Operation) -> Places {
        let found = Operation::ALL.iter().zip(self.serving).find(|(served, _)| **served == operation);
        found.map(|(_, places)| places).unwrap_or_default()
    }

    /// The targets that meet what the route requires, and a tenant of that floor; none for a floor that is not known.
    pub(crate) fn admitted(&self, floor: Floor) -> Places {
        self.admitted.get(floor.0).copied().unwrap_or_default()
    }

    /// The targets that are said to be unable to do what is needed.
    pub(crate) fn unable(&self, needs: &Needs) -> Places {
        let lacking = Feature::ALL.iter().zip(self.lacking).filter(|(feature, _)| feature.is_needed(needs));
        let lacking = lacking.map(|(_, places)| places).fold(Places::default(), Places::or);
        let too_short = |sizes: &Sizes| needs.dimensions.zip(sizes.dimensions).is_some_and(|(asked, most)| asked > most);
        lacking.or(self.sized(too_short))
    }

    /// The targets that are said to have no room for the prompt and the answer.
    pub(crate) fn full(&self, needs: &Needs) -> Places {
        self.sized(|sizes| sizes.context.is_some_and(|most| needs.room() > most))
    }

    /// The most tokens that any of `places` has room for, of those of which that is known.
    pub(crate) fn most_room(&self, places: Places) -> Option<u64> {
        self.sizes.iter().enumerate().filter(|(place, _)| places.holds(*place)).filter_map(|(_, sizes)| sizes.context).max()
    }

    /// The targets whose price for the prompt, and for what may be answered, lies above `ceiling`. Those without a price are free.
    pub(crate) fn dear(&self, operation: Operation, needs: &Needs, ceiling: NanoUsd) -> Places {
        let is_dear = |(target, sizes): (&Target, &Sizes)| {
            target.price.as_deref().is_some_and(|price| !price.is_within(ceiling, usage(operation, needs, sizes.max_output)))
        };
        let dear = self.all.iter().zip(&self.sizes).enumerate().filter(|(_, both)| is_dear(*both));
        dear.map(|(place, _)| place).collect()
    }

    /// What each target costs, if that is known, and how much it answers at most.
    pub(crate) fn prices(&self) -> impl Iterator<Item = (&Price, Option<u64>)> {
        self.all.iter().zip(&self.sizes).filter_map(|(target, sizes)| Some((target.price.as_deref()?, sizes.max_output)))
    }

    /// How much room targets have, where that is known.
    pub(crate) fn contexts(&self) -> impl Iterator<Item = u64> {
        self.sizes.iter().filter_map(|sizes| sizes.context)
    }

    /// How long their embeddings are at most, where that is known.
    pub(crate) fn dimensions(&self) -> impl Iterator<Item = u64> {
        self.sizes.iter().filter_map(|sizes| sizes.dimensions)
    }

    /// The features that some target is said to lack.
    pub(crate) fn lacked(&self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().zip(self.lacking).filter(|(_, lacking)| !lacking.is_empty()).map(|(feature, _)| feature)
    }

    fn sized(&self, is: impl Fn(&Sizes) -> bool) -> Places {
        self.sizes.iter().enumerate().filter(|(_, sizes)| is(sizes)).map(|(place, _)| place).collect()
    }

    /// What at least one target serves for a tenant of that floor.
    pub(crate) fn operations(&self, floor: Floor) -> Operations {
        let serves = |operation: &Operation| !self.serving(*operation).and(self.admitted(floor)).is_empty();
        Operation::ALL.into_iter().filter(serves).collect()
    }
}

/// The tokens that a request is charged with before it is sent: those of its prompt, once, and all that may be answered, as often as it asks for an answer.
/// What nobody limits counts as nothing.
pub(crate) fn usage(operation: Operation, needs: &Needs, max_output: Option<u64>) -> Usage {
    let most = needs.max_output_tokens.into_iter().chain(max_output).min().unwrap_or_default();
    let answered = if Operations::TEXT.contains(operation) { most.saturating_mul(needs.answers()) } else { 0 };
    Usage::new(needs.length(), answered)
}
