//! The Tradewind gateway.
