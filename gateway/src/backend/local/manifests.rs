//! Where the manifests of local models lie.

use std::path::PathBuf;

use tradewind_models::{Registry, registry::RegistryErrors};

/// Where the manifests of local models lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifests {
    /// In this build alone.
    BuiltIn,
    /// Also in this folder, which an operator has named.
    In(PathBuf),
    /// Also in this folder, if it is there.
    PerhapsIn(PathBuf),
}

impl Manifests {
    /// Reads them.
    ///
    /// # Errors
    /// All that cannot be used.
    pub fn read(&self) -> Result<Registry, RegistryErrors> {
        match self {
            Self::BuiltIn => Ok(Registry::built_in()),
            Self::In(folder) => Registry::open(folder),
            Self::PerhapsIn(folder) => Registry::open_if_there(folder),
        }
    }
}
