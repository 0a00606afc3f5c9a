//! How many CPU threads compute.
//!
//! candle's threads wait for each other by spinning. Where they have every core, they and the proxy's threads take turns
//! at standing still: on two shared cores, generation was seen to fall to a third and proxied requests to wait for whole
//! time slices. So at least one core stays free. candle sizes its pool once in a process, at its first use, and takes
//! the number from nowhere but the environment; that is why this is a call for the first line of `main` and not an
//! option of a model.

use std::num::NonZeroUsize;

/// candle and rayon both read this one.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// Computes on at most this many threads from now on, or, without a number, on all cores but one. A number that the
/// operator has set in `RAYON_NUM_THREADS` is left alone. Call it before the process starts its first thread.
///
/// # Errors
/// When there are other threads already, or the system cannot tell.
pub fn limit_compute_threads(limit: Option<NonZeroUsize>) -> Result<(), ThreadsError> {
    if std::env::var_os(VARIABLE).is_some() {
        return Ok(());
    }
    let threads = running_threads().map_err(ThreadsError::Unknown)?;
    if threads != 1 {
        return Err(ThreadsError::TooLate { threads });
    }
    let limit = limit.map_or_else(all_cores_but_one, NonZeroUsize::get);
    #[expect(unsafe_code, reason = "the pool's size can be set in no other way")]
    // SAFETY: changing the environment is a data race only with another thread that reads it, and this process has no
    // other thread, as was seen just now; none can appear meanwhile, since only this thread could start one.
    unsafe {
        std::env::set_var(VARIABLE, limit.to_string());
    }
    Ok(())
}

/// How many CPU threads compute in a gateway whose settings do not say.
pub(crate) fn usual_threads() -> usize {
    let asked = std::env::var(VARIABLE).ok().and_then(|asked| asked.parse().ok());
    asked.filter(|asked| *asked > 0).unwrap_or_else(all_cores_but_one)
}

/// How many CPU threads compute in this process.
pub fn compute_threads() -> usize {
    candle_core::utils::get_num_threads()
}

fn all_cores_but_one() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

/// The kernel has one entry a thread in this folder.
#[cfg(target_os = "linux")]
fn running_threads() -> std::io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

#[cfg(not(target_os = "linux"))]
fn running_threads() -> std::io::Result<usize> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Compute threads that cannot be limited from inside the process.
#[derive(Debug, thiserror::Error)]
pub enum ThreadsError {
    /// Other threads run already.
    #[error("{threads} threads run already, too late to limit the compute threads: set RAYON_NUM_THREADS instead")]
    TooLate {
        /// Threads of this process.
        threads: usize,
    },
    /// The system does not say how many threads run.
    #[error("cannot count this process's threads ({0}): set RAYON_NUM_THREADS to limit the compute threads")]
    Unknown(#[source] std::io::Error),
}
