//! Attempts on one target from many threads, in thousands of interleavings: whatever their order, nothing stays in flight, and a target that
//! may be back is asked by one at a time.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use shuttle::{
    rand::{Rng, thread_rng},
    sync::{Arc, Mutex},
    thread,
};
use tradewind_policies::select::{Aim, Ask, Health, Monotonic, Outcome, Removed, Started};

/// How many orders of events are tried.
const ORDERS: usize = 2_000;
const THREADS: usize = 4;
const ATTEMPTS: usize = 3;
const PLAIN: Ask =
    Ask { prompt_tokens: 500.0, cached_tokens: 0.0, output_tokens: 0.0, cost: 0.0, aim: Aim::NONE, forecast: None };

/// What all threads share: a target, the time, and what must be true of it.
struct World {
    health: Health,
    now: Duration,
    rng: StdRng,
    /// Whether a target that had been ejected has answered again.
    is_back: bool,
    /// Probes of an ejected target that are under way.
    probes: usize,
}

/// An attempt, and whether it is a probe.
struct Attempt {
    started: Started,
    is_probe: bool,
}

impl World {
    fn new() -> Self {
        let (health, rng) = (Health::default(), StdRng::seed_from_u64(7));
        Self { health, now: Duration::ZERO, rng, is_back: true, probes: 0 }
    }

    /// Ejected a while ago, so that it may be probed; with so many attempts from before still under way.
    fn half_open(before: usize) -> (Self, Vec<Attempt>) {
        let mut world = Self::new();
        // It is known, so that nothing but the breaker keeps requests away.
        let mut known = world.start_at_any_price();
        world.first_token(&mut known);
        world.end(known, Outcome::Success { output_tokens: 3 });
        let started = (0..before).map(|_| world.start_at_any_price()).collect();
        for _ in 0..5 {
            let failing = world.start_at_any_price();
            world.end(failing, Outcome::Failure { retry_after: None });
        }
        world.now = Duration::from_secs(6);
        world.is_back = false;
        (world, started)
    }

    fn now(&self) -> Monotonic {
        Monotonic::since_epoch(self.now)
    }

    fn start_at_any_price(&mut self) -> Attempt {
        let started = self.health.start(self.now(), &PLAIN, Some(Removed::Unproven)).unwrap();
        Attempt { started, is_probe: false }
    }

    fn start(&mut self) -> Option<Attempt> {
        let started = self.health.start(self.now(), &PLAIN, None).ok()?;
        let is_probe = !self.is_back;
        if is_probe {
            assert_eq!(self.probes, 0, "a second probe beside the first");
            self.probes += 1;
        }
        Some(Attempt { started, is_probe })
    }

    fn first_token(&mut self, attempt: &mut Attempt) {
        self.health.first_token(self.now(), &mut attempt.started);
        self.is_back = true;
    }

    fn end(&mut self, attempt: Attempt, outcome: Outcome) {
        self.health.end(self.now(), attempt.started, outcome, &mut self.rng);
        self.is_back |= matches!(outcome, Outcome::Success { .. } | Outcome::ClientFault);
        self.probes -= usize::from(attempt.is_probe);
    }
}

/// What becomes of an attempt, by chance.
fn fate() -> Outcome {
    match thread_rng().gen_range(0..5) {
        0 => Outcome::Success { output_tokens: 3 },
        1 => Outcome::Failure { retry_after: None },
        2 => Outcome::RateLimited { retry_after: None },
        3 => Outcome::ClientFault,
        _ => Outcome::Cancelled,
    }
}

/// One attempt after the other, each as a request makes it: begins, perhaps hears a first token, ends.
fn make_attempts(world: &Mutex<World>) {
    for _ in 0..ATTEMPTS {
        let Some(mut attempt) = world.lock().unwrap().start() else { continue };
        if thread_rng().gen_range(0..2) == 0 {
            world.lock().unwrap().first_token(&mut attempt);
        }
        world.lock().unwrap().end(attempt, fate());
    }
}

fn in_every_order(world: fn() -> (World, Vec<Attempt>)) {
    let run = move || {
        let (world, before) = world();
        let world = Arc::new(Mutex::new(world));
        let of_before = before.into_iter().map(|attempt| {
            let world = Arc::clone(&world);
            // Neither says anything about how the target is now.
            thread::spawn(move || world.lock().unwrap().end(attempt, Outcome::Cancelled))
        });
        let mut threads: Vec<_> = of_before.collect();
        threads.extend((0..THREADS).map(|_| {
            let world = Arc::clone(&world);
            thread::spawn(move || make_attempts(&world))
        }));
        for thread in threads {
            thread.join().unwrap();
        }
        let world = world.lock().unwrap();
        assert_eq!((world.health.in_flight(), world.probes), (0, 0));
        assert_eq!(world.health.outlook(world.now(), &PLAIN).waiting, 0);
    };
    shuttle::check_random(run, ORDERS);
    // Few changes of threads, at the worst moments.
    shuttle::check_pct(run, ORDERS, 3);
}

#[test]
fn nothing_stays_in_flight_whatever_becomes_of_attempts() {
    in_every_order(|| (World::new(), Vec::new()));
}

#[test]
fn a_target_that_may_be_back_is_probed_by_one_at_a_time() {
    in_every_order(|| World::half_open(0));
}

#[test]
fn attempts_from_before_an_ejection_do_not_let_a_second_probe_in() {
    in_every_order(|| World::half_open(2));
}
