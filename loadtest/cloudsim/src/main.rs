//! The simulator as a program, for tests in other languages and for trying the gateway by hand.

use std::io;
use std::net::SocketAddr;

use clap::Parser;
use tradewind_cloudsim::{Behaviour, CloudKind, Sim};

/// A simulated cloud with OpenAI's API. Its base URL is printed on the first line; its replies are scripted by
/// `POST /sim/script`.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The cloud to simulate.
    #[arg(long, default_value = "openai")]
    only: CloudKind,
    /// The bearer token to demand; an empty one accepts every caller.
    #[arg(long, default_value = "sk-sim")]
    token: String,
    /// A model to chat with; may be repeated.
    #[arg(long = "chat-model", default_value = "sim-chat")]
    chat_models: Vec<String>,
    /// A model to embed with; may be repeated.
    #[arg(long = "embedding-model", default_value = "sim-embed")]
    embedding_models: Vec<String>,
    /// A model to rerank with; may be repeated.
    #[arg(long = "rerank-model", default_value = "sim-rerank")]
    rerank_models: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let Arguments { listen, only, token, chat_models, embedding_models, rerank_models } = Arguments::parse();
    let token = Some(token).filter(|token| !token.is_empty());
    let behaviour = Behaviour { token, chat_models, embedding_models, rerank_models, ..Behaviour::default() };
    let sim = Sim::start_cloud_at(listen, only, behaviour).await?;
    println!("{}", sim.base_url());
    tokio::signal::ctrl_c().await
}
