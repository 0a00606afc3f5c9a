//! The engine with a decoder that follows a script, one token a forward pass, when the test lets it.

use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::time::Instant;

use super::*;
use crate::decoder::{Batch, CacheLayout, Decoder, ForwardError};
use crate::sample::Sampling;
use crate::template::{ChatTemplate, SpecialTokens};
use crate::tokenizer::{GgufVocabulary, TokenKind, Tokenizer};

const END: u32 = 0;
const CONTEXT: usize = 16;
const VOCABULARY: usize = 98;

/// What a script does is for the requests of the test.
const UNREHEARSED: ChatSettings = ChatSettings { queue: 8, queue_tokens: 1000, prefill_chunk: 64, rehearsals: 0 };

/// What a forward pass of the script does.
#[derive(Clone, Copy)]
enum Step {
    Predict(char),
    End,
    Fail,
    Panic,
}

/// One byte a token; `é` is two of them.
fn tokenizer() -> Tokenizer {
    let mut tokens = vec![("<end>".to_owned(), TokenKind::Control)];
    let shown = ('!'..='~').chain(['Ġ', 'Ã', '©']);
    tokens.extend(shown.map(|shown| (shown.to_string(), TokenKind::Text)));
    let (model, pre) = ("gpt2".to_owned(), "smollm".to_owned());
    Tokenizer::from_gguf(GgufVocabulary { model, pre, tokens, merges: Vec::new() }).unwrap()
}

struct Script {
    steps: Vec<Step>,
    next: usize,
    /// Each forward pass announces itself, with its tokens, and waits to be let through.
    entered: Sender<Vec<u32>>,
    allowed: Receiver<()>,
}

impl Decoder for Script {
    fn context_length(&self) -> usize {
        CONTEXT
    }

    fn vocabulary_size(&self) -> usize {
        VOCABULARY
    }

    fn cache(&self) -> CacheLayout {
        CacheLayout { blocks: CONTEXT, block_size: 1 }
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>, ForwardError> {
        let _test_is_over = self.entered.send(batch.tokens.to_vec());
        let _test_is_over = self.allowed.recv();
        let step = self.steps[self.next];
        self.next += 1;
        let token = match step {
            Step::End => END,
            Step::Predict(shown) => {
                let text = if shown == ' ' { " ".to_owned() } else { shown.to_string() };
                // The two bytes of `é` are written by the characters that stand for them.
                match shown {
                    'Ã' => 96,
                    '©' => 97,
                    _ => tokenizer().encode(&text).unwrap()[0],
                }
            }
            Step::Fail => return Err(ForwardError::new("out of memory")),
            Step::Panic => panic!("a bug"),
        };
        let mut logits = vec![0.0; VOCABULARY];
        logits[token as usize] = 1.0;
        Ok(logits)
    }

    fn rebuild_cache(&mut self) -> Result<(), ForwardError> {
        Ok(())
    }
}

struct Rig {
    engine: ChatEngine,
    entered: Receiver<Vec<u32>>,
    allow: Sender<()>,
}

fn rig(steps: impl IntoIterator<Item = Step>, settings: ChatSettings) -> Rig {
    let (entered, entered_receiver) = channel();
    let (allow, allowed) = channel();
    let template = ChatTemplate::new("{% for m in messages %}{{ m.content }}{% endfor %}", SpecialTokens::default());
    let model = ChatModel {
        decoder: Box::new(Script { steps: steps.into_iter().collect(), next: 0, entered, allowed }),
        tokenizer: tokenizer(),
        template: template.unwrap(),
        stop_tokens: vec![END],
    };
    Rig { engine: ChatEngine::start(model, settings).unwrap(), entered: entered_receiver, allow }
}

/// An engine that answers, once for each text, without being held.
fn answering(texts: &[&str]) -> Rig {
    let steps = texts.iter().flat_map(|text| text.chars().map(Step::Predict).chain([Step::End]));
    let rig = rig(steps, UNREHEARSED);
    for _ in 0..100 {
        rig.allow.send(()).unwrap();
    }
    rig
}

fn request(prompt: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![Message { role: Role::User, content: prompt.to_owned() }],
        sampling: Sampling::GREEDY,
        stop: Vec::new(),
        max_tokens: None,
        deadline: None,
    }
}

