//! tradewind-models
