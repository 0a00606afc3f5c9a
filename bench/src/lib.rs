//! What the benchmarks of translation, by instructions and by time, have in common: the dialects, a request of 4 kB and streams of a
//! hundred chunks of text.

mod dialect;
mod naive;
mod request;
mod stream;

pub use dialect::{Dialect, Target};
pub use naive::{naive_chunk, naive_request};
pub use request::{Prepared, prepare, request};
pub use stream::{CHUNKS, Passing, Reading, pass, read, wire};
