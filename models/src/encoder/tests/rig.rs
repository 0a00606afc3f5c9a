//! An engine whose threads are driven by hand.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use super::super::engine::Parts;
use super::super::requests::Outcome;
use super::super::*;
use crate::decoder::ForwardError;
use crate::queue::tests::ManualClock;
use crate::tokenizer::{GgufVocabulary, TokenKind, Tokenizer};

pub(super) const PANICS: u32 = 1000;
pub(super) const FAILS: u32 = 1001;
pub(super) const LOSES: u32 = 1002;
const VOCABULARY: usize = 1003;

/// What a pass costs, and each of its tokens.
pub(super) const PASS: Duration = Duration::from_millis(10);
pub(super) const TOKEN: Duration = Duration::from_millis(1);

/// The vector of a sequence, by the fake encoder.
pub(super) fn vector(tokens: &[u32]) -> Vec<f32> {
    let sum = tokens.iter().zip(1..).map(|(token, place)| token * place % 65_521).sum::<u32>();
    vec![tokens.len() as f32, tokens[0] as f32, sum as f32]
}

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let tokens = ["a", "b", "c"].map(|token| (token.to_owned(), TokenKind::Text)).to_vec();
    let (model, pre) = ("gpt2".to_owned(), "smollm".to_owned());
    Tokenizer::from_gguf(GgufVocabulary { model, pre, tokens, ..GgufVocabulary::default() }).unwrap()
});

/// Records its batches.
#[derive(Clone)]
pub(super) struct Fake {
    batches: Arc<Mutex<Vec<Vec<Vec<u32>>>>>,
    time: ManualClock,
}

impl Fake {
    pub(super) fn new() -> Self {
        Self { batches: Arc::default(), time: ManualClock::new() }
    }

    pub(super) fn model(&self) -> EncoderModel {
        EncoderModel { encoder: Box::new(self.clone()), tokenizer: TOKENIZER.clone(), labels: None }
    }

    /// The batches since this was asked last.
    pub(super) fn batches(&self) -> Vec<Vec<Vec<u32>>> {
        std::mem::take(&mut self.batches.lock().unwrap())
    }
}

impl Encoder for Fake {
    fn dimensions(&self) -> usize {
        3
    }

    fn max_tokens(&self) -> usize {
        64
    }

    fn vocabulary_size(&self) -> usize {
        VOCABULARY
    }

    fn rows(&self) -> Rows {
        Rows::One
    }

    fn encode(&mut self, sequences: &[TokenSequence]) -> Result<Vec<Vec<f32>>, ForwardError> {
        let sequences: Vec<_> = sequences.iter().map(|sequence| sequence.ids.clone()).collect();
        let all = sequences.concat();
        self.batches.lock().unwrap().push(sequences.clone());
        self.time.pass(PASS + TOKEN * u32::try_from(all.len()).unwrap());
        assert!(!all.contains(&PANICS), "a bug");
        if all.contains(&FAILS) {
            return Err(ForwardError::new("out of memory"));
        }
        let lost = usize::from(all.contains(&LOSES));
        Ok(sequences.iter().skip(lost).map(|tokens| vector(tokens)).collect())
    }
}

/// Without rehearsals, in batches of 10 tokens.
pub(super) fn settings() -> EncoderSettings {
    EncoderSettings { batch_tokens: Some(10), rehearsals: 0, ..EncoderSettings::default() }
}

pub(super) struct Rig {
    pub(super) fake: Fake,
    pub(super) parts: Parts,
}

impl Rig {
    pub(super) fn new(settings: EncoderSettings) -> Self {
        let fake = Fake::new();
        let parts = Parts::new(fake.time.clock(), fake.model(), settings).unwrap();
        Self { fake, parts }
    }

    /// Hands a request in, and reads all of it.
    pub(super) fn submit(&self, inputs: Vec<Input>) -> Pending {
        let pending = self.hand_in(inputs);
        self.read();
        pending
    }

    pub(super) fn hand_in(&self, inputs: Vec<Input>) -> Pending {
        Pending(self.parts.intake.push(inputs).unwrap())
    }

    pub(super) fn read(&self) {
        while self.read_piece() {}
    }

    /// Reads some inputs, if there are any to read.
    pub(super) fn read_piece(&self) -> bool {
        let piece = self.parts.intake.piece_of_now();
        let is_some = piece.is_some();
        if let Some(piece) = piece {
            self.parts.reader.step(piece, &self.parts.intake);
        }
        is_some
    }

    /// Computes one batch, if there is anything to compute.
    pub(super) fn compute(&mut self) -> bool {
        let batch = self.parts.intake.batch_of_now();
        let is_some = batch.is_some();
        if let Some(batch) = batch {
            self.parts.worker.step(batch, &self.parts.intake);
        }
        is_some
    }

    pub(super) fn compute_all(&mut self) {
        while self.compute() {}
    }

    pub(super) fn now(&self) -> tokio::time::Instant {
        self.fake.time.now()
    }
}

/// What has come of a request.
pub(super) fn outcome(pending: &mut Pending) -> Option<Outcome> {
    pending.0.try_recv().ok()
}

pub(super) fn vectors(pending: &mut Pending) -> Vec<Vec<f32>> {
    outcome(pending).unwrap().unwrap().outputs
}

/// So many tokens, all the same.
pub(super) fn tokens(token: u32, count: usize) -> Input {
    Input::Tokens(vec![token; count])
}

pub(super) fn text(text: &str) -> Input {
    Input::Text(text.to_owned())
}
