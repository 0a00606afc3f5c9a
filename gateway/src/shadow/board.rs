//! What is known of one shadow of one route.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use metrics::{Counter, Histogram, counter, histogram};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tradewind_policies::{BackendName, RouteName, decision::ShadowFate, spec::NanoUsd};

use super::{likeness::Likeness, side::Side};
use crate::telemetry::names;

/// So many copies of a route may be under way.
const MOST: usize = 16;
/// So many of the latest pairs are remembered.
const PAIRS: usize = 1000;

/// What is known of one shadow of one route.
#[derive(Debug)]
pub struct Board {
    places: Arc<Semaphore>,
    metrics: BoardMetrics,
    /// Held for a few additions.
    seen: Mutex<Seen>,
}

/// The right to run. Another copy may begin when it is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit);

/// What was seen so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) fates: BTreeMap<ShadowFate, u64>,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    /// The latest pairs of answers that both came to their ends.
    pub(super) pairs: VecDeque<Pair>,
    /// Of how many copies the client's answer failed, or was left.
    pub(super) without_pair: u64,
}

/// Two answers to one request.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) primary: Figures,
    pub(super) shadow: Figures,
    pub(super) likeness: Option<Likeness>,
}

/// What is remembered of an answer; times in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) first_token: Option<f64>,
    pub(super) total: f64,
    pub(super) output_tokens: Option<u64>,
}

impl Figures {
    fn of(side: &Side) -> Self {
        let first_token = side.first_token.map(|first| first.as_secs_f64());
        Self { first_token, total: side.total.as_secs_f64(), output_tokens: side.output_tokens }
    }
}

impl Pair {
    /// How many times as many tokens the copy's answer has.
    pub(super) fn length_ratio(&self) -> Option<f64> {
        let (primary, shadow) = self.primary.output_tokens.zip(self.shadow.output_tokens)?;
        (primary > 0).then(|| shadow as f64 / primary as f64)
    }
}

impl Board {
    pub(super) fn new(route: &RouteName, backend: &BackendName) -> Self {
        let metrics = BoardMetrics::new(route.as_str(), backend.as_str());
        Self { places: Arc::new(Semaphore::new(MOST)), metrics, seen: Mutex::default() }
    }

    pub(super) fn admit(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(Place)
    }

    /// Counts a copy that was drawn.
    pub fn count(&self, fate: ShadowFate) {
        self.metrics.request(fate.as_str()).increment(1);
        self.with(|seen| *seen.fates.entry(fate).or_default() += 1);
    }

    /// An answer to a copy came to its end, or did not.
    pub fn ended(&self, succeeded: bool) {
        self.metrics.request(if succeeded { "succeeded" } else { "failed" }).increment(1);
        self.with(|seen| *(if succeeded { &mut seen.succeeded } else { &mut seen.failed }) += 1);
    }

    /// So much was paid for a copy.
    pub fn paid(&self, cost: NanoUsd) {
        self.metrics.cost.increment(cost.0);
    }

    /// The client's answer failed, or was left: there is nothing to compare with.
    pub fn unpaired(&self) {
        self.with(|seen| seen.without_pair += 1);
    }

    /// Both answers came to their ends. Their embeddings, where they are that, are compared: this may take a while.
    pub fn compare(&self, primary: &Side, shadow: &Side) {
        let likeness = primary.embeddings.as_ref().zip(shadow.embeddings.as_ref());
        let likeness = likeness.and_then(|(primary, shadow)| Likeness::of(primary, shadow));
        let pair = Pair { primary: Figures::of(primary), shadow: Figures::of(shadow), likeness };
        self.metrics.pair(&pair);
        self.with(|seen| {
            seen.pairs.truncate(PAIRS - 1);
            seen.pairs.push_front(pair);
        });
    }

    /// As it is now.
    pub(super) fn seen(&self) -> Seen {
        self.with(|seen| seen.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Seen) -> T) -> T {
        act(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The metrics of one shadow of one route.
#[derive(Debug)]
struct BoardMetrics {
    labels: Vec<metrics::Label>,
    first_token: [Histogram; 2],
    duration: [Histogram; 2],
    length_ratio: Histogram,
    similarity: Histogram,
    cost: Counter,
}

impl BoardMetrics {
    fn new(route: &str, backend: &str) -> Self {
        let labels =
            vec![metrics::Label::new(names::ROUTE, route.to_owned()), metrics::Label::new(names::BACKEND, backend.to_owned())];
        let both = |name: &'static str| {
            ["primary", "shadow"].map(|side| {
                let side = metrics::Label::from_static_parts(names::SIDE, side);
                let labels: Vec<_> = labels.iter().cloned().chain([side]).collect();
                histogram!(name, labels)
            })
        };
        Self {
            first_token: both(names::SHADOW_FIRST_TOKEN),
            duration: both(names::SHADOW_DURATION),
            length_ratio: histogram!(names::SHADOW_LENGTH_RATIO, labels.clone()),
            similarity: histogram!(names::SHADOW_SIMILARITY, labels.clone()),
            cost: counter!(names::SHADOW_COST, labels.clone()),
            labels,
        }
    }

    fn request(&self, outcome: &'static str) -> Counter {
        let outcome = metrics::Label::from_static_parts(names::OUTCOME, outcome);
        let labels: Vec<_> = self.labels.iter().cloned().chain([outcome]).collect();
        counter!(names::SHADOW_REQUESTS, labels)
    }

    fn pair(&self, pair: &Pair) {
        for (figures, (first_token, duration)) in
            [pair.primary, pair.shadow].iter().zip(self.first_token.iter().zip(&self.duration))
        {
            figures.first_token.iter().for_each(|first| first_token.record(*first));
            duration.record(figures.total);
        }
        pair.length_ratio().iter().for_each(|ratio| self.length_ratio.record(*ratio));
        pair.likeness.iter().for_each(|likeness| self.similarity.record(likeness.min));
    }
}
