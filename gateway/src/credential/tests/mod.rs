//! The sources against small servers that are strict about what they receive, and the keeping of what they give on a paused clock.

mod authorizer;
mod aws;
mod endpoint;
mod entra;
mod google;
mod manager;
mod refreshing;
mod support;
mod tokens;
