//! The production router in worlds of virtual time: what it has to reach beside the oracle and the rules of others.

#[path = "simulate/bars.rs"]
mod bars;
#[path = "simulate/common.rs"]
mod common;
