//! Holds what the engines forecast against what happens, with requests that come at random and keep an engine busy four fifths of its time.
//!
//! `cargo run --release -p tradewind-candle --example forecast -- [SECONDS]`
//!
//! For each workload it prints the quartiles of |ln(forecast / actual)| for the time to the first token, of all requests and of those that
//! had to wait, and for the time per token; 0.25 is a forecast that is a quarter off.

use std::error::Error;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tradewind_candle::{LoadOptions, limit_compute_threads, load_chat, load_encoder};
use tradewind_models::chat::{ChatRequest, ChatSettings, Event, Message, Role};
use tradewind_models::encoder::{EncoderSettings, Input};
use tradewind_models::fetch::{Cache, to_stderr};
use tradewind_models::sample::Sampling;
use tradewind_models::{ChatEngine, EncoderEngine, Forecast, Full, manifest};

/// The share of the time that an engine is kept busy.
const LOAD: f64 = 0.8;

/// How many requests are made, one after the other, to learn how long one takes.
const ALONE: usize = 8;

/// What prompts and inputs are cut from.
const PROSE: &str = "The wind that blows from the east carried ships across the ocean, and whoever knew when it would come could say on which \
    day a ship would be in port. Merchants wrote down what they had seen, year after year, and made tables of it. ";

fn main() -> Result<(), Box<dyn Error>> {
    limit_compute_threads(None)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let seconds = std::env::args().nth(1).map_or(Ok(60), |typed| typed.parse())?;
    let span = Duration::from_secs(seconds);
    let cache = Cache::from_environment()?;

    let chosen = manifest::default_chat().ok_or("no default chat model")?;
    let files = cache.ensure(chosen, to_stderr().as_ref())?;
    let chat = ChatEngine::start(load_chat(chosen, &files, &LoadOptions::default())?, ChatSettings::default())?;
    let chosen = manifest::default_embeddings().ok_or("no default embedding model")?;
    let files = cache.ensure(chosen, to_stderr().as_ref())?;
    let model = load_encoder(chosen, &files, &LoadOptions::default())?;
    let embeddings = EncoderEngine::start(model, EncoderSettings::default())?;

    println!(
        "|ln(forecast / actual)|, quartiles         requests   refused    first token         of those that waited   per token"
    );
    let brief = Engine::Chat { engine: chat.clone(), answers: Answers::Cut };
    runtime.block_on(report("chat, answers of 16 tokens", &brief, span))?;
    let free = Engine::Chat { engine: chat, answers: Answers::Free };
    runtime.block_on(report("chat, answers as long as they come", &free, span))?;
    runtime.block_on(report("embeddings", &Engine::Embeddings(embeddings), span))
}

/// What is asked.
#[derive(Clone)]
enum Engine {
    Chat { engine: ChatEngine, answers: Answers },
    Embeddings(EncoderEngine),
}

#[derive(Clone, Copy)]
enum Answers {
    /// All have the same length, so that the wait follows from what is in the queue.
    Cut,
    /// Until the model has said all, so that nobody can know how long those before will take.
    Free,
}

impl Answers {
    const fn most(self) -> usize {
        match self {
            Self::Cut => 16,
            Self::Free => 200,
        }
    }
}

/// What was forecast, and what happened.
struct Outcome {
    forecast: Forecast,
    waited: bool,
    first_token: Duration,
    per_token: Option<Duration>,
    whole: Duration,
}

impl Engine {
    fn room(&self) -> Result<(), Full> {
        match self {
            Self::Chat { engine, .. } => engine.room(),
            Self::Embeddings(engine) => engine.room(),
        }
    }

    fn forecast(&self, prompt_tokens: usize) -> Forecast {
        match self {
            Self::Chat { engine, answers } => engine.forecast(prompt_tokens, answers.most()),
            Self::Embeddings(engine) => engine.forecast(prompt_tokens),
        }
    }

    fn expected_tokens(&self, text: &str) -> usize {
        match self {
            Self::Chat { engine, answers } => engine.expected_tokens(&request(text.to_owned(), *answers)),
            Self::Embeddings(engine) => engine.expected_tokens(text.len()),
        }
    }

