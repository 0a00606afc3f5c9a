//! The bounded queue in front of an engine thread, and what it knows about waiting.
//!
//! A plain channel would not do: a full one has to make room by dropping the work of clients who have left, whoever is turned away should
//! learn when to come back, and a router wants to know how long a request will wait before it hands one in. So the queue knows what the work
//! in it is, watches the engine do it, and [publishes](crate::load) what follows from that.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::load::{Backlog, Estimates, Full, Pace, Published, Work};

/// Work that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// There is no room now.
    #[error(transparent)]
    Full(#[from] Full),
    /// The engine has ended and takes no more work.
    #[error("the engine has stopped: restart the process")]
    Stopped,
}

/// A unit of work.
pub(crate) trait Job {
    /// Whether nobody waits for its result any more.
    fn is_abandoned(&self) -> bool;

    /// What there is to compute for it, as far as that can be told before its turn.
    fn work(&self, estimates: &Estimates) -> Work;
}

/// What the engine's thread computes next for the job that it serves, and what is left of the job after that.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan {
    pub(crate) step: Work,
    pub(crate) rest: Work,
}

/// How much can wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Requests.
    pub(crate) requests: usize,
    /// Tokens of their prompts: once there are as many, no further request is taken.
    pub(crate) tokens: usize,
}

/// What tells the time; a test has its own.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    pub(crate) fn real() -> Self {
        Self(Arc::new(Instant::now))
    }

    pub(crate) fn now(&self) -> Instant {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The queue between an engine's handles and its thread.
#[derive(Debug)]
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    bounds: Bounds,
    clock: Clock,
    published: ArcSwap<Published>,
}

#[derive(Debug)]
struct State<J> {
    jobs: VecDeque<J>,
    running: Option<Running>,
    pace: Pace,
    estimates: Estimates,
    is_open: bool,
}

#[derive(Debug)]
struct Running {
    plan: Plan,
    /// When the step of the plan began.
    since: Instant,
}

