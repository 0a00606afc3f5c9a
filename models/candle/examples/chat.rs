//! Asks the default chat model a question and prints the answer as it comes, with its speed; then compares sentences.
//!
//! `cargo run --release -p tradewind-candle --example chat -- "Why is the sky blue?"`

use std::error::Error;
use std::io::Write;

use tokio::time::Instant;
use tradewind_candle::{LoadOptions, limit_compute_threads, load_chat, load_encoder};
use tradewind_models::chat::{ChatRequest, ChatSettings, Event, Message, Role};
use tradewind_models::encoder::{EncoderSettings, Input};
use tradewind_models::fetch::{Cache, to_stderr};
use tradewind_models::sample::Sampling;
use tradewind_models::{ChatEngine, EncoderEngine, manifest};

fn main() -> Result<(), Box<dyn Error>> {
    limit_compute_threads(None)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let question = std::env::args().nth(1).unwrap_or_else(|| "Why is the sky blue?".to_owned());
    let cache = Cache::from_environment()?;
    runtime.block_on(chat(&cache, question))?;
    runtime.block_on(compare(&cache))
}

async fn chat(cache: &Cache, question: String) -> Result<(), Box<dyn Error>> {
    let chosen = manifest::default_chat().ok_or("no default chat model")?;
    let files = cache.ensure(chosen, to_stderr().as_ref())?;
    let start = Instant::now();
    let engine = ChatEngine::start(load_chat(chosen, &files, &LoadOptions::default())?, ChatSettings::default())?;
    println!("[{} loaded in {:.2?}]", chosen.id, start.elapsed());

    let start = Instant::now();
    let mut first = None;
    let conversation = ChatRequest::new(vec![Message::new(Role::User, question)]);
    let request = ChatRequest { sampling: Sampling::GREEDY, max_tokens: Some(200), ..conversation };
    let mut generation = engine.submit(request)?;
    while let Some(event) = generation.next().await {
        match event {
            Event::Started { .. } | Event::Call { .. } | Event::Arguments { .. } => {}
            Event::Text { text, .. } => {
                first.get_or_insert_with(Instant::now);
                print!("{text}");
                std::io::stdout().flush()?;
            }
            Event::Finished { finish, .. } => print!("\n[{finish:?}]"),
            Event::Done { usage } => {
                let first = first.unwrap_or(start);
                #[expect(clippy::cast_precision_loss, reason = "a few hundred tokens")]
                let rate = |tokens: usize, time: std::time::Duration| tokens as f64 / time.as_secs_f64();
                println!(
                    "\n[{usage:?}; prompt {:.0} tokens/s, answer {:.0} tokens/s]",
                    rate(usage.prompt_tokens, first - start),
                    rate(usage.completion_tokens.saturating_sub(1), first.elapsed()),
                );
            }
            Event::Failed(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn compare(cache: &Cache) -> Result<(), Box<dyn Error>> {
    let chosen = manifest::default_embeddings().ok_or("no default embedding model")?;
    let files = cache.ensure(chosen, to_stderr().as_ref())?;
    let model = load_encoder(chosen, &files, &LoadOptions::default())?;
    let engine = EncoderEngine::start(model, EncoderSettings::default())?;
    let sentences = ["A man is eating food.", "A man is eating a piece of bread.", "The stock market fell today."];
    let inputs = sentences.iter().map(|sentence| Input::Text((*sentence).to_owned())).collect();
    let start = Instant::now();
    let embeddings = engine.submit(inputs)?.await?;
    println!("[{} tokens embedded in {:.2?}]", embeddings.prompt_tokens, start.elapsed());
    let Some((first, others)) = embeddings.outputs.split_first() else {
        return Ok(());
    };
    for (sentence, vector) in sentences.iter().skip(1).zip(others) {
        let cosine: f32 = first.iter().zip(vector).map(|(a, b)| a * b).sum();
        println!("{cosine:.3}  {} / {sentence}", sentences[0]);
    }
    Ok(())
}
