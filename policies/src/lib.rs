//! tradewind-policies
