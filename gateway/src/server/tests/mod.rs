//! The server over real sockets, with real TLS and hyper's own clients at the other end.
//!
//! Nothing sleeps. Where time must pass, the clock is paused once the sockets are quiet: tokio then jumps to the next
//! timer, so that the time measured is exactly the one configured.

mod drain;
mod harness;
mod http;
mod limits;
mod tls;
