//! What the adapter for Cohere makes of requests, answers, streams and errors.

mod golden;

use golden::Golden;
use tradewind_providers::{Adapter, cohere::Cohere};

#[test]
fn cohere_golden_files() {
    let adapter = |_: &str| -> Box<dyn Adapter> { Box::new(Cohere::new(&"https://api.cohere.com".parse().unwrap()).unwrap()) };
    Golden { provider: "cohere", adapter, frames: None }.check();
}
