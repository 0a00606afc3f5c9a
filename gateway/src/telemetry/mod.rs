//! What the gateway tells its operators.

pub mod logging;
