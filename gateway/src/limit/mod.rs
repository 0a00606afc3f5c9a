//! What bounds a request: how many run at once, and how long one may take.

mod deadline;
mod in_flight;

pub use deadline::{Deadline, DeadlineLayer};
pub use in_flight::{InFlight, InFlightLayer};
