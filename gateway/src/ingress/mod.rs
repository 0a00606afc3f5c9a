//! The client's side of a request: HTTP becomes a [`Call`](crate::inference::Call), an error becomes HTTP.

mod decode;
mod describe;
mod respond;
mod session;

pub use decode::{Decode, DecodeLayer};
pub use describe::{Describe, DescribeLayer};
pub use respond::{Respond, RespondLayer};
pub use session::SESSION;
