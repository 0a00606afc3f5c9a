//! The policy in force where no file says otherwise: this process's own models, and nothing else.

use std::str::FromStr;

use super::{Parts, Policy};
use crate::name::{BackendName, InvalidName, ModelAlias, ModelId, RouteName};
use crate::operation::Operations;
use crate::source::PolicyHash;
use crate::spec::{
    BackendIndex, BackendSpec, CapabilityOverrides, Concurrency, Conditions, DataTerms, Drained, InProcess, Pricing, Provider,
    Residency, RouteParts, Routing, ServedModel, TimeoutOverrides, Timeouts,
};
use tradewind_protocol::Operation;

/// The alias of the chat model.
const CHAT_ALIAS: &str = "default";
/// The alias of the embedding model. A word of its own: one alias leads to one model.
const EMBEDDINGS_ALIAS: &str = "default-embeddings";
/// The name of the one backend.
const BACKEND: &str = "local";

impl Policy {
    /// The built-in policy: one backend `local` that serves these models of the registry, each under its id and
    /// under an alias, `default` for the chat model and `default-embeddings` for the embedding model. It declares
    /// no tenants, so each token has to say what it grants.
    ///
    /// With neither model, it serves nothing.
    ///
    /// # Errors
    ///
    /// An id that no model can have.
    pub fn local(chat: Option<&str>, embeddings: Option<&str>) -> Result<Self, InvalidName> {
        let mut models: Vec<ServedModel> = Vec::new();
        let mut aliases = Vec::new();
        let vectors = [Operation::Embeddings, Operation::Infer].into_iter().collect();
        let asked = [(chat, Operations::TEXT, CHAT_ALIAS), (embeddings, vectors, EMBEDDINGS_ALIAS)];
        for (id, operations, alias) in asked {
            let Some(id) = id.map(ModelId::from_str).transpose()? else {
                continue;
            };
            aliases.push((alias.parse::<ModelAlias>()?, id.clone()));
            match models.iter_mut().find(|model| model.id == id) {
                Some(model) => model.operations = model.operations.union(operations),
                None => {
                    let (upstream, capabilities) = ((&id).into(), CapabilityOverrides::default());
                    let (in_process, residency, place) = (InProcess::default(), Residency::default(), None);
                    let (price, weights) = (Pricing::default(), None);
                    models.push(ServedModel {
                        id,
                        upstream,
                        operations,
                        capabilities,
                        price,
                        weights,
                        in_process,
                        residency,
                        place,
                    });
                }
            }
        }
        let timeouts = Timeouts::default();
        let backends = match models.is_empty() {
            true => Vec::new(),
            false => vec![this_process(BACKEND.parse()?, timeouts, models.clone())],
        };
        let route = |(place, model): (usize, ServedModel)| {
            Ok(RouteParts {
                name: format!("{BACKEND}-{place}").parse::<RouteName>()?,
                place: None,
                model: model.id,
                tenants: None,
                conditions: Conditions::default(),
                tiers: vec![vec![BackendIndex(0)]],
                shadow: None,
                larger: None,
                demands: Vec::new(),
                routing: Routing::default(),
                split: None,
                canary: None,
                ceiling_place: None,
                defaults: timeouts,
                overrides: TimeoutOverrides::default(),
            })
        };
        let routes = models.into_iter().enumerate().map(route).collect::<Result<_, InvalidName>>()?;
        let hash = PolicyHash::of(["built-in", chat.unwrap_or(""), embeddings.unwrap_or("")]);
        Ok(Self::compile(Parts { hash, backends, aliases, tenants: None, routes, prices: None }))
    }
}

/// The engine in this process as a backend.
fn this_process(name: BackendName, timeouts: Timeouts, models: Vec<ServedModel>) -> BackendSpec {
    BackendSpec {
        provider: Provider::Local,
        failure_domain: (&name).into(),
        drained: Drained::Never,
        // The engine has a queue of its own.
        concurrency: Concurrency::Unlimited,
        probe: None,
        metrics: None,
        timeouts,
        terms: DataTerms { zero_retention: true, no_training: true },
        models,
        place: None,
        name,
    }
}
