//! One model, as its keeper sees it.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tradewind_policies::spec::InProcess;

use super::{
    super::{
        Engine, Hold, Memory, Unloaded,
        place::{LoadedIn, Place},
    },
    LoadFailure, Loaded,
};

/// How long to wait after a first failure; twice as long after each further one.
const BACKOFF: Duration = Duration::from_secs(30);
/// The longest of these times.
const LONGEST_BACKOFF: Duration = Duration::from_mins(10);

/// One model.
#[derive(Debug)]
pub(super) struct Model {
    name: String,
    place: Arc<Place>,
    phase: Phase,
    /// Loads that have failed since the last good one.
    failures: u32,
}

/// How far it has come.
#[derive(Debug)]
enum Phase {
    /// It is not there: because another needed its memory while it was idle, or because nobody wanted it.
    Absent { is_idle: bool },
    /// It is being brought in.
    Loading { since: Instant },
    /// Others are letting go of the memory that it needs.
    WaitingForMemory,
    /// It answers.
    Ready { how: InProcess, engines: Vec<Arc<Engine>>, holds: Vec<Hold> },
    /// It answers what it has, until then if that is still to come.
    Leaving { why: Unloaded, engines: Vec<Arc<Engine>>, holds: Vec<Hold>, until: Option<Instant> },
    /// It could not be brought in, or has broken down.
    Failed { retry: Option<Instant>, lacks_memory: bool },
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Rest,
    /// It is to be brought in.
    Load(InProcess),
}

impl Model {
    pub(super) fn new(name: &str, place: Arc<Place>) -> Self {
        Self { name: name.to_owned(), place, phase: Phase::Absent { is_idle: false }, failures: 0 }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Goes one step towards what is asked.
    pub(super) fn step(&mut self, now: Instant, grace: Duration) -> Step {
        self.leave(now);
        let (wanted, at_once) = {
            let mut asked = self.place.asked();
            (asked.wanted(), std::mem::take(&mut asked.at_once))
        };
        match wanted {
            Ok(how) => self.come(how, at_once, now, grace),
            Err(why) => {
                self.go(why, now, grace);
                Step::Rest
            }
        }
    }

    fn come(&mut self, how: InProcess, at_once: bool, now: Instant, grace: Duration) -> Step {
        match &self.phase {
            Phase::Absent { is_idle } if at_once || !is_idle => return Step::Load(how),
            Phase::Failed { retry, .. } if at_once || retry.is_some_and(|retry| retry <= now) => return Step::Load(how),
            Phase::Ready { how: was, .. } if *was != how => self.let_go(Unloaded::Draining, now + grace),
            Phase::Ready { engines, .. } if engines.iter().all(|engine| engine.has_stopped()) => {
                tracing::error!(model = self.name, "the engine of a local model has stopped; it will be loaded anew");
                let reason = "its engine has stopped, because the model could not be computed; the log says why";
                self.failed(&LoadFailure::Failed(reason.to_owned()), now);
            }
            _ => {}
        }
        Step::Rest
    }

    fn go(&mut self, why: Unloaded, now: Instant, grace: Duration) {
        match self.phase {
            Phase::Ready { .. } => self.let_go(why, now + grace),
            Phase::Absent { .. } | Phase::WaitingForMemory | Phase::Failed { .. } => self.absent(why),
            Phase::Loading { .. } | Phase::Leaving { .. } => {}
        }
    }

    /// If it is leaving: it has left, or has had time enough.
    fn leave(&mut self, now: Instant) {
        let Phase::Leaving { why, engines, holds, until } = &mut self.phase else { return };
        if holds.iter().all(Hold::has_ended) {
            let why = *why;
            tracing::info!(model = self.name, "a local model is unloaded");
            return self.absent(why);
        }
        if until.take_if(|until| *until <= now).is_some() {
            engines.iter().for_each(|engine| engine.stop());
        }
    }

    /// When to look at it again, if not when something happens.
    pub(super) fn wake(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Leaving { until, .. } => *until,
            Phase::Failed { retry, .. } => *retry,
            _ => None,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }

    pub(super) fn is_letting_go(&self) -> bool {
        matches!(self.phase, Phase::Leaving { .. })
    }

    /// How many bytes it has of this memory.
    pub(super) fn holds(&self, memory: Memory) -> u64 {
        let Phase::Ready { holds, .. } = &self.phase else { return 0 };
        let of_it = holds.iter().filter_map(Hold::bytes).filter(|(held, _)| held.is_same(memory));
        of_it.map(|(_, bytes)| bytes).sum()
    }

    pub(super) fn loading(&mut self, now: Instant) {
        self.phase = Phase::Loading { since: now };
        self.place.put(vec![Engine::Loading], None);
    }

    /// Its engines answer from now on; how long that took.
    pub(super) fn ready(&mut self, loaded: Vec<Loaded>, how: InProcess, now: Instant) -> Duration {
        let took = match self.phase {
            Phase::Loading { since } => now.saturating_duration_since(since),
            _ => Duration::ZERO,
        };
        let (engines, holds): (Vec<_>, Vec<_>) = loaded.into_iter().map(|loaded| (loaded.engine, loaded.hold)).unzip();
        self.place.put(engines, Some(LoadedIn { time: took, holds: holds.clone() }));
        self.phase = Phase::Ready { how, engines: self.place.engines().to_vec(), holds };
        self.failures = 0;
        took
    }

    /// There is no room for it until others have let go of theirs.
    pub(super) fn wait_for_memory(&mut self) {
        self.phase = Phase::WaitingForMemory;
    }

    /// Some have let go.
    pub(super) fn there_is_memory(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::WaitingForMemory => self.phase = Phase::Absent { is_idle: false },
            Phase::Failed { retry, lacks_memory: true } => *retry = Some(now),
            _ => {}
        }
    }

    pub(super) fn failed(&mut self, failure: &LoadFailure, now: Instant) {
        let waits = BACKOFF.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        let retry = (!matches!(failure, LoadFailure::Never(_))).then(|| now + waits);
        self.phase = Phase::Failed { retry, lacks_memory: matches!(failure, LoadFailure::DoesNotFit(_)) };
        self.place.put(vec![Engine::Unavailable(failure.to_string())], None);
    }

    /// Takes no more requests, and has until then to answer those that it has.
    pub(super) fn let_go(&mut self, why: Unloaded, until: Instant) {
        let phase = std::mem::replace(&mut self.phase, Phase::Absent { is_idle: false });
        let Phase::Ready { engines, holds, .. } = phase else {
            self.phase = phase;
            return;
        };
        self.place.put(vec![Engine::Unloaded(Unloaded::Draining)], None);
        engines.iter().for_each(|engine| engine.close());
        self.phase = Phase::Leaving { why, engines, holds, until: Some(until) };
    }

    fn absent(&mut self, why: Unloaded) {
        self.failures = 0;
        self.phase = Phase::Absent { is_idle: why == Unloaded::Idle };
        let is_shown = matches!(self.place.first().as_deref(), Some(Engine::Unloaded(shown)) if *shown == why);
        if !is_shown {
            self.place.put(vec![Engine::Unloaded(why)], None);
        }
    }
}
