//! The local models, by their id: loading, loaded, unloaded, or not to be had.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tradewind_models::{
    ChatEngine, Classifier, EncoderEngine, Forecast, Full, Registry, Reranker, TokenClassifier,
    manifest::{self, Manifest},
    registry::RegistryErrors,
};
use tradewind_policies::spec::ServedModel;
use tradewind_protocol::{Operation, oip::TensorMetadata};

use super::tensors;

use super::{Budget, Manifests, Named, place::Place};

/// A local model, and how far it has come.
#[derive(Debug, Clone)]
pub enum Engine {
    /// Its files are being fetched, or it is being loaded.
    Loading,
    /// It answers conversations.
    Chat(ChatEngine),
    /// It makes vectors.
    Embeddings(EncoderEngine),
    /// It scores how well documents answer a query.
    Rerank(Reranker),
    /// It labels texts.
    Classification(Classifier),
    /// It finds what texts name.
    TokenClassification(TokenClassifier),
    /// It could not be loaded, and why. Requests go to other backends, if the policy names any.
    Unavailable(String),
    /// It is not loaded, and nothing is wrong with that.
    Unloaded(Unloaded),
}

/// Why a model is not loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unloaded {
    /// It answers the requests that it has, and takes no more.
    Draining,
    /// Another needed its memory while nobody used it. The next request brings it back.
    Idle,
    /// An operator wants it so.
    ByOperator,
    /// The policy does not name it any more.
    NotNamed,
}

impl Engine {
    /// How long a further request would take, with so many tokens in its prompt and so many expected in its answer, or that there is no room
    /// for one. `None` where there is no engine that could tell.
    pub(super) fn forecast(&self, prompt_tokens: usize, output_tokens: usize) -> Option<Result<Forecast, Full>> {
        match self {
            Self::Chat(engine) if engine.has_stopped() => None,
            Self::Chat(engine) => Some(engine.room().map(|()| engine.forecast(prompt_tokens, output_tokens))),
            other => other.encoder().map(|engine| engine.room().map(|()| engine.forecast(prompt_tokens))),
        }
    }

    /// How long a request that came now would wait before it is served.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Chat(engine) => Some(engine.wait()),
            other => other.encoder().map(|engine| engine.forecast(0).first_token),
        }
    }

    /// Whether it has broken down.
    pub(super) fn has_stopped(&self) -> bool {
        match self {
            Self::Chat(engine) => engine.has_stopped(),
            other => other.encoder().is_some_and(EncoderEngine::has_stopped),
        }
    }

    /// Takes no more requests; those that it has are still answered.
    pub(super) fn close(&self) {
        match self {
            Self::Chat(engine) => engine.close(),
            other => other.encoder().into_iter().for_each(EncoderEngine::close),
        }
    }

    /// Ends, whatever it has. What only reads needs not be told: what it has takes seconds.
    pub(super) fn stop(&self) {
        if let Self::Chat(engine) = self {
            engine.stop();
        }
    }

    /// The word for how far it has come.
    pub(super) const fn state(&self) -> State {
        match self {
            Self::Loading => State::Loading,
            Self::Unavailable(_) => State::Failed,
            Self::Unloaded(Unloaded::Draining) => State::Draining,
            Self::Unloaded(_) => State::Unloaded,
            Self::Chat(_) | Self::Embeddings(_) | Self::Rerank(_) | Self::Classification(_) | Self::TokenClassification(_) => {
                State::Ready
            }
        }
    }

    /// The engine of a model that only reads.
    fn encoder(&self) -> Option<&EncoderEngine> {
        match self {
            Self::Embeddings(engine) => Some(engine),
            Self::Rerank(reranker) => Some(reranker.engine()),
            Self::Classification(classifier) => Some(classifier.engine()),
            Self::TokenClassification(classifier) => Some(classifier.engine()),
            Self::Chat(_) | Self::Loading | Self::Unavailable(_) | Self::Unloaded(_) => None,
        }
    }

    /// Whether it can be asked.
    pub(crate) const fn is_ready(&self) -> bool {
        !matches!(self, Self::Loading | Self::Unavailable(_) | Self::Unloaded(_))
    }
}

/// How far a model has come, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum State {
    Loading,
    Ready,
    Failed,
    Draining,
    Unloaded,
}

impl State {
    pub(super) const ALL: [Self; 5] = [Self::Loading, Self::Ready, Self::Failed, Self::Draining, Self::Unloaded];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Draining => "draining",
            Self::Unloaded => "unloaded",
        }
    }
}

/// All of them. Clones share the engines.
///
/// This is what requests and operators see of them; the [`Keeper`](super::Keeper) sees to it that they become what is asked of them.
#[derive(Clone)]
pub struct LocalEngines(Arc<Shared>);

