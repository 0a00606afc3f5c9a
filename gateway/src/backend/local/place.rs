//! Where a local model is, or will be: what is asked of it, and what became of that.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tradewind_models::{Forecast, Full};
use tradewind_policies::spec::InProcess;

use super::{Engine, Hold, engines::Unloaded};

/// One model. What a request needs of it is read without a lock.
#[derive(Debug)]
pub(super) struct Place {
    /// Never empty. Several engines are as many copies of the model, each on a device of its own.
    engines: ArcSwap<Vec<Arc<Engine>>>,
    /// Milliseconds since the start.
    last_used: AtomicU64,
    asked: Mutex<Asked>,
    loaded: Mutex<Option<LoadedIn>>,
}

/// How a model was loaded.
#[derive(Clone, Debug)]
pub(super) struct LoadedIn {
    pub(super) time: Duration,
    pub(super) holds: Vec<Hold>,
}

/// What is asked of a model.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// By the policy, if it names the model.
    pub(super) policy: Option<InProcess>,
    /// By an operator. It outlives every reload of the policy.
    pub(super) operator: Option<Wish>,
    /// By a request that found it unloaded, or an operator who wants it tried again.
    pub(super) at_once: bool,
}

/// What an operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It should be loaded, whether the policy names it or not.
    Loaded,
    /// It should not.
    Unloaded,
}

impl Asked {
    /// How the model should be run, if it should.
    pub(super) fn wanted(self) -> Result<InProcess, Unloaded> {
        match (self.operator, self.policy) {
            (Some(Wish::Unloaded), _) => Err(Unloaded::ByOperator),
            (None, None) => Err(Unloaded::NotNamed),
            (_, policy) => Ok(policy.unwrap_or_default()),
        }
    }
}

impl Place {
    /// One whose model is being loaded.
    pub(super) fn new() -> Self {
        Self {
            engines: ArcSwap::from_pointee(vec![Arc::new(Engine::Loading)]),
            last_used: AtomicU64::new(0),
            asked: Mutex::default(),
            loaded: Mutex::default(),
        }
    }

    /// Puts engines there, or one that says why there is none.
    pub(super) fn put(&self, engines: Vec<Engine>, loaded: Option<LoadedIn>) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = loaded;
        self.engines.store(Arc::new(engines.into_iter().map(Arc::new).collect()));
    }

    /// All engines.
    pub(super) fn engines(&self) -> Arc<Vec<Arc<Engine>>> {
        self.engines.load_full()
    }

    /// The first engine, which says how far the model has come.
    pub(super) fn first(&self) -> Option<Arc<Engine>> {
        self.engines.load().first().cloned()
    }

    /// The engine that would be done first with a request of so many tokens.
    pub(super) fn best(&self, prompt_tokens: usize, output_tokens: usize) -> Option<Arc<Engine>> {
        let engines = self.engines.load();
        match engines.as_slice() {
            [only] => Some(Arc::clone(only)),
            several => {
                several.iter().min_by_key(|engine| time(engine.forecast(prompt_tokens, output_tokens), output_tokens)).cloned()
            }
        }
    }

    /// A request has come, so long after the start.
    pub(super) fn used(&self, after: Duration) {
        self.last_used.store(u64::try_from(after.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// When the last request came, counted from the start.
    pub(super) fn last_used(&self) -> Duration {
        Duration::from_millis(self.last_used.load(Ordering::Relaxed))
    }

    /// What is asked of it.
    pub(super) fn asked(&self) -> MutexGuard<'_, Asked> {
        // Each change is of one field.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it was loaded, if it is.
    pub(super) fn loaded(&self) -> Option<LoadedIn> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How long a request takes by this forecast; for ever where nothing is known.
fn time(forecast: Option<Result<Forecast, Full>>, output_tokens: usize) -> Duration {
    match forecast {
        Some(Ok(forecast)) => {
            let tokens = u32::try_from(output_tokens).unwrap_or(u32::MAX);
            forecast.first_token.saturating_add(forecast.per_token.saturating_mul(tokens))
        }
        Some(Err(full)) => Duration::from_hours(1).saturating_add(full.retry_after),
        None => Duration::MAX,
    }
}
