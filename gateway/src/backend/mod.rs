//! One backend as a service: an attempt goes in, an [`Answer`] or a [`Failure`] comes out.

mod build;
mod client;
mod openai;
mod secret;
mod timeouts;
mod tls;
mod upstream_events;

#[cfg(feature = "local")]
mod local;

use tower::util::BoxCloneSyncService;
use tradewind_policies::{UpstreamModel, spec::Timeouts};

use crate::inference::{Answer, Failure, Inference};

pub use build::{BuildError, Builder};
pub use client::{ClientError, ClientOptions, HttpClient, KeyFetcher, client};
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
