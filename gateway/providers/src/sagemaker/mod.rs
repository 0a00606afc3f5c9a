//! Amazon SageMaker endpoints: the runtime's two transports (whole, and in event stream frames) around what the container speaks.

mod adapter;
mod endpoint;
mod judge;
mod parts;
mod translate;

pub use adapter::{Container, SageMaker};
