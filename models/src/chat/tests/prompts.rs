//! Prompts that are no conversations.

use super::fake::token;
use super::rig::{ECHO, Make, Rig, request, seeded};
use crate::chat::{ChatModel, ChatRequest, GenerateError, Prompt};
use crate::template::ChatTemplate;

/// A template that makes another prompt of every conversation.
const SHOUTING: Make = Make { template: "{% for m in messages %}{{ m.content.upper() }}{% endfor %}", ..ECHO };

fn text(prompt: &str) -> Prompt {
    Prompt::Text(prompt.to_owned())
}

fn tokens(prompt: &str) -> Prompt {
    Prompt::Tokens(prompt.chars().map(token).collect())
}

fn plain(prompt: Prompt) -> ChatRequest {
    ChatRequest { prompt, ..request("") }
}

/// A model that was never taught what a conversation looks like.
fn base_rig() -> Rig {
    ECHO.rig_of(|model| ChatModel { template: ChatTemplate::none(), ..model })
}

#[test]
fn a_plain_prompt_is_continued_without_the_template() {
    let mut rig = SHOUTING.rig();
    assert_eq!(rig.answer(request("hi|")).text(0), "HI");
    assert_eq!(rig.answer(plain(text("hi|"))).text(0), "hi");
    let of_tokens = rig.answer(plain(tokens("hi|")));
    assert_eq!((of_tokens.text(0).as_str(), of_tokens.prompt_tokens), ("hi", Some(3)));
}

#[test]
fn text_and_its_tokens_are_the_same_prompt_to_the_cache() {
    let (mut rig, prompt) = (ECHO.rig(), "hi|0123456789abc");
    assert_eq!(rig.answer(request(prompt)).usage.unwrap().cached_tokens, 0);
    assert_eq!(rig.answer(plain(text(prompt))).usage.unwrap().cached_tokens, 12);
    assert_eq!(rig.answer(plain(tokens(prompt))).usage.unwrap().cached_tokens, 12);
}

#[test]
fn several_answers_their_limits_and_likelihoods_are_as_for_a_conversation() {
    let mut rig = ECHO.rig();
    let asked = |request: ChatRequest| ChatRequest { max_tokens: Some(3), logprobs: Some(1), ..request };
    let chat = rig.answer(asked(seeded("echo|", 7, 2)));
    let completion = rig.answer(asked(ChatRequest { prompt: tokens("echo|"), ..seeded("", 7, 2) }));
    assert_eq!(chat.texts, completion.texts);
    assert_eq!((chat.tokens, chat.finish), (completion.tokens, completion.finish));
}

#[test]
fn what_is_no_prompt_is_refused_before_anything_is_computed() {
    let rig = Make { context: 4, ..ECHO }.rig();
    let refused = |prompt| rig.submit(plain(prompt)).failure();
    assert!(matches!(refused(text("")), GenerateError::EmptyPrompt));
    assert!(matches!(refused(Prompt::Tokens(Vec::new())), GenerateError::EmptyPrompt));
    assert!(matches!(refused(tokens("abcd")), GenerateError::ContextExceeded { prompt_tokens: 4, limit: 4 }));
    let unknown = refused(Prompt::Tokens(vec![0, 98, 1]));
    assert!(matches!(unknown, GenerateError::UnknownPromptToken { place: 1, vocabulary: 98 }), "{unknown}");
    assert!(rig.behind().passes.is_empty());
}

#[test]
fn a_model_without_a_template_continues_text_and_refuses_conversations() {
    let mut rig = base_rig();
    assert_eq!(rig.answer(plain(text("hi|"))).text(0), "hi");
    let refused = rig.submit(request("hi|")).failure();
    assert!(matches!(refused, GenerateError::Template(_)) && refused.to_string().contains("no chat template"), "{refused}");
}

#[test]
fn how_long_a_prompt_is_expected_to_be_is_known_of_tokens_and_learnt_of_text() {
    let mut rig = ECHO.rig();
    let expected = |rig: &Rig, prompt: Prompt| rig.engine.expected_tokens(&plain(prompt));
    let of_tokens = Prompt::Tokens(vec![0; 321]);
    assert_eq!(expected(&rig, of_tokens.clone()), 321);
    let long = text(&"x".repeat(200));
    assert!(expected(&rig, long.clone()) < 100, "four bytes a token are usual");
    for length in (10..600).step_by(10) {
        rig.answer(plain(text(&format!("|{}", "y".repeat(length)))));
    }
    assert!((180..=220).contains(&expected(&rig, long)));
    assert_eq!(expected(&rig, of_tokens), 321);
}
