//! What the gateway adds to a local answer: the same questions put to an engine directly, and to the same engine by HTTPS through the whole
//! stack, with authentication, policy, audit log and metrics.
//!
//! `cargo run --release -p tradewind --example overhead -- [PAIRS]`
//!
//! Eight clients ask one after the other, in rounds that take turns, so that a machine that is disturbed for a while is so for both. Printed
//! are tokens a second of each pair of rounds, and the median of what is left by HTTPS. The clients' own work, TLS and the reading of events
//! among it, is on the gateway's side.

#![expect(clippy::indexing_slicing, clippy::expect_used, reason = "a measurement that cannot go on has failed")]

use std::{error::Error, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::PrometheusBuilder;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::TlsConnector;
use tradewind::{
    auth::{DevClaims, DevIssuer, SystemClock},
    backend::Engine,
    config::Settings,
    gateway::Gateway,
    server::Shutdown,
};
use tradewind_models::{
    ChatEngine,
    chat::{ChatRequest, Event, Message, Role},
    manifest,
    sample::Sampling,
};

type Failure = Box<dyn Error + Send + Sync>;

/// Who asks at the same time.
const CLIENTS: usize = 8;
/// Questions of each in a round.
const QUESTIONS: usize = 2;
/// Tokens of an answer at most.
const ANSWER: usize = 64;

fn question(round: usize, client: usize, number: usize) -> String {
    format!("{round}.{client}.{number}: tell me at length of the trade winds, and of the ships that sailed with them.")
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let pairs = std::env::args().nth(1).map_or(Ok(5), |typed| typed.parse::<usize>())?;
    let home = std::env::temp_dir().join(format!("tradewind-overhead-{}", std::process::id()));
    let settings =
        Settings { home: home.clone(), listen: "127.0.0.1:0".parse()?, admin: "127.0.0.1:0".parse()?, ..Settings::default() };
    let gateway = Gateway::bind(settings).await?;
    let (address, certificate, engines) = (gateway.addresses()?[0], gateway.certificate(), gateway.engines().clone());
    let issuer = DevIssuer::open(gateway.home())?;
    let claims = DevClaims {
        tenant: "acme".parse()?,
        models: vec!["*".to_owned()],
        subject: "overhead".to_owned(),
        lifetime: Duration::from_secs(3600),
    };
    let token = issuer.mint(&claims, &SystemClock)?;
    let shutdown = Shutdown::new();
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let running = tokio::spawn(gateway.run(metrics, shutdown.clone()));
    engines.settled().await;
    let model = manifest::default_chat().expect("there is a default chat model").id.as_str();
    let engine = match engines.get(model).as_deref() {
        Some(Engine::Chat(engine)) => engine.clone(),
        other => return Err(format!("{model} is not loaded: {other:?}").into()),
    };

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
    let client = Client { address, connector: TlsConnector::from(Arc::new(config)), token, model: model.to_owned() };

    let mut kept = Vec::new();
    println!("  ENGINE  GATEWAY  KEPT");
    for pair in 0..pairs {
        // Who goes first changes, and no question comes twice.
        let mut paces = [0.0; 2];
        for turn in 0..2 {
            let (side, round) = ((pair + turn) % 2, 2 * pair + turn);
            paces[side] = if side == 0 { direct(&engine, round).await? } else { client.round(round).await? };
        }
        kept.push(paces[1] / paces[0]);
        println!("{:>8.1} {:>8.1} {:>5.3}", paces[0], paces[1], paces[1] / paces[0]);
    }
    kept.sort_by(f64::total_cmp);
    println!("the median of what is kept: {:.3}", kept[kept.len() / 2]);
    shutdown.begin();
    running.await??;
    std::fs::remove_dir_all(home)?;
    Ok(())
}

/// Tokens a second of a round of which each client is one of these.
async fn pace<F: Future<Output = Result<usize, Failure>> + Send + 'static>(
    clients: impl Iterator<Item = F>,
) -> Result<f64, Failure> {
    let start = Instant::now();
    let clients: Vec<_> = clients.map(tokio::spawn).collect();
    let mut tokens = 0;
    for client in clients {
        tokens += client.await??;
    }
    Ok(tokens as f64 / start.elapsed().as_secs_f64())
}

/// A round without the gateway.
async fn direct(engine: &ChatEngine, round: usize) -> Result<f64, Failure> {
    pace((0..CLIENTS).map(|client| {
        let engine = engine.clone();
        async move {
            let mut tokens = 0;
            for number in 0..QUESTIONS {
                let messages = vec![Message::new(Role::User, question(round, client, number))];
                let request = ChatRequest { sampling: Sampling::GREEDY, max_tokens: Some(ANSWER), ..ChatRequest::new(messages) };
                let mut generation = engine.submit(request)?;
                while let Some(event) = generation.next().await {
                    match event {
                        Event::Done { usage } => tokens += usage.completion_tokens,
                        Event::Failed(error) => return Err(error.into()),
                        _ => {}
                    }
                }
            }
            Ok(tokens)
        }
    }))
    .await
}

/// Asks the gateway.
#[derive(Clone)]
struct Client {
    address: std::net::SocketAddr,
    connector: TlsConnector,
    token: String,
    model: String,
}

impl Client {
    async fn round(&self, round: usize) -> Result<f64, Failure> {
        pace((0..CLIENTS).map(|number| self.clone().ask_all(round, number))).await
    }

    /// All questions of one client, over one connection.
    async fn ask_all(self, round: usize, client: usize) -> Result<usize, Failure> {
        let stream = TcpStream::connect(self.address).await?;
        let stream = self.connector.connect(ServerName::try_from("localhost")?, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut tokens = 0;
        for number in 0..QUESTIONS {
            let body = serde_json::json!({
                "model": self.model,
                "messages": [{"role": "user", "content": question(round, client, number)}],
                "temperature": 0,
                "max_tokens": ANSWER,
                "stream": true,
                "stream_options": {"include_usage": true},
            });
            let request = Request::post("/v1/chat/completions")
                .header("host", "localhost")
                .header("authorization", format!("Bearer {}", self.token))
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(body.to_string())))?;
            sender.ready().await?;
            let mut events = sender.send_request(request).await?.into_body();
            let mut usage = None;
            while let Some(frame) = events.frame().await {
                let Ok(data) = frame?.into_data() else { continue };
                for line in data.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data: ")) {
                    let event: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
                    usage = event["usage"]["completion_tokens"].as_u64().or(usage);
                }
            }
            tokens += usize::try_from(usage.ok_or("an answer without its usage")?)?;
        }
        Ok(tokens)
    }
}
