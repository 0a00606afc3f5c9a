//! What the gateway tells its operators: logs, the access log, metrics.

pub mod logging;
mod metrics;
pub mod names;
mod request;

pub(crate) use self::metrics::UPKEEP;
pub use self::metrics::{DeploymentMetrics, InvalidBuckets, MeasureLayer, Measured, install};
pub use self::request::{AccessLog, BeginRequest, BeginRequestLayer, REQUEST_ID};
