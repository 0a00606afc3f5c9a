//! The simulator, and the production router in its worlds: what it has to reach beside the oracle and the rules of others.

#[path = "simulate/bars.rs"]
mod bars;
#[path = "simulate/common.rs"]
mod common;
#[path = "simulate/faults.rs"]
mod faults;
#[path = "simulate/fidelity.rs"]
mod fidelity;
#[path = "simulate/happenings.rs"]
mod happenings;
#[path = "simulate/money.rs"]
mod money;
#[path = "simulate/replay.rs"]
mod replay;
#[path = "simulate/worlds.rs"]
mod worlds;
