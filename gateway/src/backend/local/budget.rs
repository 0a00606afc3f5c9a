//! The memory of all local models together, and who holds how much of it.
//!
//! A model reserves what it is estimated to take before it is loaded, so that too much is refused before it is too late. What is reserved is
//! a [`Lease`], which the engine's own thread holds: it ends when the model's memory is free again, not when somebody asked for that.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

/// Of a GPU's free memory, so much is used: what CUDA's libraries take for themselves is not known beforehand.
const GPU_TENTHS: u64 = 9;

/// Which memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// The machine's, of which all models together get so many bytes.
    Host(u64),
    /// That of the GPU of this number, of which so many bytes were found free.
    Gpu(usize, u64),
}

impl Memory {
    /// Whether both are of one device.
    pub(super) const fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Host(_), Self::Host(_)) => true,
            (Self::Gpu(one, _), Self::Gpu(other, _)) => one == other,
            _ => false,
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(_) => f.write_str("cpu"),
            Self::Gpu(number, _) => write!(f, "cuda:{number}"),
        }
    }
}

/// What is held of all memories. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Budget(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    held: Mutex<Vec<Weak<Held>>>,
    changed: Arc<Notify>,
}

/// A part of a memory that a model holds until this is dropped.
#[derive(Debug)]
pub struct Lease(Arc<Held>);

/// Tells of a lease that somebody else has.
#[derive(Clone, Debug)]
pub struct Hold(Weak<Held>);

#[derive(Debug)]
struct Held {
    model: String,
    memory: Memory,
    bytes: AtomicU64,
    changed: Arc<Notify>,
}

impl Budget {
    /// A budget that tells `changed` whenever something is free again.
    #[must_use]
    pub fn new(changed: Arc<Notify>) -> Self {
        Self(Arc::new(Shared { held: Mutex::default(), changed }))
    }

    /// How many bytes of this memory are left.
    #[must_use]
    pub fn free(&self, memory: Memory) -> u64 {
        match memory {
            Memory::Host(limit) => limit.saturating_sub(self.holders(memory).iter().map(|(_, bytes)| bytes).sum()),
            Memory::Gpu(_, free) => free / 10 * GPU_TENTHS,
        }
    }

    /// Sets so many bytes aside for a model.
    ///
    /// # Errors
    /// There are not so many, and who has the others.
    pub fn reserve(&self, model: &str, memory: Memory, bytes: u64) -> Result<Lease, DoesNotFit> {
        let free = self.free(memory);
        if bytes > free {
            let holders = self.holders(memory);
            return Err(DoesNotFit { model: model.to_owned(), memory, needed: bytes, free, holders });
        }
        let changed = Arc::clone(&self.0.changed);
        let held = Arc::new(Held { model: model.to_owned(), memory, bytes: AtomicU64::new(bytes), changed });
        let mut all = self.lock();
        all.retain(|held| held.strong_count() > 0);
        all.push(Arc::downgrade(&held));
        Ok(Lease(held))
    }

    /// Notes how much a model was found to take, of which less was set aside.
    ///
    /// # Errors
    /// All models together take too much.
    pub fn correct(&self, model: &str, hold: &Hold, memory: Memory, bytes: u64) -> Result<(), DoesNotFit> {
        hold.set(bytes);
        let Memory::Host(limit) = memory else { return Ok(()) };
        let (of_it, holders): (Vec<_>, Vec<_>) = self.holders(memory).into_iter().partition(|(holder, _)| holder == model);
        let sum = |holders: &[(String, u64)]| holders.iter().map(|(_, bytes)| bytes).sum::<u64>();
        if sum(&of_it) + sum(&holders) <= limit {
            return Ok(());
        }
        let free = limit.saturating_sub(sum(&holders));
        Err(DoesNotFit { model: model.to_owned(), memory, needed: bytes, free, holders })
    }