impl<J: Job> Queue<J> {
    /// An empty queue of an engine that computes at this pace.
    pub(crate) fn new(bounds: Bounds, pace: Pace, estimates: Estimates, clock: Clock) -> Arc<Self> {
        let state = State { jobs: VecDeque::new(), running: None, pace, estimates, is_open: true };
        let published = ArcSwap::from_pointee(state.summary(bounds, clock.now()));
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), bounds, clock, published })
    }

    /// Adds a job at the end.
    pub(crate) fn push(&self, job: J) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if !state.is_open {
            return Err(SubmitError::Stopped);
        }
        if state.jobs.len() >= self.bounds.requests {
            state.jobs.retain(|job| !job.is_abandoned());
        }
        if state.until_room(self.bounds).is_some() {
            self.publish(&state);
            self.room()?;
        }
        state.jobs.push_back(job);
        self.publish(&state);
        self.changed.notify_one();
        Ok(())
    }

    /// Serves one job after the other until the queue is closed and empty; abandoned ones are skipped.
    pub(crate) fn serve(&self, mut serve: impl FnMut(J, &Meter<'_, J>)) {
        let _closed_when_this_thread_ends = CloseOnDrop(self);
        while let Some(job) = self.next() {
            if !job.is_abandoned() {
                serve(job, &Meter(self));
            }
            let mut state = self.lock();
            state.running = None;
            self.publish(&state);
        }
    }

    /// Takes no more jobs. Those that wait are still served.
    pub(crate) fn close(&self) {
        self.lock().is_open = false;
        self.changed.notify_all();
    }

    /// What a router wants to know, as of now. Takes no lock.
    pub(crate) fn outlook<T>(&self, read: impl FnOnce(&Published, Instant) -> T) -> T {
        read(&self.published.load(), self.clock.now())
    }

    /// Whether a further job would be taken now. Takes no lock.
    pub(crate) fn room(&self) -> Result<(), Full> {
        self.outlook(Published::room)
    }

    fn next(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                // Its steps are told when they are known; until then the whole of it is one.
                let plan = Plan { step: job.work(&state.estimates), rest: Work::default() };
                state.running = Some(Running { plan, since: self.clock.now() });
                self.publish(&state);
                return Some(job);
            }
            if !state.is_open {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn publish(&self, state: &State<J>) {
        self.published.store(Arc::new(state.summary(self.bounds, self.clock.now())));
    }

    /// No code panics while it holds the lock in a way that leaves the state half changed, so poison says nothing.
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Job> State<J> {
    fn summary(&self, bounds: Bounds, now: Instant) -> Published {
        let backlog = Backlog {
            step: self.running.as_ref().map(|running| (running.plan.step, running.since)),
            rest: self.running.as_ref().map_or_else(Work::default, |running| running.plan.rest),
            waiting: self.waiting().sum(),
            until_room: self.until_room(bounds),
        };
        Published::new(&backlog, self.pace.costs(), now)
    }

    /// The work of each job that is still wanted.
    fn waiting(&self) -> impl Iterator<Item = Work> {
        self.jobs.iter().filter(|job| !job.is_abandoned()).map(|job| job.work(&self.estimates))
    }

    /// The work of the jobs that must be done before a further one is taken. The first that waits leaves the queue
    /// when the one being served is done, the second after the first.
    fn until_room(&self, bounds: Bounds) -> Option<Work> {
        let mut requests = self.waiting().count();
        let mut tokens: f64 = self.waiting().map(|work| work.tokens_read()).sum();
        let is_full =
            |requests: usize, tokens: f64| requests > 0 && (requests >= bounds.requests || tokens >= bounds.tokens as f64);
        if !is_full(requests, tokens) {
            return None;
        }
        let mut before = Work::default();
        for work in self.waiting() {
            requests -= 1;
            tokens -= work.tokens_read();
            if !is_full(requests, tokens) {
                break;
            }
            before = before + work;
        }
        Some(before)
    }
}

/// With what an engine's thread tells how far it has come with the job that it serves.
#[derive(Debug)]
pub(crate) struct Meter<'q, J>(&'q Queue<J>);

impl<J: Job> Meter<'_, J> {
    /// The job turned out to be like this. Its first step began when it was taken.
    pub(crate) fn begin(&self, plan: impl FnOnce(&Estimates) -> Plan) {
        let mut state = self.0.lock();
        let plan = plan(&state.estimates);
        if let Some(running) = &mut state.running {
            running.plan = plan;
        }
        self.0.publish(&state);
    }

    /// The step told last is done, and the next begins.
    pub(crate) fn advance(&self, plan: impl FnOnce(&Estimates) -> Plan) {
        let mut state = self.0.lock();
        let now = self.0.clock.now();
        let plan = plan(&state.estimates);
        if let Some(done) = state.running.replace(Running { plan, since: now }) {
            state.pace.learn(&done.plan.step, now.saturating_duration_since(done.since), now);
        }
        self.0.publish(&state);
    }

    /// Learns something of requests.
    pub(crate) fn learn(&self, learn: impl FnOnce(&mut Estimates)) {
        learn(&mut self.0.lock().estimates);
    }
}

/// Were an engine thread ever to die, its queue must refuse work rather than collect it.
struct CloseOnDrop<'a, J: Job>(&'a Queue<J>);

impl<J: Job> Drop for CloseOnDrop<'_, J> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_open = false;
        state.jobs.clear();
        state.running = None;
        self.0.publish(&state);
    }
}

/// The submitting side of a queue. Clones share it; when the last one is gone, the engine ends after its last job.
#[derive(Debug)]
pub(crate) struct Handle<J: Job>(Arc<Submitter<J>>);

#[derive(Debug)]
struct Submitter<J: Job>(Arc<Queue<J>>);

impl<J: Job> Handle<J> {
    pub(crate) fn new(queue: Arc<Queue<J>>) -> Self {
        Self(Arc::new(Submitter(queue)))
    }

    pub(crate) fn queue(&self) -> &Queue<J> {
        &self.0.0
    }
}

