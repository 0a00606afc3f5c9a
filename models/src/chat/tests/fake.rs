//! A decoder whose answer depends on every token that it finds in its cache, so that a wrong slot, block or position changes it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::decoder::{Batch, CacheLayout, Decoder, ForwardError, Row};
use crate::queue::tests::ManualClock;
use crate::tokenizer::{GgufVocabulary, TokenKind, Tokenizer};

/// Ends a turn.
pub(crate) const END: u32 = 0;

/// One byte a token; `é` is two of them.
pub(crate) fn tokenizer() -> Tokenizer {
    let mut tokens = vec![("<end>".to_owned(), TokenKind::Control)];
    let shown = ('!'..='~').chain(['Ġ', 'Ã', '©']);
    tokens.extend(shown.map(|shown| (shown.to_string(), TokenKind::Text)));
    let (model, pre) = ("gpt2".to_owned(), "smollm".to_owned());
    Tokenizer::from_gguf(GgufVocabulary { model, pre, tokens, ..GgufVocabulary::default() }).unwrap()
}

/// The token of a character.
pub(crate) fn token(shown: char) -> u32 {
    tokenizer().encode(&shown.to_string()).unwrap()[0]
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// What stands before the first `|` of the prompt.
    Echo,
    /// Anything; one token in sixteen ends the answer.
    Noise,
    /// The letter `a`, for ever.
    Endless,
}

/// What a forward pass does instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Fail,
    Panic,
    Nonsense,
}

/// What the test can see and change while the decoder is the engine's.
#[derive(Default)]
pub(crate) struct Behind {
    /// What the next passes do; none is an ordinary one.
    pub(crate) faults: VecDeque<Option<Fault>>,
    pub(crate) no_memory: bool,
    pub(crate) rebuilt: usize,
    /// The tokens of each row of each pass.
    pub(crate) passes: Vec<Vec<usize>>,
    /// How many times slower than usual.
    pub(crate) slowness: u32,
    /// What happens while time passes, and when.
    pub(crate) events: VecDeque<(Instant, Event)>,
}

/// Something that happens outside the engine.
pub(crate) type Event = Box<dyn FnOnce() + Send>;

impl Behind {
    /// Lets time pass, and what happens meanwhile happen.
    pub(crate) fn pass(behind: &Mutex<Self>, clock: &ManualClock, time: Duration) {
        let end = clock.now() + time;
        loop {
            let due = behind.lock().unwrap().events.pop_front_if(|(at, _)| *at <= end);
            let Some((at, event)) = due else { break };
            clock.pass(at.saturating_duration_since(clock.now()));
            event();
        }
        clock.pass(end.saturating_duration_since(clock.now()));
    }
}

/// Handed to the engine.
pub(crate) struct Fake {
    pub(crate) context: usize,
    pub(crate) layout: CacheLayout,
    pub(crate) speech: Speech,
    pub(crate) clock: ManualClock,
    pub(crate) behind: Arc<Mutex<Behind>>,
    pub(crate) cache: HashMap<u32, (u32, u32)>,
}

