//! Brings the local models in: fetched if need be, loaded, put in their places.

use super::local::{Engine, LocalEngines};
use crate::config::LocalSettings;

/// Brings each model of `engines` in, or says in its place why it cannot be had. Blocks for as long as that takes.
pub fn load(settings: &LocalSettings, engines: &LocalEngines) {
    for model in engines.models() {
        let engine = bring_in::engine(model, settings).unwrap_or_else(|reason| {
            tracing::error!(model = model.id.as_str(), reason, "a local model is not available");
            Engine::Unavailable(reason)
        });
        engines.set(model, engine);
    }
}

#[cfg(feature = "local")]
mod bring_in {
    use tradewind_candle::{DeviceChoice, LoadOptions, load_chat, load_encoder};
    use tradewind_models::{
        ChatEngine, Classifier, EncoderEngine, Reranker, TokenClassifier,
        chat::ChatSettings,
        encoder::EncoderSettings,
        fetch::{Cache, FetchError, ModelFiles, to_stderr},
        manifest::{Manifest, Task},
    };

    use crate::{
        backend::Engine,
        config::{Device, LocalSettings},
    };

    pub(super) fn engine(model: &Manifest, settings: &LocalSettings) -> Result<Engine, String> {
        if !settings.enabled {
            return Err("local models are switched off: set `enabled` in [local]".to_owned());
        }
        let files = fetch(model, settings).map_err(|error| error.to_string())?;
        start(model, &files, settings).map_err(|error| error.to_string())
    }

    fn fetch(model: &Manifest, settings: &LocalSettings) -> Result<ModelFiles, FetchError> {
        let cache = match &settings.models {
            Some(folder) => Cache::open(folder),
            None => Cache::from_environment()?,
        };
        cache.ensure(model, &*to_stderr())
    }

    fn start(model: &Manifest, files: &ModelFiles, settings: &LocalSettings) -> Result<Engine, Box<dyn std::error::Error>> {
        let device = match settings.device {
            Device::Auto => DeviceChoice::Auto,
            Device::Cpu => DeviceChoice::Cpu,
            Device::Cuda(number) => DeviceChoice::Cuda(number),
        };
        let options = LoadOptions { device, ..LoadOptions::default() };
        let queue = settings.queue.get();
        let encoder = EncoderSettings { queue, ..EncoderSettings::default() };
        Ok(match model.task {
            Task::Chat => {
                let settings = ChatSettings { queue, ..ChatSettings::default() };
                Engine::Chat(ChatEngine::start(load_chat(model, files, &options)?, settings)?)
            }
            Task::Embeddings { .. } => Engine::Embeddings(EncoderEngine::start(load_encoder(model, files, &options)?, encoder)?),
            Task::Rerank => Engine::Rerank(Reranker::start(load_encoder(model, files, &options)?, encoder)?),
            Task::Classification => Engine::Classification(Classifier::start(load_encoder(model, files, &options)?, encoder)?),
            Task::TokenClassification { window } => {
                let loaded = load_encoder(model, files, &options)?;
                Engine::TokenClassification(TokenClassifier::start(loaded, encoder, window)?)
            }
        })
    }
}

#[cfg(not(feature = "local"))]
mod bring_in {
    use tradewind_models::manifest::Manifest;

    use crate::{backend::Engine, config::LocalSettings};

    pub(super) fn engine(_: &Manifest, _: &LocalSettings) -> Result<Engine, String> {
        Err("this build has no local inference: build it with the feature `local`".to_owned())
    }
}
