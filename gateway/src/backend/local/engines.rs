//! The local models, by their id: loading, loaded, or not to be had.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use metrics::gauge;
use tradewind_models::{
    ChatEngine, Classifier, EncoderEngine, Forecast, Full, Reranker, TokenClassifier,
    manifest::{self, Manifest},
};
use tradewind_policies::spec::ServedModel;
use tradewind_protocol::{Operation, oip::TensorMetadata};

use super::tensors;

use crate::telemetry::names;

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
}

impl Engine {
    /// How long a further request would take, with so many tokens in its prompt and so many expected in its answer, or that there is no room
    /// for one. `None` where there is no engine that could tell.
    fn forecast(&self, prompt_tokens: usize, output_tokens: usize) -> Option<Result<Forecast, Full>> {
        match self {
            Self::Chat(engine) if engine.has_stopped() => None,
            Self::Chat(engine) => Some(engine.room().map(|()| engine.forecast(prompt_tokens, output_tokens))),
            other => other.encoder().map(|engine| engine.room().map(|()| engine.forecast(prompt_tokens))),
        }
    }

    /// How long a request that came now would wait before it is served.
    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Chat(engine) => Some(engine.wait()),
            other => other.encoder().map(|engine| engine.forecast(0).first_token),
        }
    }

    /// The engine of a model that only reads.
    fn encoder(&self) -> Option<&EncoderEngine> {
        match self {
            Self::Embeddings(engine) => Some(engine),
            Self::Rerank(reranker) => Some(reranker.engine()),
            Self::Classification(classifier) => Some(classifier.engine()),
            Self::TokenClassification(classifier) => Some(classifier.engine()),
            Self::Chat(_) | Self::Loading | Self::Unavailable(_) => None,
        }
    }

    /// Whether it can be asked.
    pub(crate) const fn is_ready(&self) -> bool {
        !matches!(self, Self::Loading | Self::Unavailable(_))
    }
}

/// Where a model's engine is to be found.
struct Place {
    manifest: &'static Manifest,
    engine: ArcSwap<Engine>,
}

/// All of them. Clones share the engines.
#[derive(Clone, Default)]
pub struct LocalEngines {
    by_model: Arc<HashMap<&'static str, Place>>,
}

impl LocalEngines {
    /// Places for these models of the registry, all of them still loading.
    #[must_use]
    pub fn loading(models: impl IntoIterator<Item = &'static Manifest>) -> Self {
        let engine = || ArcSwap::from_pointee(Engine::Loading);
        let place = |manifest: &'static Manifest| (manifest.id.as_str(), Place { manifest, engine: engine() });
        Self { by_model: Arc::new(models.into_iter().map(place).collect()) }
    }

    /// Puts a model in its place.
    pub fn set(&self, model: &Manifest, engine: Engine) {
        if let Some(place) = self.by_model.get(model.id.as_str()) {
            place.engine.store(Arc::new(engine));
        }
    }

    /// The engine of the model.
    #[must_use]
    pub fn get(&self, model: &str) -> Option<Arc<Engine>> {
        Some(self.by_model.get(model)?.engine.load_full())
    }

    /// What the model takes and gives by the Open Inference Protocol, if it speaks that.
    #[must_use]
    pub fn tensors(&self, model: &str) -> Option<(Vec<TensorMetadata>, Vec<TensorMetadata>)> {
        let place = self.by_model.get(model)?;
        tensors::of(place.manifest, &place.engine.load())
    }

    /// How long a further request to the model would take, with so many tokens in its prompt and so many expected in its answer; or that its
    /// engine is full, and when to come back. Asked before a request is sent, so that it can go elsewhere instead. Takes no lock.
    ///
    /// `None` where nobody can tell: the model is not one of these, or is being loaded, or could not be, or has broken down. An attempt says
    /// which.
    #[must_use]
    pub fn forecast(&self, model: &str, prompt_tokens: usize, output_tokens: usize) -> Option<Result<Forecast, Full>> {
        self.by_model.get(model)?.engine.load().forecast(prompt_tokens, output_tokens)
    }

    /// Sets the gauges that tell how long a request to each model would wait.
    pub fn measure(&self) {
        for (model, place) in self.by_model.iter() {
            if let Some(wait) = place.engine.load().wait() {
                gauge!(names::LOCAL_WAIT, names::MODEL => *model).set(wait);
            }
        }
    }