struct Shared {
    epoch: Instant,
    manifests: Manifests,
    registry: ArcSwap<Registry>,
    /// Places are added and never taken away.
    places: ArcSwap<HashMap<String, Arc<Place>>>,
    /// Something else is asked of a model, or some memory is free again.
    changed: Arc<Notify>,
    /// Whether every model that was named at first has come to an end of its loading.
    settled: watch::Sender<bool>,
}

impl Default for LocalEngines {
    fn default() -> Self {
        Self::new(Manifests::BuiltIn, Registry::built_in())
    }
}

impl LocalEngines {
    /// None yet, of the models in this folder of manifests and of those compiled in.
    ///
    /// # Errors
    /// The manifests that cannot be used.
    pub fn open(manifests: Manifests) -> Result<Self, RegistryErrors> {
        let registry = manifests.read()?;
        Ok(Self::new(manifests, registry))
    }

    fn new(manifests: Manifests, registry: Registry) -> Self {
        Self(Arc::new(Shared {
            epoch: Instant::now(),
            manifests,
            registry: ArcSwap::from_pointee(registry),
            places: ArcSwap::default(),
            changed: Arc::default(),
            settled: watch::Sender::new(false),
        }))
    }

    /// Reads the manifests again. Models that are loaded stay as they are.
    ///
    /// # Errors
    /// The manifests that cannot be used; those that were read before stay in force.
    pub fn reread(&self) -> Result<(), RegistryErrors> {
        self.0.registry.store(Arc::new(self.0.manifests.read()?));
        Ok(())
    }

    /// The models that can be named.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.0.registry.load_full()
    }

    /// Asks for the models that a policy names, and for no others but those that an operator wants. Returns at once: what is new is
    /// [`Engine::Loading`] from now on, and what is not named any more answers the requests that it has.
    pub fn follow(&self, named: &Named) {
        for model in named.models() {
            self.place_of(model);
        }
        for (model, place) in self.places().iter() {
            place.asked().policy = named.get(model);
        }
        self.0.changed.notify_one();
    }

    /// The place of the model, new if it has none.
    pub(super) fn place_of(&self, model: &str) -> Arc<Place> {
        if let Some(place) = self.place(model) {
            return place;
        }
        let new = Arc::new(Place::new());
        self.0.places.rcu(|places| {
            let mut places = HashMap::clone(places);
            places.entry(model.to_owned()).or_insert_with(|| Arc::clone(&new));
            places
        });
        self.place(model).unwrap_or(new)
    }

    pub(super) fn place(&self, model: &str) -> Option<Arc<Place>> {
        self.0.places.load().get(model).cloned()
    }

    pub(super) fn places(&self) -> Arc<HashMap<String, Arc<Place>>> {
        self.0.places.load_full()
    }

    /// A budget whose memory the models take, and wait for.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget::new(Arc::clone(&self.0.changed))
    }

    /// Told when something else is asked of a model.
    pub(super) fn changed(&self) -> &Arc<Notify> {
        &self.0.changed
    }

    /// Puts a model in its place.
    #[cfg(test)]
    pub(super) fn set(&self, model: &Manifest, engine: Engine) {
        self.place_of(model.id.as_str()).put(vec![engine], None);
    }

    /// The engine of the model that would begin with a request first, which is counted as use of the model. If the model was unloaded because
    /// nobody used it, this brings it back.
    #[must_use]
    pub fn take(&self, model: &str) -> Option<Arc<Engine>> {
        let place = self.place(model)?;
        self.touch(&place);
        let engine = place.best(0, 0)?;
        if matches!(*engine, Engine::Unloaded(Unloaded::Idle)) {
            place.asked().at_once = true;
            self.0.changed.notify_one();
        }
        Some(engine)
    }

    /// A model counts as used from now on.
    pub(super) fn touch(&self, place: &Place) {
        place.used(self.0.epoch.elapsed());
    }

    /// For how long no request has come for a model, and it has been there.
    pub(super) fn unused_for(&self, place: &Place) -> Duration {
        self.0.epoch.elapsed().saturating_sub(place.last_used())
    }

    /// How far the model has come.
    #[must_use]
    pub fn get(&self, model: &str) -> Option<Arc<Engine>> {
        self.place(model)?.first()
    }

    /// What the model takes and gives by the Open Inference Protocol, if it speaks that.
    #[must_use]
    pub fn tensors(&self, model: &str) -> Option<(Vec<TensorMetadata>, Vec<TensorMetadata>)> {
        let engine = self.get(model)?;
        tensors::of(self.registry().find(model)?, &engine)
    }

    /// How long a further request to the model would take, with so many tokens in its prompt and so many expected in its answer; or that its
    /// engine is full, and when to come back. Asked before a request is sent, so that it can go elsewhere instead. Takes no lock.
    ///
    /// `None` where nobody can tell: the model is not one of these, or is being loaded, or could not be, or has broken down. An attempt says
    /// which.
    #[must_use]
    pub fn forecast(&self, model: &str, prompt_tokens: usize, output_tokens: usize) -> Option<Result<Forecast, Full>> {
        let places = self.0.places.load();
        places.get(model)?.best(prompt_tokens, output_tokens)?.forecast(prompt_tokens, output_tokens)
    }

    /// The models that the policy names, in the order of the registry.
    #[must_use]
    pub fn models(&self) -> Vec<Arc<Manifest>> {
        let places = self.places();
        let is_named = |model: &str| places.get(model).is_some_and(|place| place.asked().policy.is_some());
        let registry = self.registry();
        let named = registry.entries().iter().filter(|entry| is_named(entry.manifest.id.as_str()));
        named.map(|entry| Arc::clone(&entry.manifest)).collect()
    }

    /// Whether every model that was named at first has come to an end of its loading, good or bad. Once that is so, it stays so: a model that
    /// is added later does not make the others less ready.
    #[must_use]
    pub fn are_settled(&self) -> bool {
        self.settle()
    }

    /// Notes that it is so, if it is; whether it is or was.
    pub(super) fn settle(&self) -> bool {
        let is_loading = |place: &Arc<Place>| matches!(place.first().as_deref(), Some(Engine::Loading));
        if !*self.0.settled.borrow() && !self.places().values().any(is_loading) {
            self.0.settled.send_replace(true);
        }
        *self.0.settled.borrow()
    }

    /// Waits for that.
    pub async fn settled(&self) {
        let mut settled = self.0.settled.subscribe();
        // The sender lives as long as this does.
        let _never_closed = settled.wait_for(|settled| *settled).await;
    }

    /// Whether a policy may name the model in this way.
    ///
    /// # Errors
    /// What is wrong, and what is accepted.
    pub fn check(&self, served: &ServedModel) -> Result<(), String> {
        let name = served.upstream.as_str();
        let registry = self.registry();
        let manifest =
            registry.find(name).ok_or_else(|| format!("there is no local model `{name}`; accepted: {}", registry.ids()))?;
        let offered = operations(manifest);
        if served.operations.iter().any(|operation| !offered.contains(&operation)) {
            let list = |quote: &str| offered.iter().map(|one| format!("{quote}{one}{quote}")).collect::<Vec<_>>();
            let (told, quoted) = (list("").join(" and "), list("\"").join(", "));
            return Err(format!("the local model `{name}` serves {told} only; write operations = [{quoted}]"));
        }
        Ok(())
    }
}

