//! The real models, fetched once into the user's cache like anybody's, and the golden files.

use std::path::Path;

use serde::de::DeserializeOwned;
use tradewind_models::fetch::{Cache, LogProgress, ModelFiles};
use tradewind_models::manifest::Manifest;

/// The model's files.
pub(crate) fn files(manifest: &Manifest) -> ModelFiles {
    Cache::from_environment().unwrap().ensure(manifest, &LogProgress).unwrap()
}

/// A golden file; the scripts in `golden` made them all.
pub(crate) fn golden<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
