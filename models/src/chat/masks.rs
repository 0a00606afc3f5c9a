//! Computes masks in a thread of its own, while the model computes the logits that they are for.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::answer::Answer;
use super::schedule::{Schedule, Share};
use crate::constrain::{Constraint, ConstraintError, Mask, STACK};

/// The thread, once there was need for it. It ends when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Masks {
    jobs: Option<Sender<Job>>,
}

/// A mask to be computed.
#[derive(Debug)]
struct Job {
    place: usize,
    constraint: Box<Constraint>,
    done: Sender<Done>,
}

#[derive(Debug)]
struct Done {
    place: usize,
    constraint: Box<Constraint>,
    mask: Result<Mask, ConstraintError>,
}

/// Masks of a step that are being computed.
#[derive(Debug)]
pub(super) struct Pending(Receiver<Done>);

impl Masks {
    /// Begins with those that a step needs. What the thread cannot do is done when the mask is needed.
    pub(super) fn begin(&mut self, schedule: &mut Schedule<Answer>, shares: &[Share]) -> Pending {
        let (done, pending) = mpsc::channel();
        for share in shares {
            let Some(sequence) = schedule.at(share.place).filter(|sequence| sequence.cached.left() == share.tokens) else {
                continue;
            };
            let Some(constraint) = sequence.answer.guide().lend() else { continue };
            let job = Job { place: share.place, constraint, done: done.clone() };
            if let Err(job) = self.send(job) {
                sequence.answer.guide().take_back(job.constraint, None);
            }
        }
        Pending(pending)
    }

    fn send(&mut self, job: Job) -> Result<(), Job> {
        if self.jobs.is_none() {
            self.jobs = start();
        }
        match &self.jobs {
            Some(jobs) => jobs.send(job).map_err(|unsent| unsent.0),
            None => Err(job),
        }
    }
}

impl Pending {
    /// Waits for them, and puts them where they belong.
    pub(super) fn end(self, schedule: &mut Schedule<Answer>) {
        for Done { place, constraint, mask } in self.0 {
            if let Some(sequence) = schedule.at(place) {
                sequence.answer.guide().take_back(constraint, Some(mask));
            }
        }
    }
}

fn start() -> Option<Sender<Job>> {
    let (jobs, received) = mpsc::channel::<Job>();
    let work = move || {
        for Job { place, mut constraint, done } in received {
            let mask = constraint.mask();
            // Nobody waits for it only where the engine has ended.
            let _ended = done.send(Done { place, constraint, mask });
        }
    };
    let started = thread::Builder::new().name("tw-chat-mask".to_owned()).stack_size(STACK).spawn(work);
    started.inspect_err(|error| tracing::warn!(%error, "masks are computed by the engine's own thread")).ok().map(|_| jobs)
}