    /// The models there are places for, in the order of the registry.
    pub fn models(&self) -> impl Iterator<Item = &'static Manifest> {
        manifest::registry().iter().filter(|manifest| self.by_model.contains_key(manifest.id.as_str()))
    }

    /// Whether every model has come to an end of its loading, good or bad.
    #[must_use]
    pub fn are_settled(&self) -> bool {
        self.by_model.values().all(|place| !matches!(**place.engine.load(), Engine::Loading))
    }

    /// Whether a policy may name the model in this way.
    ///
    /// # Errors
    /// What is wrong, and what is accepted.
    pub fn check(&self, served: &ServedModel) -> Result<(), String> {
        let name = served.upstream.as_str();
        let known = || manifest::registry().iter().map(|manifest| manifest.id.as_str()).collect::<Vec<_>>().join(", ");
        let manifest = manifest::find(name).ok_or_else(|| format!("there is no local model `{name}`; accepted: {}", known()))?;
        let offered = operations(manifest);
        if served.operations.iter().any(|operation| !offered.contains(&operation)) {
            let list = |quote: &str| offered.iter().map(|one| format!("{quote}{one}{quote}")).collect::<Vec<_>>();
            let (told, quoted) = (list("").join(" and "), list("\"").join(", "));
            return Err(format!("the local model `{name}` serves {told} only; write operations = [{quoted}]"));
        }
        if self.by_model.contains_key(name) {
            Ok(())
        } else {
            Err(format!("the local model `{name}` was not in the policy at start; restart the gateway to load it"))
        }
    }
}

/// What a model of the registry serves.
#[must_use]
pub const fn operations(manifest: &Manifest) -> &'static [Operation] {
    match manifest.task {
        manifest::Task::Chat => &[Operation::Chat],
        manifest::Task::Embeddings { .. } => &[Operation::Embeddings, Operation::Infer],
        manifest::Task::Rerank => &[Operation::Rerank, Operation::Infer],
        manifest::Task::Classification | manifest::Task::TokenClassification { .. } => &[Operation::Infer],
    }
}

impl fmt::Debug for LocalEngines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_model.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use tradewind_models::{
        decoder::ForwardError,
        encoder::{Encoder, EncoderModel, EncoderSettings, Input, Rows, TokenSequence},
        tokenizer::{GgufVocabulary, TokenKind, Tokenizer},
    };

    use super::*;
    use crate::{backend::local::not_taken, inference::Blame};

    /// Announces each forward pass, and waits to be let through.
    struct Held {
        entered: Sender<()>,
        allowed: Receiver<()>,
    }

    impl Encoder for Held {
        fn dimensions(&self) -> usize {
            1
        }

        fn rows(&self) -> Rows {
            Rows::One
        }

        fn max_tokens(&self) -> usize {
            100
        }

        fn vocabulary_size(&self) -> usize {
            1
        }

        fn encode(&mut self, sequences: &[TokenSequence]) -> Result<Vec<Vec<f32>>, ForwardError> {
            let _test_is_over = self.entered.send(());
            let _test_is_over = self.allowed.recv();
            Ok(vec![vec![1.0]; sequences.len()])
        }
    }

    #[test]
    fn a_full_engine_says_so_before_it_is_asked_and_when_it_is() {
        let (entered, has_entered) = channel();
        let (_held_until_the_end, allowed) = channel();
        let vocabulary = GgufVocabulary {
            model: "gpt2".to_owned(),
            pre: "smollm".to_owned(),
            tokens: vec![("a".to_owned(), TokenKind::Text)],
            ..GgufVocabulary::default()
        };
        let tokenizer = Tokenizer::from_gguf(vocabulary).unwrap();
        let model = EncoderModel { encoder: Box::new(Held { entered, allowed }), tokenizer, labels: None };
        let settings = EncoderSettings { queue: 1, rehearsals: 0, ..EncoderSettings::default() };
        let engine = EncoderEngine::start(model, settings).unwrap();

        let manifest = manifest::default_embeddings().unwrap();
        let engines = LocalEngines::loading([manifest]);
        let forecast = || engines.forecast(manifest.id.as_str(), 10, 0);
        assert_eq!(engines.forecast("another", 10, 0), None);
        assert_eq!(forecast(), None, "it is being loaded");
        engines.set(manifest, Engine::Embeddings(engine.clone()));
        let idle = forecast().unwrap().unwrap();

        let inputs = || vec![Input::Tokens(vec![0; 50])];
        let _running = engine.submit(inputs()).unwrap();
        has_entered.recv().unwrap();
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
