//! All clouds by all features, through the gateway, in OpenAI's dialect. The README's table of providers is this test's result.
//!
//! A cell says `yes` where the feature worked against a strict simulation of the cloud's own protocol, and `no` where the cloud does not
//! have it and the gateway said so in a clear error; anything else fails the test. `UPDATE_README=1` writes the table.

use std::{fmt::Write as _, path::Path};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tradewind_cloudsim::{Received, Reply, Sim};

use crate::support::{ANSWER, Answer, Cloud, Clouds, Events, Gateway};

/// What a feature was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Yes,
    No,
}

/// A feature that does not work, and does not say so.
type Fault = String;

const COLUMNS: [&str; 11] = [
    "chat",
    "stream",
    "tools",
    "tool result",
    "image",
    "JSON schema",
    "cut stream",
    "completions",
    "embeddings",
    "rerank",
    "errors",
];
const BEGIN: &str = "<!-- providers: begin -->\n";
const END: &str = "<!-- providers: end -->";
/// One red pixel.
const PIXEL: &str =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

#[tokio::test]
async fn every_cloud_does_what_the_table_says() {
    let clouds = Clouds::start().await;
    let mut table = format!("| provider | {} |\n|---|{}\n", COLUMNS.join(" | "), "---|".repeat(COLUMNS.len()));
    let mut faults = Vec::new();
    for cloud in clouds.iter() {
        let row = Row { gateway: &clouds.gateway, sim: clouds.sim(cloud), cloud };
        let cells = [
            row.plain().await,
            row.stream().await,
            row.tools().await,
            row.tool_result().await,
            row.image().await,
            row.json_schema().await,
            row.cut_stream().await,
            row.completions().await,
            row.embeddings().await,
            row.rerank().await,
            // The last, because the backend is left alone for a while after it.
            row.error().await,
        ];
        write!(table, "| {} |", cloud.name).unwrap();
        for (column, cell) in COLUMNS.iter().zip(cells) {
            match cell {
                Ok(cell) => write!(table, " {} |", if cell == Cell::Yes { "yes" } else { "no" }).unwrap(),
                Err(fault) => faults.push(format!("{}, {column}: {fault}", cloud.name)),
            }
        }
        table.push('\n');
    }
    assert!(faults.is_empty(), "{} cells of\n{table}\n{}", faults.len(), faults.join("\n\n"));
    compare_with_readme(&table);
}

fn compare_with_readme(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the place of the table");
    let (written, after) = rest.split_once(END).expect("the README has the end of the table");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, [before, BEGIN, table, END, after].concat()).unwrap();
    } else {
        assert_eq!(written, table, "the README's table is out of date; UPDATE_README=1 writes it");
    }
}

/// One cloud, asked through the gateway.
struct Row<'a> {
    gateway: &'a Gateway,
    sim: &'a Sim,
    cloud: &'a Cloud,
}

