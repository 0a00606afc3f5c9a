//! The local models that are loaded, by their id.

use std::{collections::HashMap, fmt, sync::Arc};

use tradewind_models::{ChatEngine, EmbeddingEngine, manifest};
use tradewind_policies::spec::ServedModel;
use tradewind_protocol::Operation;

/// A model that was to be loaded.
#[derive(Debug, Clone)]
pub enum Engine {
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
    by_model: Arc<HashMap<String, Engine>>,
}

impl LocalEngines {
    /// These engines.
    #[must_use]
    pub fn new(engines: impl IntoIterator<Item = (String, Engine)>) -> Self {
        Self { by_model: Arc::new(engines.into_iter().collect()) }
    }

    /// The engine of the model.
    #[must_use]
    pub fn get(&self, model: &str) -> Option<Engine> {
        self.by_model.get(model).cloned()
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
pub const fn operation(manifest: &manifest::Manifest) -> Operation {
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
