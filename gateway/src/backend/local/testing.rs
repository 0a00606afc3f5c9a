//! An engine for tests, whose model computes when it is allowed to.

use std::sync::{
    Mutex,
    mpsc::{Receiver, Sender, channel},
};

use tradewind_models::{
    EncoderEngine,
    decoder::ForwardError,
    encoder::{Encoder, EncoderModel, EncoderSettings, Rows, TokenSequence},
    tokenizer::{GgufVocabulary, TokenKind, Tokenizer},
};

/// An engine that takes one request beside the one that it computes.
pub(super) struct Held {
    pub(super) engine: EncoderEngine,
    entered: Mutex<Receiver<()>>,
    /// Dropped, it lets everything through.
    _allow: Sender<()>,
}

/// Announces each forward pass, and waits to be let through.
struct Model {
    entered: Sender<()>,
    allowed: Receiver<()>,
}

impl Held {
    /// Starts it; `held` is dropped when it has ended.
    pub(super) fn start(held: impl Send + 'static) -> Self {
        let (entered, has_entered) = channel();
        let (allow, allowed) = channel();
        let vocabulary = GgufVocabulary {
            model: "gpt2".to_owned(),
            pre: "smollm".to_owned(),
            tokens: vec![("a".to_owned(), TokenKind::Text)],
            ..GgufVocabulary::default()
        };
        let tokenizer = Tokenizer::from_gguf(vocabulary).unwrap();
        let model = EncoderModel { encoder: Box::new(Model { entered, allowed }), tokenizer, labels: None };
        let settings = EncoderSettings { queue: 1, rehearsals: 0, ..EncoderSettings::default() };
        let engine = EncoderEngine::start_holding(model, settings, held).unwrap();
        Self { engine, entered: Mutex::new(has_entered), _allow: allow }
    }

    /// Waits until it computes.
    pub(super) fn entered(&self) {
        self.entered.lock().unwrap().recv().unwrap();
    }
}

impl Encoder for Model {
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
