//! What the engine forecasts, held against a decoder of known speed, in a time that the decoder itself makes pass.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::decoder::{Batch, CacheLayout, Decoder, ForwardError};
use crate::load::{Forecast, Full};
use crate::queue::tests::ManualClock;
use crate::sample::Sampling;
use crate::template::{ChatTemplate, SpecialTokens};
use crate::tokenizer::{GgufVocabulary, TokenKind, Tokenizer};

const CONTEXT: usize = 1024;
const VOCABULARY: usize = 95;
const SETTINGS: ChatSettings = ChatSettings { queue: 64, queue_tokens: 100_000, prefill_chunk: 64, rehearsals: 2 };

/// A request to come.
#[derive(Clone, Copy)]
struct Arrival {
    at: Instant,
    prompt: usize,
    answer: usize,
}

/// A request that was handed in.
struct Taken {
    arrival: Arrival,
    /// A request that comes in the middle of a step is handed in after it.
    at: Instant,
    forecast: Forecast,
    generation: Option<Generation>,
}

/// Everything that the decoder and the test share.
#[derive(Default)]
struct World {
    engine: Option<ChatEngine>,
    arrivals: VecDeque<Arrival>,
    taken: Vec<Taken>,
    refused: Vec<(Arrival, Full)>,
    /// When the first token of each request that was taken was there, in order.
    first_tokens: Vec<Instant>,
    slowness: u32,
}

impl World {
    /// Hands in what is due. The router knows the length of a prompt; the engine is to find out itself.
    fn hand_in(&mut self, now: Instant) {
        let Some(engine) = &self.engine else { return };
        while let Some(arrival) = self.arrivals.pop_front_if(|next| next.at <= now) {
            match engine.room() {
                Err(full) => self.refused.push((arrival, full)),
                Ok(()) => {
                    let forecast = engine.forecast(arrival.prompt, arrival.answer);
                    let generation = engine.submit(request(arrival)).unwrap();
                    self.taken.push(Taken { arrival, at: now, forecast, generation: Some(generation) });
                }
            }
        }
    }
}

fn request(arrival: Arrival) -> ChatRequest {
    ChatRequest {
        messages: vec![Message { role: Role::User, content: "x".repeat(arrival.prompt) }],
        sampling: Sampling::GREEDY,
        stop: Vec::new(),
        max_tokens: Some(arrival.answer),
        deadline: None,
    }
}

/// 10 ms a step, a millisecond a token of a prompt, 10 more for one of an answer, and 10 microseconds for each that is attended to.
struct Paced {
    clock: ManualClock,
    world: Arc<Mutex<World>>,
    read: usize,
}

impl Decoder for Paced {
    fn context_length(&self) -> usize {
        CONTEXT
    }

    fn vocabulary_size(&self) -> usize {
        VOCABULARY
    }

