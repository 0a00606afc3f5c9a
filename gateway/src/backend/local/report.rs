//! What operators are told of the local models, and what they may order.

use metrics::gauge;
use serde::Serialize;

use super::{Engine, LocalEngines, Unloaded, Wish, engines::State, place::Place};
use crate::telemetry::names;

/// One model.
#[derive(Debug, Serialize)]
pub struct ModelReport {
    /// Its id.
    pub model: String,
    /// `loading`, `ready`, `failed`, `draining` or `unloaded`.
    pub state: &'static str,
    /// Why, where the state does not say it.
    pub reason: Option<String>,
    /// Whether the policy in force names it.
    pub in_policy: bool,
    /// What an operator has ordered, if anything.
    pub ordered: Option<&'static str>,
    /// One for each of its engines.
    pub engines: Vec<EngineReport>,
    /// Seconds that it took to bring it in.
    pub loaded_in: Option<f64>,
    /// Seconds since the last request.
    pub unused_for: f64,
}

/// One engine.
#[derive(Debug, Serialize)]
pub struct EngineReport {
    /// On what it computes.
    pub device: String,
    /// Bytes of memory that are set aside for it.
    pub bytes: u64,
    /// Seconds that a request which came now would wait.
    pub wait: Option<f64>,
}

impl LocalEngines {
    /// What is to be told of all models that the policy names or ever named, and of those that an operator has ordered something of.
    #[must_use]
    pub fn reports(&self) -> Vec<ModelReport> {
        let mut reports: Vec<_> = self.places().iter().map(|(model, place)| self.report(model, place)).collect();
        reports.sort_by(|a, b| a.model.cmp(&b.model));
        reports
    }

    fn report(&self, model: &str, place: &Place) -> ModelReport {
        let asked = *place.asked();
        let first = place.first();
        let (holds, loaded_in) = match place.loaded() {
            Some(loaded) => (loaded.holds, Some(loaded.time.as_secs_f64())),
            None => (Vec::new(), None),
        };
        let all = place.engines();
        let engine = |(engine, hold): (&std::sync::Arc<Engine>, &super::Hold)| {
            let (memory, bytes) = hold.bytes()?;
            Some(EngineReport { device: memory.to_string(), bytes, wait: engine.wait().map(|wait| wait.as_secs_f64()) })
        };
        ModelReport {
            model: model.to_owned(),
            state: first.as_ref().map_or(State::Unloaded, |engine| engine.state()).as_str(),
            reason: first.as_ref().and_then(|engine| reason(engine)),
            in_policy: asked.policy.is_some(),
            ordered: asked.operator.map(|wish| match wish {
                Wish::Loaded => "load",
                Wish::Unloaded => "unload",
            }),
            engines: all.iter().zip(&holds).filter_map(engine).collect(),
            loaded_in,
            unused_for: self.unused_for(place).as_secs_f64(),
        }
    }

    /// Does what an operator orders, as far as it can be done at once. Whether there is such a model.
    #[must_use]
    pub fn order(&self, model: &str, wish: Wish) -> bool {
        let is_there = self.place(model).is_some();
        if !is_there && (wish == Wish::Unloaded || self.registry().find(model).is_none()) {
            return false;
        }
        {
            let place = self.place_of(model);
            let mut asked = place.asked();
            asked.operator = Some(wish);
            asked.at_once = wish == Wish::Loaded;
        }
        self.changed().notify_one();
        true
    }

    /// Sets the gauges of the local models.
    pub fn measure(&self) {
        let places = self.places();
        for state in State::ALL {
            let is_so = |place: &&std::sync::Arc<Place>| place.first().is_some_and(|engine| engine.state() == state);
            let count = places.values().filter(is_so).count();
            gauge!(names::LOCAL_MODELS, names::STATE => state.as_str()).set(count as f64);
        }
        for (model, place) in places.iter() {
            let waits = place.engines().iter().filter_map(|engine| engine.wait()).min();
            if let Some(wait) = waits {
                gauge!(names::LOCAL_WAIT, names::MODEL => model.clone()).set(wait);
            }
            let holds = place.loaded().map(|loaded| loaded.holds).unwrap_or_default();
            let bytes: u64 = holds.iter().filter_map(super::Hold::bytes).map(|(_, bytes)| bytes).sum();
            gauge!(names::LOCAL_MEMORY, names::MODEL => model.clone()).set(bytes as f64);
        }
    }
}

fn reason(engine: &Engine) -> Option<String> {
    match engine {
        Engine::Unavailable(reason) => Some(reason.clone()),
        Engine::Unloaded(Unloaded::Idle) => Some("another needed its memory; its next request brings it back".to_owned()),
        Engine::Unloaded(Unloaded::ByOperator) => Some("an operator has ordered it".to_owned()),
        Engine::Unloaded(Unloaded::NotNamed) => Some("the policy does not name it".to_owned()),
        _ => None,
    }
}
