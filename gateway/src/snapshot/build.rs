//! From a backend's description in the policy to the backend.

use http::HeaderValue;
use tokio::time::Instant;
use tradewind_policies::{
    BackendName, UpstreamModel,
    spec::{self, BackendSpec, Provider},
};
use tradewind_providers::openai::Endpoint;

use crate::{
    backend::{BackendService, Local, LocalEngines, OpenAi, Secret, SecretError},
    client::{ClientOptions, TlsError, client},
    route::Deployment,
    stack,
    telemetry::DeploymentMetrics,
};

/// Builds backends, all with the same local engines and the same idea of time.
#[derive(Debug, Clone)]
pub struct Builder {
    epoch: Instant,
    engines: LocalEngines,
}

/// A backend that can be tried, and what it was built from beside its description.
#[derive(Clone)]
pub(super) struct Built {
    service: BackendService,
    credential: Option<HeaderValue>,
}

/// Why a backend cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("backend `{backend}`: {reason}")]
pub struct BuildError {
    backend: BackendName,
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("no address for its operations: {0}")]
    Address(#[from] http::uri::InvalidUri),
    #[error("{0}")]
    Local(String),
}

impl Built {
    /// Whether `other` is the same backend with the same credential, so that one may stand for the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.credential == other.credential
    }
}

impl Builder {
    /// A builder whose local backends are served by `engines`.
    #[must_use]
    pub fn new(engines: LocalEngines) -> Self {
        Self { epoch: Instant::now(), engines }
    }

    /// The backend that `spec` describes. Where `known`, built from an equal description, has the same credential, it is taken over with
    /// its connections.
    ///
    /// # Errors
    /// [`BuildError`], which names the backend.
    pub(super) fn build(&self, spec: &BackendSpec, known: Option<&Built>) -> Result<Built, BuildError> {
        let built = match &spec.provider {
            Provider::OpenAi(server) => open_ai(server, spec, known),
            Provider::Local => self.local(spec),
        };
        built.map_err(|reason| BuildError { backend: spec.name.clone(), reason })
    }

    /// The state of one model of a backend.
    pub(super) fn deployment(&self, spec: &BackendSpec, model: &UpstreamModel, built: &Built) -> Deployment {
        let provider = match spec.provider {
            Provider::OpenAi(_) => "openai",
            Provider::Local => "tradewind",
        };
        let metrics = DeploymentMetrics::new(spec.name.as_str(), provider, model.as_str());
        Deployment::new(spec.name.clone(), model.clone(), built.service.clone(), metrics, self.epoch)
    }

    fn local(&self, spec: &BackendSpec) -> Result<Built, Reason> {
        for served in &spec.models {
            self.engines.check(served).map_err(Reason::Local)?;
        }
        Ok(Built { service: stack::attempts(Local::new(self.engines.clone())), credential: None })
    }
}

fn open_ai(server: &spec::OpenAi, spec: &BackendSpec, known: Option<&Built>) -> Result<Built, Reason> {
    let bearer = |place| Secret::read(place)?.bearer(place);
    let credential = server.secret.as_ref().map(bearer).transpose()?;
    if let Some(known) = known.filter(|known| known.credential == credential) {
        return Ok(known.clone());
    }
    let options = ClientOptions { connect: spec.timeouts.connect, http: server.http, ca_file: server.ca_file.clone() };
    let endpoint = Endpoint::below(server.base_url.uri())?;
    let backend = OpenAi::new(endpoint, credential.clone(), client(&options)?);
    Ok(Built { service: stack::attempts(backend), credential })
}
