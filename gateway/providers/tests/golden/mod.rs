//! Golden files: what an adapter makes of requests, answers, streams and errors, one folder a case.
//!
//! The cases of a provider are the folders of `gateway/protocol/tests/golden/PROVIDER`. A case holds what goes in:
//!
//! | file | what |
//! |---|---|
//! | `ask.json` | `{"operation": "chat", "model": "…"}`; `adapter` names a variant of the adapter; `capabilities` overrides single ones |
//! | `client.request.json` | the client's body, in OpenAI's form (Cohere's for rerank) |
//! | `upstream.response.http` | a whole answer: status line (`200`), headers, blank line, body; several are separated by a line `---` |
//! | `upstream.stream.http` | a streamed answer, in the same form |
//! | `upstream.frames.jsonl` | the same for frames, which the test's own function turns into bytes |
//!
//! and what must come out:
//!
//! | file | what |
//! |---|---|
//! | `upstream.request.http` | the requests: method and address, headers by name, blank line, body; `x-dropped` tells what was left out |
//! | `refused.txt` | why there is none |
//! | `client.response.json` | the answer in the client's dialect |
//! | `client.stream.sse` | the events in the client's dialect; a fault is a comment at the end |
//! | `judgement.txt` | what a refusal means, or why an answer cannot be read |
//!
//! `UPDATE_GOLDEN=1` writes what comes out; then read it. Streams are decoded whole, byte by byte and in pieces of seven bytes: how a
//! stream is cut must make no difference.

#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test that cannot go on says where and why")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, StatusCode};
use serde_json::Value;
use tradewind_protocol::{
    Capabilities, MaxTokensField, Operation, Payload, Reasoning, Support,
    openai::{self, ChunkEncoder, EncodingFormat, Framing, Head, Identity},
};
use tradewind_providers::{Adapter, Ask, Exchange, PrepareError, Reader, Refusal, Reply, Translate, Translated};

/// What the answers say of themselves where the provider did not tell.
const IDENTITY: Identity<'static> = Identity { id: "golden", created: 1_700_000_000, model: "alias" };

/// The cases of one provider.
pub(crate) struct Golden {
    /// The folder of the cases.
    pub(crate) provider: &'static str,
    /// The adapter of a variant; the variant of a case that names none is empty.
    pub(crate) adapter: fn(&str) -> Box<dyn Adapter>,
    /// The bytes of `upstream.frames.jsonl`, for providers whose streams are binary.
    pub(crate) frames: Option<fn(&str) -> Vec<u8>>,
}

impl Golden {
    /// Checks every case, and fails with all that differ.
    pub(crate) fn check(&self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/tests/golden").join(self.provider);
        let mut cases: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
        cases.sort();
        assert!(!cases.is_empty(), "no case in {}", root.display());
        let faults: Vec<String> = cases.iter().flat_map(|case| self.check_case(case)).collect();
        assert!(faults.is_empty(), "{} golden files differ; UPDATE_GOLDEN=1 writes them\n{}", faults.len(), faults.join("\n"));
    }

    fn check_case(&self, case: &Path) -> Vec<String> {
        let update = std::env::var_os("UPDATE_GOLDEN").is_some();
        let mut made = self.run(case);
        let mut faults = Vec::new();
        for name in ["upstream.request.http", "refused.txt", "client.response.json", "client.stream.sse", "judgement.txt"] {
            let path = case.join(name);
            let before = fs::read_to_string(&path).ok();
            let after = made.iter().position(|(made, _)| *made == name).map(|place| made.swap_remove(place).1);
            if before == after {
                continue;
            }
            match &after {
                Some(text) if update => fs::write(&path, text).unwrap(),
                None if update => fs::remove_file(&path).unwrap(),
                _ => {
                    let text = |text: Option<String>| text.unwrap_or_else(|| "(no such file)\n".to_owned());
                    faults.push(format!("{}\n--- expected\n{}--- got\n{}", path.display(), text(before), text(after)));
                }
            }
        }
        faults
    }

