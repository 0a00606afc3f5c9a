//! The Tradewind gateway: one HTTPS endpoint in front of every model, in clouds and in this process.
//!
//! # The life of a request
//!
//! A connection is accepted by [`server`], which ends TLS and speaks HTTP/1 or HTTP/2. Each request then passes the layers of
//! [`stack`], from top to bottom:
//!
//! 1. [`telemetry`] gives it a name and a [`RequestContext`](context::RequestContext), which every layer fills in as it learns more;
//! 2. [`audit`] makes sure that it can be recorded before anything is done for it;
//! 3. [`limit`] admits it and sets its deadline;
//! 4. [`auth`] finds out who asks, from the headers alone;
//! 5. [`ingress`] reads the body within its limit and turns it into an [`Inference`](inference::Inference);
//! 6. [`auth`] again decides whether the caller may use that model;
//! 7. [`idempotency`] answers a repetition with what was answered before, if the client named it as one;
//! 8. [`route`] orders the backends that the policy allows, by how they have been doing;
//! 9. [`dispatch`] tries them, one after the other, until one answers, and sends a copy to a [`shadow`] of theirs where the policy says so;
//! 10. [`backend`] is where an attempt leaves the gateway: by a socket, its [`credential`] added last, or into an engine of this process.
//!
//! On the way back the [`body`] owns what must outlast the headers, and settles it when it ends or is dropped. An
//! [`error`] becomes HTTP in one place, near the top.
//!
//! Beside the requests, [`upkeep`] looks after what is known of the backends, and [`in_force`] keeps what policies there were.
//!
//! [`gateway`] puts all of it together from the [settings](config), and [`reload`] replaces the [`snapshot`] of policy and backends that
//! requests are served by. Modules of one feature do not import those of another; they meet in the modules named here that put
//! others together.

#![forbid(unsafe_code)]

pub mod admin;
pub mod audit;
pub mod auth;
pub mod backend;
pub mod body;
pub mod cli;
pub mod client;
pub mod closing;
pub mod config;
pub mod context;
pub mod credential;
pub mod decision;
pub mod dispatch;
pub mod error;
pub mod finishing;
pub mod gateway;
pub mod home;
pub mod idempotency;
pub mod in_force;
pub mod inference;
pub mod ingress;
pub mod limit;
pub mod reload;
pub mod route;
pub mod server;
pub mod shadow;
pub mod snapshot;
pub mod stack;
pub mod telemetry;
pub mod upkeep;
