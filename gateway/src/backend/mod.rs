//! One backend as a service: an attempt goes in, an [`Answer`] or a [`Failure`] comes out.

mod load;
mod local;
mod openai;
mod timeouts;
mod upstream_events;

use tower::util::BoxCloneSyncService;
use tradewind_policies::{UpstreamModel, spec::Timeouts};

use crate::inference::{Answer, Failure, Inference};

pub use load::load;
pub use local::{Engine, Local, LocalEngines, operation};
pub use openai::OpenAi;
pub use timeouts::{AttemptTimeouts, AttemptTimeoutsLayer};

/// One try at one backend.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The request.
    pub inference: Inference,
    /// What this backend calls the model.
    pub model: UpstreamModel,
    /// How long each phase may take.
    pub timeouts: Timeouts,
}

/// A backend, whatever it is made of.
pub type BackendService = BoxCloneSyncService<Attempt, Answer, Failure>;
