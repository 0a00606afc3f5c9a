//! A gateway in front of simulated clouds of every kind, each asked by a name of its own.

use tradewind_cloudsim::{Behaviour, CloudKind, Sim, backend_names, policy, secrets};

use super::{Gateway, Setup};

/// Running clouds, and a gateway in front of them.
pub(crate) struct Clouds {
    pub(crate) gateway: Gateway,
    sims: Vec<Sim>,
    backends: Vec<Cloud>,
}

/// One backend of the gateway.
pub(crate) struct Cloud {
    /// The name of the backend, which is also that of its chat model.
    pub(crate) name: String,
    place: usize,
}

impl Clouds {
    /// Starts all of them.
    pub(crate) async fn start() -> Self {
        Self::start_only(CloudKind::ALL).await
    }

    /// Starts these.
    pub(crate) async fn start_only(kinds: &[CloudKind]) -> Self {
        Self::start_with(kinds, |text| text).await
    }

    /// Starts these, with what `change` makes of their policy.
    pub(crate) async fn start_with(kinds: &[CloudKind], change: impl FnOnce(String) -> String) -> Self {
        let behaviour = Behaviour::default();
        let mut sims = Vec::new();
        for kind in kinds {
            sims.push(Sim::start_cloud(*kind, behaviour.clone()).await.unwrap());
        }
        let names = |(place, sim)| backend_names(sim, &behaviour).into_iter().map(move |name| Cloud { name, place });
        let backends = sims.iter().enumerate().flat_map(names).collect();
        // The tests have one environment together, so secrets are read from files.
        let places = tempfile::tempdir().unwrap();
        let mut text = policy(&sims, &behaviour).replace("[tenant.sim]", "[defaults]\nmax_attempts = 10\n[tenant.acme]");
        for (name, value) in secrets(&behaviour) {
            let file = places.path().join(name);
            std::fs::write(&file, value).unwrap();
            text = text.replace(&format!("\"env:{name}\""), &format!("\"file:{}\"", file.display()));
        }
        let gateway = Setup::of_text(&change(text)).keeping(places).start().await;
        Self { gateway, sims, backends }
    }

    /// Each backend.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cloud> {
        self.backends.iter()
    }

    /// Stops the first cloud that is still running: its port is closed, its connections end.
    pub(crate) async fn kill_first(&mut self) {
        self.sims.remove(0).stop().await;
    }

    /// The cloud that a backend leads to.
    pub(crate) fn sim(&self, cloud: &Cloud) -> &Sim {
        &self.sims[cloud.place]
    }
}

impl Cloud {
    /// The model by which the gateway asks this backend alone.
    pub(crate) fn model(&self, operation: &str) -> String {
        if operation == "chat" { self.name.clone() } else { format!("{}-{operation}", self.name) }
    }
}
