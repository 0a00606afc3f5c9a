//! Grammars and functions, made ready before a request is queued: whoever asks for something difficult waits for it alone.

use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;

use crate::constrain::{Constrainer, Grammar, GrammarError, Pattern, VocabularyError};
use crate::tokenizer::Tokenizer;
use crate::tools::{Offer, Style, Toolbox};

/// How many grammars are compiled at the same time. More would take the processors that answers are computed on.
const AT_ONCE: usize = 2;

/// What compiles the grammars of a model.
#[derive(Debug)]
pub(super) struct Grammars {
    tokenizer: Tokenizer,
    stop_tokens: Vec<u32>,
    style: Style,
    /// Made when it is first needed.
    constrainer: OnceLock<Result<Constrainer, VocabularyError>>,
    turns: Arc<Semaphore>,
}

impl Grammars {
    pub(super) fn new(tokenizer: Tokenizer, stop_tokens: Vec<u32>, style: Style) -> Self {
        Self { tokenizer, stop_tokens, style, constrainer: OnceLock::new(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    pub(super) fn get(&self) -> Result<&Constrainer, &VocabularyError> {
        self.constrainer.get_or_init(|| Constrainer::new(&self.tokenizer, &self.stop_tokens)).as_ref()
    }

    pub(super) async fn compile(self: Arc<Self>, grammar: Grammar) -> Result<Pattern, GrammarError> {
        if let Some(Ok(Some(compiled))) =
            self.constrainer.get().map(|constrainer| constrainer.as_ref().map(|made| made.kept(&grammar)))
        {
            return compiled;
        }
        self.with(move |_, constrainer| constrainer.compile(&grammar)).await
    }

    pub(super) async fn offer(self: Arc<Self>, offer: Offer) -> Result<Toolbox, GrammarError> {
        self.with(move |grammars, constrainer| Toolbox::new(offer, grammars.style, &grammars.tokenizer, constrainer)).await
    }

    async fn with<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Self, &Constrainer) -> Result<T, GrammarError> + Send + 'static,
    ) -> Result<T, GrammarError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| GrammarError::new("the engine has stopped"))?;
        let work = move || {
            // Kept until it is done, whether or not anybody still waits for it.
            let _turn = turn;
            work(&self, self.get().map_err(|error| GrammarError::new(error.to_string()))?)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(GrammarError::new(format!("it could not be compiled: {error}"))))
    }
}
