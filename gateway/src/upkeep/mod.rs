//! What is known of backends beside their traffic.
//!
//! Traffic tells how a backend is, but only to who sends some. A server of the operator's own that cannot serve says so when it is
//! asked (`check`), before a request finds out; one that others use too says how much (`load`) it has to do; and what was learnt before a
//! restart is remembered (`memory`), so that a gateway begins with more than guesses.
//!
//! All of it only advises: a backend that fails its check is the last to be tried, not never.

mod check;
mod load;
mod memory;
mod watch;

pub use self::{
    memory::{Memory, kept},
    watch::watch,
};
