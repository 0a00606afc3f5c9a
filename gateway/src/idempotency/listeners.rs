//! Everybody who waits for the next piece of one stream.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Wake, Waker},
};

/// Wakes all of them where a stream would wake one: a stream knows only who asked last, and that one may leave.
#[derive(Default)]
pub(super) struct Listeners(Mutex<Vec<Waker>>);

impl Listeners {
    /// Adds one, until the next wake.
    pub(super) fn add(&self, waker: &Waker) {
        let mut wakers = self.wakers();
        if !wakers.iter().any(|waiting| waiting.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    /// Wakes all but this one, which is awake.
    pub(super) fn wake_others(&self, awake: &Waker) {
        let wakers = std::mem::take(&mut *self.wakers());
        wakers.into_iter().filter(|waiting| !waiting.will_wake(awake)).for_each(Waker::wake);
    }

    fn wakers(&self) -> MutexGuard<'_, Vec<Waker>> {
        // Whatever a panic left is still a list of wakers.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Listeners {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Taken first: a waker may do anything, and so must not meet the lock.
        let wakers = std::mem::take(&mut *self.wakers());
        wakers.into_iter().for_each(Waker::wake);
    }
}
