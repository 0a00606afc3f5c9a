//! An engine without threads, that a test drives step by step.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::fake::{Behind, END, Fake, Speech, tokenizer};
use crate::chat::intake::Intake;
use crate::chat::prompt::Prompter;
use crate::chat::worker::Worker;
use crate::chat::{
    ChatEngine, ChatModel, ChatRequest, ChatSettings, Event, Finish, GenerateError, Generation, Message, Priority, Role,
    SubmitError, Tenant, TokenLikelihood, Usage,
};
use crate::decoder::CacheLayout;
use crate::queue::tests::ManualClock;
use crate::sample::{Sampling, SamplingOptions};
use crate::template::{ChatTemplate, SpecialTokens};

pub(crate) const SETTINGS: ChatSettings = ChatSettings {
    queue: 1000,
    queue_tokens: 100_000,
    longest_wait: Duration::from_secs(3600),
    rows: 8,
    step_tokens: 64,
    rehearsals: 0,
};

/// What a test asks for.
#[derive(Clone, Copy)]
pub(crate) struct Make {
    pub(crate) speech: Speech,
    pub(crate) context: usize,
    pub(crate) layout: CacheLayout,
    pub(crate) settings: ChatSettings,
}

/// A roomy one that echoes.
pub(crate) const ECHO: Make =
    Make { speech: Speech::Echo, context: 1024, layout: CacheLayout { blocks: 1024, block_size: 4 }, settings: SETTINGS };

pub(crate) struct Rig {
    pub(crate) clock: ManualClock,
    pub(crate) engine: ChatEngine,
    pub(in crate::chat) intake: Arc<Intake>,
    pub(in crate::chat) worker: Worker,
    pub(in crate::chat) prompter: Arc<Prompter>,
    pub(crate) behind: Arc<Mutex<Behind>>,
}

impl Make {
    /// The model, and what is behind it.
    pub(crate) fn model(self) -> (ManualClock, Arc<Mutex<Behind>>, ChatModel) {
        let (clock, behind) = (ManualClock::new(), Arc::new(Mutex::new(Behind { slowness: 1, ..Behind::default() })));
        let Self { speech, context, layout, .. } = self;
        let (of_decoder, cache) = (clock.clone(), std::collections::HashMap::new());
        let decoder = Fake { context, layout, speech, clock: of_decoder, behind: Arc::clone(&behind), cache };
        let template = ChatTemplate::new("{% for m in messages %}{{ m.content }}{% endfor %}", SpecialTokens::default());
        let (tokenizer, template, stop_tokens) = (tokenizer(), template.unwrap(), vec![END]);
        (clock, behind, ChatModel { decoder: Box::new(decoder), tokenizer, template, stop_tokens })
    }

    pub(crate) fn rig(self) -> Rig {
        let (clock, behind, model) = self.model();
        let (engine, prompter, worker) = ChatEngine::assemble(clock.clock(), model, self.settings).unwrap();
        let intake = engine.intake_of_thread();
        Rig { clock, engine, intake, worker, prompter: Arc::new(prompter), behind }
    }
}

impl Rig {
    pub(crate) fn behind(&self) -> MutexGuard<'_, Behind> {
        self.behind.lock().unwrap()
    }

    /// Hands a request in and makes its prompt.
    pub(crate) fn try_submit(&self, request: ChatRequest) -> Result<Reader, SubmitError> {
        let generation = self.engine.submit(request)?;
        self.prompter.serve_next(&self.intake);
        Ok(Reader::of(generation))
    }

    pub(crate) fn submit(&self, request: ChatRequest) -> Reader {
        self.try_submit(request).unwrap()
    }

    pub(crate) fn step(&mut self) {
        self.worker.step(self.intake.take(), &self.intake);
        if self.worker.schedule().is_idle() {
            self.worker.rest(&self.intake);
        }
    }

    /// Steps until there is nothing to do.
    pub(crate) fn run(&mut self) {
        self.step();
        while !self.worker.schedule().is_idle() {
            self.step();
        }
    }

    /// All of the answers to this request, with nothing else to do.
    pub(crate) fn answer(&mut self, request: ChatRequest) -> Answers {
        let mut reader = self.submit(request);
        self.run();
        reader.read().clone()
    }

    /// Blocks that no sequence holds.
    pub(crate) fn available(&self) -> usize {
        self.worker.schedule().pool().available()
    }
}