    /// Asks about a text that should have so many tokens.
    async fn ask(self, text: String, prompt_tokens: usize) -> Result<Outcome, Failure> {
        let forecast = self.forecast(prompt_tokens);
        let waited = self.forecast(0).first_token > Duration::ZERO;
        let start = Instant::now();
        match self {
            Self::Chat { engine, answers } => {
                let mut generation = engine.submit(request(text, answers))?;
                let mut first = None;
                loop {
                    match generation.next().await {
                        Some(Event::Started { .. }) => {}
                        Some(Event::Text { .. }) => {
                            first.get_or_insert_with(|| start.elapsed());
                        }
                        Some(Event::Call { .. } | Event::Arguments { .. } | Event::Finished { .. }) => {}
                        Some(Event::Done { usage }) => {
                            let whole = start.elapsed();
                            let first_token = first.unwrap_or(whole);
                            let others = u32::try_from(usage.completion_tokens.saturating_sub(1))?;
                            let per_token = (others > 0).then(|| (whole - first_token) / others.max(1));
                            return Ok(Outcome { forecast, waited, first_token, per_token, whole });
                        }
                        Some(Event::Failed(error)) => return Err(error.into()),
                        None => return Err("the engine stopped".into()),
                    }
                }
            }
            Self::Embeddings(engine) => {
                engine.submit(vec![Input::Text(text)])?.await?;
                let whole = start.elapsed();
                Ok(Outcome { forecast, waited, first_token: whole, per_token: None, whole })
            }
        }
    }
}

type Failure = Box<dyn Error + Send + Sync>;

fn request(content: String, answers: Answers) -> ChatRequest {
    let conversation = ChatRequest::new(vec![Message::new(Role::User, content)]);
    ChatRequest { sampling: Sampling::GREEDY, max_tokens: Some(answers.most()), ..conversation }
}

/// Random numbers by splitmix64: the same in every run.
struct Random(u64);

impl Random {
    /// From 0 up to 1, not including it.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The time to the next of events that come at random, `mean` apart.
    fn exponential(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.uniform()).ln())
    }

    /// A question, long or short.
    fn question(&mut self) -> String {
        let length = (40.0 * (self.uniform() * 25.0_f64.ln()).exp()) as usize;
        let text: String = PROSE.chars().cycle().take(length).collect();
        format!("{text} What do you say to that, number {:.0}?", self.uniform() * 1e6)
    }
}

async fn report(name: &str, engine: &Engine, span: Duration) -> Result<(), Box<dyn Error>> {
    let mut random = Random(1);
    let mut service = Duration::ZERO;
    for _ in 0..ALONE {
        let question = random.question();
        let alone = engine.clone().ask(question, 0).await.map_err(|error| error.to_string())?;
        service += alone.whole / u32::try_from(ALONE)?;
    }

    let mut asked = JoinSet::new();
    let mut refused = 0;
    let end = Instant::now() + span;
    let mut next = Instant::now();
    while next < end {
        next += random.exponential(service.div_f64(LOAD));
        sleep_until(next).await;
        let question = random.question();
        let tokens = engine.expected_tokens(&question);
        match engine.room() {
            Ok(()) => {
                asked.spawn(engine.clone().ask(question, tokens));
            }
            Err(Full { .. }) => refused += 1,
        }
        // What was spawned begins, and hands its request in, before the next is thought of.
        sleep(Duration::from_millis(1)).await;
    }

    let mut outcomes = Vec::new();
    while let Some(outcome) = asked.join_next().await {
        outcomes.push(outcome?.map_err(|error| error.to_string())?);
    }
    let first = outcomes.iter().map(|outcome| error(outcome.forecast.first_token, outcome.first_token));
    let waiting = outcomes.iter().filter(|outcome| outcome.waited);
    let waiting = waiting.map(|outcome| error(outcome.forecast.first_token, outcome.first_token));
    let per_token = outcomes.iter().filter_map(|outcome| Some(error(outcome.forecast.per_token, outcome.per_token?)));
    let count = outcomes.len();
    let (first, waiting, per_token) = (quartiles(first), quartiles(waiting), quartiles(per_token));
    println!("{name:<42} {count:>8}  {refused:>8}    {first:<18}  {waiting:<21}  {per_token}");
    Ok(())
}

fn error(forecast: Duration, actual: Duration) -> f64 {
    (forecast.as_secs_f64() / actual.as_secs_f64()).ln().abs()
}

fn quartiles(errors: impl Iterator<Item = f64>) -> String {
    let mut errors: Vec<f64> = errors.collect();
    errors.sort_by(f64::total_cmp);
    let at = |quarter: usize| errors.get(errors.len() * quarter / 4).map(|error| format!("{error:.2}"));
    [at(1), at(2), at(3)].map(|quartile| quartile.unwrap_or_else(|| "-".to_owned())).join("  ")
}