    /// The models that hold something of this memory, and how many bytes.
    fn holders(&self, memory: Memory) -> Vec<(String, u64)> {
        let all = self.lock();
        let held = all.iter().filter_map(Weak::upgrade).filter(|held| held.memory.is_same(memory));
        held.map(|held| (held.model.clone(), held.bytes.load(Ordering::Relaxed))).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Held>>> {
        // A list of pointers is never half changed.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// What tells of it.
    #[must_use]
    pub fn hold(&self) -> Hold {
        Hold(Arc::downgrade(&self.0))
    }
}

impl Hold {
    /// Whether the memory is free again.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// What was found out about how much it is.
    fn set(&self, bytes: u64) {
        if let Some(held) = self.0.upgrade() {
            held.bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// How many bytes are held, and of which memory.
    #[must_use]
    pub fn bytes(&self) -> Option<(Memory, u64)> {
        self.0.upgrade().map(|held| (held.memory, held.bytes.load(Ordering::Relaxed)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

/// A model that there is not enough memory for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoesNotFit {
    /// Which model.
    pub model: String,
    /// Which memory.
    pub memory: Memory,
    /// How many bytes it takes.
    pub needed: u64,
    /// How many there are.
    pub free: u64,
    /// Who has others, and how many.
    pub holders: Vec<(String, u64)>,
}

impl std::error::Error for DoesNotFit {}

impl fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, memory, needed, free, holders } = self;
        write!(f, "{model} needs {} of the memory of {memory}, and {} are free", Mebibytes(*needed), Mebibytes(*free))?;
        if let Memory::Host(limit) = memory {
            write!(f, " of {} for all models", Mebibytes(*limit))?;
        }
        let holders = holders.iter().map(|(model, bytes)| format!("{model} holds {}", Mebibytes(*bytes)));
        let holders = holders.collect::<Vec<_>>();
        let holders = if holders.is_empty() { "no model holds any".to_owned() } else { holders.join(", ") };
        write!(f, "; {holders}. Unload one, give a chat model fewer `cache_tokens`, or raise `memory` in [local]")
    }
}

/// Bytes, to be read.
#[derive(Clone, Copy, Debug)]
pub struct Mebibytes(pub u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} MiB", self.0 as f64 / f64::from(1_u32 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const HOST: Memory = Memory::Host(100 * MIB);

    #[test]
    fn what_does_not_fit_is_refused_with_numbers_and_with_who_has_the_rest() {
        let budget = Budget::default();
        let small = budget.reserve("small", HOST, 70 * MIB).unwrap();
        let error = budget.reserve("large", HOST, 40 * MIB).unwrap_err();
        assert_eq!((error.needed, error.free), (40 * MIB, 30 * MIB));
        let told = error.to_string();
        assert!(
            told.starts_with("large needs 40 MiB of the memory of cpu, and 30 MiB are free of 100 MiB for all models; "),
            "{told}"
        );
        assert!(told.contains("small holds 70 MiB"), "{told}");

        let hold = small.hold();
        assert_eq!(budget.correct("small", &hold, HOST, 50 * MIB), Ok(()));
        let large = budget.reserve("large", HOST, 40 * MIB).unwrap();
        assert_eq!(budget.free(HOST), 10 * MIB);
        assert_eq!(hold.bytes(), Some((HOST, 50 * MIB)));
        let error = budget.correct("small", &hold, HOST, 61 * MIB).unwrap_err();
        assert_eq!((error.needed, error.free), (61 * MIB, 60 * MIB));
        assert_eq!(budget.correct("small", &hold, HOST, 50 * MIB), Ok(()));
        drop((small, large));
        assert!(hold.has_ended());
        assert_eq!(budget.free(HOST), 100 * MIB);
    }

    #[test]
    fn of_a_gpu_what_is_free_counts_and_no_other_memory() {
        let budget = Budget::default();
        let _all_of_the_host = budget.reserve("a", HOST, 100 * MIB).unwrap();
        assert!(budget.reserve("b", Memory::Gpu(0, 100 * MIB), 90 * MIB).is_ok());
        let error = budget.reserve("b", Memory::Gpu(1, 100 * MIB), 91 * MIB).unwrap_err().to_string();
        assert!(error.contains("cuda:1, and 90 MiB are free; no model holds any"), "{error}");
    }

    #[tokio::test]
    async fn memory_that_is_free_again_is_told() {
        let changed = Arc::new(Notify::new());
        let budget = Budget::new(Arc::clone(&changed));
        drop(budget.reserve("a", HOST, 1).unwrap());
        changed.notified().await;
    }
}
