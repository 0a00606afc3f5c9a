//! What it costs to hold answers to a JSON schema: eight at a time, with and without one, in turns.
//!
//! `cargo run --release -p tradewind-candle --example constrained -- [ROUNDS]`
//!
//! Tokens a second are those of whole answers, from asking to the last one's end, in the quickest of all rounds. Below them stands how long
//! the mask of a token takes, over the tokens of such an answer.

use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;
use tradewind_candle::{LoadOptions, limit_compute_threads, load_chat};
use tradewind_models::chat::{ChatRequest, ChatSettings, Event, Message, Role};
use tradewind_models::constrain::{Constrainer, Grammar, Pattern};
use tradewind_models::fetch::{Cache, to_stderr};
use tradewind_models::sample::{Sampling, SamplingOptions};
use tradewind_models::{ChatEngine, manifest};

/// Answers at the same time.
const COMPANY: usize = 8;

/// The longest answer.
const TOKENS: usize = 96;

/// Less than any logit that a model makes.
const FORBIDDEN: f32 = -100.0;

/// What answers are held to: text that the model makes up, names and punctuation that are given.
const SCHEMA: &str = r#"{"type": "object", "properties": {
    "name": {"type": "string", "maxLength": 40}, "job": {"type": "string", "maxLength": 60}, "age": {"type": "integer", "minimum": 18, "maximum": 99},
    "languages": {"type": "array", "items": {"type": "string", "maxLength": 20}, "minItems": 2, "maxItems": 4},
    "address": {"type": "object", "properties": {"street": {"type": "string", "maxLength": 40}, "city": {"type": "string", "maxLength": 30}},
        "required": ["street", "city"], "additionalProperties": false}},
    "required": ["name", "job", "age", "languages", "address"], "additionalProperties": false}"#;

fn main() -> Result<(), Box<dyn Error>> {
    limit_compute_threads(None)?;
    let rounds = std::env::args().nth(1).map_or(Ok(5), |typed| typed.parse())?;
    let chosen = manifest::default_chat().ok_or("no default chat model")?;
    let files = Cache::from_environment()?.ensure(chosen, to_stderr().as_ref())?;
    let model = load_chat(chosen, &files, &LoadOptions::default())?;
    let (tokenizer, stop_tokens) = (model.tokenizer.clone(), model.stop_tokens.clone());
    let engine = ChatEngine::start(model, ChatSettings::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;

    let began = Instant::now();
    let constrainer = Constrainer::new(&tokenizer, &stop_tokens)?;
    println!("tokens in a trie: {:?}", began.elapsed());
    let grammar = Grammar::JsonSchema(SCHEMA.to_owned());
    let began = Instant::now();
    let pattern = constrainer.compile(&grammar)?;
    println!("the schema compiled: {:?}", began.elapsed());

    let held = runtime.block_on(engine.compile(grammar))?;
    let (mut free, mut constrained) = (0.0_f64, 0.0_f64);
    let mut answer = String::new();
    for _ in 0..rounds {
        let (paced, _) = runtime.block_on(round(&engine, None, &stop_tokens))?;
        let (paced_held, text) = runtime.block_on(round(&engine, Some(&held), &stop_tokens))?;
        (free, constrained) = (free.max(paced), constrained.max(paced_held));
        answer = text;
    }
    println!("{COMPANY} answers at a time, free:       {free:.0} tokens/s");
    println!("{COMPANY} answers at a time, by schema:  {constrained:.0} tokens/s");
    let mut masks = masks(&pattern, &tokenizer.encode_part(&answer)?)?;
    masks.sort_unstable();
    let at = |share: usize| masks.get(masks.len() * share / 100).copied().unwrap_or_default();
    println!("a mask: median {:?}, of a hundred the longest but one {:?} ({} masks)", at(50), at(98), masks.len());
    println!("an answer: {answer}");
    Ok(())
}

/// Tokens a second of all answers together, and the text of one.
async fn round(engine: &ChatEngine, pattern: Option<&Pattern>, stop_tokens: &[u32]) -> Result<(f64, String), Box<dyn Error>> {
    let began = Instant::now();
    let mut generations = Vec::new();
    for seed in 0..COMPANY {
        let forbidden = if pattern.is_some() { &[][..] } else { stop_tokens };
        let logit_bias = forbidden.iter().map(|token| (*token, FORBIDDEN)).collect();
        let options =
            SamplingOptions { temperature: 0.8, top_p: 0.95, seed: Some(seed as u64), logit_bias, ..SamplingOptions::default() };
        let question = "Describe a person whom you make up, as a JSON object.".to_owned();
        let (sampling, max_tokens) = (Sampling::new(options)?, Some(TOKENS));
        let request = ChatRequest::new(vec![Message::new(Role::User, question)]);
        generations.push(engine.submit(ChatRequest { sampling, max_tokens, pattern: pattern.cloned(), ..request })?);
    }
    let (mut tokens, mut text) = (0, String::new());
    for mut generation in generations {
        text.clear();
        while let Some(event) = generation.next().await {
            match event {
                Event::Text { text: more, .. } => text.push_str(&more),
                Event::Done { usage } => tokens += usage.completion_tokens,
                Event::Failed(error) => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok((tokens as f64 / began.elapsed().as_secs_f64(), text))
}

/// How long each mask of such an answer takes.
fn masks(pattern: &Pattern, tokens: &[u32]) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut constraint = pattern.begin();
    let mut masks = Vec::new();
    for token in tokens {
        let began = Instant::now();
        let mask = constraint.mask()?;
        masks.push(began.elapsed());
        if !mask.allows(*token) {
            break;
        }
        constraint.accept(*token)?;
    }
    Ok(masks)
}
