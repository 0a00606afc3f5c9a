//! The bounded queue in front of an engine thread, and what it knows about waiting.
//!
//! A plain channel would not do: a full one has to make room by dropping the work of clients who have left, and whoever
//! is turned away should learn when to come back, from how long requests really take.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What one request is taken to cost before the first one was served.
const FIRST_GUESS: Duration = Duration::from_secs(1);

/// The newest request's share in the mean: about the last eight requests decide.
const NEWEST_SHARE: f64 = 0.125;

/// How busy an engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Requests that wait behind the one being served.
    pub waiting: usize,
    /// Requests being served: 0 or 1.
    pub running: usize,
    /// How long one request takes, lately.
    pub service_time: Duration,
}

impl Load {
    /// How long a request that is submitted now can expect to wait before it is served.
    pub fn predicted_wait(&self) -> Duration {
        let ahead = u32::try_from(self.waiting + self.running).unwrap_or(u32::MAX);
        self.service_time.saturating_mul(ahead)
    }
}

/// Work that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// There is no room now.
    #[error("the engine's queue is full: try again in {retry_after:?}")]
    QueueFull {
        /// When a place should be free.
        retry_after: Duration,
    },
    /// The engine has ended and takes no more work.
    #[error("the engine has stopped: restart the process")]
    Stopped,
}

/// A unit of work.
pub(crate) trait Job {
    /// Whether nobody waits for its result any more.
    fn is_abandoned(&self) -> bool;
}

/// The queue between an engine's handles and its thread.
#[derive(Debug)]
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<J> {
    jobs: VecDeque<J>,
    running: usize,
    service_time: Option<Duration>,
    is_open: bool,
}

impl<J: Job> Queue<J> {
    /// A queue in which `capacity` jobs can wait.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        let state = State { jobs: VecDeque::new(), running: 0, service_time: None, is_open: true };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), capacity })
    }

    /// Adds a job at the end.
    pub(crate) fn push(&self, job: J) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if !state.is_open {
            return Err(SubmitError::Stopped);
        }
        if state.jobs.len() >= self.capacity {
            state.jobs.retain(|job| !job.is_abandoned());
        }
        if state.jobs.len() >= self.capacity {
            return Err(SubmitError::QueueFull { retry_after: state.service_time() });
        }
        state.jobs.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// Serves one job after the other until the queue is closed and empty; abandoned ones are skipped.
    pub(crate) fn serve(&self, mut serve: impl FnMut(J)) {
        let _closed_when_this_thread_ends = CloseOnDrop(self);
        while let Some(job) = self.next() {
            if !job.is_abandoned() {
                let start = Instant::now();
                serve(job);
                self.lock().observe(start.elapsed());
            }
            self.lock().running = 0;
        }
    }

    /// Takes no more jobs. Those that wait are still served.
    pub(crate) fn close(&self) {
        self.lock().is_open = false;
        self.changed.notify_all();
    }

    /// How busy the engine is.
    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        Load { waiting: state.jobs.len(), running: state.running, service_time: state.service_time() }
    }

    fn next(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.running = 1;
                return Some(job);
            }
            if !state.is_open {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No code panics while it holds the lock in a way that leaves the state half changed, so poison says nothing.
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> State<J> {
    fn service_time(&self) -> Duration {
        self.service_time.unwrap_or(FIRST_GUESS)
    }

    fn observe(&mut self, took: Duration) {
        self.service_time = Some(match self.service_time {
            None => took,
            Some(mean) => mean.mul_f64(1.0 - NEWEST_SHARE) + took.mul_f64(NEWEST_SHARE),
        });
    }
}

/// Were an engine thread ever to die, its queue must refuse work rather than collect it.
struct CloseOnDrop<'a, J: Job>(&'a Queue<J>);

impl<J: Job> Drop for CloseOnDrop<'_, J> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_open = false;
        state.jobs.clear();
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
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Task {
        name: u32,
        abandoned: Arc<AtomicBool>,
    }

    impl Job for Task {
        fn is_abandoned(&self) -> bool {
            self.abandoned.load(Ordering::Relaxed)
        }
    }

    fn task(name: u32) -> (Task, Arc<AtomicBool>) {
        let abandoned = Arc::new(AtomicBool::new(false));
        (Task { name, abandoned: Arc::clone(&abandoned) }, abandoned)
    }

    fn serve_all(queue: &Queue<Task>) -> Vec<u32> {
        let mut served = Vec::new();
        queue.close();
        queue.serve(|task| served.push(task.name));
        served
    }

    #[test]
    fn jobs_are_served_in_order_and_abandoned_ones_skipped() {
        let queue = Queue::new(4);
        let (second, abandon) = task(2);
        queue.push(task(1).0).unwrap();
        queue.push(second).unwrap();
        queue.push(task(3).0).unwrap();
        abandon.store(true, Ordering::Relaxed);
        assert_eq!(serve_all(&queue), [1, 3]);
    }

    #[test]
    fn a_full_queue_refuses_and_says_when_to_come_back() {
        let queue = Queue::new(1);
        queue.push(task(1).0).unwrap();
        assert_eq!(queue.push(task(2).0), Err(SubmitError::QueueFull { retry_after: FIRST_GUESS }));
        queue.lock().observe(Duration::from_secs(8));
        assert_eq!(queue.push(task(2).0), Err(SubmitError::QueueFull { retry_after: Duration::from_secs(8) }));
        queue.lock().observe(Duration::from_secs(16));
        assert_eq!(queue.load().service_time, Duration::from_secs(9));
        assert_eq!(queue.load().predicted_wait(), Duration::from_secs(9));
    }

    #[test]
    fn a_full_queue_makes_room_by_dropping_abandoned_jobs() {
        let queue = Queue::new(1);
        let (first, abandon) = task(1);
        queue.push(first).unwrap();
        abandon.store(true, Ordering::Relaxed);
        queue.push(task(2).0).unwrap();
        assert_eq!(serve_all(&queue), [2]);
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let queue = Queue::new(1);
        queue.close();
        assert_eq!(queue.push(task(1).0), Err(SubmitError::Stopped));
    }

    #[test]
    fn the_queue_closes_with_its_last_handle() {
        let queue = Queue::new(1);
        let handle = Handle::new(Arc::clone(&queue));
        let clone = handle.clone();
        drop(handle);
        clone.queue().push(task(1).0).unwrap();
        drop(clone);
        assert_eq!(serve_all(&queue), [1]);
    }

    #[test]
    fn a_queue_whose_thread_died_refuses_work() {
        let queue = Queue::new(2);
        queue.push(task(1).0).unwrap();
        queue.push(task(2).0).unwrap();
        let thread = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || queue.serve(|_| panic!("broken")))
        };
        assert!(thread.join().is_err());
        assert_eq!(queue.load().waiting, 0);
        assert_eq!(queue.push(task(3).0), Err(SubmitError::Stopped));
    }
}