/// What has come of a generation.
pub(crate) struct Reader {
    generation: Generation,
    answers: Answers,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answers {
    pub(crate) prompt_tokens: Option<usize>,
    /// The pieces of each answer.
    pub(crate) texts: Vec<Vec<String>>,
    pub(crate) tokens: Vec<Vec<TokenLikelihood>>,
    pub(crate) finish: Vec<Option<Finish>>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<String>,
    /// Events that are the last.
    pub(crate) ends: usize,
}

impl Answers {
    /// The whole of an answer.
    pub(crate) fn text(&self, choice: usize) -> String {
        self.texts.get(choice).map(|texts| texts.concat()).unwrap_or_default()
    }

    fn choice(&mut self, choice: usize) {
        let choices = self.texts.len().max(choice + 1);
        self.texts.resize(choices, Vec::new());
        self.tokens.resize(choices, Vec::new());
        self.finish.resize(choices, None);
    }

    fn take(&mut self, event: Event) {
        assert_eq!(self.ends, 0, "{event:?} after the last event");
        match event {
            Event::Started { prompt_tokens } => assert!(self.prompt_tokens.replace(prompt_tokens).is_none()),
            Event::Text { choice, text, tokens } => {
                self.choice(choice);
                assert!(self.finish[choice].is_none());
                self.texts[choice].push(text);
                self.tokens[choice].extend(tokens);
            }
            Event::Finished { choice, finish } => {
                self.choice(choice);
                assert!(self.finish[choice].replace(finish).is_none());
            }
            Event::Done { usage } => (self.usage, self.ends) = (Some(usage), 1),
            Event::Failed(error) => (self.error, self.ends) = (Some(error.to_string()), 1),
        }
    }
}

impl Reader {
    pub(crate) fn of(generation: Generation) -> Self {
        Self { generation, answers: Answers::default() }
    }

    /// Takes what is there.
    pub(crate) fn read(&mut self) -> &Answers {
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(event)) = self.generation.poll_next(&mut context) {
            self.answers.take(event);
        }
        &self.answers
    }

    /// Whether there will be no more.
    pub(crate) fn is_over(&mut self) -> bool {
        self.read().ends > 0
    }

    /// The first failure that is there.
    pub(crate) fn failure(mut self) -> GenerateError {
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(event)) = self.generation.poll_next(&mut context) {
            if let Event::Failed(error) = event {
                return error;
            }
        }
        panic!("it has not failed");
    }
}

/// Greedy, one answer.
pub(crate) fn request(prompt: &str) -> ChatRequest {
    let messages = vec![Message { role: Role::User, content: prompt.to_owned() }];
    ChatRequest { sampling: Sampling::GREEDY, ..ChatRequest::new(messages) }
}

pub(crate) fn limited(prompt: &str, max_tokens: usize) -> ChatRequest {
    ChatRequest { max_tokens: Some(max_tokens), ..request(prompt) }
}

pub(crate) fn seeded(prompt: &str, seed: u64, choices: usize) -> ChatRequest {
    let sampling = Sampling::new(SamplingOptions { seed: Some(seed), ..SamplingOptions::default() }).unwrap();
    ChatRequest { sampling, choices: NonZeroUsize::new(choices).unwrap(), ..request(prompt) }
}

pub(crate) fn of(tenant: &str, priority: Priority, request: ChatRequest) -> ChatRequest {
    ChatRequest { tenant: Tenant { name: tenant.into(), weight: NonZeroU32::MIN }, priority, ..request }
}

/// Numbers by splitmix64: the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// From 0 up to 1, not including it.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.uniform() * end as f64) as usize
    }
}
