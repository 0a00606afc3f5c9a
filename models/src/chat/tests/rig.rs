//! An engine without threads, that a test drives step by step.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::fake::{Behind, END, Fake, Speech, tokenizer};
use crate::chat::intake::Intake;
use crate::chat::prompt::Prompter;
use crate::chat::worker::{Stepped, Worker};
use crate::chat::{
    ChatEngine, ChatModel, ChatRequest, ChatSettings, Event, Finish, GenerateError, Generation, Message, Priority, Role,
    SubmitError, Tenant, TokenLikelihood, Usage,
};
use crate::constrain::{Grammar, Pattern};
use crate::decoder::CacheLayout;
use crate::queue::tests::ManualClock;
use crate::sample::{Sampling, SamplingOptions};
use crate::template::{ChatTemplate, SpecialTokens};
use crate::tools::{Offer, Toolbox};

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
    pub(crate) template: &'static str,
}

/// A template that says what was said.
pub(crate) const PLAIN: &str = "{% for m in messages %}{{ m.content }}{% endfor %}";

/// A roomy one that echoes.
pub(crate) const ECHO: Make = Make {
    speech: Speech::Echo,
    context: 1024,
    layout: CacheLayout { blocks: 1024, block_size: 4 },
    settings: SETTINGS,
    template: PLAIN,
};

pub(crate) struct Rig {
    pub(crate) clock: ManualClock,
    pub(crate) engine: ChatEngine,
    pub(in crate::chat) intake: Arc<Intake>,
    pub(in crate::chat) worker: Worker,
    pub(in crate::chat) prompter: Arc<Prompter>,
    pub(crate) behind: Arc<Mutex<Behind>>,
    readers: Mutex<Vec<Weak<Mutex<Reading>>>>,
}

impl Make {
    /// The model, and what is behind it.
    pub(crate) fn model(self) -> (ManualClock, Arc<Mutex<Behind>>, ChatModel) {
        let (clock, behind) = (ManualClock::new(), Arc::new(Mutex::new(Behind { slowness: 1, ..Behind::default() })));
        let Self { speech, context, layout, .. } = self;
        let (of_decoder, cache) = (clock.clone(), std::collections::HashMap::new());
        let decoder = Fake { context, layout, speech, clock: of_decoder, behind: Arc::clone(&behind), cache };
        let template = ChatTemplate::new(self.template, SpecialTokens::default());
        let (tokenizer, template, stop_tokens) = (tokenizer(), template.unwrap(), vec![END]);
        (clock, behind, ChatModel { decoder: Box::new(decoder), tokenizer, template, stop_tokens })
    }

    pub(crate) fn rig(self) -> Rig {
        self.rig_of(|model| model)
    }

    /// With a model that is changed before it runs.
    pub(crate) fn rig_of(self, change: impl FnOnce(ChatModel) -> ChatModel) -> Rig {
        let (clock, behind, model) = self.model();
        let (engine, prompter, worker) = ChatEngine::assemble(clock.clock(), change(model), self.settings).unwrap();
        let intake = engine.intake_of_thread();
        Rig { clock, engine, intake, worker, prompter: Arc::new(prompter), behind, readers: Mutex::default() }
    }
}

