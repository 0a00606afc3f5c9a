//! One task for each page that is fetched again and again, and for as long as the policy in force says so.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use rand::RngExt;
use tokio::{sync::Notify, time::sleep};
use tokio_util::task::AbortOnDropHandle;
use tradewind_policies::{BackendName, spec::Poll};

use super::{check, load};
use crate::{
    client::{PageError, Pages},
    route::Deployment,
    snapshot::{Backend, Snapshot},
};

/// The longest that an answer is waited for: a server that needs more to say that it is well is not.
const PATIENCE: Duration = Duration::from_secs(2);
/// Intervals differ by this share either way, so that gateways that were started together do not ask together for ever.
const JITTER: f64 = 0.1;

/// Watches the servers of the snapshot in force, for ever. Each change of it has to be told.
pub async fn watch(snapshot: Arc<ArcSwap<Snapshot>>, changed: Arc<Notify>) {
    let mut watches = Watches::default();
    loop {
        watches.follow(&snapshot.load());
        changed.notified().await;
    }
}

/// Why a page is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    /// To see whether the server can serve.
    Health,
    /// To see how much it has to do.
    Load,
}

/// The watches under way. They end when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Watches {
    running: HashMap<(BackendName, Purpose), Watch>,
}

#[derive(Debug)]
struct Watch {
    subject: Subject,
    /// Ends the task with it.
    _task: AbortOnDropHandle<()>,
}

impl Watches {
    /// Begins what `snapshot` asks for, ends what it no longer does, and leaves alone what stays as it is.
    pub(super) fn follow(&mut self, snapshot: &Snapshot) {
        let mut before = std::mem::take(&mut self.running);
        for (purpose, subject) in snapshot.backends().flat_map(subjects) {
            let place = (subject.backend.clone(), purpose);
            let same = before.remove(&place).filter(|watch| watch.subject.is(&subject));
            self.running.insert(place, same.unwrap_or_else(|| Watch::begin(purpose, subject)));
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }
}

impl Watch {
    fn begin(purpose: Purpose, subject: Subject) -> Self {
        let task = match purpose {
            Purpose::Health => tokio::spawn(check::check(subject.clone())),
            Purpose::Load => tokio::spawn(load::follow(subject.clone())),
        };
        Self { subject, _task: AbortOnDropHandle::new(task) }
    }
}

/// What is to be fetched of a backend, and why.
fn subjects(backend: &Backend) -> impl Iterator<Item = (Purpose, Subject)> {
    let spec = backend.spec();
    let polls = [(Purpose::Health, &spec.probe), (Purpose::Load, &spec.metrics)];
    polls.into_iter().filter_map(|(purpose, poll)| Some((purpose, Subject::of(backend, poll.as_ref()?)?)))
}

/// A page, and whom it tells something about.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    backend: BackendName,
    pages: Arc<Pages>,
    poll: Poll,
    /// In the order of their models.
    deployments: Vec<Arc<Deployment>>,
}

impl Subject {
    fn of(backend: &Backend, poll: &Poll) -> Option<Self> {
        let mut deployments: Vec<_> = backend.deployments().cloned().collect();
        deployments.sort_unstable_by(|a, b| a.model().cmp(b.model()));
        Some(Self { backend: backend.spec().name.clone(), pages: Arc::clone(backend.pages()?), poll: poll.clone(), deployments })
    }

    /// Whether a watch of this is one of `other`.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pages, &other.pages)
            && self.poll == other.poll
            && self.deployments.len() == other.deployments.len()
            && self.deployments.iter().zip(&other.deployments).all(|(mine, other)| Arc::ptr_eq(mine, other))
    }

    pub(super) const fn backend(&self) -> &BackendName {
        &self.backend
    }

    pub(super) fn deployments(&self) -> &[Arc<Deployment>] {
        &self.deployments
    }

    /// How long after one answer the next is asked for, about.
    pub(super) const fn every(&self) -> Duration {
        self.poll.every
    }

    /// Fetches the page once.
    pub(super) async fn fetch(&self) -> Result<Bytes, PageError> {
        self.pages.get(&self.poll.path, self.every().min(PATIENCE)).await
    }

    /// Waits until it is time again.
    pub(super) async fn pause(&self) {
        let share = rand::rng().random_range(1.0 - JITTER..1.0 + JITTER);
        sleep(self.every().mul_f64(share)).await;
    }
}
