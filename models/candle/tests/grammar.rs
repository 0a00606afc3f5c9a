//! SmolLM2 held to grammars: what it says is valid, whatever it would have liked to say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use serde_json::{Value, json};
use tradewind_candle::{LoadOptions, load_chat};
use tradewind_models::chat::{ChatEngine, ChatRequest, ChatSettings, Event, Finish, Message, Prompt, Role};
use tradewind_models::constrain::Grammar;
use tradewind_models::fetch::{Cache, LogProgress};
use tradewind_models::manifest;
use tradewind_models::sample::{Sampling, SamplingOptions};
use tradewind_models::tools::{Calling, Count, Offer, Tool};

fn engine() -> ChatEngine {
    let chosen = manifest::default_chat().unwrap();
    let files = Cache::from_environment().unwrap().ensure(chosen, &LogProgress).unwrap();
    let model = load_chat(chosen, &files, &LoadOptions::default()).unwrap();
    ChatEngine::start(model, ChatSettings { rehearsals: 0, ..ChatSettings::default() }).unwrap()
}

/// The answer to a question: its text, its calls with their arguments, and how it ended.
fn answer(engine: &ChatEngine, question: &str, asked: ChatRequest) -> (String, Vec<(String, String)>, Finish) {
    let messages = vec![Message::new(Role::User, question.to_owned())];
    let options = SamplingOptions { temperature: 0.9, seed: Some(7), ..SamplingOptions::default() };
    let prompt = Prompt::Conversation(messages);
    let request = ChatRequest { prompt, sampling: Sampling::new(options).unwrap(), max_tokens: Some(160), ..asked };
    let mut generation = engine.submit(request).unwrap();
    let (mut text, mut calls, mut finished) = (String::new(), Vec::<(String, String)>::new(), None);
    runtime().block_on(async {
        while let Some(event) = generation.next().await {
            match event {
                Event::Text { text: more, .. } => text.push_str(&more),
                Event::Call { name, .. } => calls.push((name, String::new())),
                Event::Arguments { json, .. } => calls.last_mut().unwrap().1.push_str(&json),
                Event::Finished { finish, .. } => finished = Some(finish),
                Event::Failed(error) => panic!("{error}"),
                _ => {}
            }
        }
    });
    (text, calls, finished.unwrap())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn nothing() -> ChatRequest {
    ChatRequest::new(Vec::new())
}

#[test]
fn answers_keep_to_schemas_expressions_and_choices() {
    let engine = engine();
    let compile = |grammar| runtime().block_on(engine.compile(grammar)).unwrap();
    let person = json!({ "type": "object", "properties": { "name": { "type": "string", "maxLength": 30 }, "age": { "type": "integer", "minimum": 0, "maximum": 120 } },
        "required": ["name", "age"], "additionalProperties": false });
    let (text, _, finish) = answer(
        &engine,
        "Who are you?",
        ChatRequest { pattern: Some(compile(Grammar::JsonSchema(person.to_string()))), ..nothing() },
    );
    let value: Value = serde_json::from_str(&text).unwrap();
    assert!(value["name"].is_string() && value["age"].as_u64().unwrap() <= 120 && finish == Finish::Stop, "{text}");
    let date = compile(Grammar::Regex("[12][0-9]{3}-[01][0-9]".to_owned()));
    let (text, _, _) = answer(&engine, "When?", ChatRequest { pattern: Some(date), ..nothing() });
    assert!(text.len() == 7 && text.as_bytes().get(4) == Some(&b'-'), "{text}");
    let words = ["déjà vu", "non 🌱"].map(str::to_owned);
    let choice = compile(Grammar::Choice(words.to_vec()));
    let (text, _, _) = answer(&engine, "Well?", ChatRequest { pattern: Some(choice), ..nothing() });
    assert!(words.contains(&text), "{text}");
}

#[test]
fn a_function_that_must_be_called_is_called_with_such_arguments_as_it_takes() {
    let engine = engine();
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string", "maxLength": 20 }, "unit": { "enum": ["C", "F"] } }, "required": ["city", "unit"] });
    let tool =
        Tool { name: "weather".to_owned(), description: Some("The weather of a city.".to_owned()), parameters: Some(parameters) };
    let offer = Offer { tools: vec![tool], only: None, calling: Calling::Required, count: Count::One };
    let toolbox = runtime().block_on(engine.offer(offer)).unwrap();
    let asked = ChatRequest { toolbox: Some(toolbox), ..nothing() };
    let (text, calls, finish) = answer(&engine, "How is the weather in Paris?", asked);
    assert_eq!((text.as_str(), calls.len(), finish), ("", 1, Finish::Calls));
    let (name, arguments) = calls.first().unwrap();
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    assert!(name == "weather" && arguments["city"].is_string() && ["C", "F"].contains(&arguments["unit"].as_str().unwrap()));
}