impl Rig {
    pub(crate) fn behind(&self) -> MutexGuard<'_, Behind> {
        self.behind.lock().unwrap()
    }

    /// Hands a request in and makes its prompt. Whatever comes of it is read as it comes.
    pub(crate) fn try_submit(&self, request: ChatRequest) -> Result<Reader, SubmitError> {
        let generation = self.engine.submit(request)?;
        self.prompter.serve_next(&self.intake);
        Ok(self.reader(generation))
    }

    /// The same, but nobody reads it.
    pub(crate) fn submit_unread(&self, request: ChatRequest) -> Generation {
        let generation = self.engine.submit(request).unwrap();
        self.prompter.serve_next(&self.intake);
        generation
    }

    /// Reads from now on.
    pub(crate) fn reader(&self, generation: Generation) -> Reader {
        let reader = Reader::of(generation);
        self.readers.lock().unwrap().push(Arc::downgrade(&reader.0));
        reader
    }

    pub(crate) fn submit(&self, request: ChatRequest) -> Reader {
        self.try_submit(request).unwrap()
    }

    pub(in crate::chat) fn advance(&mut self) -> Stepped {
        let stepped = self.worker.step(self.intake.take(), &self.intake);
        let mut readers = self.readers.lock().unwrap();
        readers.retain(|reader| reader.upgrade().is_some());
        readers.iter().filter_map(Weak::upgrade).for_each(|reader| reader.lock().unwrap().read());
        stepped
    }

    pub(crate) fn step(&mut self) {
        self.advance();
    }

    /// Steps until there is nothing to do, or all that there is waits for readers that do not read.
    pub(crate) fn run(&mut self) {
        let mut held = 0;
        while held < 2 {
            match self.advance() {
                Stepped::Computed => held = 0,
                Stepped::Held => held += 1,
                Stepped::Idle => return,
            }
        }
    }

    /// All of the answers to this request, with nothing else to do.
    pub(crate) fn answer(&mut self, request: ChatRequest) -> Answers {
        let reader = self.submit(request);
        self.run();
        reader.read()
    }

    /// A grammar, made ready.
    pub(crate) fn pattern(&self, grammar: Grammar) -> Pattern {
        block_on(self.engine.compile(grammar)).unwrap()
    }

    /// Functions, made ready.
    pub(crate) fn toolbox(&self, offer: Offer) -> Toolbox {
        block_on(self.engine.offer(offer)).unwrap()
    }

    /// Blocks that no sequence holds.
    pub(crate) fn available(&self) -> usize {
        self.worker.schedule().pool().available()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// What has come of a generation. Dropping it is leaving.
pub(crate) struct Reader(Arc<Mutex<Reading>>);

struct Reading {
    generation: Generation,
    answers: Answers,
    failure: Option<GenerateError>,
}

impl Reading {
    /// Takes what is there.
    fn read(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(event)) = self.generation.poll_next(&mut context) {
            self.answers.take(&event);
            if let Event::Failed(error) = event {
                self.failure = Some(error);
            }
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answers {
    pub(crate) prompt_tokens: Option<usize>,
    /// The pieces of each answer.
    pub(crate) texts: Vec<Vec<String>>,
    pub(crate) tokens: Vec<Vec<TokenLikelihood>>,
    pub(crate) finish: Vec<Option<Finish>>,
    /// The calls of each answer: names and arguments.
    pub(crate) calls: Vec<Vec<(String, String)>>,
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
        self.calls.resize(choices, Vec::new());
    }

    fn take(&mut self, event: &Event) {
        assert_eq!(self.ends, 0, "{event:?} after the last event");
        match event {
            Event::Started { prompt_tokens } => assert!(self.prompt_tokens.replace(*prompt_tokens).is_none()),
            Event::Text { choice, text, tokens } => {
                self.choice(*choice);
                assert!(self.finish[*choice].is_none());
                self.texts[*choice].push(text.clone());
                self.tokens[*choice].extend(tokens.iter().cloned());
            }
            Event::Call { choice, call, name } => {
                self.choice(*choice);
                assert_eq!(self.calls[*choice].len(), *call);
                self.calls[*choice].push((name.clone(), String::new()));
            }
            Event::Arguments { choice, call, json } => {
                assert_eq!(self.calls[*choice].len(), call + 1);
                self.calls[*choice][*call].1.push_str(json);
            }
            Event::Finished { choice, finish } => {
                self.choice(*choice);
                assert!(self.finish[*choice].replace(*finish).is_none());
            }
            Event::Done { usage } => (self.usage, self.ends) = (Some(*usage), 1),
            Event::Failed(error) => (self.error, self.ends) = (Some(error.to_string()), 1),
        }
    }
}

impl Reader {
    pub(crate) fn of(generation: Generation) -> Self {
        Self(Arc::new(Mutex::new(Reading { generation, answers: Answers::default(), failure: None })))
    }

    /// What there is so far.
    pub(crate) fn read(&self) -> Answers {
        let mut reading = self.0.lock().unwrap();
        reading.read();
        reading.answers.clone()
    }

    /// Whether there will be no more.
    pub(crate) fn is_over(&self) -> bool {
        self.read().ends > 0
    }

    /// How it failed.
    pub(crate) fn failure(self) -> GenerateError {
        self.read();
        self.0.lock().unwrap().failure.take().expect("it has not failed")
    }
}

/// Greedy, one answer.
pub(crate) fn request(prompt: &str) -> ChatRequest {
    let messages = vec![Message::new(Role::User, prompt.to_owned())];
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
