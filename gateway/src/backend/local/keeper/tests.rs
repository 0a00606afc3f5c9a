//! The keeper with a loader that does what a test says, step by step, by a clock that stands still.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use tokio::time::advance;
use tradewind_models::encoder::Input;
use tradewind_policies::spec::Device;

use super::*;
use crate::backend::local::{Budget, Memory, Named, Wish, testing::Held};

const MIB: u64 = 1 << 20;
const LIMIT: Memory = Memory::Host(100 * MIB);
const A: &str = "smollm2-135m-instruct";
const B: &str = "all-minilm-l6-v2";
const C: &str = "gemma-3-270m";

/// What becomes of a load.
#[derive(Clone, Copy)]
enum Script {
    Fail,
    Panic,
}

/// Loads engines that hold as much memory as a test says.
struct Fake {
    budget: Budget,
    takes: HashMap<&'static str, u64>,
    script: Mutex<VecDeque<Script>>,
    running: Arc<Mutex<HashMap<String, Held>>>,
}

impl Loader for Fake {
    fn load(&self, model: &Manifest, _: InProcess) -> Result<Vec<Loaded>, LoadFailure> {
        let script = self.script.lock().unwrap().pop_front();
        match script {
            Some(Script::Fail) => return Err(LoadFailure::Failed("no such file".to_owned())),
            Some(Script::Panic) => panic!("a bug"),
            None => {}
        }
        let lease = self.budget.reserve(model.id.as_str(), LIMIT, self.takes[model.id.as_str()] * MIB)?;
        let hold = lease.hold();
        let held = Held::start(lease);
        let engine = Engine::Embeddings(held.engine.clone());
        self.running.lock().unwrap().insert(model.id.to_string(), held);
        Ok(vec![Loaded { engine, hold }])
    }
}

struct Rig {
    engines: LocalEngines,
    budget: Budget,
    keeper: Keeper<Fake>,
    running: Arc<Mutex<HashMap<String, Held>>>,
}

impl Rig {
    fn new(idle_unload: Option<Duration>, script: &[Script]) -> Self {
        let engines = LocalEngines::default();
        let (budget, running) = (engines.budget(), Arc::<Mutex<HashMap<_, _>>>::default());
        let takes = HashMap::from([(A, 60), (B, 30), (C, 50)]);
        let script = Mutex::new(script.iter().copied().collect());
        let fake = Fake { budget: budget.clone(), takes, script, running: Arc::clone(&running) };
        let settings = KeeperSettings { idle_unload, grace: Duration::from_secs(30) };
        Self { keeper: Keeper::new(engines.clone(), fake, settings), engines, budget, running }
    }

    fn follow(&self, models: &[&str]) {
        self.engines.follow(&Named::these(models));
    }

    fn step(&mut self) -> Duration {
        let now = Instant::now();
        self.keeper.step(now).saturating_duration_since(now)
    }

    /// Steps, and waits for so many loads to come to their end.
    async fn loads(&mut self, count: usize) {
        self.step();
        for _ in 0..count {
            let outcome = self.keeper.outcomes.recv().await.unwrap();
            self.keeper.came(outcome, Instant::now());
        }
    }

    /// Steps until all that was let go of is free.
    async fn freed(&mut self) {
        self.step();
        while self.keeper.is_letting_go() {
            self.engines.changed().notified().await;
            self.step();
        }
    }

    /// The state of a model, and the reason that is told.
    fn told(&self, model: &str) -> (&'static str, String) {
        let report = self.engines.reports().into_iter().find(|report| report.model == model).unwrap();
        (report.state, report.reason.unwrap_or_default())
    }

    fn state(&self, model: &str) -> &'static str {
        self.told(model).0
    }
}

