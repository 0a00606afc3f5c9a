//! The Open Inference Protocol over a socket: authenticated, authorized, recorded and measured as every other API, with errors of its own.

use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, channel},
};

use http_body_util::Full;
use serde_json::json;
use tradewind::backend::{Budget, Engine, LoadFailure, Loaded, Loader, Memory};
use tradewind_models::{
    EncoderEngine,
    decoder::ForwardError,
    encoder::{Encoder, EncoderModel, EncoderSettings, Rows, TokenSequence},
    manifest::Manifest,
    tokenizer::{GgufVocabulary, TokenKind, Tokenizer},
};

use tradewind_policies::spec::InProcess;

use crate::support::{Answer, Gateway, Setup, request};

const POLICY: &str = r#"
version = 1
[backend.here]
provider = "local"
models.vectors = { name = "all-minilm-l6-v2", operations = ["embeddings", "infer"] }
models.more = { name = "all-minilm-l6-v2", operations = ["infer"] }
models.only-openai = { name = "all-minilm-l6-v2", operations = ["embeddings"] }
[tenant.acme]
allow = ["vectors", "more", "only-openai"]
[[route]]
name = "to-vectors"
match = { model = "vectors" }
tiers = [["here"]]
[[route]]
name = "to-more"
match = { model = "more" }
tiers = [["here"]]
[[route]]
name = "to-only-openai"
match = { model = "only-openai" }
tiers = [["here"]]
"#;

/// A vector that says how long the text is.
struct Lengths;

impl Encoder for Lengths {
    fn dimensions(&self) -> usize {
        2
    }

    fn rows(&self) -> Rows {
        Rows::One
    }

    fn max_tokens(&self) -> usize {
        8
    }

    fn vocabulary_size(&self) -> usize {
        1
    }

    fn encode(&mut self, sequences: &[TokenSequence]) -> Result<Vec<Vec<f32>>, ForwardError> {
        Ok(sequences.iter().map(|sequence| vec![sequence.len() as f32, 1.0]).collect())
    }
}

/// Brings that model in, whatever is asked for.
struct Loading;

impl Loader for Loading {
    fn load(&self, manifest: &Manifest, _: InProcess) -> Result<Vec<Loaded>, LoadFailure> {
        let (model, pre) = ("gpt2".to_owned(), "smollm".to_owned());
        let tokens = vec![("a".to_owned(), TokenKind::Text)];
        let vocabulary = GgufVocabulary { model, pre, tokens, ..GgufVocabulary::default() };
        let tokenizer = Tokenizer::from_gguf(vocabulary).unwrap();
        let model = EncoderModel { encoder: Box::new(Lengths), tokenizer, labels: None };
        let settings = EncoderSettings { rehearsals: 0, ..EncoderSettings::default() };
        let lease = Budget::new(Arc::default()).reserve(manifest.id.as_str(), Memory::Host(1), 1)?;
        let hold = lease.hold();
        let engine = EncoderEngine::start_holding(model, settings, lease).unwrap();
        Ok(vec![Loaded { engine: Engine::Embeddings(engine), hold }])
    }
}

/// Brings nothing in, for as long as the test lasts.
struct Waiting(Mutex<Receiver<()>>);

impl Loader for Waiting {
    fn load(&self, _: &Manifest, _: InProcess) -> Result<Vec<Loaded>, LoadFailure> {
        let _test_is_over = self.0.lock().unwrap().recv();
        Err(LoadFailure::Never("the test is over".to_owned()))
    }
}

async fn gateway() -> Gateway {
    Setup::of_text(POLICY).start_with(Loading).await
}

async fn ask(gateway: &Gateway, method: &str, path: &str, body: &str) -> Answer {
    let request = gateway.request(method, path).body(Full::from(body.to_owned())).unwrap();
    Answer::of(gateway.client.send(request).await).await
}

/// Status and message of an error, which must have the protocol's shape and name the request.
fn refusal(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 1, "{answer:?}");
    assert!(answer.header("x-request-id").starts_with("req_"), "{answer:?}");
    (answer.status.as_u16(), body["error"].as_str().unwrap().to_owned())
}

fn body(texts: &[&str]) -> String {
    json!({"inputs": [{"name": "text", "shape": [texts.len()], "datatype": "BYTES", "data": texts}]}).to_string()
}

