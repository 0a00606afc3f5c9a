//! A stream that breaks off goes on at another backend with the same weights, and the client sees one answer.

use std::fmt::Write as _;

use http::Method;
use serde_json::{Value, json};
use tradewind_cloudsim::{Behaviour, CloudKind, Received, Reply, Sim};

use crate::support::{Answer, Gateway, Setup, streamed};

/// What the simulated model says, in its pieces: spaces, line ends, quotes and characters of several bytes at the seams.
const PIECES: [&str; 16] =
    ["The", " wind", " ", " bläst", "\n\n", "from", " the", " \"east\"", ",", " 東", "京", "\t", "and", " back", " 🌬", "!"];

/// A backend of a test: which cloud, and the name of the weights of its model.
type Place = (CloudKind, &'static str);

const VLLM: Place = (CloudKind::Vllm, "w");
const MISTRAL: Place = (CloudKind::Mistral, "w");

/// Running clouds, asked in their order, and a gateway in front of them.
struct Clouds {
    gateway: Gateway,
    sims: Vec<Sim>,
}

impl Clouds {
    async fn start(places: &[Place]) -> Self {
        Self::start_with(places, "").await
    }

    /// The same, with a line for the route.
    async fn start_with(places: &[Place], line: &str) -> Self {
        let behaviour = Behaviour { answer: PIECES.map(String::from).into(), ..Behaviour::default() };
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "sk-sim").unwrap();
        let mut text = "version = 1\n".to_owned();
        let (mut sims, mut tiers) = (Vec::new(), Vec::new());
        for ((kind, weights), name) in places.iter().zip(["a", "b", "c"]) {
            let sim = Sim::start_cloud(*kind, behaviour.clone()).await.unwrap();
            writeln!(
                text,
                "[backend.{name}]\nprovider = \"{}\"\nbase_url = \"{}\"\nsecret = \"file:{}\"\n\
                 models.chat = {{ name = \"sim-chat\", weights = \"{weights}\" }}",
                kind.name(),
                sim.base_url(),
                key.display(),
            )
            .unwrap();
            sims.push(sim);
            tiers.push(format!("[\"{name}\"]"));
        }
        let tiers = tiers.join(", ");
        writeln!(
            text,
            "[[route]]\nname = \"to-chat\"\nmatch = {{ model = \"chat\" }}\ntiers = [{tiers}]\nmidstream = \"continue\"\n{line}"
        )
        .unwrap();
        Self { gateway: Setup::of_text(&text).keeping(folder).start().await, sims }
    }

    async fn ask(&self, body: &Value) -> Told {
        let answer = Answer::of(self.gateway.client.send(self.gateway.chat(body)).await).await;
        Told::of(std::str::from_utf8(&answer.body).unwrap())
    }

    /// The chats that a cloud was asked for; servers of the operator's own are asked how they are, too.
    fn chats(&self, place: usize) -> Vec<Received> {
        self.sims[place].requests().into_iter().filter(|request| request.method == Method::POST).collect()
    }

    fn requests(&self, place: usize) -> usize {
        self.chats(place).len()
    }
}

/// What a client is told by a stream.
#[derive(Debug, PartialEq)]
struct Told {
    text: String,
    chunks: Vec<Value>,
    comments: Vec<String>,
    error: Option<String>,
    is_done: bool,
}

impl Told {
    fn of(body: &str) -> Self {
        let mut told = Self { text: String::new(), chunks: Vec::new(), comments: Vec::new(), error: None, is_done: false };
        for event in body.split_terminator("\n\n") {
            assert!(!told.is_done && told.error.is_none(), "{event:?} after the end of {body}");
            if let Some(comment) = event.strip_prefix(": ") {
                told.comments.push(comment.to_owned());
                continue;
            }
            let data = event.strip_prefix("data: ").unwrap_or_else(|| panic!("{event:?}"));
            if data == "[DONE]" {
                told.is_done = true;
                continue;
            }
            let chunk: Value = serde_json::from_str(data).unwrap();
            if let Some(code) = chunk["error"]["code"].as_str() {
                told.error = Some(code.to_owned());
                continue;
            }
            told.text += chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
            told.chunks.push(chunk);
        }
        told
    }

    /// The values other than null that are at `pointer` in any chunk.
    fn all(&self, pointer: &str) -> Vec<&Value> {
        self.chunks.iter().filter_map(|chunk| chunk.pointer(pointer)).filter(|value| !value.is_null()).collect()
    }
}

fn with_usage() -> Value {
    let mut body = streamed();
    body["stream_options"] = json!({ "include_usage": true });
    body
}

