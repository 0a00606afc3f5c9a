//! The Tradewind gateway.

#![forbid(unsafe_code)]

pub mod admin;
pub mod audit;
pub mod auth;
pub mod backend;
pub mod body;
pub mod cli;
pub mod client;
pub mod config;
pub mod context;
pub mod dispatch;
pub mod error;
pub mod finishing;
pub mod gateway;
pub mod home;
pub mod inference;
pub mod ingress;
pub mod limit;
pub mod reload;
pub mod route;
pub mod server;
pub mod snapshot;
pub mod stack;
pub mod telemetry;
