//! Measures forward passes of the default chat model: how fast a prompt is read by the size of its pieces, and how fast tokens follow
//! each other by the number of sequences.
//!
//! `cargo run --release -p tradewind-candle --example decode -- [CONTEXT] [SECONDS]`
//!
//! CONTEXT is how many tokens each sequence has before its next is measured, SECONDS how long each line measures. Given are the
//! quickest of many passes, since what is slower was disturbed, and what passes took of the calling thread's time on a processor, which
//! other programs disturb less.

use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;
use tradewind_candle::{LoadOptions, compute_threads, limit_compute_threads, load_chat};
use tradewind_models::decoder::{Batch, Decoder, Row};
use tradewind_models::fetch::{Cache, to_stderr};
use tradewind_models::manifest;

/// Sizes of pieces of a prompt.
const CHUNKS: [usize; 6] = [8, 16, 32, 64, 128, 256];
/// Numbers of sequences.
const SEQUENCES: [usize; 6] = [1, 2, 4, 8, 16, 32];

fn main() -> Result<(), Box<dyn Error>> {
    limit_compute_threads(None)?;
    let mut numbers = std::env::args().skip(1).map(|typed| typed.parse::<usize>());
    let context = numbers.next().unwrap_or(Ok(256))?;
    let span = Duration::from_secs(numbers.next().unwrap_or(Ok(2))?.try_into()?);
    let chosen = manifest::default_chat().ok_or("no default chat model")?;
    let files = Cache::from_environment()?.ensure(chosen, to_stderr().as_ref())?;
    let start = Instant::now();
    let options = LoadOptions { cache_tokens: Some(SEQUENCES.len().max(32) * (context + 64)), ..LoadOptions::default() };
    let mut decoder = load_chat(chosen, &files, &options)?.decoder;
    println!("{} loaded in {:.2?}; {} threads", chosen.id, start.elapsed(), compute_threads());

    println!("a prompt of {context} tokens, in pieces of");
    for chunk in CHUNKS {
        let time = measure(span, || read(decoder.as_mut(), 0, context, chunk))?;
        println!("{chunk:>6}  {}", time.describe(context));
    }
    println!("one more token after {context}, of so many sequences");
    for sequences in SEQUENCES {
        for sequence in 0..sequences {
            read(decoder.as_mut(), sequence, context, 256)?;
        }
        let time = measure(span, || step(decoder.as_mut(), sequences, context))?;
        println!("{sequences:>6}  {}", time.describe(sequences));
    }
    Ok(())
}

/// What a pass takes.
struct Time {
    quickest: Duration,
    on_processor: Option<Duration>,
}

impl Time {
    fn describe(&self, tokens: usize) -> String {
        let rate = |time: Duration| tokens as f64 / time.as_secs_f64();
        let milliseconds = self.quickest.as_secs_f64() * 1e3;
        let on_processor = self.on_processor.map_or_else(|| "-".to_owned(), |time| format!("{:.1}", rate(time)));
        format!("{:>8.1} tokens/s  {milliseconds:>8.3} ms  {on_processor:>8} tokens/s on the processor", rate(self.quickest))
    }
}

/// Measures `work`, done as many times as fit the span.
fn measure(span: Duration, mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Time, Box<dyn Error>> {
    let (begin, before) = (Instant::now(), on_processor());
    let (mut quickest, mut times) = (Duration::MAX, 0);
    while begin.elapsed() < span {
        let start = Instant::now();
        work()?;
        quickest = quickest.min(start.elapsed());
        times += 1;
    }
    let on_processor = on_processor().zip(before).and_then(|(after, before)| after.checked_sub(before)?.checked_div(times));
    Ok(Time { quickest, on_processor })
}

/// How long this thread has been on a processor, if the system tells.
fn on_processor() -> Option<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// The blocks of a sequence: as many for each as one position more than its context takes.
fn blocks(decoder: &dyn Decoder, sequence: usize, context: usize) -> Result<Vec<u32>, Box<dyn Error>> {
    let each = u32::try_from((context + 1).div_ceil(decoder.cache().block_size))?;
    let first = u32::try_from(sequence)? * each;
    Ok((first..first + each).collect())
}

/// Reads the prompt of one sequence in pieces.
fn read(decoder: &mut dyn Decoder, sequence: usize, context: usize, chunk: usize) -> Result<(), Box<dyn Error>> {
    let blocks = blocks(decoder, sequence, context)?;
    let tokens: Vec<u32> = (0..u32::try_from(context)?).map(|index| 1000 + index * 7919 % 40_000).collect();
    let first = blocks.first().copied().unwrap_or(0) * u32::try_from(decoder.cache().block_size)?;
    let positions: Vec<u32> = (0..u32::try_from(context)?).collect();
    let slots: Vec<u32> = positions.iter().map(|position| first + position).collect();
    let mut length = 0;
    for ((tokens, positions), slots) in tokens.chunks(chunk).zip(positions.chunks(chunk)).zip(slots.chunks(chunk)) {
        length += tokens.len();
        let rows = [Row { tokens: tokens.len(), length, blocks: &blocks }];
        decoder.forward(&Batch { tokens, positions, slots, rows: &rows, outputs: &[u32::try_from(tokens.len())? - 1] })?;
    }
    Ok(())
}

/// One token of each sequence.
fn step(decoder: &mut dyn Decoder, sequences: usize, context: usize) -> Result<(), Box<dyn Error>> {
    let blocks = (0..sequences).map(|sequence| blocks(decoder, sequence, context)).collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<Row<'_>> = blocks.iter().map(|blocks| Row { tokens: 1, length: context + 1, blocks }).collect();
    let (position, size) = (u32::try_from(context)?, u32::try_from(decoder.cache().block_size)?);
    let slots: Vec<u32> = blocks.iter().map(|blocks| blocks.first().copied().unwrap_or(0) * size + position).collect();
    let outputs: Vec<u32> = (0..u32::try_from(sequences)?).collect();
    let (tokens, positions) = (vec![4321; sequences], vec![position; sequences]);
    decoder.forward(&Batch { tokens: &tokens, positions: &positions, slots: &slots, rows: &rows, outputs: &outputs })?;
    Ok(())
}