impl Row<'_> {
    async fn plain(&self) -> Result<Cell, Fault> {
        let answer = self.chat(json!({ "max_tokens": 100, "messages": [user("Where from?")] })).await?;
        let Some(answer) = answer else { return Ok(Cell::No) };
        let body = answer.json();
        let choice = &body["choices"][0];
        same(&choice["message"]["content"], &ANSWER.into(), &body)?;
        same(&choice["message"]["role"], &"assistant".into(), &body)?;
        same(&choice["finish_reason"], &"stop".into(), &body)?;
        same(&body["object"], &"chat.completion".into(), &body)?;
        check(body["id"].as_str().is_some_and(|id| !id.is_empty()) && body["created"].is_u64(), &body)?;
        let usage = &body["usage"];
        let counts = ["prompt_tokens", "completion_tokens", "total_tokens"].map(|name| usage[name].as_u64().unwrap_or(0));
        check(counts[0] > 0 && counts[1] > 0 && counts[0] + counts[1] == counts[2], &body)?;
        Ok(Cell::Yes)
    }

    async fn stream(&self) -> Result<Cell, Fault> {
        let body = json!({ "stream": true, "stream_options": { "include_usage": true }, "messages": [user("Where from?")] });
        let Some(chunks) = self.events(body).await? else { return Ok(Cell::No) };
        let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        same(&said.into(), &ANSWER.into(), &json!(chunks))?;
        let texts =
            chunks.iter().filter(|chunk| chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty()));
        check(texts.count() > 1, &json!(chunks))?;
        let reasons: Vec<_> = chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).collect();
        same(&json!(reasons), &json!(["stop"]), &json!(chunks))?;
        let usage = chunks.iter().rev().find_map(|chunk| chunk["usage"]["total_tokens"].as_u64());
        check(usage.is_some_and(|total| total > 0), &json!(chunks))?;
        Ok(Cell::Yes)
    }

    async fn tools(&self) -> Result<Cell, Fault> {
        let body = json!({ "messages": [user("What is the weather?")], "tools": [weather()] });
        let Some(answer) = self.chat(body.clone()).await? else { return Ok(Cell::No) };
        let answer = answer.json();
        let choice = &answer["choices"][0];
        same(&choice["finish_reason"], &"tool_calls".into(), &answer)?;
        check_call(&choice["message"]["tool_calls"][0], &answer)?;
        let Some(chunks) = self.events(with(body, "stream", true.into())).await? else {
            return Err("tools in a whole answer, but not in a stream".to_owned());
        };
        let calls = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array()).flatten();
        let mut call = json!({ "type": "function", "id": null, "function": { "name": null, "arguments": "" } });
        for delta in calls {
            same(&delta["index"], &0.into(), &json!(chunks))?;
            for (part, given) in [("id", &delta["id"]), ("name", &delta["function"]["name"])] {
                if given.is_string() {
                    let place = if part == "id" { &mut call["id"] } else { &mut call["function"]["name"] };
                    check(place.is_null(), &json!(chunks))?;
                    *place = given.clone();
                }
            }
            let fragment = delta["function"]["arguments"].as_str().unwrap_or("");
            let before = call["function"]["arguments"].as_str().unwrap_or("");
            call["function"]["arguments"] = format!("{before}{fragment}").into();
        }
        check_call(&call, &json!(chunks))?;
        Ok(Cell::Yes)
    }

    async fn tool_result(&self) -> Result<Cell, Fault> {
        let ask = user("What is the weather?");
        let body = json!({ "messages": [ask], "tools": [weather()] });
        let Some(answer) = self.chat(body).await? else { return Ok(Cell::No) };
        let said = answer.json()["choices"][0]["message"].clone();
        let id = said["tool_calls"][0]["id"].clone();
        let result = json!({ "role": "tool", "tool_call_id": id, "content": "15 degrees" });
        let body = json!({ "messages": [ask, said, result], "tools": [weather()] });
        let Some(answer) = self.chat(body).await? else { return Err("tools, but no results".to_owned()) };
        let answer = answer.json();
        check(answer["choices"][0]["message"]["content"].as_str().is_some_and(|text| text.contains("15 degrees")), &answer)?;
        Ok(Cell::Yes)
    }

    async fn image(&self) -> Result<Cell, Fault> {
        let parts = json!([{ "type": "text", "text": "What is it?" }, { "type": "image_url", "image_url": { "url": PIXEL } }]);
        let body = json!({ "messages": [{ "role": "user", "content": parts }] });
        let Some(answer) = self.chat(body).await? else { return Ok(Cell::No) };
        let answer = answer.json();
        check(answer["choices"][0]["message"]["content"].as_str().is_some_and(|text| text.contains("image/png")), &answer)?;
        Ok(Cell::Yes)
    }

    async fn json_schema(&self) -> Result<Cell, Fault> {
        let schema = json!({
            "type": "object", "properties": { "wind": { "type": "string" }, "speed": { "type": "integer" } },
            "required": ["wind", "speed"], "additionalProperties": false,
        });
        let format = json!({ "type": "json_schema", "json_schema": { "name": "weather", "schema": schema, "strict": true } });
        let body = json!({ "messages": [user("As JSON, please.")], "response_format": format });
        let Some(answer) = self.chat(body).await? else { return Ok(Cell::No) };
        let answer = answer.json();
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap_or("");
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        check(value["wind"].is_string() && value["speed"].is_i64(), &answer)?;
        Ok(Cell::Yes)
    }

    /// Asked for what it does: chat, or else vectors.
    async fn error(&self) -> Result<Cell, Fault> {
        let chat = ("/v1/chat/completions", "chat", json!({ "messages": [user("Where from?")] }));
        let embed = ("/v1/embeddings", "embeddings", json!({ "input": ["a cat"] }));
        let (path, operation, body) = if self.chat(chat.2.clone()).await?.is_some() { chat } else { embed };
        let ask = async || {
            let request = self.request(path, operation, body.clone());
            let answer = Answer::of(self.gateway.client.send(request).await).await;
            json!([answer.status.as_u16(), answer.json()["error"]["code"]])
        };
        self.sim.script([Reply::status(503)]);
        same(&ask().await, &json!([502, "upstream_error"]), &Value::Null)?;
        self.sim.script([Reply::RateLimited { seconds: 0 }]);
        same(&ask().await, &json!([429, "rate_limit_exceeded"]), &Value::Null)?;
        Ok(Cell::Yes)
    }

    async fn cut_stream(&self) -> Result<Cell, Fault> {
        let body = json!({ "stream": true, "messages": [user("Where from?")] });
        self.sim.script([Reply::CloseAfter { events: 5 }]);
        let response = self.gateway.client.send(self.request("/v1/chat/completions", "chat", body)).await;
        if response.status() != 200 {
            let answer = Answer::of(response).await;
            return if is_not_offered(&answer) { Ok(Cell::No) } else { Err(format!("{answer:?}")) };
        }
        let events = Events::of(response).rest().await;
        let last: Value = events.last().and_then(|event| serde_json::from_str(event).ok()).unwrap_or_default();
        same(&last["error"]["code"], &"stream_interrupted".into(), &json!(events))?;
        check(events.len() > 1 && !events.iter().any(|event| event == "[DONE]"), &json!(events))?;
        Ok(Cell::Yes)
    }

    async fn completions(&self) -> Result<Cell, Fault> {
        let answer = self.ask("/v1/completions", "chat", json!({ "prompt": "The wind", "max_tokens": 100 })).await?;
        let Some(answer) = answer else { return Ok(Cell::No) };
        let body = answer.json();
        same(&body["object"], &"text_completion".into(), &body)?;
        same(&body["choices"][0]["text"], &ANSWER.into(), &body)?;
        Ok(Cell::Yes)
    }

    async fn embeddings(&self) -> Result<Cell, Fault> {
        let answer = self.ask("/v1/embeddings", "embeddings", json!({ "input": ["a cat", "a kitten"] })).await?;
        let Some(answer) = answer else { return Ok(Cell::No) };
        let body = answer.json();
        same(&body["object"], &"list".into(), &body)?;
        let lengths = [0, 1].map(|place| body["data"][place]["embedding"].as_array().map_or(0, Vec::len));
        check(lengths[0] > 0 && lengths[0] == lengths[1] && body["data"][1]["index"] == 1, &body)?;
        Ok(Cell::Yes)
    }

    async fn rerank(&self) -> Result<Cell, Fault> {
        let documents = ["the sun shines", "the wind blows east"];
        let body = json!({ "query": "wind east", "documents": documents, "top_n": 1 });
        let Some(answer) = self.ask("/v1/rerank", "rerank", body).await? else { return Ok(Cell::No) };
        let body = answer.json();
        same(&body["results"][0]["index"], &1.into(), &body)?;
        check(body["results"].as_array().is_some_and(|results| results.len() == 1), &body)?;
        check(body["results"][0]["relevance_score"].is_f64(), &body)?;
        Ok(Cell::Yes)
    }

    fn request(&self, path: &str, operation: &str, body: Value) -> Request<Full<Bytes>> {
        let body = with(body, "model", self.cloud.model(operation).into());
        let request = self.gateway.request("POST", path).header("content-type", "application/json");
        request.body(Full::from(body.to_string())).unwrap()
    }

    /// The answer, or nothing where the gateway says that there can be none.
    async fn ask(&self, path: &str, operation: &str, body: Value) -> Result<Option<Answer>, Fault> {
        let answer = Answer::of(self.gateway.client.send(self.request(path, operation, body)).await).await;
        match answer.status.as_u16() {
            200 => Ok(Some(answer)),
            _ if is_not_offered(&answer) => Ok(None),
            _ => Err(format!("{} {}{}", answer.status, String::from_utf8_lossy(&answer.body), self.last_request())),
        }
    }

    async fn chat(&self, body: Value) -> Result<Option<Answer>, Fault> {
        self.ask("/v1/chat/completions", "chat", body).await
    }

    /// The chunks of a stream that came to its end.
    async fn events(&self, body: Value) -> Result<Option<Vec<Value>>, Fault> {
        let response = self.gateway.client.send(self.request("/v1/chat/completions", "chat", body)).await;
        if response.status() != 200 {
            let answer = Answer::of(response).await;
            let is_refused = is_not_offered(&answer);
            let fault = || format!("{} {}{}", answer.status, String::from_utf8_lossy(&answer.body), self.last_request());
            return if is_refused { Ok(None) } else { Err(fault()) };
        }
        let mut events = Events::of(response).rest().await;
        if events.pop().as_deref() != Some("[DONE]") {
            return Err(format!("no [DONE] at the end of {events:?}"));
        }
        let chunks = events.iter().map(|event| serde_json::from_str(event).map_err(|error| format!("{error}: {event}")));
        Ok(Some(chunks.collect::<Result<_, _>>()?))
    }

    fn last_request(&self) -> String {
        let last = self.sim.requests().pop();
        let told = |received: Received| {
            format!("\n  after {} {}\n  {}", received.method, received.path, String::from_utf8_lossy(&received.body))
        };
        last.map(told).unwrap_or_default()
    }
}

/// Whether the gateway says that the backend cannot do what was asked: the adapter refuses it, or the policy names no model for it.
fn is_not_offered(answer: &Answer) -> bool {
    let code = &answer.json()["error"]["code"];
    (answer.status == 400 && code == "unsupported_parameter") || (answer.status == 404 && code == "model_not_found")
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text })
}

fn weather() -> Value {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    json!({ "type": "function", "function": { "name": "get_weather", "description": "Tells the weather.", "parameters": parameters } })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

fn check_call(call: &Value, whole: &Value) -> Result<(), Fault> {
    same(&call["type"], &"function".into(), whole)?;
    same(&call["function"]["name"], &"get_weather".into(), whole)?;
    check(call["id"].as_str().is_some_and(|id| !id.is_empty()), whole)?;
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap_or("")).unwrap_or_default();
    check(arguments["city"].is_string(), whole)
}

fn same(got: &Value, expected: &Value, whole: &Value) -> Result<(), Fault> {
    if got == expected { Ok(()) } else { Err(format!("{got} in place of {expected}, in {whole}")) }
}

fn check(is_right: bool, whole: &Value) -> Result<(), Fault> {
    if is_right { Ok(()) } else { Err(format!("not as it should be: {whole}")) }
}
