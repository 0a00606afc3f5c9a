//! `tradewind audit`: check the audit log.