#[tokio::test]
async fn an_inference_is_answered_recorded_and_measured() {
    let gateway = gateway().await;
    let answer = ask(&gateway, "POST", "/v2/models/vectors/infer", &body(&["a", "aaa"])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let outputs = json!([{"name": "embedding", "shape": [2, 2], "datatype": "FP32", "data": [1.0, 1.0, 3.0, 1.0]}]);
    assert_eq!(answer.json(), json!({"model_name": "vectors", "outputs": outputs}));
    let labels = [r#"gen_ai_operation_name="infer""#, r#"status="200""#];
    assert_eq!(gateway.metric("tradewind_requests_total", &labels).await, 1.0);
    let record = gateway.stop_after_one().await;
    for (field, value) in [
        ("operation", json!("infer")),
        ("path", json!("/v2/models/vectors/infer")),
        ("model", json!("vectors")),
        ("route", json!("to-vectors")),
        ("backend", json!("here")),
        ("decision", json!("granted")),
        ("status", json!(200)),
        ("prompt_tokens", json!(4)),
    ] {
        assert_eq!(record[field], value, "{field}");
    }
}

#[tokio::test]
async fn what_is_denied_is_told_in_the_protocol_s_words_and_recorded() {
    let gateway = gateway().await;
    let path = "/v2/models/vectors/infer";
    let stranger = request("POST", path).body(Full::from(body(&["a"]))).unwrap();
    assert_eq!(refusal(&Answer::of(gateway.client.send(stranger).await).await).0, 401);
    let token = format!("Bearer {}", gateway.token_for(&["only-openai"]));
    for path in [path, "/v2/models/vectors", "/v2/models/vectors/ready"] {
        let method = if path.ends_with("infer") { "POST" } else { "GET" };
        let other = request(method, path).header("authorization", &token).body(Full::from(body(&["a"]))).unwrap();
        assert_eq!(refusal(&Answer::of(gateway.client.send(other).await).await).0, 403, "{path}");
    }
    let answer = ask(&gateway, "POST", "/v2/models/only-openai/infer", &body(&["a"])).await;
    assert_eq!(refusal(&answer), (400, "The model 'only-openai' does not serve infer.".to_owned()));
    let records = gateway.stop().await;
    let told: Vec<_> = records.iter().map(|record| (record["decision"].as_str().unwrap(), &record["status"])).collect();
    let denied = |status: u16| ("denied", json!(status));
    for (told, (decision, status)) in told.iter().zip([denied(401), denied(403), denied(403), denied(403)]) {
        assert_eq!((told.0, told.1), (decision, &status));
    }
    assert_eq!((&records[1]["model"], &records[1]["operation"]), (&json!("vectors"), &json!("infer")));
}

#[tokio::test]
async fn the_server_and_its_models_say_what_they_are() {
    let gateway = gateway().await;
    let told = async |path: &str| ask(&gateway, "GET", path, "").await.json();
    assert_eq!(told("/v2").await["name"], "tradewind");
    assert_eq!(told("/v2/health/live").await, json!({"live": true}));
    assert_eq!(told("/v2/health/ready").await, json!({"ready": true}));
    assert_eq!(told("/v2/models/vectors/ready").await, json!({"name": "vectors", "ready": true}));
    let model = told("/v2/models/vectors").await;
    assert_eq!(model["inputs"], json!([{"name": "text", "datatype": "BYTES", "shape": [-1]}]));
    assert_eq!(model["outputs"], json!([{"name": "embedding", "datatype": "FP32", "shape": [-1, 384]}]));
    let missing = ask(&gateway, "GET", "/v2/models/none", "").await;
    assert!(matches!(refusal(&missing).0, 403 | 404), "{missing:?}");
    let strangers = Answer::of(gateway.client.send(request("GET", "/v2").body(Full::default()).unwrap()).await).await;
    assert_eq!(refusal(&strangers).0, 401);
}

#[tokio::test]
async fn a_model_that_is_not_loaded_is_not_ready() {
    let (_until_the_end, over) = channel();
    let gateway = Setup::of_text(POLICY).start_as(|gateway| gateway.with_loader(Waiting(Mutex::new(over)))).await;
    for (method, path) in [("GET", "/v2/health/ready"), ("GET", "/v2/models/vectors/ready"), ("POST", "/v2/models/vectors/infer")]
    {
        assert_eq!(refusal(&ask(&gateway, method, path, &body(&["a"])).await).0, 503, "{path}");
    }
    assert_eq!(ask(&gateway, "GET", "/v2/health/live", "").await.status, 200);
}

#[tokio::test]
async fn what_is_no_inference_is_refused_by_what_is_wrong_with_it() {
    let gateway = gateway().await;
    let infer = "/v2/models/vectors/infer";
    for (method, path, body, status, part) in [
        ("GET", infer, String::new(), 405, "takes POST only"),
        ("POST", "/v2/models/vectors", String::new(), 405, "takes GET only"),
        ("GET", "/v2/models/", String::new(), 404, "/v2/models/{model}/infer"),
        ("POST", infer, "{".to_owned(), 400, "not valid"),
        ("POST", infer, json!({"inputs": [{"name": "x"}]}).to_string(), 400, "inputs[0]"),
        ("POST", infer, body(&[]), 400, "1 to 2048 texts"),
        ("POST", infer, body(&["aaaaaaaaa"]), 400, "9 tokens"),
    ] {
        let (told, message) = refusal(&ask(&gateway, method, path, &body).await);
        assert!(told == status && message.contains(part), "{method} {path}: {told} {message}");
    }
    for (kind, status) in [("application/octet-stream", 200), ("application/json", 200), ("text/plain", 415)] {
        let request = gateway.request("POST", infer).header("content-type", kind).body(Full::from(body(&["a"]))).unwrap();
        assert_eq!(gateway.client.send(request).await.status(), status, "{kind}");
    }
    let binary = gateway.request("POST", infer).header("inference-header-content-length", "10").body(Full::from("x")).unwrap();
    let (status, message) = refusal(&Answer::of(gateway.client.send(binary).await).await);
    assert!(status == 415 && message.contains("binary_data=False"), "{message}");
}

#[tokio::test]
async fn an_idempotency_key_covers_the_model_of_the_path() {
    let gateway = gateway().await;
    let ask = async |model: &str| {
        let path = format!("/v2/models/{model}/infer");
        let request = gateway.request("POST", &path).header("idempotency-key", "k").body(Full::from(body(&["a"]))).unwrap();
        Answer::of(gateway.client.send(request).await).await
    };
    assert_eq!(ask("vectors").await.status, 200);
    let again = ask("vectors").await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (200, "true"));
    assert_eq!(refusal(&ask("more").await).0, 422);
}