#[tokio::test(start_paused = true)]
async fn models_come_and_go_with_the_policy_and_give_their_memory_back() {
    let mut rig = Rig::new(None, &[]);
    rig.follow(&[A]);
    assert_eq!((rig.state(A), rig.engines.are_settled()), ("loading", false));
    rig.loads(1).await;
    rig.step();
    assert_eq!((rig.state(A), rig.budget.free(LIMIT)), ("ready", 40 * MIB));
    assert!(rig.engines.are_settled());

    rig.follow(&[B]);
    assert_eq!((rig.state(A), rig.state(B)), ("ready", "loading"));
    assert!(rig.engines.are_settled(), "what is added later does not make the others less ready");
    rig.loads(1).await;
    rig.freed().await;
    assert_eq!(rig.told(A), ("unloaded", "the policy does not name it".to_owned()));
    assert_eq!((rig.state(B), rig.budget.free(LIMIT)), ("ready", 70 * MIB));
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_orders_outlives_a_reload() {
    let mut rig = Rig::new(None, &[]);
    rig.follow(&[A]);
    rig.loads(1).await;
    assert!(rig.engines.order(A, Wish::Unloaded) && rig.engines.order(B, Wish::Loaded));
    assert!(!rig.engines.order("gpt-5", Wish::Loaded), "there is no manifest of it");
    rig.loads(1).await;
    rig.freed().await;
    rig.follow(&[A]);
    rig.step();
    assert_eq!(rig.told(A), ("unloaded", "an operator has ordered it".to_owned()));
    assert_eq!(rig.state(B), "ready", "though the policy does not name it");
    assert!(rig.engines.order(A, Wish::Loaded));
    rig.loads(1).await;
    assert_eq!(rig.state(A), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_could_not_be_loaded_says_why_and_is_tried_again_later_each_time_later() {
    let mut rig = Rig::new(None, &[Script::Fail, Script::Panic, Script::Fail]);
    rig.follow(&[A]);
    rig.loads(1).await;
    assert_eq!(rig.told(A), ("failed", "no such file".to_owned()));
    assert_eq!(rig.step(), LOOK, "it is looked after anyway");
    advance(Duration::from_secs(29)).await;
    assert_eq!(rig.step(), Duration::from_secs(1));
    advance(Duration::from_secs(1)).await;
    rig.loads(1).await;
    assert_eq!(rig.told(A), ("failed", "loading it panicked; the log says where".to_owned()));
    advance(Duration::from_secs(59)).await;
    assert_eq!(rig.step(), Duration::from_secs(1));
    assert!(rig.engines.order(A, Wish::Loaded), "an operator need not wait");
    rig.loads(1).await;
    assert_eq!(rig.told(A), ("failed", "no such file".to_owned()));
    assert!(rig.engines.are_settled());
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_not_fit_is_refused_and_comes_in_when_there_is_room() {
    let mut rig = Rig::new(None, &[]);
    rig.follow(&[A]);
    rig.loads(1).await;
    rig.follow(&[A, C]);
    rig.loads(1).await;
    let (state, reason) = rig.told(C);
    assert_eq!(state, "failed");
    assert!(reason.contains("needs 50 MiB of the memory of cpu, and 40 MiB are free of 100 MiB"), "{reason}");
    assert!(reason.contains(&format!("{A} holds 60 MiB")), "{reason}");
    rig.follow(&[C]);
    rig.freed().await;
    rig.loads(1).await;
    assert_eq!((rig.state(C), rig.state(A)), ("ready", "unloaded"));
}

#[tokio::test(start_paused = true)]
async fn the_longest_idle_make_room_and_come_back_with_a_request() {
    let mut rig = Rig::new(Some(Duration::from_secs(600)), &[]);
    rig.follow(&[A, B]);
    rig.loads(2).await;
    advance(Duration::from_secs(599)).await;
    rig.follow(&[A, B, C]);
    rig.loads(1).await;
    assert_eq!((rig.state(A), rig.state(C)), ("ready", "failed"), "nobody has been idle for long enough");

    advance(Duration::from_secs(60)).await;
    assert!(rig.engines.take(B).is_some());
    rig.loads(1).await;
    assert_eq!((rig.state(A), rig.state(B), rig.state(C)), ("draining", "ready", "loading"), "only the idle one leaves");
    rig.freed().await;
    assert_eq!(rig.state(A), "unloaded");
    rig.loads(1).await;
    assert_eq!(rig.state(C), "ready");
    rig.step();
    assert_eq!(rig.state(A), "unloaded", "though the policy names it");

    advance(Duration::from_secs(601)).await;
    assert!(matches!(rig.engines.take(A).as_deref(), Some(Engine::Unloaded(Unloaded::Idle))));
    rig.loads(1).await;
    rig.freed().await;
    rig.loads(1).await;
    assert_eq!(rig.state(A), "ready");
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_are_answered_before_the_model_is_gone() {
    let mut rig = Rig::new(None, &[]);
    rig.follow(&[A]);
    rig.loads(1).await;
    let held = rig.running.lock().unwrap().remove(A).unwrap();
    let pending = held.engine.submit(vec![Input::Tokens(vec![0])]).unwrap();
    held.entered();
    rig.follow(&[]);
    rig.step();
    assert_eq!((rig.state(A), rig.budget.free(LIMIT)), ("draining", 40 * MIB));
    assert!(held.engine.submit(vec![Input::Tokens(vec![0])]).is_err(), "it takes no more");
    drop(held);
    assert_eq!(pending.await.unwrap().outputs.len(), 1);
    rig.freed().await;
    assert_eq!((rig.state(A), rig.budget.free(LIMIT)), ("unloaded", 100 * MIB));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_to_be_run_in_another_way_is_loaded_anew() {
    let mut rig = Rig::new(None, &[]);
    rig.follow(&[A]);
    rig.loads(1).await;
    rig.engines.place_of(A).asked().policy = Some(InProcess { device: Some(Device::Cpu), cache_tokens: None });
    rig.freed().await;
    rig.loads(1).await;
    assert_eq!(rig.state(A), "ready");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_has_ended_by_itself_is_replaced() {
    let mut rig = Rig::new(None, &[]);
    rig.follow(&[A]);
    rig.loads(1).await;
    rig.running.lock().unwrap().remove(A).unwrap().engine.close();
    rig.step();
    assert!(rig.told(A).1.contains("its engine has stopped"), "{:?}", rig.told(A));
    while rig.budget.free(LIMIT) < 100 * MIB {
        rig.engines.changed().notified().await;
    }
    advance(Duration::from_secs(30)).await;
    rig.loads(1).await;
    assert_eq!(rig.state(A), "ready");
}
