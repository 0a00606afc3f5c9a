//! The forward passes, on candle's tensors: decoders of the Llama family, from GGUF and from Hugging Face folders, and a BERT sentence
//! encoder.
//!
//! They are our own rather than `candle-transformers`': those own their cache and know one position for a whole batch,
//! so no batch could be made of sequences of different lengths, and they run a model as it is stored even where another layout of
//! the same weights is many times faster (see `cpu::linear`).
//!
//! [`load_chat`] and [`load_embeddings`] hand out parts for the engines of `tradewind-models`; and [`Machine`] says on what they would run; nothing else leaves.

mod backend;
mod bert;
mod chat;
mod cpu;
mod decoder;
mod device;
mod load;
mod machine;
mod portable;
mod threads;

pub use self::chat::{load_chat, load_chat_at};
pub use self::device::{DeviceChoice, DeviceError};
pub use self::load::{DenseWeights, LoadError, LoadOptions, load_embeddings};
pub use self::machine::{Machine, Memory};
pub use self::threads::{ThreadsError, compute_threads, limit_compute_threads};
