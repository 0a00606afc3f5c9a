//! Cohere's API, version 2.

mod adapter;
mod capabilities;
mod judge;
mod translate;

pub use adapter::Cohere;
pub use capabilities::capabilities;
pub use judge::judge;
