//! What the adapters for Google AI Studio and Vertex AI make of requests, answers, streams and errors.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where and why")]

mod golden;

use golden::Golden;
use tradewind_providers::{
    Adapter,
    gemini::Gemini,
    vertex::{ChatStyle, Vertex},
};

#[test]
fn gemini_golden_files() {
    let adapter = |variant: &str| -> Box<dyn Adapter> {
        match variant {
            "" => Box::new(Gemini::new(&"https://generativelanguage.googleapis.com/v1beta".parse().unwrap())),
            other => panic!("unknown variant {other}"),
        }
    };
    Golden { provider: "gemini", adapter, frames: None }.check();
}

#[test]
fn vertex_golden_files() {
    Golden { provider: "vertex", adapter: vertex, frames: None }.check();
}

fn vertex(variant: &str) -> Box<dyn Adapter> {
    let private = "https://vertex.internal:8443".parse().unwrap();
    let (location, base, chat) = match variant {
        "" => ("europe-west4", None, None),
        "global" => ("global", None, None),
        "eu" => ("eu", None, None),
        "private" => ("europe-west4", Some(&private), None),
        "anthropic" => ("us-east5", None, Some(ChatStyle::Anthropic)),
        other => panic!("unknown variant {other}"),
    };
    Box::new(Vertex::new("my-project", location, base, chat).unwrap())
}
