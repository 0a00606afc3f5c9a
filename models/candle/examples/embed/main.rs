//! How many sentences a second become vectors: in batches and one by one, packed and padded.
//!
//! `RAYON_NUM_THREADS=1 cargo run --release -p tradewind-candle --example embed -- [TOKENS.json]`
//!
//! Every line is the quickest of some rounds, and the rounds of all lines take turns, so that a busy machine is busy for all of them. The
//! file is a list of workloads, each a list of token lists; without one, the workloads are printed and can be given to another
//! implementation (see `peer.py` beside this file).

mod padded;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use tradewind_candle::{LoadOptions, load_encoder};
use tradewind_models::encoder::{Encoder, TokenSequence};
use tradewind_models::fetch::{Cache, to_stderr};
use tradewind_models::manifest;

use self::padded::Padded;

/// Rounds of each line.
const ROUNDS: usize = 12;
/// Tokens of a batch.
const BUDGET: usize = 512;
/// Ids below this one stand for no text.
const FIRST_WORD: u32 = 2000;

type Sequences = Vec<TokenSequence>;

fn main() -> Result<(), Box<dyn Error>> {
    let chosen = manifest::default_embeddings().ok_or("no default embedding model")?;
    let files = Cache::from_environment()?.ensure(chosen, to_stderr().as_ref())?;
    let model = load_encoder(chosen, &files, &LoadOptions::default())?;
    let mut encoder = model.encoder;
    let weights = chosen.files.iter().find(|file| file.name.as_str().ends_with(".safetensors")).ok_or("no weights")?;
    let padded = Padded::load(&files.path(&weights.name))?;

    let workloads = workloads();
    if let Some(path) = std::env::args().nth(1) {
        let ids = |sequences: &Sequences| sequences.iter().map(|sequence| sequence.ids.clone()).collect::<Vec<_>>();
        let told: Vec<_> = workloads.iter().map(|(name, sequences)| (*name, ids(sequences))).collect();
        std::fs::write(Path::new(&path), serde_json::to_vec(&told)?)?;
    }
    let mut best: BTreeMap<(&str, &str), Duration> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (name, sequences) in &workloads {
            let mut note = |way, took: Duration| {
                let quickest = best.entry((*name, way)).or_insert(took);
                *quickest = took.min(*quickest);
            };
            let start = Instant::now();
            for batch in batches(sequences) {
                encoder.encode(batch)?;
            }
            note("packed", start.elapsed());
            note("one by one", one_by_one(encoder.as_mut(), sequences)?);
            let start = Instant::now();
            for batch in batches(sequences) {
                padded.encode(batch)?;
            }
            note("padded, by candle", start.elapsed());
        }
    }
    for ((name, way), took) in best {
        let sequences = workloads.iter().find(|workload| workload.0 == name).map_or(&[][..], |workload| &workload.1);
        let tokens: usize = sequences.iter().map(TokenSequence::len).sum();
        let rate = |count: usize| count as f64 / took.as_secs_f64();
        println!("{name:8} {way:18} {:8.1} sentences/s {:9.0} tokens/s", rate(sequences.len()), rate(tokens));
    }
    Ok(())
}

fn one_by_one(encoder: &mut dyn Encoder, sequences: &Sequences) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    for sequence in sequences {
        encoder.encode(std::slice::from_ref(sequence))?;
    }
    Ok(start.elapsed())
}

/// Runs of at most [`BUDGET`] tokens.
fn batches(sequences: &Sequences) -> impl Iterator<Item = &[TokenSequence]> {
    let mut tokens = 0;
    let mut batch = 0;
    let numbers: Vec<usize> = sequences
        .iter()
        .map(|sequence| {
            tokens += sequence.len();
            if tokens > BUDGET {
                tokens = sequence.len();
                batch += 1;
            }
            batch
        })
        .collect();
    let mut rest = sequences.as_slice();
    (0..=batch).map(move |number| {
        let (batch, after) = rest.split_at(numbers.iter().filter(|own| **own == number).count());
        rest = after;
        batch
    })
}

/// Queries, sentences, and a mix of queries and paragraphs in no order.
fn workloads() -> Vec<(&'static str, Sequences)> {
    let lengths = |count: usize, length: &dyn Fn(usize) -> usize| -> Sequences {
        (0..count).map(|place| sequence(length(place), place)).collect()
    };
    vec![
        ("short", lengths(128, &|place| 4 + place % 5)),
        ("sentence", lengths(64, &|_| 30)),
        ("mixed", lengths(48, &|place| if place % 10 < 7 { 6 + place % 12 } else { 90 + place * 53 % 150 })),
    ]
}

fn sequence(length: usize, seed: usize) -> TokenSequence {
    let word = |place: usize| FIRST_WORD + u32::try_from((seed * 7919 + place * 104_729) % 20_000).unwrap_or(0);
    TokenSequence::of((0..length).map(word).collect())
}
