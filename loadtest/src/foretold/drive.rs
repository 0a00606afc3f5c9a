//! Sends a trace at its own times, however long the answers take.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::{Rng, RngExt};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::time::Instant;

use crate::Failure;
use crate::trace::Arrival;
use crate::world::MODEL;

/// Sends requests to a gateway.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    address: SocketAddr,
    token: Arc<str>,
    speed: f64,
    /// The longest that a request was sent after its time, in microseconds.
    late: Arc<AtomicU64>,
}

impl Caller {
    /// One that trusts that certificate, shows that token, and sends so many times as fast as was recorded.
    pub(crate) fn new(address: SocketAddr, certificate: &Path, token: String, speed: f64) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let tls = tls.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost")?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .with_server_name_resolver(FixedServerNameResolver::new(name))
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, address, token: token.into(), speed, late: Arc::default() })
    }

    /// Sends these requests, and waits for all answers. Returns the requests' ids, in their order.
    pub(crate) async fn play(&self, arrivals: &[Arrival]) -> Result<Vec<String>, Failure> {
        let began = Instant::now();
        let mut answers = Vec::with_capacity(arrivals.len());
        for arrival in arrivals {
            let due = began + arrival.at.div_f64(self.speed);
            tokio::time::sleep_until(due).await;
            let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.late.fetch_max(late, Ordering::Relaxed);
            answers.push(tokio::spawn(self.clone().ask(*arrival)));
        }
        let mut ids = Vec::with_capacity(answers.len());
        for answer in answers {
            ids.push(answer.await??);
        }
        Ok(ids)
    }

    /// The longest that a request was sent after its time.
    pub(crate) fn lateness(&self) -> Duration {
        Duration::from_micros(self.late.load(Ordering::Relaxed))
    }

    async fn ask(self, arrival: Arrival) -> Result<String, Failure> {
        let prompt = prompt(arrival.prompt_tokens, &mut rand::rng());
        let body = serde_json::json!({
            "model": MODEL,
            "messages": [{ "role": "user", "content": prompt }],
            "max_tokens": arrival.output_tokens,
            "stream": true,
        });
        let request = Request::post(format!("https://{}/v1/chat/completions", self.address))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::from(body.to_string()))?;
        let response = self.client.request(request).await?;
        let status = response.status();
        let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let body = response.into_body().collect().await?.to_bytes();
        match id {
            Some(id) if status == StatusCode::OK => Ok(id),
            _ => Err(format!("the gateway answered {status}: {}", String::from_utf8_lossy(&body)).into()),
        }
    }
}

/// So many words of four bytes with their space: the clouds count words, the gateway bytes. No two prompts begin alike, so no cache helps.
fn prompt(tokens: u32, rng: &mut impl Rng) -> String {
    let letter = |rng: &mut _| char::from(RngExt::random_range(rng, b'a'..=b'z'));
    let mut text = String::with_capacity(4 * tokens as usize);
    for _ in 0..tokens {
        text.extend([letter(rng), letter(rng), letter(rng), ' ']);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_has_as_many_words_as_tokens_of_four_bytes() {
        let text = prompt(100, &mut rand::rng());
        assert_eq!((text.split_whitespace().count(), text.len()), (100, 400));
        assert_ne!(text, prompt(100, &mut rand::rng()));
    }
}
