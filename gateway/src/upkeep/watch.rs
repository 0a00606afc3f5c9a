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
    /// Ends with this.
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
    polls.into_iter().filter_map(move |(purpose, poll)| Some((purpose, Subject::of(backend, poll.as_ref()?)?)))
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

#[cfg(test)]
mod tests {
    use tradewind_policies::{Policy, SourceFile};

    use super::*;
    use crate::{context::testing::builder, snapshot::Builder};

    fn snapshot(builder: &Builder, backends: &str, previous: Option<&Snapshot>) -> Snapshot {
        let policy = Policy::parse(&[SourceFile::new("policy.toml", format!("version = 1\n{backends}"))]).unwrap();
        Snapshot::build(policy, builder, previous).unwrap()
    }

    fn server(name: &str, more: &str) -> String {
        format!("[backend.{name}]\nprovider = \"vllm\"\nbase_url = \"http://127.0.0.1:1/v1\"\nmodels.m = {{}}\n{more}\n")
    }

    /// The tasks under way, which tell those that go on from those that begin anew.
    fn tasks(watches: &Watches) -> HashMap<(String, Purpose), tokio::task::Id> {
        watches
            .running
            .iter()
            .map(|((name, purpose), watch)| ((name.to_string(), *purpose), watch._task.abort_handle().id()))
            .collect()
    }

    #[tokio::test]
    async fn only_what_changes_begins_anew_and_nothing_goes_on_that_is_not_asked_for() {
        let (builder, mut watches) = (builder(), Watches::default());
        let first = snapshot(&builder, &(server("a", "") + &server("b", "metrics = false")), None);
        watches.follow(&first);
        let before = tasks(&watches);
        assert_eq!(before.len(), 3);

        // A price says nothing of how to watch.
        let text =
            server("a", "probe = { every = \"1s\" }").replace("models.m = {}", "models.m = { price = { in = 1, out = 2 } }");
        let second = snapshot(&builder, &(text + &server("c", "")), Some(&first));
        watches.follow(&second);
        let after = tasks(&watches);
        let place = |name: &str, purpose| (name.to_owned(), purpose);
        assert_eq!(after.len(), 4);
        assert_eq!(after[&place("a", Purpose::Load)], before[&place("a", Purpose::Load)]);
        assert_ne!(after[&place("a", Purpose::Health)], before[&place("a", Purpose::Health)]);
        assert!(!after.contains_key(&place("b", Purpose::Health)));

        watches.follow(&snapshot(&builder, &server("a", "probe = false\nmetrics = false"), Some(&second)));
        assert!(watches.running.is_empty());
    }
}
