//! The commands of `tradewind`, one file each.

pub mod audit;
pub mod token;
