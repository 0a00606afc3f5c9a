//! Brings the local models in: fetched if need be, loaded, put in their places.

use tradewind_models::{
    fetch::{Progress, to_stderr},
    manifest::Manifest,
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

#[cfg(not(feature = "local"))]
fn engine(_: &Manifest, _: &LocalSettings, _: &dyn Progress) -> Result<Engine, String> {
    Err("this build has no local inference: build it with the feature `local`".to_owned())
}
