//! From a backend's description in the policy to the backend.

use std::sync::Arc;

use tokio::time::Instant;
use tradewind_policies::{
    BackendName, RouteName,
    select::{Health, Prior},
    spec::{self, BackendSpec, Canary, Provider, ServedModel},
};
use tradewind_protocol::{Capabilities, Support};
use tradewind_providers::Adapter;

use crate::{
    backend::{BackendService, CatalogError, Local, LocalEngines, Owner, Remote, Way, adapter},
    client::{ClientOptions, Pages, TlsError, client},
    credential::{Authorizer, Clock, CredentialError, Surroundings},
    route::{Deployment, Drains, Kept, LiveCanary, Server, Site, Switch},
    stack,
    telemetry::DeploymentMetrics,
};

/// Builds backends, all with the same local engines and the same idea of time.
#[derive(Debug, Clone)]
pub struct Builder {
    epoch: Instant,
    engines: LocalEngines,
    surroundings: Surroundings,
    drains: Drains,
    canaries: Kept,
}

/// A backend that can be tried.
#[derive(Clone)]
pub(super) struct Built {
    service: BackendService,
    /// What is known of its provider, if it has one.
    adapter: Option<Arc<dyn Adapter>>,
    /// What adds its credential, if it has one.
    authorizer: Option<Arc<Authorizer>>,
    /// What its requests share.
    server: Arc<Server>,
    /// Its server's pages, if its server is the operator's own.
    pub(super) pages: Option<Arc<Pages>>,
}

impl Built {
    /// Begins to fetch the credential, in a task of its own.
    pub(super) fn warm(&self) {
        if let Some(authorizer) = &self.authorizer {
            authorizer.warm();
        }
    }
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
    Credential(#[from] CredentialError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Adapter(#[from] CatalogError),
    #[error("`host` is the name to ask for at another address: set `base_url` to that address")]
    HostWithoutAddress,
    #[error("{0}")]
    Local(String),
}

impl Builder {
    /// A builder whose local backends are served by `engines`, and whose credentials come from `surroundings`.
    #[must_use]
    pub fn new(engines: LocalEngines, surroundings: Surroundings) -> Self {
        Self { epoch: Instant::now(), engines, surroundings, drains: Drains::default(), canaries: Kept::default() }
    }

    /// The same, which knows of the canaries that were given up before.
    #[must_use]
    pub fn with_canaries(mut self, kept: Kept) -> Self {
        self.canaries = kept;
        self
    }

    /// What tells the time of day.
    pub(super) fn clock(&self) -> Clock {
        self.surroundings.clock.clone()
    }

    /// The local engines of all its backends.
    #[must_use]
    pub const fn engines(&self) -> &LocalEngines {
        &self.engines
    }

    /// The backend that `spec` describes.
    ///
    /// # Errors
    /// [`BuildError`], which names the backend.
    pub(super) fn build(&self, spec: &BackendSpec) -> Result<Built, BuildError> {
        let built = match &spec.provider {
            Provider::Remote(server) => self.remote(server, spec),
            Provider::Local => self.local(spec),
        };
        built.map_err(|reason| BuildError { backend: spec.name.clone(), reason })
    }

    /// How a canary does of which nothing is known yet.
    pub(super) fn canary(&self, route: &RouteName, canary: &Canary) -> LiveCanary {
        LiveCanary::new(route, canary, self.canaries.clone())
    }

    /// What takes a backend out of service.
    pub(super) fn switch(&self, spec: &BackendSpec) -> Switch {
        self.drains.switch(&spec.name)
    }

    /// The state of one model of a backend.
    pub(super) fn deployment(&self, spec: &BackendSpec, served: &ServedModel, built: &Built) -> Deployment {
        let model = &served.upstream;
        let (provider, known) = match &built.adapter {
            Some(adapter) => (adapter.name(), adapter.capabilities(model.as_str())),
            None => ("tradewind", Capabilities { prefill: Support::No, ..Capabilities::UNKNOWN }),
        };
        let capabilities = Arc::new(served.capabilities.apply(known));
        let health = Health::new(Prior::default(), spec.concurrency);
        let metrics = DeploymentMetrics::new(spec.name.as_str(), provider, model.as_str());
        let site = Site {
            backend: spec.name.clone(),
            model: model.clone(),
            capabilities,
            service: built.service.clone(),
            server: Arc::clone(&built.server),
            engines: matches!(spec.provider, Provider::Local).then(|| self.engines.clone()),
        };
        Deployment::new(site, metrics, self.epoch, health, self.switch(spec))
    }

    fn local(&self, spec: &BackendSpec) -> Result<Built, Reason> {
        for served in &spec.models {
            self.engines.check(served).map_err(Reason::Local)?;
        }
        let service = stack::attempts(Local::new(self.engines.clone()));
        Ok(Built { service, adapter: None, authorizer: None, server: Arc::default(), pages: None })
    }

    fn remote(&self, server: &spec::Remote, spec: &BackendSpec) -> Result<Built, Reason> {
        let adapter = adapter(server)?;
        let base_url = server.api.base_url();
        if base_url.is_none() && server.connection.host.is_some() {
            return Err(Reason::HostWithoutAddress);
        }
        let options = ClientOptions::of(&server.connection, base_url, spec.timeouts.connect)?;
        let owner = format!("backend {}", spec.name);
        let authorizer = Arc::new(Authorizer::build(&owner, server, &adapter.authentication(), &self.surroundings)?);
        let client = client(&options)?;
        let owner = if spec.provider.is_paid() { Owner::Vendor } else { Owner::Operator };
        let pages = base_url.filter(|_| owner == Owner::Operator);
        let pages = pages.map(|base_url| Arc::new(Pages::new(client.clone(), base_url, options.host.clone())));
        let way = Way { host: options.host, headers: server.connection.headers.clone() };
        let remote = Remote::new(owner, Arc::clone(&adapter), Arc::clone(&authorizer), client, way);
        let (service, server) = (stack::attempts(remote), Arc::default());
        Ok(Built { service, adapter: Some(adapter), authorizer: Some(authorizer), server, pages })
    }
}
