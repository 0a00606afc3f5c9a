//! Sees to it that the local models become what is asked of them: brought in, let go of, tried again.
//!
//! What is asked is a state, not a queue of orders: by the policy in force, by operators, by requests. Whenever that changes, or a model has come
//! in, or memory is free again, or a time is up, each model goes one step towards it. So nothing is lost if much changes at once, and what was
//! asked and taken back was never done.
//!
//! Files are fetched and weights read on threads of their own, which nobody waits for when the process ends: a download that is under way is
//! taken up again at the next start.

mod model;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use metrics::{counter, histogram};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tradewind_models::manifest::Manifest;
use tradewind_policies::spec::InProcess;

use self::model::{Model, Step};
use super::{DoesNotFit, Engine, Hold, LocalEngines, Unloaded};
use crate::telemetry::names;

/// How often it is looked whether an engine has broken down.
const LOOK: Duration = Duration::from_secs(5);

/// Brings models in.
pub trait Loader: Send + Sync + 'static {
    /// Brings a model in, and starts its engines. Blocks for as long as that takes.
    ///
    /// # Errors
    /// [`LoadFailure`].
    fn load(&self, manifest: &Manifest, how: InProcess) -> Result<Vec<Loaded>, LoadFailure>;
}

impl Loader for Arc<dyn Loader> {
    fn load(&self, manifest: &Manifest, how: InProcess) -> Result<Vec<Loaded>, LoadFailure> {
        (**self).load(manifest, how)
    }
}

/// An engine that runs.
#[derive(Debug)]
pub struct Loaded {
    /// The engine.
    pub engine: Engine,
    /// What it holds of which memory.
    pub hold: Hold,
}

/// Why a model is not there.
#[derive(Debug, thiserror::Error)]
pub enum LoadFailure {
    /// There is not enough memory.
    #[error(transparent)]
    DoesNotFit(#[from] DoesNotFit),
    /// It may go better another time.
    #[error("{0}")]
    Failed(String),
    /// It will not, in this process.
    #[error("{0}")]
    Never(String),
}

/// How patient a keeper is.
#[derive(Clone, Copy, Debug)]
pub struct KeeperSettings {
    /// After how long without a request a model may be unloaded when another needs its memory.
    pub idle_unload: Option<Duration>,
    /// How long requests under way may go on when their model is unloaded.
    pub grace: Duration,
}

/// Keeps the models as they should be.
#[derive(Debug)]
pub struct Keeper<L> {
    engines: LocalEngines,
    loader: Arc<L>,
    settings: KeeperSettings,
    models: BTreeMap<String, Model>,
    tell: mpsc::UnboundedSender<Outcome>,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
}

/// What became of a load.
#[derive(Debug)]
struct Outcome {
    model: String,
    how: InProcess,
    result: Result<Vec<Loaded>, LoadFailure>,
}

impl<L: Loader> Keeper<L> {
    /// A keeper of `engines`, of which there must be no other.
    #[must_use]
    pub fn new(engines: LocalEngines, loader: L, settings: KeeperSettings) -> Self {
        let (tell, outcomes) = mpsc::unbounded_channel();
        Self { engines, loader: Arc::new(loader), settings, models: BTreeMap::new(), tell, outcomes }
    }

