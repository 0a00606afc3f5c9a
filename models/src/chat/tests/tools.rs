//! Functions that the model calls.

use serde_json::{Value, json};

use super::fake::Speech;
use super::rig::{Answers, ECHO, Make, Rig, request, seeded};
use crate::chat::{ChatRequest, Finish};
use crate::tools::{Calling, Count, Offer, Tool};

/// Templates that know of functions, each in its style; what is said stays all that is said.
const HERMES: Make = Make { template: "{# tools <tool_call> #}{% for m in messages %}{{ m.content }}{% endfor %}", ..ECHO };
const LLAMA: Make = Make { template: "{# tools \"parameters\": #}{% for m in messages %}{{ m.content }}{% endfor %}", ..ECHO };
const MISTRAL: Make = Make { template: "{# tools [TOOL_CALLS] #}{% for m in messages %}{{ m.content }}{% endfor %}", ..ECHO };

fn offer(calling: Calling, count: Count) -> Offer {
    let tool = |name: &str, parameters: Value| Tool { name: name.to_owned(), description: None, parameters: Some(parameters) };
    let number = json!({ "type": "integer", "minimum": 0, "maximum": 99 });
    let add = json!({ "$defs": { "n": number }, "type": "object", "properties": { "a": { "$ref": "#/$defs/n" }, "b": { "$ref": "#/$defs/n" } }, "required": ["a", "b"] });
    let say = json!({ "type": "object", "properties": { "text": { "type": "string", "maxLength": 5 } }, "required": ["text"] });
    Offer { tools: vec![tool("add", add), tool("say", say)], only: None, calling, count }
}

fn with(rig: &Rig, offer: Offer, request: ChatRequest) -> ChatRequest {
    ChatRequest { toolbox: Some(rig.toolbox(offer)), ..request }
}

/// Whether all calls are such as were offered.
fn are_valid(calls: &[(String, String)]) -> bool {
    let tools = offer(Calling::Required, Count::One).tools;
    calls.iter().all(|(name, arguments)| {
        let tool = tools.iter().find(|tool| tool.name == *name).unwrap();
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        crate::constrain::validity::is_valid(tool.parameters.as_ref().unwrap(), &arguments)
    })
}

fn calls(answers: &Answers) -> Vec<(&str, &str)> {
    answers.calls[0].iter().map(|(name, arguments)| (name.as_str(), arguments.as_str())).collect()
}

#[test]
fn calls_are_told_as_such_and_text_before_them_as_text() {
    let cases = [
        (
            HERMES,
            "so: <tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 23}}</tool_call><tool_call>{\"name\": \"say\", \"arguments\": {\"text\": \"}\"}}</tool_call>|",
            "so: ",
            vec![("add", "{\"a\": 1, \"b\": 23}"), ("say", "{\"text\": \"}\"}")],
        ),
        (LLAMA, "{\"name\": \"say\", \"parameters\": {\"text\": \"hi\"}}|", "", vec![("say", "{\"text\": \"hi\"}")]),
        (
            MISTRAL,
            "[TOOL_CALLS][{\"name\": \"say\", \"arguments\": {\"text\": \"a\"}}, {\"name\": \"say\", \"arguments\": {\"text\": \"b\"}}]|",
            "",
            vec![("say", "{\"text\": \"a\"}"), ("say", "{\"text\": \"b\"}")],
        ),
    ];
    for (make, said, text, called) in cases {
        let mut rig = make.rig();
        let answers = rig.answer(with(&rig, offer(Calling::Possible, Count::Several), request(said)));
        assert_eq!((answers.text(0).as_str(), calls(&answers), answers.finish[0]), (text, called, Some(Finish::Calls)));
    }
}

#[test]
fn an_answer_without_a_call_is_text_to_its_end() {
    for make in [HERMES, LLAMA, MISTRAL] {
        let mut rig = make.rig();
        for said in ["a < b and {c} [d]", "<tool_call", "[TOOL"] {
            let answers = rig.answer(with(&rig, offer(Calling::Possible, Count::Several), request(&format!("{said}|"))));
            assert_eq!((answers.text(0).as_str(), answers.finish[0]), (said, Some(Finish::Stop)));
            assert!(answers.calls[0].is_empty());
        }
    }
}

