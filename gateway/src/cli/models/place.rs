//! Where the commands find files and manifests of local models.

use std::path::PathBuf;

use clap::Args;
use tradewind_models::Registry;
use tradewind_models::fetch::Cache;

use super::ModelsError;
use crate::backend::{Manifests, cache};
use crate::home::Home;

/// Where files and manifests of local models lie.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// Where the files are kept [default: $TRADEWIND_MODELS, else tradewind/models in the user's cache folder]
    #[arg(long = "models", id = "folder", value_name = "DIR", global = true)]
    folder: Option<PathBuf>,
    /// Folder with manifests of further models [default: models in $TRADEWIND_HOME, else in .tradewind]
    #[arg(long, value_name = "DIR", global = true)]
    manifests: Option<PathBuf>,
    /// A licence that is not open source, and that you have read and accept; may be given several times
    #[arg(long = "accept-licence", value_name = "LICENCE", global = true)]
    accept_licences: Vec<String>,
}

impl PlaceArgs {
    /// The cache of files.
    ///
    /// # Errors
    /// Nobody says where it is.
    pub fn cache(&self) -> Result<Cache, ModelsError> {
        Ok(cache(self.folder.clone(), &self.accept_licences)?)
    }

    /// All models that there are manifests of.
    ///
    /// # Errors
    /// The manifests that cannot be used.
    pub fn registry(&self) -> Result<Registry, ModelsError> {
        let usual = || Manifests::PerhapsIn(Home::at(Home::default_dir()).manifests_dir());
        Ok(self.manifests.clone().map_or_else(usual, Manifests::In).read()?)
    }
}