    /// Keeps them for ever.
    pub async fn run(mut self) {
        let changed = Arc::clone(self.engines.changed());
        loop {
            let wake = self.step(Instant::now());
            tokio::select! {
                () = changed.notified() => {}
                Some(outcome) = self.outcomes.recv() => self.came(outcome, Instant::now()),
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Lets every model go one step; when to look again.
    fn step(&mut self, now: Instant) -> Instant {
        let was_letting_go = self.is_letting_go();
        let mut to_load = Vec::new();
        for (name, place) in self.engines.places().iter() {
            let model = self.models.entry(name.clone()).or_insert_with(|| Model::new(name, Arc::clone(place)));
            if let Step::Load(how) = model.step(now, self.settings.grace) {
                to_load.push((name.clone(), how));
            }
        }
        for (name, how) in to_load {
            let begun = self.begin(&name, how);
            let Some(model) = self.models.get_mut(&name) else { continue };
            match begun {
                Ok(()) => model.loading(now),
                Err(failure) => model.failed(&failure, now),
            }
        }
        if was_letting_go && !self.is_letting_go() {
            self.retry_what_did_not_fit(now);
        }
        self.engines.settle();
        let wakes = self.models.values().filter_map(Model::wake);
        wakes.fold(now + LOOK, Instant::min)
    }

    fn is_letting_go(&self) -> bool {
        self.models.values().any(Model::is_letting_go)
    }

    fn retry_what_did_not_fit(&mut self, now: Instant) {
        for model in self.models.values_mut() {
            model.there_is_memory(now);
        }
        self.engines.changed().notify_one();
    }

    /// Begins to load a model.
    fn begin(&self, name: &str, how: InProcess) -> Result<(), LoadFailure> {
        let missing = || LoadFailure::Never(format!("there is no manifest of the model {name} any more"));
        let manifest = self.engines.registry().find(name).cloned().ok_or_else(missing)?;
        let (loader, tell, model) = (Arc::clone(&self.loader), self.tell.clone(), name.to_owned());
        let work = move || {
            let loaded = catch_unwind(AssertUnwindSafe(|| loader.load(&manifest, how)));
            let panicked = || LoadFailure::Failed("loading it panicked; the log says where".to_owned());
            let result = loaded.unwrap_or_else(|_| Err(panicked()));
            // Nobody hears it only where the process ends.
            let _unheard = tell.send(Outcome { model, how, result });
        };
        let started = std::thread::Builder::new().name("tw-load".to_owned()).spawn(work);
        let none = |error| LoadFailure::Failed(format!("the system gives no thread to load it: {error}"));
        started.map(|_runs_by_itself| ()).map_err(none)
    }

    /// A model has come in, or has not.
    fn came(&mut self, outcome: Outcome, now: Instant) {
        let Outcome { model: name, how, result } = outcome;
        let label = if result.is_ok() { "ok" } else { "error" };
        counter!(names::LOCAL_LOADS, names::MODEL => name.clone(), names::RESULT => label).increment(1);
        let room_is_made = match &result {
            Err(LoadFailure::DoesNotFit(missing)) => self.make_room(missing, now),
            _ => false,
        };
        let Some(model) = self.models.get_mut(&name) else { return };
        match result {
            Ok(loaded) => {
                let took = model.ready(loaded, how, now);
                self.engines.touch(model.place());
                histogram!(names::LOCAL_LOAD, names::MODEL => name.clone()).record(took.as_secs_f64());
                tracing::info!(model = name, seconds = took.as_secs_f64(), "a local model has come in");
            }
            Err(_) if room_is_made => model.wait_for_memory(),
            Err(failure) => {
                tracing::error!(model = name, reason = %failure, "a local model is not available");
                model.failed(&failure, now);
            }
        }
    }

    /// Lets go of models that nobody has used for a time, the longest unused first, if that makes enough room; whether it does.
    fn make_room(&mut self, missing: &DoesNotFit, now: Instant) -> bool {
        let Some(patience) = self.settings.idle_unload else { return false };
        let mut idle: Vec<(Duration, u64, &mut Model)> = Vec::new();
        for model in self.models.values_mut() {
            let bytes = model.holds(missing.memory);
            let unused = self.engines.unused_for(model.place());
            if bytes > 0 && unused >= patience && model.is_ready() {
                idle.push((unused, bytes, model));
            }
        }
        idle.sort_by_key(|(unused, ..)| std::cmp::Reverse(*unused));
        let mut lacking = missing.needed.saturating_sub(missing.free);
        let mut leaving = Vec::new();
        for (_, bytes, model) in idle {
            if lacking > 0 {
                lacking = lacking.saturating_sub(bytes);
                leaving.push(model);
            }
        }
        if lacking > 0 {
            return false;
        }
        for model in leaving {
            model.let_go(Unloaded::Idle, now + self.settings.grace);
        }
        true
    }
}