async fn events(mut generation: Generation) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = generation.next().await {
        events.push(event);
    }
    events
}

fn texts(events: &[Event]) -> Vec<&str> {
    let mut texts = Vec::new();
    for event in events {
        if let Event::Text(text) = event {
            texts.push(text.as_str());
        }
    }
    texts
}

fn done(events: &[Event]) -> (Finish, usize, usize) {
    match events.last() {
        Some(Event::Done { finish, usage }) => (*finish, usage.prompt_tokens, usage.completion_tokens),
        other => panic!("{other:?} is no end"),
    }
}

fn failure(events: &[Event]) -> &GenerateError {
    match events.last() {
        Some(Event::Failed(error)) => error,
        other => panic!("{other:?} is no failure"),
    }
}

#[tokio::test]
async fn an_answer_starts_streams_and_ends_with_its_usage() {
    let rig = answering(&["hi"]);
    let events = events(rig.engine.submit(request("abc")).unwrap()).await;
    assert!(matches!(events[0], Event::Started { prompt_tokens: 3 }));
    assert_eq!(texts(&events), ["h", "i"]);
    assert_eq!(done(&events), (Finish::Stop, 3, 3));
}

#[tokio::test]
async fn the_limit_asked_for_ends_an_answer() {
    let rig = answering(&["hello"]);
    let limited = ChatRequest { max_tokens: Some(2), ..request("abc") };
    let events = events(rig.engine.submit(limited).unwrap()).await;
    assert_eq!(texts(&events).concat(), "he");
    assert_eq!(done(&events), (Finish::Length, 3, 2));
}

#[tokio::test]
async fn the_context_ends_an_answer_that_asked_for_more() {
    let rig = answering(&["abcdefghijklmnop"]);
    let limited = ChatRequest { max_tokens: Some(1000), ..request("0123456789") };
    let events = events(rig.engine.submit(limited).unwrap()).await;
    assert_eq!(texts(&events).concat(), "abcdef");
    assert_eq!(done(&events), (Finish::Length, 10, 6));
}

#[tokio::test]
async fn a_prompt_that_leaves_no_room_is_refused() {
    let rig = answering(&[]);
    let events = events(rig.engine.submit(request("0123456789abcdef")).unwrap()).await;
    assert_eq!(events.len(), 1);
    assert!(matches!(failure(&events), GenerateError::ContextExceeded { prompt_tokens: 16, limit: CONTEXT }));
}

#[tokio::test]
async fn an_empty_prompt_is_refused() {
    let rig = answering(&[]);
    let events = events(rig.engine.submit(request("")).unwrap()).await;
    assert!(matches!(failure(&events), GenerateError::EmptyPrompt));
}

#[tokio::test]
async fn a_stop_string_ends_an_answer_and_none_of_it_is_sent() {
    let rig = answering(&["one. two"]);
    let stopping = ChatRequest { stop: vec![". t".to_owned()], ..request("abc") };
    let events = events(rig.engine.submit(stopping).unwrap()).await;
    assert_eq!(texts(&events).concat(), "one");
    assert_eq!(done(&events), (Finish::Stop, 3, 6));
}

#[tokio::test]
async fn text_held_back_for_a_stop_string_is_sent_when_the_answer_ends_otherwise() {
    let rig = answering(&["wait."]);
    let stopping = ChatRequest { stop: vec![".!".to_owned()], ..request("abc") };
    let events = events(rig.engine.submit(stopping).unwrap()).await;
    assert_eq!(texts(&events).concat(), "wait.");
}

#[tokio::test]
async fn a_character_of_several_tokens_is_sent_whole_and_one_cut_short_is_replaced() {
    let rig = answering(&["aÃ©bÃ"]);
    let events = events(rig.engine.submit(request("abc")).unwrap()).await;
    assert_eq!(texts(&events), ["a", "é", "b", "\u{fffd}"]);
}

