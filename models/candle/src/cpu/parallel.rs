//! Work on all compute threads, which are candle's.
//!
//! A panic must not reach candle's pool: its lock would be poisoned, and every later use of the pool in this process, by whatever model,
//! would panic too. So panics are caught on the thread where they happen, and go on where the work was asked for.

use std::any::Any;
use std::marker::PhantomData;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use candle_core::utils::barrier_pool;

/// Calls `work` with ranges that together are `0..items`: on all compute threads if there are at least `worthwhile` items, else on
/// this one. A panic in any of the calls is passed on, once all have ended.
pub(super) fn for_ranges(items: usize, worthwhile: usize, work: impl Fn(Range<usize>) + Sync) {
    if items < worthwhile {
        return work(0..items);
    }
    let first_panic: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);
    barrier_pool().execute_chunked(items, |range| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(range))) {
            first_panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
    });
    if let Some(panic) = first_panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
        resume_unwind(panic);
    }
}

/// Calls `work` for each of the consecutive parts of `whole`, all `length` long, with the part's number.
pub(crate) fn for_parts<T: Send>(whole: &mut [T], length: usize, worthwhile: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let parts = whole.len().checked_div(length).unwrap_or(0);
    let shared = Shared::new(whole);
    for_ranges(parts, worthwhile, |range| {
        for part in range {
            #[expect(unsafe_code, reason = "the pool knows only shared closures")]
            // SAFETY: the ranges are disjoint, so no other call has this part, and this one lets go of it before the next.
            let slice = unsafe { shared.part(part * length, length) };
            work(part, slice);
        }
    });
}

/// A slice that several threads write, each its own parts of it.
pub(super) struct Shared<'a, T> {
    start: *mut T,
    length: usize,
    whole: PhantomData<&'a mut [T]>,
}

#[expect(unsafe_code, reason = "a pointer is not `Sync` by itself")]
// SAFETY: the only way to the elements is `part`, whose callers promise that no two parts overlap.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub(super) fn new(whole: &'a mut [T]) -> Self {
        Self { start: whole.as_mut_ptr(), length: whole.len(), whole: PhantomData }
    }

    /// The elements from `start` on, at most `length` of them and none beyond the end.
    ///
    /// # Safety
    /// No two parts that exist at the same time may overlap.
    #[expect(unsafe_code, clippy::mut_from_ref, reason = "that is what the type is for")]
    pub(super) unsafe fn part(&self, start: usize, length: usize) -> &mut [T] {
        let start = start.min(self.length);
        let length = length.min(self.length - start);
        // SAFETY: the part lies within the slice, which is borrowed for as long as this type lives, and the caller has no other
        // reference to it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), length) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Set for the process that has several compute threads, whatever this one has: a pool's size is chosen once in a process.
    const SEVERAL_THREADS: &str = "TRADEWIND_TEST_SEVERAL_THREADS";

    #[test]
    fn a_panic_on_one_of_several_threads_leaves_the_pool_usable() {
        if std::env::var_os(SEVERAL_THREADS).is_none() {
            let name = "cpu::parallel::tests::a_panic_on_one_of_several_threads_leaves_the_pool_usable";
            let program = std::env::current_exe().unwrap();
            let mut child = std::process::Command::new(program);
            child.args(["--exact", name]).env(SEVERAL_THREADS, "1").env("RAYON_NUM_THREADS", "2");
            let output = child.output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && told.contains("1 passed"), "{told}");
            return;
        }
        assert_eq!(barrier_pool().n_workers(), 1);
        let outcome = catch_unwind(|| for_ranges(100, 1, |range| assert!(!range.contains(&50), "the fiftieth")));
        assert!(outcome.is_err());
        let done = AtomicUsize::new(0);
        for_ranges(100, 1, |range| {
            done.fetch_add(range.len(), Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 100);
    }

    #[test]
    fn every_part_is_worked_on_once_and_none_is_longer_than_the_slice() {
        let mut numbers = vec![0_usize; 103];
        for_parts(&mut numbers, 10, 2, |part, slice| {
            for number in slice {
                *number += part + 1;
            }
        });
        let expected: Vec<usize> = (0..103).map(|index| if index < 100 { index / 10 + 1 } else { 0 }).collect();
        assert_eq!(numbers, expected);

        let shared = Shared::new(&mut numbers);
        #[expect(unsafe_code, reason = "what is tested")]
        // SAFETY: one part at a time.
        let lengths = unsafe { [shared.part(100, 16).len(), shared.part(200, 16).len()] };
        assert_eq!(lengths, [3, 0]);
    }
}
