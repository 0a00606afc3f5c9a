//! What the engine forecasts, held against what comes of it, in a time that the decoder itself makes pass.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::fake::{Behind, Speech};
use super::rig::{ECHO, Make, Random, Reader, Rig, SETTINGS, limited};
use crate::chat::{ChatRequest, ChatSettings, Prompt};
use crate::decoder::CacheLayout;
use crate::load::Forecast;

const LIVELY: Make = Make {
    speech: Speech::Endless,
    context: 1024,
    layout: CacheLayout { blocks: 1024, block_size: 16 },
    settings: ChatSettings { rehearsals: 2, ..SETTINGS },
    ..ECHO
};

/// A request, what was forecast for it, and what came of it.
struct Taken {
    at: Instant,
    forecast: Forecast,
    reader: Reader,
    first: Option<Instant>,
    last: Option<Instant>,
    tokens: usize,
}

impl Taken {
    /// |ln(forecast / actual)| of the time to the first token.
    fn first_token(&self) -> f64 {
        error(self.forecast.first_token, self.first.unwrap() - self.at)
    }

    /// The same of the time per token.
    fn per_token(&self) -> f64 {
        let others = u32::try_from(self.tokens - 1).unwrap();
        error(self.forecast.per_token, (self.last.unwrap() - self.first.unwrap()) / others)
    }
}

fn error(forecast: Duration, actual: Duration) -> f64 {
    (forecast.as_secs_f64() / actual.as_secs_f64()).ln().abs()
}

/// An engine to which requests come while it computes.
struct World {
    rig: Rig,
    taken: Arc<Mutex<Vec<Taken>>>,
    random: Random,
}

impl World {
    fn new(make: Make) -> Self {
        Self { rig: make.rig(), taken: Arc::default(), random: Random(7) }
    }

    /// A prompt of 20 to 200 characters, and an answer of 8 to 40 tokens.
    fn request(&mut self) -> ChatRequest {
        let prompt: String = (0..20 + self.random.below(180)).map(|_| char::from(b'a' + self.random.below(26) as u8)).collect();
        limited(&prompt, 8 + self.random.below(32))
    }

    /// Hands a request in at this time. A router knows how long it is.
    fn arrive(&mut self, at: Instant, request: ChatRequest) {
        let (engine, prompter, intake) = (self.rig.engine.clone(), Arc::clone(&self.rig.prompter), Arc::clone(&self.rig.intake));
        let taken = Arc::clone(&self.taken);
        let event = move || {
            let Prompt::Conversation(messages) = &request.prompt else { panic!("{request:?}") };
            let (prompt, answer) = (messages[0].content.len(), request.max_tokens.unwrap());
            let forecast = engine.forecast(prompt, answer);
            let reader = Reader::of(engine.submit(request).unwrap());
            prompter.serve_next(&intake);
            taken.lock().unwrap().push(Taken { at: intake.now(), forecast, reader, first: None, last: None, tokens: 0 });
        };
        self.rig.behind().events.push_back((at, Box::new(event)));
    }

    /// Requests that come at random, `mean` apart.
    fn requests(&mut self, count: usize, mean: Duration) {
        let mut at = self.rig.clock.now();
        for _ in 0..count {
            at += mean.mul_f64(-(1.0 - self.random.uniform()).ln());
            let request = self.request();
            self.arrive(at, request);
        }
    }

    /// Goes on until all that were to come have come and been answered.
    fn run(&mut self) {
        loop {
            self.rig.step();
            let now = self.rig.clock.now();
            for taken in self.taken.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
                let tokens = taken.reader.read().texts.iter().map(Vec::len).sum();
                if tokens > taken.tokens {
                    (taken.tokens, taken.last) = (tokens, Some(now));
                    taken.first.get_or_insert(now);
                }
            }
            if self.rig.worker.schedule().is_idle() {
                let next = self.rig.behind().events.front().map(|(at, _)| at.saturating_duration_since(now));
                let Some(until) = next else { return };
                Behind::pass(&self.rig.behind, &self.rig.clock, until);
            }
        }
    }

    /// The time from one request to the next that the engine can keep up with.
    fn pace(make: Make) -> Duration {
        let mut world = Self::new(make);
        let start = world.rig.clock.now();
        for _ in 0..200 {
            let request = world.request();
            world.arrive(start, request);
        }
        world.run();
        (world.rig.clock.now() - start) / 200
    }
}

fn median(errors: impl Iterator<Item = f64>) -> f64 {
    let mut errors: Vec<f64> = errors.collect();
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}

/// The medians of |ln(forecast / actual)|: of the first token, of the first token of those that were to wait, and of the time per token.
fn errors_at_four_fifths(make: Make) -> [f64; 3] {
    let mut world = World::new(make);
    let mean = World::pace(make).div_f64(0.8);
    world.requests(600, mean);
    world.run();
    let mut taken = world.taken.lock().unwrap();
    assert_eq!(taken.len(), 600);
    // The first of them have taught how long answers are, and of an answer of one token there is no time to the next.
    taken.drain(..100);
    taken.retain(|taken| taken.tokens > 1);
    let waited = |taken: &&Taken| taken.forecast.first_token > 2 * Duration::from_millis(220);
    let errors = [
        median(taken.iter().map(Taken::first_token)),
        median(taken.iter().filter(waited).map(Taken::first_token)),
        median(taken.iter().map(Taken::per_token)),
    ];
    println!(
        "{:?}, a request every {mean:?}: first token {:.3}, of those that wait {:.3}, per token {:.3}",
        make.speech, errors[0], errors[1], errors[2]
    );
    errors
}

#[test]
fn times_are_forecast_at_four_fifths_of_the_engines_capacity() {
    let errors = errors_at_four_fifths(LIVELY);
    assert!(errors.iter().all(|error| *error <= 0.2), "{errors:?}");
}

#[test]
fn times_are_forecast_where_nobody_can_know_how_long_answers_will_be() {
    let errors = errors_at_four_fifths(Make { speech: Speech::Noise, ..LIVELY });
    assert!(errors.iter().all(|error| *error <= 0.25), "{errors:?}");
}

#[test]
fn an_idle_engine_forecasts_what_its_rehearsal_has_taught() {
    let mut world = World::new(LIVELY);
    let now = world.rig.clock.now();
    for (place, (letter, prompt)) in (0..).zip([("a", 5), ("b", 60), ("c", 200), ("d", 700)]) {
        world.arrive(now + Duration::from_secs(100 * place), limited(&letter.repeat(prompt), 20));
    }
    world.run();
    let taken = world.taken.lock().unwrap();
    let errors: Vec<_> = taken.iter().map(|taken| (taken.first_token(), taken.per_token())).collect();
    assert!(errors.iter().all(|(first, per_token)| *first < 0.2 && *per_token < 0.2), "{errors:?}");
}

#[test]
fn a_decoder_that_turned_slower_is_forecast_as_it_is_now() {
    let mut world = World::new(LIVELY);
    let mean = World::pace(LIVELY) * 8;
    world.requests(100, mean);
    world.run();
    world.rig.behind().slowness = 4;
    world.requests(100, mean);
    world.run();
    let taken = world.taken.lock().unwrap();
    let before = median(taken[..100].iter().map(Taken::first_token));
    // The first few of the second hundred found it out.
    let after = median(taken[110..].iter().map(Taken::first_token));
    assert!(before < 0.2 && after < 0.25, "{before} {after}");
}
