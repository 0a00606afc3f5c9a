//! Fetches the local models and loads them, one after the other.

use tradewind_candle::{LoadOptions, load_chat, load_embeddings};
use tradewind_models::{
    ChatEngine, EmbeddingEngine,
    chat::ChatSettings,
    embeddings::EmbeddingSettings,
    fetch::{Cache, ModelFiles, Progress, to_stderr},
    manifest::{Manifest, Task},
};

use super::local::{Engine, LocalEngines};
use crate::config::LocalSettings;

/// Brings each model of `engines` in, or says in its place why it cannot be had. Blocks for as long as that takes.
pub fn load(settings: &LocalSettings, engines: &LocalEngines) {
    let progress = to_stderr();
    for model in engines.models() {
        let engine = engine(model, settings, &*progress).unwrap_or_else(|reason| {
            tracing::error!(model = model.id.as_str(), reason, "a local model is not available");
            Engine::Unavailable(reason)
        });
        engines.set(model, engine);
    }
}
