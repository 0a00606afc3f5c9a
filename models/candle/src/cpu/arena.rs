//! Memory for weights, in huge pages.
//!
//! A decoding step reads all weights once, so how fast memory streams is how fast tokens come. With pages of 4 KiB the processor's
//! prefetching stops at every page; with pages of 2 MiB, one core was seen to read twice as fast. A matrix of a small model is smaller
//! than such a page, so matrices share slabs.

#![expect(unsafe_code, reason = "no container of the standard library asks for huge pages")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

/// A cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u8; 64]);

/// Bytes of a huge page.
const PAGE: usize = 2 << 20;
/// Lines of a slab, unless more are wanted at once.
const SLAB: usize = (64 << 20) / size_of::<Line>();

/// Where lines are placed.
#[derive(Debug, Default)]
pub(super) struct Arena(Mutex<Option<Open>>);

/// A slab with room, and how many of its lines are taken.
#[derive(Debug)]
struct Open {
    slab: Arc<Slab>,
    taken: usize,
}

/// Lines that nothing changes any more.
#[derive(Debug)]
pub(super) struct Lines {
    slab: Arc<Slab>,
    start: usize,
    count: usize,
}

/// Uninitialised lines.
#[derive(Debug)]
struct Slab {
    lines: NonNull<Line>,
    layout: Layout,
}

// SAFETY: a slab is memory like a vector's. Nothing is written to it but by `Arena::place`, and that to lines that nobody has yet.
unsafe impl Send for Slab {}
// SAFETY: the same.
unsafe impl Sync for Slab {}

impl Arena {
    /// Copies lines to where they stay.
    pub(super) fn place(&self, lines: &[Line]) -> Lines {
        let count = lines.len();
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = guard.take().filter(|open| count <= open.slab.capacity() - open.taken);
        let mut open = fitting.unwrap_or_else(|| Open { slab: Arc::new(Slab::new(count.max(SLAB))), taken: 0 });
        let start = open.taken;
        // SAFETY: the slab has room for so many lines from there on, and what was handed out of it lies before.
        unsafe {
            open.slab.lines.add(start).as_ptr().copy_from_nonoverlapping(lines.as_ptr(), count);
        }
        open.taken += count;
        let placed = Lines { slab: Arc::clone(&open.slab), start, count };
        *guard = Some(open);
        placed
    }
}

impl Deref for Lines {
    type Target = [Line];

    fn deref(&self) -> &[Line] {
        // SAFETY: these lines were written before this type was made, are written no more, and live as long as the slab.
        unsafe { std::slice::from_raw_parts(self.slab.lines.add(self.start).as_ptr(), self.count) }
    }
}

impl Slab {
    fn new(count: usize) -> Self {
        let bytes = (count.max(1) * size_of::<Line>()).next_multiple_of(PAGE);
        let Ok(layout) = Layout::from_size_align(bytes, PAGE) else {
            // More bytes than there are addresses; a vector's allocation fails in the same way.
            handle_alloc_error(Layout::new::<Line>())
        };
        // SAFETY: the layout has at least one page.
        let Some(lines) = NonNull::new(unsafe { alloc(layout) }.cast::<Line>()) else { handle_alloc_error(layout) };
        ask_for_huge_pages(lines, bytes);
        Self { lines, layout }
    }

    fn capacity(&self) -> usize {
        self.layout.size() / size_of::<Line>()
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and nobody has lines of it any more.
        unsafe {
            dealloc(self.lines.as_ptr().cast(), self.layout);
        }
    }
}

/// Before anything is written there: a page, once it is used, stays as small as it is.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(lines: NonNull<Line>, bytes: usize) {
    // SAFETY: the advice concerns only memory that was just allocated, and changes none of its contents.
    let answer = unsafe { libc::madvise(lines.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
    if answer != 0 {
        let error = std::io::Error::last_os_error();
        tracing::debug!(%error, "weights are in small pages, which is slower");
    }
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_lines: NonNull<Line>, _bytes: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_what_they_were_also_when_the_arena_and_others_are_gone() {
        let arena = Arena::default();
        let lines = |value: u8, count: usize| vec![Line([value; 64]); count];
        let first = arena.place(&lines(1, 3));
        let large = arena.place(&lines(2, SLAB + 1));
        let (last, none) = (arena.place(&lines(3, 5)), arena.place(&[]));
        drop(arena);
        assert_eq!(*first, lines(1, 3));
        drop(first);
        assert!(large.iter().all(|line| *line == Line([2; 64])) && large.len() == SLAB + 1);
        assert_eq!(*last, lines(3, 5));
        assert!(none.is_empty());
    }
}
