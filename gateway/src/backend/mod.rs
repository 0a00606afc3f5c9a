//! One backend as a service: an attempt goes in, an [`Answer`] or a [`Failure`] comes out.

mod catalog;
mod load;
mod local;
mod remote;
mod throughput;
mod timeouts;

use std::sync::Arc;

use tower::util::BoxCloneSyncService;
use tradewind_policies::{UpstreamModel, spec::Timeouts};
use tradewind_protocol::Capabilities;

use crate::inference::{Answer, Failure, Inference};

pub use catalog::{CatalogError, adapter};
#[cfg(feature = "local")]
pub use load::usual_memory;
pub use load::{LocalLoader, cache};
pub use local::{
    AskError, Budget, DoesNotFit, Engine, Hold, Keeper, KeeperSettings, Lease, LoadFailure, Loaded, Loader, Local, LocalEngines,
    LocalModel, Manifests, Mebibytes, Memory, ModelReport, Named, Unloaded, Wish, operations,
};
pub use remote::{Owner, Remote, Way};
pub use timeouts::{AttemptTimeouts, AttemptTimeoutsLayer};

/// One try at one backend.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The request.
    pub inference: Inference,
    /// What this backend calls the model.
    pub model: UpstreamModel,
    /// What the model can do there.
    pub capabilities: Arc<Capabilities>,
    /// How long each phase may take.
    pub timeouts: Timeouts,
}

/// A backend, whatever it is made of.
pub type BackendService = BoxCloneSyncService<Attempt, Answer, Failure>;
