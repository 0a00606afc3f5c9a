//! What the benchmarks by instructions and by time have in common: the dialects, a request of 4 kB, streams of a hundred chunks of text,
//! and backends to choose among.

mod choice;
mod dialect;
mod naive;
mod request;
mod stream;

pub use choice::{Fleet, decide};
pub use dialect::{Dialect, Target};
pub use naive::{naive_chunk, naive_request};
pub use request::{Prepared, forward, prepare, request};
pub use stream::{CHUNKS, Passing, Reading, pass, read, wire};
