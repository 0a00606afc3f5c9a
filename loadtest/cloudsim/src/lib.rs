//! Clouds on loopback: small servers with the wire protocols of many clouds that answer by the book, and misbehave on request.
//!
//! It shares no code with the gateway, on purpose: a mistake in the gateway's encoder must not be forgiven by the
//! same mistake here. So it is strict about what it receives (credential, content type, fields, model name) and
//! plain in what it sends.
//!
//! A test starts a [`Sim`], scripts the replies that should go wrong ([`Reply`]) and afterwards looks at what
//! arrived ([`Received`]) and how each exchange ended ([`Ended`]). Everything it can wait for is an event: no test
//! needs to sleep.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use tradewind_cloudsim::{Behaviour, Reply, Sim};
//!
//! let sim = Sim::start(Behaviour::default()).await?;
//! sim.script([Reply::status(503), Reply::ResetAfter { events: 3 }]);
//! // … send three requests to `sim.base_url()`: one fails, one is cut off in its stream, one succeeds.
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

mod anthropic;
mod aws;
mod azure;
mod behaviour;
mod body;
mod cloud;
mod cohere;
mod connection;
mod control;
mod credential;
mod databricks;
mod google;
mod identity;
mod interfere;
mod json;
mod kind;
mod log;
mod openai;
mod pace;
mod policy;
mod refusal;
mod reply;
mod scene;
mod service;
mod shape;
mod sim;
mod snowflake;
mod tei;
mod tokens;
mod watsonx;

pub use aws::{AccessKey, AccessKeys};
pub use behaviour::{Behaviour, Length};
pub use google::ServiceAccounts;
pub use kind::{CloudKind, UnknownCloud};
pub use log::{Ended, Received};
pub use pace::{Crowding, Pace};
pub use policy::{backend_names, policy, secrets};
pub use reply::{Gate, Reply};
pub use sim::Sim;
pub use tokens::Tokens;