    fn run(&self, case: &Path) -> Vec<(&'static str, String)> {
        let read = |name: &str| fs::read(case.join(name)).ok();
        let ask: Value = serde_json::from_slice(&read("ask.json").expect("ask.json")).unwrap();
        let word = |name: &str| ask.get(name).and_then(Value::as_str);
        let adapter = (self.adapter)(word("adapter").unwrap_or(""));
        let operation = Operation::from_name(word("operation").unwrap_or("chat")).unwrap();
        let model = word("model").expect("a model in ask.json");
        let capabilities = overridden(adapter.capabilities(model), ask.get("capabilities").unwrap_or(&Value::Null));
        let body = Bytes::from(read("client.request.json").expect("client.request.json"));
        let head = Head::read(&body).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        let payload = Payload::new(head, body);
        let ask = Ask { operation, model, capabilities: &capabilities, payload: &payload };

        let mut made = Vec::new();
        let prepare = || adapter.prepare(&ask);
        match prepare() {
            Err(PrepareError::Convert(error)) => made.push(("refused.txt", format!("{error:?}\n"))),
            Err(error) => made.push(("refused.txt", format!("{error:?}\n"))),
            Ok(exchange) => made.push(("upstream.request.http", requests(&exchange))),
        }
        if let Some(text) = read("upstream.response.http") {
            made.push(whole(&*adapter, prepare().unwrap(), &payload, operation, &text));
        }
        let stream = read("upstream.stream.http").map(|text| parse(&text));
        let frames = read("upstream.frames.jsonl").map(|text| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", "application/vnd.amazon.eventstream".parse().unwrap());
            let encode = self.frames.expect("a function that makes frames");
            (StatusCode::OK, Reply { headers, body: encode(&String::from_utf8(text).unwrap()).into() })
        });
        if let Some((_, reply)) = stream.or(frames) {
            let decoded = |piece: usize| stream_of(prepare().unwrap(), &payload, operation, &reply, piece);
            let text = decoded(usize::MAX);
            for piece in [1, 7] {
                assert_eq!(decoded(piece), text, "{}: in pieces of {piece}", case.display());
            }
            made.push(("client.stream.sse", text));
        }
        made
    }
}

fn requests(exchange: &Exchange) -> String {
    let mut text = String::new();
    for (number, request) in exchange.requests.iter().enumerate() {
        if number > 0 {
            text.push_str("---\n");
        }
        text.push_str(&request_text(request));
    }
    if !exchange.dropped.is_empty() {
        writeln!(text, "x-dropped: {}", exchange.dropped).unwrap();
    }
    text
}

fn request_text(request: &Request<Bytes>) -> String {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    let mut headers: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.sort_unstable();
    for (name, value) in headers {
        writeln!(text, "{name}: {value}").unwrap();
    }
    let body: Value = serde_json::from_slice(request.body()).expect("the body is JSON");
    writeln!(text, "\n{body:#}").unwrap();
    text
}

fn whole(
    adapter: &dyn Adapter,
    exchange: Exchange,
    payload: &Payload,
    operation: Operation,
    text: &[u8],
) -> (&'static str, String) {
    let answers: Vec<_> = split(text).into_iter().map(parse).collect();
    if let Some((status, reply)) = answers.iter().find(|(status, _)| !status.is_success()) {
        let refusal = Refusal { status: *status, headers: &reply.headers, body: &reply.body, now: SystemTime::UNIX_EPOCH };
        return ("judgement.txt", format!("{:#?}\n", adapter.judge(&refusal)));
    }
    let Reader::Translated(mut translate) = exchange.reader else {
        return ("client.response.json", "passed through\n".to_owned());
    };
    let replies: Vec<Reply> = answers.into_iter().map(|(_, reply)| reply).collect();
    let body = match translate.whole(&replies) {
        Err(error) => return ("judgement.txt", format!("{error:?}\n")),
        Ok(Translated::Chat(answer)) if operation == Operation::Completions => openai::write_completion(&answer, &IDENTITY),
        Ok(Translated::Chat(answer)) => openai::write_chat(&answer, &IDENTITY),
        Ok(Translated::Embeddings(answer)) => openai::write_embeddings(&answer, EncodingFormat::Float, &IDENTITY),
        Ok(Translated::Rerank(answer)) => openai::write_rerank(&answer, payload.rerank().unwrap(), &IDENTITY),
    };
    let body: Value = serde_json::from_slice(&body).expect("the answer is JSON");
    ("client.response.json", format!("{body:#}\n"))
}

