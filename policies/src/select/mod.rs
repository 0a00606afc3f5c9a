//! Which of the eligible backends to try first: what is learnt about each, and the order that follows.
//!
//! The caller keeps one [`Health`] for each target, tells it what became of each attempt ([`Health::observe`]) and,
//! for a request, takes an [`Outlook`] of every eligible target and hands them to [`rank`]. Nothing here knows the
//! time or keeps a lock: each call is a few dozen floating-point operations on one small value.
//!
//! # A failure is never an answer
//!
//! Balancers that record how long *every* response took send more traffic to a backend that answers "too many
//! requests" in a millisecond. Here only answers move the latency estimate. Failures move a failure rate, which
//! costs the time a failed attempt and its replacement take; and a run of them, or a 429, takes the backend out.
//!
//! # Logarithms
//!
//! Latencies of language models are close to log-normal: one answer in a hundred takes ten times as long. The
//! estimate lives in the logarithm and its steps are bounded, so one stalled answer moves it a little and a lasting
//! change moves it within a few answers.
//!
//! # Old news
//!
//! What is known about an idle backend fades: its estimate returns to the prior, and now and then a request goes
//! to a backend that has not been heard of for long. Without this, one that was slow once would never be tried
//! again.

mod breaker;
mod cooldown;
mod failures;
mod health;
mod latency;
mod monotonic;
mod rank;

pub use health::{Health, Outcome, Outlook, Removed, Score};
pub use monotonic::Monotonic;
pub use rank::{Candidate, Ranked, Ranking, Reason, rank};