impl<J: Job> Clone for Handle<J> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<J: Job> Drop for Submitter<J> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What a panic said.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    /// A clock that stands still until it is moved.
    #[derive(Debug, Clone)]
    pub(crate) struct ManualClock(Arc<Mutex<Instant>>);

    impl ManualClock {
        pub(crate) fn new() -> Self {
            Self(Arc::new(Mutex::new(Instant::now())))
        }

        pub(crate) fn now(&self) -> Instant {
            *self.0.lock().unwrap()
        }

        pub(crate) fn pass(&self, time: Duration) {
            *self.0.lock().unwrap() += time;
        }

        pub(crate) fn clock(&self) -> Clock {
            let clock = self.clone();
            Clock(Arc::new(move || clock.now()))
        }
    }

    /// A task of so many tokens, of which each takes a second.
    struct Task {
        name: u32,
        tokens: u32,
        abandoned: Arc<AtomicBool>,
    }

    impl Job for Task {
        fn is_abandoned(&self) -> bool {
            self.abandoned.load(Ordering::Relaxed)
        }

        fn work(&self, _: &Estimates) -> Work {
            reading(self.tokens)
        }
    }

    fn reading(tokens: u32) -> Work {
        Work::encode(0.0, f64::from(tokens), 0.0)
    }

    fn task(name: u32, tokens: u32) -> (Task, Arc<AtomicBool>) {
        let abandoned = Arc::new(AtomicBool::new(false));
        (Task { name, tokens, abandoned: Arc::clone(&abandoned) }, abandoned)
    }

    fn queue(requests: usize, tokens: usize, clock: Clock) -> Arc<Queue<Task>> {
        let pace = Pace::rehearsed(&[(reading(1), Duration::from_secs(1))]);
        Queue::new(Bounds { requests, tokens }, pace, Estimates::default(), clock)
    }

    fn of_requests(requests: usize) -> Arc<Queue<Task>> {
        queue(requests, usize::MAX, Clock::real())
    }

    fn serve_all(queue: &Queue<Task>) -> Vec<u32> {
        let mut served = Vec::new();
        queue.close();
        queue.serve(|task, _| served.push(task.name));
        served
    }

    /// In whole seconds.
    fn seconds(time: Duration) -> u64 {
        time.as_secs_f64().round() as u64
    }

    fn wait(queue: &Queue<Task>) -> u64 {
        seconds(queue.outlook(Published::wait))
    }

    fn room_after(queue: &Queue<Task>) -> Option<u64> {
        queue.room().err().map(|full| seconds(full.retry_after))
    }

    #[test]
    fn jobs_are_served_in_order_and_abandoned_ones_skipped() {
        let queue = of_requests(4);
        let (second, abandon) = task(2, 1);
        queue.push(task(1, 1).0).unwrap();
        queue.push(second).unwrap();
        queue.push(task(3, 1).0).unwrap();
        abandon.store(true, Ordering::Relaxed);
        assert_eq!(serve_all(&queue), [1, 3]);
    }

    #[test]
    fn the_wait_is_what_is_left_of_the_job_being_served_and_all_that_wait() {
        let time = ManualClock::new();
        let queue = queue(4, usize::MAX, time.clock());
        queue.push(task(1, 10).0).unwrap();
        queue.push(task(2, 5).0).unwrap();
        assert_eq!(wait(&queue), 15);
        queue.close();
        let mut waits = Vec::new();
        queue.serve(|task, meter| {
            if task.name == 1 {
                // It turns out to be longer: a step of 4, and 8 more.
                meter.begin(|_| Plan { step: reading(4), rest: reading(8) });
                time.pass(Duration::from_secs(3));
                waits.push(wait(&queue));
                time.pass(Duration::from_secs(1));
                meter.advance(|_| Plan { step: reading(8), rest: Work::default() });
                waits.push(wait(&queue));
            } else {
                waits.push(wait(&queue));
            }
        });
        assert_eq!(waits, [1 + 8 + 5, 8 + 5, 5]);
        assert_eq!(wait(&queue), 0);
    }

    #[test]
    fn a_queue_full_of_requests_refuses_until_the_one_being_served_is_done() {
        let time = ManualClock::new();
        let queue = queue(2, usize::MAX, time.clock());
        for tokens in [10, 20, 30] {
            // The first has its turn at once.
            queue.push(task(tokens, tokens).0).unwrap();
            if tokens == 10 {
                assert_eq!(queue.next().map(|task| task.name), Some(10));
            }
        }
        time.pass(Duration::from_secs(4));
        assert_eq!(room_after(&queue), Some(6));
        let Err(SubmitError::Full(full)) = queue.push(task(4, 1).0) else { panic!("taken") };
        assert_eq!(seconds(full.retry_after), 6);
    }

    #[test]
    fn a_queue_full_of_tokens_refuses_until_enough_of_them_are_gone() {
        let time = ManualClock::new();
        let queue = queue(10, 100, time.clock());
        for tokens in [10, 50, 30, 80] {
            queue.push(task(tokens, tokens).0).unwrap();
            if tokens == 10 {
                assert_eq!(queue.next().map(|task| task.name), Some(10));
            }
        }
        // 160 tokens wait. The 50 leave for their turn after 10 s, and 110 are left; the 30 leave after 50 s more.
        assert_eq!(room_after(&queue), Some(60));
        assert!(matches!(queue.push(task(1, 1).0), Err(SubmitError::Full(_))));
    }

    #[test]
    fn a_single_request_is_taken_however_long_it_is() {
        let queue = queue(10, 100, Clock::real());
        queue.push(task(1, 1000).0).unwrap();
        assert_eq!(queue.next().map(|task| task.name), Some(1));
        assert_eq!(room_after(&queue), None);
    }

    #[test]
    fn a_full_queue_makes_room_by_dropping_abandoned_jobs() {
        let queue = of_requests(1);
        let (first, abandon) = task(1, 1);
        queue.push(first).unwrap();
        abandon.store(true, Ordering::Relaxed);
        queue.push(task(2, 1).0).unwrap();
        assert_eq!(serve_all(&queue), [2]);
    }

    #[test]
    fn an_abandoned_job_is_not_waited_for() {
        let time = ManualClock::new();
        let queue = queue(4, usize::MAX, time.clock());
        let (second, abandon) = task(2, 100);
        for task in [task(1, 10).0, second, task(3, 1).0] {
            queue.push(task).unwrap();
        }
        queue.close();
        let mut waits = Vec::new();
        queue.serve(|task, meter| {
            if task.name == 1 {
                waits.push(wait(&queue));
                meter.begin(|_| Plan { step: reading(5), rest: reading(5) });
                abandon.store(true, Ordering::Relaxed);
                time.pass(Duration::from_secs(5));
                meter.advance(|_| Plan { step: reading(5), rest: Work::default() });
                waits.push(wait(&queue));
            }
        });
        assert_eq!(waits, [111, 6]);
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let queue = of_requests(1);
        queue.close();
        assert_eq!(queue.push(task(1, 1).0), Err(SubmitError::Stopped));
    }

    #[test]
    fn the_queue_closes_with_its_last_handle() {
        let queue = of_requests(1);
        let handle = Handle::new(Arc::clone(&queue));
        let clone = handle.clone();
        drop(handle);
        clone.queue().push(task(1, 1).0).unwrap();
        drop(clone);
        assert_eq!(serve_all(&queue), [1]);
    }

    #[test]
    fn a_queue_whose_thread_died_refuses_work() {
        let queue = of_requests(2);
        queue.push(task(1, 1).0).unwrap();
        queue.push(task(2, 1).0).unwrap();
        let thread = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || queue.serve(|_, _| panic!("broken")))
        };
        assert!(thread.join().is_err());
        assert_eq!(wait(&queue), 0);
        assert_eq!(queue.push(task(3, 1).0), Err(SubmitError::Stopped));
    }
}
