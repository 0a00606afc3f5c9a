//! The simulator as a program, for tests in other languages and for trying the gateway by hand.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use tradewind_cloudsim::{Behaviour, CloudKind, Pace, Sim, policy, secrets};

/// Simulated clouds, each on a port of its own. The replies of each are scripted by `POST /sim/script` at its port.
///
/// Without `--only`, all clouds run. The name and the base URL of each are printed, a line each; of a single one only the base URL.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen. Several clouds take the ports that follow; port 0 gives each a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A cloud to run, such as `anthropic`; may be repeated. By default, all of them.
    #[arg(long = "only", value_name = "CLOUD")]
    only: Vec<CloudKind>,
    /// Where to write a policy for the gateway that uses the clouds; the secrets it needs are named in it.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The key to demand; an empty one accepts every caller.
    #[arg(long, default_value = "sk-sim")]
    token: String,
    /// A model to chat with, such as `sim-chat`, which is the default; may be repeated.
    #[arg(long = "chat-model")]
    chat_models: Vec<String>,
    /// A model to embed with, such as `sim-embed`, which is the default; may be repeated.
    #[arg(long = "embedding-model")]
    embedding_models: Vec<String>,
    /// A model to rerank with; may be repeated.
    #[arg(long = "rerank-model", default_value = "sim-rerank")]
    rerank_models: Vec<String>,
    /// Milliseconds until the first part of an answer.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    first_token: u64,
    /// Milliseconds between one part of an answer and the next.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    each_token: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let Arguments { listen, only, policy: file, token, chat_models, embedding_models, rerank_models, first_token, each_token } =
        Arguments::parse();
    let usual = Behaviour::default();
    let or_usual = |models: Vec<String>, usual: &[String]| if models.is_empty() { usual.to_vec() } else { models };
    let behaviour = Behaviour {
        token: Some(token).filter(|token| !token.is_empty()),
        chat_models: or_usual(chat_models, &usual.chat_models),
        embedding_models: or_usual(embedding_models, &usual.embedding_models),
        rerank_models,
        pace: Pace { first: Duration::from_millis(first_token), each: Duration::from_millis(each_token), ..Pace::default() },
        ..usual
    };
    let kinds = if only.is_empty() { CloudKind::ALL } else { only.as_slice() };
    let sims = start(listen, kinds, &behaviour).await?;
    match sims.as_slice() {
        [sim] => println!("{}", sim.base_url()),
        sims => sims.iter().for_each(|sim| println!("{:<22}{}", sim.kind(), sim.base_url())),
    }
    if let Some(file) = file {
        fs::write(&file, policy(&sims, &behaviour))?;
        println!("\nThe policy is in {}. It wants to find in the environment:", file.display());
        secrets(&behaviour).iter().for_each(|(name, value)| println!("export {name}={value}"));
    }
    tokio::signal::ctrl_c().await
}

/// Starts the clouds at that address and the ports that follow it.
async fn start(listen: SocketAddr, kinds: &[CloudKind], behaviour: &Behaviour) -> io::Result<Vec<Sim>> {
    let mut sims = Vec::with_capacity(kinds.len());
    let mut next = listen;
    for kind in kinds {
        sims.push(Sim::start_cloud_at(next, *kind, behaviour.clone()).await?);
        if next.port() != 0 {
            let port = next.port().checked_add(1);
            next.set_port(port.ok_or_else(|| io::Error::other("there are not enough ports above that of --listen"))?);
        }
    }
    Ok(sims)
}