#[tokio::test]
async fn a_long_prompt_is_read_in_chunks() {
    let rig = rig([Step::Predict('x'), Step::Predict('x'), Step::End], ChatSettings { prefill_chunk: 4, ..UNREHEARSED });
    for _ in 0..3 {
        rig.allow.send(()).unwrap();
    }
    events(rig.engine.submit(request("abcdefghij")).unwrap()).await;
    let chunks: Vec<usize> = rig.entered.try_iter().map(|tokens| tokens.len()).collect();
    assert_eq!(chunks, [4, 4, 2]);
}

#[tokio::test]
async fn a_failed_forward_pass_and_a_panic_cost_one_request_each() {
    let steps = [Step::Fail, Step::Predict('a'), Step::Panic, Step::Predict('b'), Step::End];
    let rig = rig(steps, UNREHEARSED);
    for _ in 0..steps.len() {
        rig.allow.send(()).unwrap();
    }
    let failed = events(rig.engine.submit(request("p")).unwrap()).await;
    assert!(failure(&failed).to_string().contains("out of memory"));
    let panicked = events(rig.engine.submit(request("p")).unwrap()).await;
    assert!(matches!(failure(&panicked), GenerateError::Panicked(message) if message == "a bug"));
    let answered = events(rig.engine.submit(request("p")).unwrap()).await;
    assert_eq!(texts(&answered).concat(), "b");
}

#[tokio::test]
async fn dropping_a_generation_cancels_it_at_the_next_token_and_skips_it_in_the_queue() {
    let steps = [Step::Predict('a'), Step::Predict('b'), Step::Predict('z'), Step::End];
    let rig = rig(steps, UNREHEARSED);
    let running = rig.engine.submit(request("r")).unwrap();
    let queued = rig.engine.submit(request("q")).unwrap();
    let last = rig.engine.submit(request("last")).unwrap();
    rig.entered.recv().unwrap();
    drop(running);
    drop(queued);
    for _ in 0..steps.len() {
        rig.allow.send(()).unwrap();
    }
    // The first request's only step was the one under way; the next tokens seen are those of the last request.
    let answer = events(last).await;
    assert_eq!(texts(&answer).concat(), "bz");
    assert_eq!(rig.entered.recv().unwrap().len(), "last".len());
}

#[tokio::test]
async fn a_full_queue_refuses_until_there_is_room() {
    let settings = ChatSettings { queue: 1, ..UNREHEARSED };
    let rig = rig([Step::End, Step::End, Step::End], settings);
    let running = rig.engine.submit(request("r")).unwrap();
    rig.entered.recv().unwrap();
    let waiting = rig.engine.submit(request("w")).unwrap();
    assert!(matches!(rig.engine.submit(request("x")), Err(SubmitError::Full(_))));
    drop(waiting);
    let last = rig.engine.submit(request("y")).unwrap();
    rig.allow.send(()).unwrap();
    rig.allow.send(()).unwrap();
    assert_eq!(done(&events(running).await).0, Finish::Stop);
    assert_eq!(done(&events(last).await).0, Finish::Stop);
}

#[tokio::test]
async fn a_reader_that_never_reads_does_not_hold_up_the_next_request() {
    let rig = answering(&["abcdefghijklm", "z"]);
    let stalled = rig.engine.submit(request("s")).unwrap();
    assert_eq!(texts(&events(rig.engine.submit(request("n")).unwrap()).await), ["z"]);
    assert_eq!(texts(&events(stalled).await).concat(), "abcdefghijklm");
}

#[tokio::test]
async fn a_passed_deadline_fails_the_request_without_work() {
    let rig = answering(&[]);
    let late = ChatRequest { deadline: Some(Instant::now()), ..request("abc") };
    let late = events(rig.engine.submit(late).unwrap()).await;
    assert!(matches!(failure(&late), GenerateError::DeadlineExceeded));
    assert!(rig.entered.try_recv().is_err());
}

#[tokio::test]
async fn a_closed_engine_takes_nothing_and_answers_what_it_has() {
    let rig = rig([Step::Predict('a'), Step::End], UNREHEARSED);
    let generation = rig.engine.submit(request("p")).unwrap();
    rig.engine.close();
    assert!(matches!(rig.engine.submit(request("p")), Err(SubmitError::Stopped)));
    rig.allow.send(()).unwrap();
    rig.allow.send(()).unwrap();
    assert_eq!(texts(&events(generation).await), ["a"]);
}