impl Fake {
    fn behind(&self) -> MutexGuard<'_, Behind> {
        self.behind.lock().unwrap()
    }

    /// 10 ms a step, a millisecond a token that is read, two for one that is generated, and 250 nanoseconds for each that is attended to.
    fn cost(rows: &[Row<'_>]) -> Duration {
        let row = |row: &Row<'_>| {
            let tokens = u32::try_from(row.tokens).unwrap();
            let attended = tokens * u32::try_from(row.length - row.tokens.div_ceil(2)).unwrap();
            Duration::from_millis(if tokens == 1 { 2 } else { u64::from(tokens) }) + Duration::from_nanos(250) * attended
        };
        Duration::from_millis(10) + rows.iter().map(row).sum::<Duration>()
    }

    /// Writes the tokens of a row, and checks that it may.
    fn write(&mut self, batch: &Batch<'_>, place: usize, first: usize) {
        let row = batch.rows[place];
        let size = self.layout.block_size;
        assert!(row.tokens > 0 && row.blocks.len() == row.length.div_ceil(size));
        for at in first..first + row.tokens {
            let position = batch.positions[at] as usize;
            assert_eq!(position, row.length - row.tokens + at - first);
            let block = row.blocks[position / size];
            assert_eq!(batch.slots[at] as usize, block as usize * size + position % size);
            let others = batch.rows.iter().enumerate().filter(|(other, _)| *other != place);
            assert!(others.into_iter().all(|(_, other)| !other.blocks.contains(&block)), "a block in use is written");
            self.cache.insert(batch.slots[at], (batch.tokens[at], batch.positions[at]));
        }
    }

    /// The tokens of a row up to this position, as the cache has them.
    fn read(&self, row: &Row<'_>, position: usize) -> Vec<u32> {
        let size = self.layout.block_size;
        let slot = |at: usize| row.blocks[at / size] * u32::try_from(size).unwrap() + u32::try_from(at % size).unwrap();
        let cached = (0..=position).map(|at| {
            let (token, written_at) = self.cache[&slot(at)];
            assert_eq!(written_at as usize, at, "the cache holds another position");
            token
        });
        cached.collect()
    }

    fn logits(&self, tokens: &[u32]) -> Vec<f32> {
        let mut logits = vec![0.0; self.vocabulary_size()];
        let bar = token('|');
        match self.speech {
            Speech::Echo => {
                let said = tokens.iter().position(|token| *token == bar).unwrap_or(tokens.len());
                let answered = tokens.iter().rev().take_while(|token| **token != bar).count();
                let next = if answered < said { tokens[answered] } else { END };
                logits[next as usize] = 20.0;
            }
            Speech::Endless => logits[token('a') as usize] = 20.0,
            Speech::Noise => {
                let hash = tokens.iter().fold(7_u64, |hash, token| mix(hash ^ u64::from(*token)));
                for (token, logit) in (0..).zip(&mut logits) {
                    *logit = (mix(hash ^ (token << 32)) >> 40) as f32 / 4_000_000.0;
                }
                logits[END as usize] = if hash.is_multiple_of(16) { 30.0 } else { -30.0 };
            }
        }
        logits
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Decoder for Fake {
    fn context_length(&self) -> usize {
        self.context
    }

    fn vocabulary_size(&self) -> usize {
        98
    }

    fn cache(&self) -> CacheLayout {
        self.layout
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>, ForwardError> {
        let slowness = self.behind().slowness;
        Behind::pass(&self.behind, &self.clock, Self::cost(batch.rows) * slowness);
        self.behind().passes.push(batch.rows.iter().map(|row| row.tokens).collect());
        let fault = self.behind().faults.pop_front().flatten();
        match fault {
            Some(Fault::Fail) => return Err(ForwardError::new("out of memory")),
            Some(Fault::Panic) => panic!("a bug"),
            Some(Fault::Nonsense) => return Ok(vec![f32::NAN; batch.outputs.len() * self.vocabulary_size()]),
            None => {}
        }
        let count = batch.tokens.len();
        assert_eq!([batch.positions.len(), batch.slots.len(), batch.rows.iter().map(|row| row.tokens).sum()], [count; 3]);
        assert!(batch.outputs.is_sorted());
        let mut first = 0;
        for (place, row) in batch.rows.iter().enumerate() {
            self.write(batch, place, first);
            first += row.tokens;
        }
        let (mut logits, mut first) = (Vec::new(), 0);
        for row in batch.rows {
            for at in (first..first + row.tokens).filter(|at| batch.outputs.contains(&u32::try_from(*at).unwrap())) {
                logits.extend(self.logits(&self.read(row, batch.positions[at] as usize)));
            }
            first += row.tokens;
        }
        Ok(logits)
    }

    fn rebuild_cache(&mut self) -> Result<(), ForwardError> {
        self.cache.clear();
        self.behind().rebuilt += 1;
        if self.behind().no_memory { Err(ForwardError::new("no memory")) } else { Ok(()) }
    }
}
