//! tradewind-cloudsim
