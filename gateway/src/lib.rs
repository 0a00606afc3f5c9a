//! The Tradewind gateway.

pub mod audit;
pub mod auth;
pub mod cli;
pub mod home;