#[tokio::test]
async fn an_answer_cut_anywhere_is_the_uncut_answer() {
    let whole = Clouds::start(&[VLLM, VLLM]).await.ask(&with_usage()).await;
    assert_eq!(whole.text, PIECES.concat());
    // After the role and so many pieces: the ends, and some between drawn once.
    let ways: [fn(usize) -> Reply; 3] =
        [|events| Reply::EndAfter { events }, |events| Reply::CutFrame { events }, |events| Reply::InStreamError { events }];
    for places in [[VLLM, MISTRAL], [MISTRAL, VLLM], [VLLM, (CloudKind::SgLang, "w")]] {
        for (pieces, way) in [1, 2, 3, 5, 8, 11, 12, 15, 16].into_iter().zip(ways.into_iter().cycle()) {
            let clouds = Clouds::start(&places).await;
            let reply = way(1 + pieces);
            let case = format!("{places:?} {reply:?}");
            clouds.sims[0].script([reply]);
            let told = clouds.ask(&with_usage()).await;
            assert_eq!(told.text, whole.text, "{case}");
            assert!(told.is_done && told.error.is_none(), "{case}: {told:?}");
            assert_eq!(told.comments, ["x_tradewind.continued_from=a"], "{case}");
            for same in ["/id", "/model", "/created", "/object"] {
                let values = told.all(same);
                assert_eq!(values.len(), told.chunks.len(), "{case}: {told:?}");
                assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "{case}, {same}: {told:?}");
            }
            assert_eq!(told.all("/choices/0/delta/role"), ["assistant"], "{case}");
            assert_eq!(told.all("/choices/0/finish_reason"), ["stop"], "{case}");
            assert_eq!(told.all("/usage"), whole.all("/usage"), "{case}");
            assert_eq!(clouds.gateway.metric("tradewind_continuations_total", &["backend=\"b\""]).await, 1.0, "{case}");
            let record = clouds.gateway.stop_after_one().await;
            assert_eq!(
                (&record["outcome"], &record["attempts"], &record["backend"], &record["completion_tokens"]),
                (&json!("completed"), &json!(2), &json!("a"), &json!(PIECES.len())),
                "{case}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_left_of_the_limit_is_what_the_second_half_may_have() {
    let clouds = Clouds::start(&[VLLM, MISTRAL]).await;
    clouds.sims[0].script([Reply::EndAfter { events: 5 }]);
    let mut body = streamed();
    body["max_completion_tokens"] = 10.into();
    let told = clouds.ask(&body).await;
    assert_eq!(told.text, PIECES[..10].concat());
    assert_eq!(told.all("/choices/0/finish_reason"), ["length"]);
    assert_eq!(told.all("/usage"), Vec::<&Value>::new());
    let sent: Value = serde_json::from_slice(&clouds.chats(1)[0].body).unwrap();
    assert_eq!(sent["max_tokens"], 6);
    assert_eq!(sent["messages"][1], json!({ "role": "assistant", "content": PIECES[..4].concat(), "prefix": true }));
}

#[tokio::test]
async fn an_answer_that_nobody_can_go_on_with_ends_with_an_error() {
    let tool = json!({ "type": "function", "function": { "name": "f", "parameters": { "type": "object", "properties": { "x": { "type": "string" } } } } });
    let schema =
        json!({ "type": "json_schema", "json_schema": { "name": "s", "schema": { "type": "object", "properties": {} } } });
    let cases: [(&str, &[Place], &str, Value); 5] = [
        ("other weights", &[VLLM, (CloudKind::Vllm, "v"), (CloudKind::Vllm, "v")], "seed", json!(1)),
        ("a host that answers what was begun", &[VLLM, (CloudKind::OpenAi, "w")], "seed", json!(1)),
        ("a call of a tool", &[VLLM, VLLM], "tools", json!([tool])),
        ("a schema", &[VLLM, VLLM], "response_format", schema),
        ("likelihoods", &[VLLM, VLLM], "logprobs", json!(true)),
    ];
    for (case, places, name, value) in cases {
        let clouds = Clouds::start(places).await;
        clouds.sims[0].script([Reply::EndAfter { events: 2 }]);
        let mut body = streamed();
        body[name] = value;
        let told = clouds.ask(&body).await;
        assert_eq!((told.error.as_deref(), told.is_done), (Some("stream_interrupted"), false), "{case}: {told:?}");
        assert_eq!(clouds.requests(1), 0, "{case}");
    }
}

#[tokio::test]
async fn a_second_break_ends_with_an_error_after_what_was_sent() {
    let clouds = Clouds::start(&[VLLM, VLLM, VLLM]).await;
    clouds.sims[0].script([Reply::EndAfter { events: 4 }]);
    clouds.sims[1].script([Reply::EndAfter { events: 3 }]);
    let told = clouds.ask(&streamed()).await;
    assert_eq!(told.text, PIECES[..5].concat());
    assert_eq!((told.error.as_deref(), told.is_done), (Some("stream_interrupted"), false));
    assert_eq!(clouds.requests(2), 0);
}

#[tokio::test]
async fn a_backend_that_fails_to_go_on_is_followed_by_the_next_while_attempts_last() {
    for (line, error) in [("", None), ("max_attempts = 2", Some("stream_interrupted"))] {
        let clouds = Clouds::start_with(&[VLLM, VLLM, MISTRAL], line).await;
        clouds.sims[0].script([Reply::EndAfter { events: 4 }]);
        clouds.sims[1].script([Reply::status(503)]);
        let told = clouds.ask(&streamed()).await;
        assert_eq!(told.error.as_deref(), error, "{line}");
    }
}
