//! Continues texts greedily by a GGUF file or a Hugging Face folder, and compares with what llama.cpp said, if that is given.
//!
//! `cargo run --release -p tradewind-candle --example greedy -- FILE-OR-FOLDER [GOLDEN]`
//!
//! GOLDEN is what `tests/golden/continuations.py` wrote for the same file. A token may differ where llama.cpp found it hardly likelier than
//! the next.

use std::error::Error;
use std::path::Path;

use serde::Deserialize;
use tokio::time::Instant;
use tradewind_candle::{LoadOptions, limit_compute_threads, load_chat_at};
use tradewind_models::chat::ChatModel;
use tradewind_models::decoder::{Batch, Row};

/// Tokens that follow each text.
const TOKENS: usize = 48;
/// Gaps between the likeliest two tokens, in logits, up to which the order of summation may decide.
const NEAR_TIE: f32 = 0.02;
/// Tokens of a context, which is more than the texts have.
const CONTEXT: usize = 2048;

/// One text, and how llama.cpp continues it.
#[derive(Deserialize)]
struct Continuation {
    prompt: String,
    prompt_tokens: Vec<u32>,
    tokens: Vec<u32>,
    /// How much likelier each was than the second likeliest, in logits.
    gaps: Vec<f32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    limit_compute_threads(None)?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, golden @ ..] = arguments.as_slice() else { return Err("usage: greedy FILE-OR-FOLDER [GOLDEN]".into()) };
    let start = Instant::now();
    let mut model = load_chat_at(Path::new(file), CONTEXT, &LoadOptions::default())?;
    println!("loaded in {:.2?}", start.elapsed());
    match golden {
        [] => {
            let prompt = model.tokenizer.encode("The trade winds")?;
            print(&mut model, &prompt)
        }
        [golden, ..] => {
            let golden: Vec<Continuation> = serde_json::from_slice(&std::fs::read(golden)?)?;
            golden.iter().try_for_each(|text| compare(&mut model, text))
        }
    }
}

fn print(model: &mut ChatModel, prompt: &[u32]) -> Result<(), Box<dyn Error>> {
    let mut decoder = model.tokenizer.stream_decoder()?;
    let mut logits = append(model, prompt, 0)?;
    let start = Instant::now();
    for position in (prompt.len()..).take(TOKENS) {
        let token = likeliest(&logits);
        print!("{}", decoder.push(token));
        logits = append(model, &[token], position)?;
    }
    println!("\n[{:.1} tokens/s]", TOKENS as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

/// Follows llama.cpp's own tokens, so that one that differs does not change those after it.
fn compare(model: &mut ChatModel, golden: &Continuation) -> Result<(), Box<dyn Error>> {
    if model.tokenizer.encode(&golden.prompt)? != golden.prompt_tokens {
        return Err(format!("{:?} has other tokens", golden.prompt).into());
    }
    let mut logits = append(model, &golden.prompt_tokens, 0)?;
    let mut differing = Vec::new();
    for (position, (token, gap)) in (golden.prompt_tokens.len()..).zip(golden.tokens.iter().zip(&golden.gaps)) {
        if likeliest(&logits) != *token {
            differing.push(*gap);
        }
        logits = append(model, &[*token], position)?;
    }
    let of = golden.tokens.len();
    println!("{:?}: {} of {of} tokens differ, at gaps of {differing:?}", golden.prompt, differing.len());
    if differing.iter().any(|gap| *gap > NEAR_TIE) { Err("a token differs where nothing is near".into()) } else { Ok(()) }
}

/// Computes the next tokens of the sequence, and returns the logits after the last.
fn append(model: &mut ChatModel, tokens: &[u32], before: usize) -> Result<Vec<f32>, Box<dyn Error>> {
    let length = before + tokens.len();
    let positions: Vec<u32> = (0..).take(length).skip(before).collect();
    let blocks: Vec<u32> = (0..).take(length.div_ceil(model.decoder.cache().block_size)).collect();
    let rows = [Row { tokens: tokens.len(), length, blocks: &blocks }];
    let outputs = [u32::try_from(tokens.len())? - 1];
    Ok(model.decoder.forward(&Batch { tokens, positions: &positions, slots: &positions, rows: &rows, outputs: &outputs })?)
}

fn likeliest(logits: &[f32]) -> u32 {
    let best = (0..).zip(logits).max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(token, _)| token)
}
