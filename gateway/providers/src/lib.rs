//! tradewind-providers