/// What a model of the registry serves.
#[must_use]
pub const fn operations(manifest: &Manifest) -> &'static [Operation] {
    match manifest.task {
        manifest::Task::Chat => &[Operation::Chat, Operation::Completions],
        manifest::Task::Embeddings { .. } => &[Operation::Embeddings, Operation::Infer],
        manifest::Task::Rerank => &[Operation::Rerank, Operation::Infer],
        manifest::Task::Classification | manifest::Task::TokenClassification { .. } => &[Operation::Infer],
    }
}

impl fmt::Debug for LocalEngines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.places().keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use tradewind_models::encoder::Input;

    use super::*;
    use crate::{
        backend::local::{not_taken, testing::Held},
        inference::Blame,
    };

    #[test]
    fn a_full_engine_says_so_before_it_is_asked_and_when_it_is() {
        let held = Held::start(());
        let engine = held.engine.clone();

        let manifest = manifest::default_embeddings().unwrap();
        let engines = LocalEngines::default();
        let forecast = || engines.forecast(manifest.id.as_str(), 10, 0);
        assert_eq!(engines.forecast("another", 10, 0), None);
        engines.set(manifest, Engine::Loading);
        assert_eq!(forecast(), None, "it is being loaded");
        assert!(!engines.are_settled());
        engines.set(manifest, Engine::Embeddings(engine.clone()));
        let idle = forecast().unwrap().unwrap();

        let inputs = || vec![Input::Tokens(vec![0; 50])];
        let _running = engine.submit(inputs()).unwrap();
        held.entered();
        let busy = forecast().unwrap().unwrap();
        assert!(busy.first_token > idle.first_token, "{busy:?} {idle:?}");

        let _waiting = engine.submit(inputs()).unwrap();
        let full = forecast().unwrap().unwrap_err();
        assert!(full.retry_after > Duration::ZERO);
        let failure = not_taken(engine.submit(inputs()).unwrap_err());
        assert!(matches!(failure.blame, Blame::RateLimited(Some(_))), "{failure:?}");
        assert!(failure.error.retry_after() >= Some(Duration::from_secs(1)));
    }
}
