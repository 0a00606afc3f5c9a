//! The local models, by their id: loading, loaded, or not to be had.

use std::{collections::HashMap, fmt, sync::Arc};

use arc_swap::ArcSwap;
use tradewind_models::{
    ChatEngine, EmbeddingEngine,
    manifest::{self, Manifest},
};
use tradewind_policies::spec::ServedModel;
use tradewind_protocol::Operation;

/// A local model, and how far it has come.
#[derive(Debug, Clone)]
pub enum Engine {
    /// Its files are being fetched, or it is being loaded.
    Loading,
    /// It answers conversations.
    Chat(ChatEngine),
    /// It makes vectors.
    Embeddings(EmbeddingEngine),
    /// It could not be loaded, and why. Requests go to other backends, if the policy names any.
    Unavailable(String),
}

/// All of them. Clones share the engines.
#[derive(Clone, Default)]
pub struct LocalEngines {
    by_model: Arc<HashMap<&'static str, ArcSwap<Engine>>>,
}

impl LocalEngines {
    /// Places for these models of the registry, all of them still loading.
    #[must_use]
    pub fn loading(models: impl IntoIterator<Item = &'static Manifest>) -> Self {
        let place = |manifest: &'static Manifest| (manifest.id.as_str(), ArcSwap::from_pointee(Engine::Loading));
        Self { by_model: Arc::new(models.into_iter().map(place).collect()) }
    }

    /// Puts a model in its place.
    pub fn set(&self, model: &Manifest, engine: Engine) {
        if let Some(place) = self.by_model.get(model.id.as_str()) {
            place.store(Arc::new(engine));
        }
    }

    /// The engine of the model.
    #[must_use]
    pub fn get(&self, model: &str) -> Option<Arc<Engine>> {
        Some(self.by_model.get(model)?.load_full())
    }

    /// The models there are places for, in the order of the registry.
    pub fn models(&self) -> impl Iterator<Item = &'static Manifest> {
        manifest::registry().iter().filter(|manifest| self.by_model.contains_key(manifest.id.as_str()))
    }

    /// Whether every model has come to an end of its loading, good or bad.
    #[must_use]
    pub fn are_settled(&self) -> bool {
        self.by_model.values().all(|place| !matches!(**place.load(), Engine::Loading))
    }

    /// Whether a policy may name the model in this way.
    ///
    /// # Errors
    /// What is wrong, and what is accepted.
    pub fn check(&self, served: &ServedModel) -> Result<(), String> {
        let name = served.upstream.as_str();
        let known = || manifest::registry().iter().map(|manifest| manifest.id.as_str()).collect::<Vec<_>>().join(", ");
        let manifest = manifest::find(name).ok_or_else(|| format!("there is no local model `{name}`; accepted: {}", known()))?;
        let offered = operation(manifest);
        if served.operations.iter().any(|operation| operation != offered) {
            return Err(format!("the local model `{name}` serves {offered} only; write operations = [\"{offered}\"]"));
        }
        if self.by_model.contains_key(name) {
            Ok(())
        } else {
            Err(format!("the local model `{name}` was not in the policy at start; restart the gateway to load it"))
        }
    }
}

/// What a model of the registry serves.
#[must_use]
pub const fn operation(manifest: &Manifest) -> Operation {
    match manifest.task {
        manifest::Task::Chat => Operation::Chat,
        manifest::Task::Embeddings { .. } => Operation::Embeddings,
    }
}

impl fmt::Debug for LocalEngines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_model.keys()).finish()
    }
}
