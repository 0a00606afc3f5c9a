//! tradewind-protocol