fn stream_of(exchange: Exchange, payload: &Payload, operation: Operation, reply: &Reply, piece: usize) -> String {
    let Reader::Translated(mut translate) = exchange.reader else {
        return "passed through\n".to_owned();
    };
    decode(&mut *translate, payload, operation, reply, piece)
}

fn decode(translate: &mut dyn Translate, payload: &Payload, operation: Operation, reply: &Reply, piece: usize) -> String {
    let framing = if operation == Operation::Completions { Framing::Completion } else { Framing::Chat };
    let mut encoder = ChunkEncoder::new(framing, &IDENTITY, payload.head().include_usage);
    let mut decoder = match translate.stream(&reply.headers) {
        Ok(decoder) => decoder,
        Err(error) => return format!(": fault {error:?}\n"),
    };
    let mut outcome = Ok(());
    for piece in reply.body.chunks(piece.min(reply.body.len()).max(1)) {
        outcome = decoder.push(piece, &mut encoder);
        if outcome.is_err() {
            break;
        }
    }
    let outcome = outcome.and_then(|()| decoder.finish(&mut encoder));
    if outcome.is_ok() {
        encoder.end();
    }
    let mut text = String::from_utf8(encoder.take().to_vec()).unwrap();
    if let Err(fault) = outcome {
        writeln!(text, ": fault {fault:?}").unwrap();
    }
    text
}

/// The parts between lines of three dashes.
fn split(text: &[u8]) -> Vec<&[u8]> {
    let text = std::str::from_utf8(text).unwrap();
    text.split("\n---\n").map(str::as_bytes).collect()
}

fn parse(text: &[u8]) -> (StatusCode, Reply) {
    let end = text.windows(2).position(|pair| pair == b"\n\n").unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    let mut lines = std::str::from_utf8(head).unwrap().lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok()).expect("a status in the first line");
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("`{line}` is no header"));
        (name.trim().parse::<HeaderName>().unwrap(), value.trim().parse().unwrap())
    });
    let headers = headers.collect();
    (status, Reply { headers, body: Bytes::copy_from_slice(rest.get(2..).unwrap_or_default()) })
}

fn overridden(mut capabilities: Capabilities, by: &Value) -> Capabilities {
    for (name, value) in by.as_object().into_iter().flatten() {
        let support = || if value.as_bool().unwrap() { Support::Yes } else { Support::No };
        match name.as_str() {
            "context" => capabilities.context = value.as_u64(),
            "max_output" => capabilities.max_output = value.as_u64(),
            "dimensions" => capabilities.dimensions = value.as_u64(),
            "tools" => capabilities.tools = support(),
            "forced_tools" => capabilities.forced_tools = support(),
            "vision" => capabilities.vision = support(),
            "json_schema" => capabilities.json_schema = support(),
            "sampling" => capabilities.sampling = support(),
            "prefill" => capabilities.prefill = support(),
            "reasoning" => {
                capabilities.reasoning = match value.as_str() {
                    Some("effort") => Reasoning::Effort,
                    Some("budget") => Reasoning::Budget,
                    Some("none") => Reasoning::None,
                    other => panic!("reasoning {other:?}; accepted: effort, budget, none"),
                }
            }
            "max_tokens" => {
                capabilities.max_tokens_field = match value.as_str() {
                    Some("max_tokens") => MaxTokensField::MaxTokens,
                    Some("max_completion_tokens") => MaxTokensField::MaxCompletionTokens,
                    other => panic!("max_tokens {other:?}; accepted: max_tokens, max_completion_tokens"),
                }
            }
            other => panic!("unknown capability {other}"),
        }
    }
    capabilities
}
