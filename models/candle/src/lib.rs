//! tradewind-candle
