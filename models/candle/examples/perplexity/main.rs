//! How well a model predicts a fixed text, the beginning of `Moby-Dick`, by how its weights are computed.
//!
//! `cargo run --release -p tradewind-candle --example perplexity -- FILE-OR-FOLDER`
//!
//! Weights that are stored in 16 or 32 bits are computed as they are, in eight bits and in four; others are the same three times.

use std::error::Error;
use std::path::Path;

use tokio::time::Instant;
use tradewind_candle::{CacheNumbers, DenseWeights, LoadOptions, limit_compute_threads, load_chat_at};
use tradewind_models::perplexity::perplexity;

const TEXT: &str = include_str!("text.txt");

/// More than the text has.
const CONTEXT: usize = 2048;

fn main() -> Result<(), Box<dyn Error>> {
    limit_compute_threads(None)?;
    let Some(model) = std::env::args().nth(1) else { return Err("usage: perplexity FILE-OR-FOLDER".into()) };
    println!("WEIGHTS    CACHE  PERPLEXITY  TOKENS/S");
    for dense in [DenseWeights::AsStored, DenseWeights::EightBits, DenseWeights::FourBits] {
        for cache_numbers in [CacheNumbers::F32, CacheNumbers::F16] {
            let options = LoadOptions { dense, cache_numbers, ..LoadOptions::default() };
            let mut loaded = load_chat_at(Path::new(&model), CONTEXT, &options)?;
            let tokens = loaded.tokenizer.encode(TEXT)?;
            let start = Instant::now();
            let found = perplexity(loaded.decoder.as_mut(), &tokens)?;
            let pace = tokens.len() as f64 / start.elapsed().as_secs_f64();
            println!("{:<9}  {cache_numbers:?}    {found:>10.4}  {pace:>8.1}", format!("{dense:?}"));
        }
    }
    Ok(())
}