    fn cache(&self) -> CacheLayout {
        CacheLayout { blocks: CONTEXT, block_size: 1 }
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>, ForwardError> {
        let tokens = batch.tokens;
        let start = batch.positions[0] as usize;
        if start == 0 {
            self.read = 0;
        }
        let count = u32::try_from(tokens.len()).unwrap();
        let attended = count * u32::try_from(start + tokens.len() / 2).unwrap();
        let reading = if count == 1 { Duration::from_millis(10) } else { Duration::from_millis(1) * count };
        let took = Duration::from_millis(10) + reading + Duration::from_micros(10) * attended;
        let mut world = self.world.lock().unwrap();
        self.clock.pass(took * world.slowness);
        self.read += tokens.len();
        let now = self.clock.now();
        let served = world.first_tokens.len();
        if world.taken.get(served).is_some_and(|taken| taken.arrival.prompt == self.read) {
            world.first_tokens.push(now);
        }
        world.hand_in(now);
        Ok((0..VOCABULARY).map(|token| if token == 1 { 1.0 } else { 0.0 }).collect())
    }

    fn rebuild_cache(&mut self) -> Result<(), ForwardError> {
        Ok(())
    }
}

struct Rig {
    clock: ManualClock,
    world: Arc<Mutex<World>>,
    engine: ChatEngine,
}

impl Rig {
    fn start(settings: ChatSettings) -> Self {
        let mut tokens = vec![("<end>".to_owned(), TokenKind::Control)];
        tokens.extend(('!'..='~').chain(['Ġ']).map(|shown| (shown.to_string(), TokenKind::Text)));
        let (model, pre) = ("gpt2".to_owned(), "smollm".to_owned());
        let tokenizer = Tokenizer::from_gguf(GgufVocabulary { model, pre, tokens, merges: Vec::new() }).unwrap();
        let template = "{% for m in messages %}{{ m.content }}{% endfor %}";
        let template = ChatTemplate::new(template, SpecialTokens::default()).unwrap();
        let clock = ManualClock::new();
        let world = Arc::new(Mutex::new(World { slowness: 1, ..World::default() }));
        let decoder = Box::new(Paced { clock: clock.clone(), world: Arc::clone(&world), read: 0 });
        let model = ChatModel { decoder, tokenizer, template, stop_tokens: vec![0] };
        let engine = ChatEngine::start_by(clock.clock(), model, settings).unwrap();
        world.lock().unwrap().engine = Some(engine.clone());
        Self { clock, world, engine }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Requests that come at random, `mean` apart.
    fn requests(&self, count: usize, mean: Duration) {
        let mut random = Random(7);
        let mut at = self.clock.now();
        for _ in 0..count {
            at += mean.mul_f64(-(1.0 - random.uniform()).ln());
            let prompt = 20 + (180.0 * random.uniform()) as usize;
            let answer = 8 + (24.0 * random.uniform()) as usize;
            self.world().arrivals.push_back(Arrival { at, prompt, answer });
        }
    }

    /// Lets time pass until all that was to come has come, and been answered.
    async fn run(&self) {
        loop {
            let generation = self.world().taken.iter_mut().find_map(|taken| taken.generation.take());
            if let Some(mut generation) = generation {
                while generation.next().await.is_some() {}
                continue;
            }
            // The last answer is complete; a moment later the engine has noticed.
            while self.engine.forecast(0, 0).first_token > Duration::ZERO {
                std::thread::yield_now();
            }
            let mut world = self.world();
            let Some(next) = world.arrivals.front() else { return };
            self.clock.pass(next.at.saturating_duration_since(self.clock.now()));
            world.hand_in(self.clock.now());
        }
    }

    /// |ln(forecast / actual)| of the time to the first token, of each request that was taken.
    fn errors(&self) -> Vec<f64> {
        let world = self.world();
        assert_eq!(world.taken.len(), world.first_tokens.len());
        let outcomes = world.taken.iter().zip(&world.first_tokens);
        let error = |(taken, first): (&Taken, &Instant)| {
            let actual = first.saturating_duration_since(taken.at);
            (taken.forecast.first_token.as_secs_f64() / actual.as_secs_f64()).ln().abs()
        };
        outcomes.map(error).collect()
    }
}

impl Drop for Rig {
    /// The decoder reaches the engine through the world: without this, neither would ever end.
    fn drop(&mut self) {
        self.world().engine = None;
    }
}

/// Numbers by splitmix64: the same in every run.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn median(mut errors: Vec<f64>) -> f64 {
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}

#[tokio::test]
async fn the_first_token_is_forecast_at_four_fifths_of_the_engines_capacity() {
    let rig = Rig::start(SETTINGS);
    // A request takes 0.57 s on average.
    rig.requests(400, Duration::from_millis(710));
    rig.run().await;
    let errors = rig.errors();
    assert_eq!(errors.len(), 400);
    println!("median |ln(forecast / actual)| {:.3}", median(errors.clone()));
    assert!(median(errors.clone()) < 0.1, "{}", median(errors));
}

#[tokio::test]
async fn a_decoder_that_turned_slower_is_forecast_as_it_is_now() {
    let rig = Rig::start(SETTINGS);
    rig.requests(100, Duration::from_secs(3));
    rig.run().await;
    rig.world().slowness = 4;
    rig.requests(100, Duration::from_secs(3));
    rig.run().await;
    // The first few of the second hundred found it out.
    let errors = rig.errors();
    assert!(median(errors[..100].to_vec()) < 0.1, "{}", median(errors[..100].to_vec()));
    assert!(median(errors[110..].to_vec()) < 0.2, "{}", median(errors[110..].to_vec()));
}

#[tokio::test]
async fn whoever_is_turned_away_is_told_when_there_will_be_room() {
    let rig = Rig::start(ChatSettings { queue: 2, ..SETTINGS });
    rig.requests(50, Duration::from_secs(1));
    rig.run().await;
    // The first is being served when two more come, and has been read when the last does.
    let start = rig.clock.now();
    for after in [0, 1, 1, 100] {
        let at = start + Duration::from_millis(after);
        rig.world().arrivals.push_back(Arrival { at, prompt: 100, answer: 32 });
    }
    rig.world().refused.clear();
    rig.run().await;
    let world = rig.world();
    assert_eq!(world.refused.len(), 1);
    let (arrival, full) = world.refused[0];
    assert_eq!(arrival.at, start + Duration::from_millis(100));
    // 31 steps, of 20 ms and a little over a millisecond for what is attended to, until the first is done.
    let told = full.retry_after.as_secs_f64() / Duration::from_millis(31 * 21).as_secs_f64();
    assert!((0.85..1.15).contains(&told), "{full:?}");
}