#[test]
fn what_is_said_behind_a_marker_is_held_to_the_functions() {
    let mut rig = HERMES.rig();
    let wrong = "<tool_call>{\"name\": \"sub\", \"arguments\": {\"text\": 1}}</tool_call>|";
    let answers = rig.answer(with(&rig, offer(Calling::Possible, Count::One), request(wrong)));
    assert_eq!((answers.calls[0].len(), answers.finish[0]), (1, Some(Finish::Calls)));
    assert!(are_valid(&answers.calls[0]), "{:?}", answers.calls);
}

#[test]
fn a_call_that_is_required_is_made_and_valid_whatever_the_model_likes() {
    for make in [HERMES, LLAMA, MISTRAL, ECHO] {
        let mut rig = Make { speech: Speech::Noise, ..make }.rig();
        for seed in 0..10 {
            for (only, count) in [(None, Count::Several), (Some("add".to_owned()), Count::One)] {
                let offer = Offer { only: only.clone(), ..offer(Calling::Required, count) };
                let answers = rig.answer(with(&rig, offer, ChatRequest { max_tokens: Some(600), ..seeded("p", seed, 2) }));
                for choice in 0..2 {
                    let calls = &answers.calls[choice];
                    assert!(answers.text(choice).is_empty() && !calls.is_empty());
                    assert!(only.is_none() || calls.len() == 1 && calls[0].0 == "add");
                    assert!(answers.finish[choice] == Some(Finish::Length) || are_valid(calls), "{calls:?}");
                    assert!(count == Count::Several || answers.finish[choice] == Some(Finish::Calls));
                }
            }
        }
        assert_eq!(rig.available(), 1024);
    }
}

#[test]
fn a_call_that_is_cut_off_by_the_limit_says_so() {
    let mut rig = HERMES.rig();
    let cut = ChatRequest { max_tokens: Some(52), ..request("p") };
    let answers = rig.answer(with(&rig, Offer { only: Some("add".to_owned()), ..offer(Calling::Required, Count::One) }, cut));
    assert_eq!(answers.finish[0], Some(Finish::Length));
    assert!(calls(&answers) == [("add", "{\"a\": ")] || calls(&answers)[0].1.starts_with("{\"a\""), "{:?}", answers.calls);
}

#[test]
fn stop_strings_and_likelihoods_are_of_text_alone() {
    let mut rig = HERMES.rig();
    let said = "so: <tool_call>{\"name\": \"say\", \"arguments\": {\"text\": \"x\"}}</tool_call>|";
    let asked = ChatRequest { stop: vec!["\"x\"".to_owned()], logprobs: Some(0), ..request(said) };
    let answers = rig.answer(with(&rig, offer(Calling::Possible, Count::One), asked));
    assert_eq!((calls(&answers), answers.text(0).as_str()), (vec![("say", "{\"text\": \"x\"}")], "so: "));
    assert_eq!(answers.tokens[0].len(), 4);
}

#[test]
fn a_function_that_is_not_there_or_not_supported_is_named_with_its_place() {
    let rig = HERMES.rig();
    let refusal = |offer| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(rig.engine.offer(offer)).unwrap_err()
    };
    let unknown = Offer { only: Some("sub".to_owned()), ..offer(Calling::Required, Count::One) };
    let error = refusal(unknown);
    assert!(error.place == "tool_choice.function.name" && error.reason.contains("`sub`"), "{error:?}");
    let mut unsupported = offer(Calling::Possible, Count::One);
    unsupported.tools[1].parameters = Some(json!({ "properties": { "a": { "type": "array", "uniqueItems": true } } }));
    assert_eq!(refusal(unsupported).place, "tools[1].function.parameters.properties.a.uniqueItems");
}
