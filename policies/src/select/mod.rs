//! Which of the eligible backends to try: what is learnt about each, and the choice that follows.
//!
//! The caller keeps one [`Health`] for each target and tells it what happens to each attempt: that it [started](Health::start), its
//! [first token](Health::first_token), its [pace](Health::pace), its [end](Health::end). For a request it takes an [`Outlook`] of every eligible
//! target and lets [`choose`] decide. Nothing here knows the time or keeps a lock: each call is a few dozen floating-point operations.
//!
//! # Least predicted completion
//!
//! A request goes where its last token is expected first. What that takes is predicted for each target and each request: the time to the first token from the
//! prompt's length and the requests under way, the pace from the requests under way, the length from earlier answers. A slowly learnt
//! law (`regression`) gives the structure, and a quickly following factor (`level`) what is wrong with it just now.
//!
//! # A failure is never an answer
//!
//! Balancers that record how long *every* response took send more traffic to a backend that answers "too many requests" in a millisecond. Here only
//! answers move the predictions. Failures move a failure rate, which costs the time a failed attempt and its replacement take; a run of
//! them, or a 429, takes the backend out; and after a 429 no more is sent than was accepted.
//!
//! # No news
//!
//! Requests that wait longer than was predicted are evidence before they are answered (`waiting`). What is known about an idle backend fades, and now
//! and then a request goes to a backend that has not been heard of for long: without this, one that was slow once would never be tried
//! again.
//!
//! # What is never decided here
//!
//! The candidates are those that the policy allows. Nothing adds to them: when too few are left, only our own caution is given up
//! ([`Removed::is_soft`]).

mod accepted;
mod aim;
mod breaker;
mod budget;
mod choose;
mod concurrency;
mod cooldown;
mod failures;
mod health;
mod hedge;
mod level;
mod monotonic;
mod odds;
mod outlook;
mod output;
mod paced;
mod pacer;
mod regression;
mod sharers;
mod waiting;

pub use aim::Aim;
pub use budget::{HedgeBudget, RetryBudget};
pub use choose::{Candidate, Choice, Reason, Score, Turn, back_at, choose, scores};
pub use health::{Health, Learnt, Outcome, Prior, Started};
pub use hedge::{hedge_after, is_overloaded};
pub use monotonic::Monotonic;
pub use odds::{Odds, odds};
pub use outlook::{Ask, FirstToken, Forecast, Outlook, Removed};
pub use output::ExpectedOutput;
pub use pacer::Remaining;
